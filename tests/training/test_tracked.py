"""Tracked runs read back: pictures of training, reports kept with their run. A real MLflow store in a file."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("mlflow", reason="needs the extra 'cpu'")

from mlflow.tracking import MlflowClient
from PIL import Image
from typer.testing import CliRunner

from turn_detection.commands import app
from turn_detection.errors import DataFormatError, DataUnavailableError, InputFileNotFoundError, InvalidInputError
from turn_detection.training.curves import METRICS, write_curves
from turn_detection.training.tracked import log_report, read_runs

PICTURES = ["train_loss.png", "validation_loss.png", "validation_roc_auc.png"]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Two runs, the second of which was stopped."""
    folder = tmp_path_factory.mktemp("tracking")
    uri = f"sqlite:///{folder}/mlflow.db"
    client = MlflowClient(uri)
    experiment = client.create_experiment("turn-detection", artifact_location=str(folder / "artifacts"))
    for place, name in enumerate(("first", "second")):
        run = client.create_run(experiment, run_name=name, start_time=1000 + place)
        for step in range(0, 40, 10):
            client.log_metric(run.info.run_id, "train/loss", 0.6 - step / 100, step=step)
            client.log_metric(run.info.run_id, "val/log_loss", 0.5 - step / 200, step=step)
            client.log_metric(run.info.run_id, "val/roc_auc", 0.8 + step / 500, step=step)
        client.set_terminated(run.info.run_id, "FAILED" if place else "FINISHED")
    return uri


def test_runs_come_in_the_asked_order_with_their_curves(store: str) -> None:
    runs = read_runs(["second", "first"], METRICS, [store])
    assert [run.name for run in runs] == ["second", "first"]
    curve = runs[0].curves["val/roc_auc"]
    assert curve.steps.tolist() == [0, 10, 20, 30]
    assert curve.values[-1] == pytest.approx(0.86)
    assert runs[0].n_steps == 31


def test_without_a_name_it_is_the_last_run(store: str) -> None:
    assert [run.name for run in read_runs([], METRICS, [store])] == ["second"]


def test_three_pictures_are_drawn_and_a_second_run_moves_them(store: str, tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    assert sorted(path.name for path in write_curves(read_runs(["first"], METRICS, [store]), one)) == PICTURES
    write_curves(read_runs(["first", "second"], METRICS, [store]), two)
    for name in PICTURES:
        colours = Image.open(two / name).convert("RGB").getcolors(2**24) or []
        assert len(colours) > 20, "an empty picture"
        assert (one / name).read_bytes() != (two / name).read_bytes()
        assert (two / name).stat().st_size < 60_000


def test_the_command_draws(store: str, tmp_path: Path) -> None:
    options = ["--run", "first", "--tracking-uri", store, "--output", str(tmp_path / "plots")]
    result = CliRunner().invoke(app, ["plot_training", *options], obj=[])
    assert result.exit_code == 0, result.output
    assert sorted(path.name for path in (tmp_path / "plots").iterdir()) == PICTURES


def test_unknown_runs_and_missing_stores_are_named(store: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="third"):
        read_runs(["third"], METRICS, [store])
    with pytest.raises(DataUnavailableError, match="tracking-uri"):
        read_runs([], METRICS, [f"sqlite:///{tmp_path}/none.db"])
    assert not (tmp_path / "none.db").exists()


@pytest.mark.slow
def test_an_unreachable_server_is_one_line_and_exit_code_2(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "turn_detection.commands",
        "plot_training",
        "--tracking-uri",
        "http://a:word@127.0.0.1:9",
    ]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert result.returncode == 2
    assert len(result.stderr.strip().splitlines()) == 1, result.stderr
    assert "word" not in result.stderr
    assert not (tmp_path / "plots").exists()


def test_a_report_is_kept_with_its_run(store: str, tmp_path: Path) -> None:
    figures = {"roc_auc": {"value": 0.9, "low": 0.8, "high": 1.0}, "ece": {"value": None, "low": None, "high": None}}
    own = {"figures": {"f1": {"value": 0.8, "low": 0.7, "high": 0.9}}}
    report = json.dumps({"overall": {"metrics": figures, "at_thresholds": [own]}})
    (tmp_path / "report.json").write_text(report)
    (tmp_path / "index.html").write_text("<!doctype html>")
    run_id = log_report(tmp_path, "first", store)
    client = MlflowClient(store)
    fetched = Path(client.download_artifacts(run_id, "report", dst_path=str(tmp_path)))
    assert (fetched / "report.json").read_text() == report
    assert (fetched / "index.html").read_text() == "<!doctype html>"
    metrics = client.get_run(run_id).data.metrics
    assert (metrics["report/roc_auc"], metrics["report/f1"]) == (0.9, 0.8)
    assert "report/ece" not in metrics


def test_what_is_no_report_is_refused(store: str, tmp_path: Path) -> None:
    with pytest.raises(InputFileNotFoundError, match="evaluate"):
        log_report(tmp_path, "first", store)
    (tmp_path / "report.json").write_text("[]")
    with pytest.raises(DataFormatError, match="no report"):
        log_report(tmp_path, "first", store)
