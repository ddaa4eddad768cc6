"""A tracker whose server goes away and comes back, and how runs end. The client is one that remembers."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("lightning", reason="needs the extra 'cpu'")
pytest.importorskip("mlflow", reason="needs the extra 'cpu'")

from lightning.pytorch.utilities.exceptions import SIGTERMException
from mlflow.entities import Metric

from turn_detection.registry.place import artifacts_beside
from turn_detection.training import tracking
from turn_detection.training.tracking import UNSENT, RunTracker, ended_by


class Client:
    """MLflow's client as far as a run needs it; ``down`` makes every call fail."""

    def __init__(self) -> None:
        self.down = False
        self.n_calls = 0
        self.steps: list[int] = []
        self.status: list[str] = []

    def log_batch(self, run_id: str, metrics: list[Metric]) -> None:
        self._call()
        self.steps += [metric.step for metric in metrics]

    def set_terminated(self, run_id: str, status: str) -> None:
        self._call()
        self.status.append(status)

    def update_run(self, run_id: str, status: str) -> None:
        self._call()
        self.status.append(status)

    def _call(self) -> None:
        self.n_calls += 1
        if self.down:
            raise ConnectionError("http://user:word@host")


@pytest.fixture
def client() -> Client:
    return Client()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """Seconds that pass when a test says so."""
    now = SimpleNamespace(s=100.0)
    monkeypatch.setattr(tracking, "time", SimpleNamespace(time=lambda: now.s, monotonic=lambda: now.s))
    return now


@pytest.fixture
def tracker(client: Client, tmp_path: Path) -> Callable[[], RunTracker]:
    def make() -> RunTracker:
        made = RunTracker("http://user:word@127.0.0.1:9", "experiment", "name", tmp_path / "run", run_id="r")
        made._mlflow_client, made._initialized = client, True  # type: ignore[assignment]
        return made

    return make


def test_figures_are_kept_while_the_server_is_away_and_sent_when_it_is_back(
    tracker: Any, client: Client, clock: Any, caplog: pytest.LogCaptureFixture
) -> None:
    run = tracker()
    run.log_metrics({"loss": 0.5}, step=0)
    client.down = True
    for step in range(1, 6):
        run.log_metrics({"loss": 0.5}, step=step)
    assert client.n_calls == 2, "a dead server is not asked at every step"
    client.down = False
    clock.s += 31
    run.log_metrics({"loss": 0.5}, step=6)
    assert client.steps == [0, 1, 2, 3, 4, 5, 6]
    warnings = [record.message for record in caplog.records if record.levelno == logging.WARNING]
    assert ["training goes on" in warnings[0], "answers again" in warnings[1]] == [True, True]
    assert "word" not in caplog.text


def test_pauses_between_vain_tries_grow(tracker: Any, client: Client, clock: Any) -> None:
    run = tracker()
    client.down = True
    for step in range(1000):
        run.log_metrics({"loss": 0.5}, step=step)
        clock.s += 5
    assert 5 < client.n_calls < 15


def test_what_was_not_sent_until_the_end_is_sent_by_the_next_tracker_of_the_run(
    tracker: Any, client: Client, clock: Any, tmp_path: Path
) -> None:
    run = tracker()
    client.down = True
    run.log_metrics({"loss": 0.5, "rate": 0.1}, step=3)
    run.finalize("success")
    run.end("FAILED")
    run.keep_result("best.ckpt")
    assert client.status == []
    assert [entry[0] for entry in json.loads((tmp_path / "run" / UNSENT).read_text())] == ["loss", "rate"]
    client.down = False
    tracker().go_on(tmp_path / "run")
    assert client.status == ["RUNNING"]
    assert client.steps == [3, 3]
    assert not (tmp_path / "run" / UNSENT).exists()


@pytest.mark.parametrize(
    ("stopped", "seen", "status"),
    [
        (KeyboardInterrupt(), KeyboardInterrupt, "KILLED"),
        (SystemExit(1), KeyboardInterrupt, "KILLED"),  # Lightning's answer to Ctrl-C
        (SIGTERMException(), SystemExit, "KILLED"),
        (ValueError(), ValueError, "FAILED"),
    ],
)
def test_whatever_stops_a_run_gives_it_an_end(
    stopped: BaseException, seen: type[BaseException], status: str, tracker: Any, client: Client
) -> None:
    with pytest.raises(seen) as end, ended_by(tracker()):
        raise stopped
    assert client.status == [status]
    if isinstance(stopped, SIGTERMException):
        assert end.value.code == 143  # type: ignore[attr-defined]


def test_a_database_in_a_file_keeps_its_artefacts_beside_itself(tmp_path: Path) -> None:
    assert artifacts_beside(f"sqlite:///{tmp_path}/mlflow.db") == str(tmp_path / "mlruns")
    assert artifacts_beside("http://127.0.0.1:8080") is None
