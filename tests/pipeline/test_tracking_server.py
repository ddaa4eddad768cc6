"""A real MLflow server on loopback: the guide's commands, a run from its first step to the registry, and what may go wrong on the way."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import mlflow
import pytest
import torch
from lightning.pytorch.callbacks import Callback
from mlflow.entities import Run

from turn_detection import TurnDetector
from turn_detection.bundle import open_bundle
from turn_detection.commands import main
from turn_detection.config import load_config
from turn_detection.registry.place import placed
from turn_detection.training.checkpoint import load_checkpoint
from turn_detection.training.run import TrainResult, train
from turn_detection.training.tracking import UNSENT

from ..conftest import write_bundle
from .conftest import ROOT

pytestmark = pytest.mark.slow

GUIDE = ROOT / "docs" / "mlflow.md"
#: The address of the guide, and of the README.
GUIDES_SERVER = "http://127.0.0.1:8080"


@dataclass
class Server:
    """``mlflow server --host 127.0.0.1 --port N`` in a folder of its own, with the database that it makes there."""

    folder: Path
    port: int
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def uri(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def client(self) -> mlflow.MlflowClient:
        return mlflow.MlflowClient(self.uri)

    def start(self) -> None:
        command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(self.port)]
        # One worker and no runner of jobs: what a machine with two cores can start in seconds.
        self.process = subprocess.Popen(
            [*command, "--workers", "1"],
            cwd=self.folder,
            env=os.environ | {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        deadline = time.monotonic() + 90
        while time.monotonic() < deadline:
            assert self.process.poll() is None, "the server ended"
            with contextlib.suppress(OSError), urllib.request.urlopen(f"{self.uri}/health", timeout=2) as answer:
                if answer.status == 200:
                    return
            time.sleep(0.2)
        pytest.fail("the MLflow server did not start")

    def kill(self) -> None:
        if self.process is not None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(timeout=20)
            self.process = None

    def run(self, name: str) -> Run:
        """The only run of that name."""
        experiment = self.client.get_experiment_by_name("turn-detection")
        assert experiment is not None
        runs = self.client.search_runs([experiment.experiment_id])
        (found,) = [run for run in runs if run.info.run_name == name]
        return found

    def steps(self, run_id: str, metric: str) -> list[int]:
        return [point.step for point in self.client.get_metric_history(run_id, metric)]


class AtStep(Callback):
    """Does something once, after a step."""

    def __init__(self, step: int, act: Any) -> None:
        self.step, self.act = step, act

    def on_train_batch_end(self, trainer: Any, *_: Any) -> None:
        if trainer.global_step == self.step:
            self.act()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    server = Server(tmp_path_factory.mktemp("server"), port)
    server.start()
    try:
        yield server
    finally:
        server.kill()


@pytest.fixture(scope="module")
def walked(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder where the commands of the guide were run, one after the other, as they stand; but for the server's port."""
    folder = tmp_path_factory.mktemp("walked")
    (folder / "data").symlink_to(ROOT / "data")
    blocks = re.findall(r"^```bash\n(.*?)^```", GUIDE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines()]
    assert lines[0].startswith("mlflow server --host 127.0.0.1 --port 8080 "), "as Server.start does"
    commands = [shlex.split(line, comments=True)[1:] for line in lines if line.startswith("turn-detection ")]
    assert [command[0] for command in commands] == ["train", "export_onnx", "log_model", "promote", "pull_model"]
    with contextlib.chdir(folder):
        for command in commands:
            assert exit_code(server, *command) == 0, command
    return folder


def exit_code(server: Server, *command: str) -> int:
    """Of a command line whose address is the guide's."""
    arguments = [argument.replace(GUIDES_SERVER, server.uri) for argument in command]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["turn-detection", *arguments])
        with pytest.raises(SystemExit) as stop:
            main()
    assert isinstance(stop.value.code, int)
    return stop.value.code


def run_on(server: Server, overrides: list[str], *more: str, **options: Any) -> TrainResult:
    return train(load_config([*overrides, f"train.tracking_uri={server.uri}", *more]), **options)


def test_a_run_keeps_settings_figures_origin_and_curves(server: Server, walked: Path) -> None:
    run = server.run("first")
    origin = load_checkpoint(walked / "checkpoints" / "first" / "best.ckpt").provenance
    assert run.info.status == "FINISHED"
    assert run.data.params["train/max_epochs"] == "8"
    assert run.data.params["versions/torch"] == torch.__version__
    assert run.data.tags["git_commit"] == origin["git_commit"]
    assert run.data.tags["git_dirty"] in ("True", "False")
    assert run.data.tags["data_fingerprint"] == origin["data"]["fingerprint"]["train"]
    assert run.data.tags["best_checkpoint"] == str(walked / "checkpoints" / "first" / "best.ckpt")
    assert Path(run.data.tags["last_checkpoint"]).is_file()
    assert origin["tracking"] == {"run_id": run.info.run_id, "uri": server.uri}
    (read,) = run.inputs.dataset_inputs
    assert (read.dataset.name, read.dataset.digest) == ("demo", origin["data"]["fingerprint"]["train"])
    steps = server.steps(run.info.run_id, "val/roc_auc")
    assert len(steps) == 8
    assert steps == sorted(set(steps))
    pictures = {entry.path: entry.file_size for entry in server.client.list_artifacts(run.info.run_id, "plots")}
    assert sorted(pictures) == [f"plots/{name}.png" for name in ("train_loss", "validation_loss", "validation_roc_auc")]
    assert min(pictures.values()) > 2000


def test_the_pulled_bundle_is_the_one_that_was_logged(walked: Path) -> None:
    logged, pulled = open_bundle(walked / "my-model"), open_bundle(walked / "champion")
    assert pulled.manifest == logged.manifest
    assert (pulled.folder / "MODEL_CARD.md").read_bytes() == (logged.folder / "MODEL_CARD.md").read_bytes()


def test_the_champion_answers_through_mlflow_without_torch(server: Server, walked: Path, tmp_path: Path) -> None:
    items: list[dict[str, Any]] = json.loads((ROOT / "data" / "sample_inference.json").read_text(encoding="utf-8"))
    rows = [{key: item[key] for key in ("context", "message") if key in item} for item in items]
    history = [{"role": "assistant", "content": "Куда едем?"}]
    rows += [{"message": "да"}, {"context": None, "message": ""}, {"context": history, "message": "на улицу"}]
    (tmp_path / "rows.json").write_text(json.dumps(rows), encoding="utf-8")
    code = (
        "import json, sys, mlflow, pandas\n"
        "model = mlflow.pyfunc.load_model('models:/turn-detection@champion')\n"
        "found = model.predict(pandas.DataFrame(json.load(open('rows.json'))))\n"
        "heavy = {'torch', 'lightning', 'transformers', 'hydra', 'typer', 'fastapi'} & set(sys.modules)\n"
        "print(json.dumps([found.p.tolist(), found.verdict.tolist(), sorted(heavy - {'fastapi'})]))\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=os.environ | {"MLFLOW_TRACKING_URI": server.uri},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert result.returncode == 0, result.stderr
    probabilities, verdicts, heavy = json.loads(result.stdout.splitlines()[-1])
    (walked / "rows.json").write_text(json.dumps(rows), encoding="utf-8")
    assert (
        exit_code(
            server, "infer", str(walked / "rows.json"), str(walked / "my-model"), "--output", str(tmp_path / "out.json")
        )
        == 0
    )
    expected = [item["probas"]["speak"] for item in json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))]
    assert probabilities == pytest.approx(expected, abs=1e-6)
    threshold = TurnDetector.load(walked / "my-model").threshold
    assert verdicts == ["speak" if p >= threshold else "wait" for p in expected]
    assert heavy == []


def test_a_logged_model_says_what_it_takes_and_needs(server: Server, walked: Path, tmp_path: Path) -> None:
    version = server.client.get_model_version_by_alias("turn-detection", "champion")
    assert version.run_id == server.run("first").info.run_id
    address = f"models:/{version.name}/{version.version}"
    with placed(server.uri, "Reading a model"):
        about = mlflow.models.get_model_info(address)
        needs, described = (
            Path(mlflow.artifacts.download_artifacts(f"{address}/{name}", dst_path=str(tmp_path)))
            for name in ("requirements.txt", "MLmodel")
        )
    assert about.signature.inputs.input_names() == ["message", "context"]
    assert about.signature.outputs.input_names() == ["p", "verdict"]
    names = [line.partition("==")[0] for line in needs.read_text().splitlines()]
    assert sorted(names) == ["mlflow", "pandas", "turn-detection"], "no torch"
    assert str(ROOT) not in described.read_text(encoding="utf-8")
    figures = open_bundle(walked / "my-model").manifest.metrics
    assert server.run("first").data.metrics["validation/roc_auc"] == pytest.approx(figures["validation/roc_auc"])


def test_a_worse_version_is_not_promoted_and_a_better_one_replaces_the_champion(
    server: Server, walked: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = ["--tracking-uri", server.uri]
    for name, roc_auc in (("first", 0.9), ("worse", 0.89), ("better", 0.95)):
        bundle = write_bundle(tmp_path / name, metrics={"validation/roc_auc": roc_auc})
        assert exit_code(server, "log_model", str(bundle), "--run", "first", "--register", "gated", *place) == 0
    gate = ["--not-worse-than", "0.002", "--metric", "validation/roc_auc", *place]
    assert exit_code(server, "promote", "gated", "1", "--alias", "champion", *gate) == 0
    capsys.readouterr()
    assert exit_code(server, "promote", "gated", "2", "--alias", "champion", *gate) == 2
    assert "0.8900 is worse than the present 0.9000 by more than 0.002" in capsys.readouterr().err
    assert server.client.get_model_version_by_alias("gated", "champion").version == "1"
    assert exit_code(server, "promote", "gated", "3", "--alias", "champion", *gate) == 0
    said = capsys.readouterr().out
    assert "version 3, before it version 1" in said
    assert "not recorded whether both were measured on the same validation data" in said
    assert exit_code(server, "pull_model", "gated@champion", str(tmp_path / "out"), *place) == 0
    assert open_bundle(tmp_path / "out").manifest.metrics["validation/roc_auc"] == 0.95
    assert exit_code(server, "promote", "gated", "9", *place) == 2
    assert "gated/1" in capsys.readouterr().err


def test_an_altered_model_is_not_pulled(
    server: Server, walked: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bundle = write_bundle(tmp_path / "bundle")
    place = ["--tracking-uri", server.uri]
    assert exit_code(server, "log_model", str(bundle), "--run", "first", "--register", "altered", *place) == 0
    stored = max(server.folder.rglob("model.onnx"), key=lambda path: path.stat().st_mtime_ns)
    assert stored.read_bytes() == (bundle / "model.onnx").read_bytes()
    stored.write_bytes(stored.read_bytes() + b"\0")
    capsys.readouterr()
    assert exit_code(server, "pull_model", "altered/1", str(tmp_path / "out"), *place) == 2
    assert "altered or damaged" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_run_that_sigterm_stops_is_killed_and_goes_on_as_the_same_run(
    server: Server, tiny_overrides: list[str]
) -> None:
    name, interrupt = "stopped", AtStep(30, lambda: os.kill(os.getpid(), signal.SIGTERM))
    with pytest.raises(SystemExit) as end:
        run_on(server, tiny_overrides, f"run_name={name}", callbacks=[interrupt])
    assert end.value.code == 128 + signal.SIGTERM
    before = server.run(name)
    assert before.info.status == "KILLED"
    last = Path(before.data.tags["last_checkpoint"])
    result = run_on(server, tiny_overrides, "train.max_epochs=2", resume=last)
    after = server.run(name)
    assert result.last_checkpoint == last
    assert (after.info.run_id, after.info.status) == (before.info.run_id, "FINISHED")
    assert after.data.params["train/max_epochs"] == "8"
    assert after.data.tags["resumed_with/train/max_epochs"] == "2"
    steps = server.steps(after.info.run_id, "train/loss")
    assert steps == sorted(set(steps))
    assert steps[-1] > 30 > steps[0]
    assert len(after.inputs.dataset_inputs) == 1


def test_a_server_that_dies_costs_no_training_and_a_resumed_run_sends_what_it_missed(
    server: Server, tiny_overrides: list[str], capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    result = run_on(
        server, tiny_overrides, "run_name=lonely", "train.max_epochs=2", callbacks=[AtStep(10, server.kill)]
    )
    assert result.roc_auc > 0
    assert result.best_checkpoint.is_file()
    assert result.last_checkpoint.is_file()
    assert (result.last_checkpoint.parent / UNSENT).is_file()
    told = [record.message for record in caplog.records if "training goes on" in record.message]
    assert len(told) == 1
    with contextlib.chdir(server.folder):
        assert (
            exit_code(
                server,
                "train",
                "--experiment",
                "tiny",
                f"--train.tracking_uri={server.uri}",
                "--data.paths=[none.jsonl]",
            )
            == 2
        )
    said = capsys.readouterr().err.strip().splitlines()
    assert "does not answer" in said[-1], "before the data, which are not there"
    assert "sqlite:///mlflow.db" in said[-1]

    server.start()
    assert server.run("lonely").info.status == "RUNNING", "nobody could say that it has ended"
    again = run_on(server, tiny_overrides, "train.max_epochs=3", resume=result.last_checkpoint)
    run = server.run("lonely")
    assert run.info.status == "FINISHED"
    steps = server.steps(run.info.run_id, "train/loss")
    assert len(server.steps(run.info.run_id, "val/roc_auc")) == 3
    assert steps == sorted(set(steps))
    assert set(range(4, 40, 5)) <= set(steps)
    assert not (again.last_checkpoint.parent / UNSENT).exists()


def test_a_run_that_the_server_does_not_know_goes_on_as_a_new_one(
    server: Server, tiny_overrides: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    old = server.run("lonely")
    server.client.delete_run(old.info.run_id)
    last = Path(old.data.tags["last_checkpoint"])
    run_on(server, tiny_overrides, "train.max_epochs=3", resume=last)
    new = server.run("lonely")
    assert new.info.run_id != old.info.run_id
    assert new.data.tags["resumed_from"] == old.info.run_id
    assert new.info.status == "FINISHED"
    assert any(old.info.run_id in record.message for record in caplog.records)
