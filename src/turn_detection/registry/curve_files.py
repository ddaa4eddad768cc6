"""Training curves of a tracked run as files of points, for programs that compare files, such as DVC. Needs no torch."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ..errors import InvalidInputError
from ..writing import folder_written_whole
from .place import unreadable
from .runs import find_run

#: Metric as it is tracked, and what it is called in the file and as a file.
CURVES = {"train/loss": "train_loss", "val/log_loss": "validation_loss", "val/roc_auc": "validation_roc_auc"}
#: What tells an older output.
_MARKER = "validation_roc_auc.json"


def tabulate_run(run: str, uri: str, output: str | Path) -> list[str]:
    """Write a file a curve: a list of points, each the ``step`` (optimiser steps done) and the figure. ``output`` is replaced as a whole.

    Args:
        run: name or id; of several by one name the one that started last.
        uri: where it was tracked.
        output: a folder.

    Returns:
        The files' names.

    Raises:
        InvalidInputError: no such run, or a figure that it has not tracked.
        DataUnavailableError: the place cannot be read.
        MissingExtraError: mlflow is not installed.
        OutputError: not writable.
    """
    client, found = find_run(run, uri)
    curves = {}
    for metric, name in CURVES.items():
        try:
            history = client.get_metric_history(found.info.run_id, metric)
        except Exception as error:  # what it raises depends on the kind of store
            raise unreadable(uri, error) from error
        if not history:
            raise InvalidInputError(f"'{metric}' is not tracked in {run}; wait for the first validation")
        curves[f"{name}.json"] = [{"step": step + 1, name: value} for step, value in _values(history)]
    with folder_written_whole(output, replaces=_MARKER) as folder:
        for file, points in curves.items():
            (folder / file).write_text(json.dumps(points, indent=1) + "\n", encoding="utf-8")
    return list(curves)


def _values(history: list[Any]) -> list[tuple[int, float]]:
    """By step; one that was measured twice counts as it was measured last."""
    return sorted({point.step: point.value for point in sorted(history, key=lambda point: point.timestamp)}.items())
