"""Figures and curves of a report as small flat files, for programs that compare files, such as DVC."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import DataFormatError, InputFileNotFoundError
from ..writing import folder_written_whole

METRICS = "metrics.json"
#: Keys of the points of the curves, by file.
_CURVES = {
    "roc.json": ("false_positive_rate", "true_positive_rate"),
    "precision_recall.json": ("recall", "precision"),
    "reliability.json": ("mean_probability", "speak_share", "n"),
}


def tabulate_report(report: str | Path, output: str | Path) -> list[str]:
    """Write ``metrics.json`` and a file of points a curve, of the model that a report judges; ``output`` is replaced as a whole.

    ``metrics.json`` holds the figures by name, those at the model's own threshold too, and the ends of the interval of ROC-AUC; figures
    that could not be had are left out. Equal reports give equal files.

    Args:
        report: the folder that ``evaluate`` wrote.
        output: a folder; older tables of this function may be there.

    Returns:
        The files' names.

    Raises:
        InputFileNotFoundError, DataFormatError: no report there.
        OutputError: not writable.
    """
    path = Path(report) / "report.json"
    try:
        overall = json.loads(path.read_text(encoding="utf-8"))["overall"]
        files = {METRICS: _metrics(overall), **_curves(overall["plots"])}
    except FileNotFoundError as error:
        raise InputFileNotFoundError(f"{report} holds no report.json; 'turn-detection evaluate' writes one") from error
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise DataFormatError(f"{path} is no report of 'turn-detection evaluate' ({type(error).__name__})") from error
    with folder_written_whole(output, replaces=METRICS) as folder:
        for name, text in files.items():
            (folder / name).write_text(text, encoding="utf-8")
    return list(files)


def _metrics(overall: Mapping[str, Any]) -> str:
    bands = {**overall["metrics"], **overall["at_thresholds"][0]["figures"]}
    found = {name: band["value"] for name, band in bands.items()}
    found |= {f"roc_auc_{end}": bands["roc_auc"][end] for end in ("low", "high")}
    return json.dumps({name: value for name, value in found.items() if value is not None}, indent=2) + "\n"


def _curves(plots: Mapping[str, Any]) -> dict[str, str]:
    bins = [(each["mean_p"], each["speak_share"], each["n"]) for each in plots["reliability"]]
    rows = {"roc.json": plots["roc"], "precision_recall.json": plots["precision_recall"], "reliability.json": bins}
    return {
        name: json.dumps([dict(zip(keys, row, strict=True)) for row in rows[name]], indent=1) + "\n"
        for name, keys in _CURVES.items()
    }
