"""Experiments as files of one's own."""

from __future__ import annotations

from pathlib import Path

import pytest

from turn_detection import config as configuration
from turn_detection.commands.experiment import experiment_file, experiment_settings
from turn_detection.config import config_dir, load_config
from turn_detection.errors import ConfigurationError, InputFileNotFoundError

OVERRIDES = [
    "experiment=tiny",
    "data=local",
    "data.paths=[данные/чаты (1).jsonl,b.jsonl]",
    "data.source_shares.plays=0.5",
    "model.n_layers=null",
    "train.learning_rate=1e-05",
    "train.progress=false",
    "train.tracking_uri=sqlite:///mlflow.db",
    "seed=7",
]


def test_a_file_stands_for_the_settings_that_it_was_made_of(tmp_path: Path) -> None:
    path = tmp_path / "best.yaml"
    path.write_text(experiment_file(OVERRIDES, title="Best."), encoding="utf-8")
    assert load_config(experiment_settings(str(path))) == load_config(OVERRIDES)


def test_the_same_file_is_one_for_the_folder_of_experiments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = load_config(OVERRIDES)
    for file in config_dir().rglob("*.yaml"):
        copy = tmp_path / file.relative_to(config_dir())
        copy.parent.mkdir(exist_ok=True)
        copy.write_bytes(file.read_bytes())
    (tmp_path / "experiment" / "best.yaml").write_text(experiment_file(OVERRIDES, title="Best."), encoding="utf-8")
    monkeypatch.setattr(configuration, "config_dir", lambda: tmp_path)
    assert load_config(["experiment=best"]) == expected


def test_names_and_models_are_handed_on() -> None:
    assert experiment_settings("tiny", "rubert") == ["experiment=tiny", "model=rubert"]
    assert experiment_settings(None) == []


def test_settings_of_a_file_can_be_overridden(tmp_path: Path) -> None:
    path = tmp_path / "best.yaml"
    path.write_text(experiment_file(OVERRIDES, title="Best."), encoding="utf-8")
    assert load_config([*experiment_settings(str(path)), "train.learning_rate=0.5"]).train.learning_rate == 0.5


@pytest.mark.parametrize("text", ["- a\n", "a: [", "defaults:\n- override model: tiny\n", "defaults:\n- [tiny]\n"])
def test_what_is_no_experiment_is_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "other.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError, match="other.yaml"):
        experiment_settings(str(path))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputFileNotFoundError, match="no such experiment"):
        experiment_settings(str(tmp_path / "none.yaml"))
