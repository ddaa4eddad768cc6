"""A report's figures and curves as flat files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from turn_detection.errors import DataFormatError, InputFileNotFoundError, OutputError
from turn_detection.evaluation.report_files import tabulate_report

from .made_report import bare_report, made_report


def write(folder: Path, report: object) -> Path:
    folder.mkdir()
    (folder / "report.json").write_text(json.dumps(report), encoding="utf-8")
    return folder


def test_figures_and_points_are_those_of_the_report(tmp_path: Path) -> None:
    report = made_report().to_dict()
    names = tabulate_report(write(tmp_path / "report", report), tmp_path / "figures")
    assert sorted(names) == sorted(path.name for path in (tmp_path / "figures").iterdir())
    files = {name: json.loads((tmp_path / "figures" / name).read_text(encoding="utf-8")) for name in names}
    overall = report["overall"]
    assert files["metrics.json"]["roc_auc"] == overall["metrics"]["roc_auc"]["value"]
    assert files["metrics.json"]["roc_auc_low"] == overall["metrics"]["roc_auc"]["low"]
    assert files["metrics.json"]["f1"] == overall["at_thresholds"][0]["figures"]["f1"]["value"]
    points = [[point["false_positive_rate"], point["true_positive_rate"]] for point in files["roc.json"]]
    assert points == [list(point) for point in overall["plots"]["roc"]]
    assert [each["n"] for each in files["reliability.json"]] == [each["n"] for each in overall["plots"]["reliability"]]


def test_figures_that_could_not_be_had_are_left_out(tmp_path: Path) -> None:
    report = bare_report().to_dict()
    tabulate_report(write(tmp_path / "report", report), tmp_path / "figures")
    told = json.loads((tmp_path / "figures" / "metrics.json").read_text(encoding="utf-8"))
    assert None not in told.values()
    missing = {name for name, band in report["overall"]["metrics"].items() if band["value"] is None}
    assert missing
    assert not missing & set(told)


def test_what_is_no_report_leaves_the_older_files(tmp_path: Path) -> None:
    output = tmp_path / "figures"
    tabulate_report(write(tmp_path / "report", made_report().to_dict()), output)
    before = (output / "metrics.json").read_bytes()
    with pytest.raises(InputFileNotFoundError, match="evaluate"):
        tabulate_report(tmp_path, output)
    with pytest.raises(DataFormatError, match="is no report"):
        tabulate_report(write(tmp_path / "other", {"overall": []}), output)
    assert (output / "metrics.json").read_bytes() == before
    with pytest.raises(OutputError, match=r"metrics\.json"):
        tabulate_report(tmp_path / "report", tmp_path / "other")
