"""Training curves as files of points."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from turn_detection.errors import DataUnavailableError, InvalidInputError
from turn_detection.registry import curve_files
from turn_detection.registry.curve_files import CURVES, tabulate_run


class Tracking:
    """What a client of MLflow knows of one run, and what it was asked."""

    def __init__(self, **histories: list[tuple[int, float, int]]) -> None:
        self.histories = histories
        self.asked: list[tuple[str, str]] = []

    def get_metric_history(self, run_id: str, metric: str) -> list[SimpleNamespace]:
        self.asked.append((run_id, metric))
        if "broken" in self.histories:
            raise ConnectionError("postgresql://user:password@host")
        points = self.histories.get(CURVES[metric], [])
        return [SimpleNamespace(step=step, value=value, timestamp=at) for step, value, at in points]


@pytest.fixture
def tracked(monkeypatch: pytest.MonkeyPatch) -> type[Tracking]:
    class Opened(Tracking):
        def __init__(self, **histories: list[tuple[int, float, int]]) -> None:
            super().__init__(**histories)
            run = SimpleNamespace(info=SimpleNamespace(run_id="7f"))
            monkeypatch.setattr(curve_files, "find_run", lambda name, uri: (self, run))

    return Opened


def test_points_count_steps_from_one_and_the_last_measurement_counts(tracked: type[Tracking], tmp_path: Path) -> None:
    client = tracked(
        train_loss=[(9, 0.25, 3), (0, 0.5, 1), (9, 0.3, 2)],
        validation_loss=[(9, 0.4, 3)],
        validation_roc_auc=[(9, 0.8, 3)],
    )
    names = tabulate_run("mine", "sqlite:///mlflow.db", tmp_path / "curves")
    assert names == ["train_loss.json", "validation_loss.json", "validation_roc_auc.json"]
    points = json.loads((tmp_path / "curves" / "train_loss.json").read_text(encoding="utf-8"))
    assert points == [{"step": 1, "train_loss": 0.5}, {"step": 10, "train_loss": 0.25}]
    assert client.asked == [("7f", metric) for metric in CURVES]


def test_a_run_without_a_validation_and_a_broken_place_write_nothing(tracked: type[Tracking], tmp_path: Path) -> None:
    tracked(train_loss=[(0, 0.5, 1)])
    with pytest.raises(InvalidInputError, match="mine"):
        tabulate_run("mine", "sqlite:///mlflow.db", tmp_path / "curves")
    tracked(broken=[])
    with pytest.raises(DataUnavailableError) as caught:
        tabulate_run("mine", "sqlite:///mlflow.db", tmp_path / "curves")
    assert "password" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []
