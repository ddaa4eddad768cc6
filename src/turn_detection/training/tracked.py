"""What tracked runs measured, read back from MLflow: a database, a folder or a server."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import DataFormatError, InputFileNotFoundError, InvalidInputError
from ..registry.place import TRACKING_URI, open_tracking, shown, unreadable
from ..registry.runs import every_run, find_run, pick_run


@dataclass(frozen=True, slots=True)
class Curve:
    """One figure of one run: ``steps (n,) int64`` ascending, counted from 0, and ``values (n,) float64``."""

    steps: np.ndarray
    values: np.ndarray


@dataclass(frozen=True, slots=True)
class TrackedRun:
    """A run's curves by the metric's name (``train/loss``, ``val/roc_auc``, ...)."""

    name: str
    curves: Mapping[str, Curve]

    @property
    def n_steps(self) -> int:
        """Steps up to the last one that was tracked."""
        return max((int(curve.steps[-1]) + 1 for curve in self.curves.values()), default=0)


def read_runs(names: Sequence[str], metrics: Sequence[str], uris: Sequence[str] = (TRACKING_URI,)) -> list[TrackedRun]:
    """Read runs in the order of ``names``.

    Args:
        names: names or ids of runs; of several by one name the one that started last. None at all means the run that started last.
        metrics: what to read; a metric that a run did not track is left out of its curves.
        uris: where to look, the first that knows the name counts.

    Raises:
        InvalidInputError: no such run.
        DataUnavailableError: a tracking place cannot be read.
        MissingExtraError: mlflow is not installed.
    """
    clients = [(uri, open_tracking(uri)) for uri in uris]
    known = [(uri, client, run) for uri, client in clients for run in every_run(uri, client)]
    places = ", ".join(shown(uri) for uri in uris)
    if not known:
        raise InvalidInputError(f"no run is tracked at {places}; train one, or name another --tracking-uri")
    chosen = [pick_run(known, name, places) for name in names] or [known[0]]
    return [
        TrackedRun(str(run.info.run_name), _curves(uri, client, run.info.run_id, metrics))
        for uri, client, run in chosen
    ]


def log_report(folder: str | Path, run: str, uri: str = TRACKING_URI) -> str:
    """Keep the files of an evaluation report with the run that they judge, as artefacts under ``report``, its figures as ``report/...``.

    Args:
        folder: what ``write_report`` filled.
        run: its id or name; of several by one name the one that started last.
        uri: where it was tracked.

    Returns:
        The run's id.

    Raises:
        InputFileNotFoundError: no such folder, or no ``report.json`` in it.
        DataFormatError: a ``report.json`` of something else.
        InvalidInputError: no such run.
        DataUnavailableError: the tracking place cannot be read or written.
        MissingExtraError: mlflow is not installed.
    """
    folder = Path(folder)
    if not (folder / "report.json").is_file():
        raise InputFileNotFoundError(f"{folder} holds no report.json; 'turn-detection evaluate' writes one")
    figures = _report_figures(folder / "report.json")
    client, found = find_run(run, uri)
    run_id = str(found.info.run_id)
    try:
        client.log_artifacts(run_id, str(folder), artifact_path="report")
        for name, value in figures.items():
            client.log_metric(run_id, f"report/{name}", value)
    except Exception as error:
        raise unreadable(uri, error) from error
    return run_id


def _report_figures(path: Path) -> dict[str, float]:
    try:
        overall = json.loads(path.read_text(encoding="utf-8"))["overall"]
        own = {name: band["value"] for name, band in overall["at_thresholds"][0]["figures"].items()}
        found = {name: band["value"] for name, band in overall["metrics"].items()} | own
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise DataFormatError(f"{path} is no report of 'turn-detection evaluate' ({type(error).__name__})") from error
    return {name: value for name, value in found.items() if value is not None}


def run_curves(run_id: str, uri: str, metrics: Sequence[str]) -> TrackedRun:
    """One run by its id.

    Raises:
        DataUnavailableError: the tracking place or the run cannot be read.
        MissingExtraError: mlflow is not installed.
    """
    client = open_tracking(uri)
    try:
        name = str(client.get_run(run_id).info.run_name)
    except Exception as error:
        raise unreadable(uri, error) from error
    return TrackedRun(name, _curves(uri, client, run_id, metrics))


def _curves(uri: str, client: Any, run_id: str, metrics: Sequence[str]) -> dict[str, Curve]:
    curves = {}
    for metric in metrics:
        try:
            history = client.get_metric_history(run_id, metric)
        except Exception as error:
            raise unreadable(uri, error) from error
        # A step that was measured twice counts as it was measured last.
        values = {point.step: point.value for point in sorted(history, key=lambda point: point.timestamp)}
        if values:
            steps = np.array(sorted(values), dtype=np.int64)
            curves[metric] = Curve(steps, np.array([values[int(step)] for step in steps], dtype=np.float64))
    return curves
