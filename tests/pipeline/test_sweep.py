"""Sweeps for real, on a network of a few thousand weights."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import mlflow
import pytest

from turn_detection.commands.experiment import experiment_settings
from turn_detection.config import load_config
from turn_detection.errors import ConfigurationError, InputFileNotFoundError, MissingExtraError
from turn_detection.training.run import train
from turn_detection.training.search_space import Choices, split_space

from .conftest import DIALOGUES

optuna = pytest.importorskip("optuna")
from turn_detection.training.sweep import ReportValidations, sweep  # noqa: E402

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def swept(tiny_overrides: list[str], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any, list[str]]:
    """Two trials of a command line that tries a setting out of range too, then one more of the same study."""
    folder = tmp_path_factory.mktemp("sweep")
    told: list[str] = []
    fixed, space = split_space(
        [
            *tiny_overrides,
            "train.max_epochs=1",
            "train.learning_rate=tag(log,interval(1e-4,1e-2))",
            "model.dropout=choice(0.1,0.95)",
        ]
    )
    storage = f"sqlite:///{folder / 'sweep.db'}"
    sweep([*fixed, "sweep.name=pair", "sweep.n_trials=2"], space, storage=storage, tell=told.append)
    result = sweep([*fixed, "sweep.name=pair", "sweep.n_trials=1"], space, storage=storage, tell=told.append)
    return folder, result, told


def test_a_sweep_goes_on_after_settings_out_of_range_and_after_a_stop(swept: tuple[Path, Any, list[str]]) -> None:
    _, result, told = swept
    assert sum(result.n_trials.values()) == len(told) == 3
    assert [line.split(":")[0].split(" ")[1] for line in told] == ["0", "1", "2"]
    assert result.n_trials["fail"] >= 1
    assert any("model.dropout must be from 0 to 0.9" in line for line in told)
    assert result.best_settings["model.dropout"] == 0.1
    assert 1e-4 <= result.best_settings["train.learning_rate"] <= 1e-2


def test_trials_are_tracked_under_the_run_of_their_study(swept: tuple[Path, Any, list[str]], tracking_uri: str) -> None:
    _, result, _ = swept
    client = mlflow.MlflowClient(tracking_uri)
    experiment = client.get_experiment_by_name("turn-detection")
    assert experiment is not None
    runs = client.search_runs([experiment.experiment_id], "tags.sweep = 'pair'")
    (parent,) = [run for run in runs if run.info.run_name == "sweep pair"]
    trials = [run for run in runs if run.data.tags.get("mlflow.parentRunId") == parent.info.run_id]
    assert len(trials) == result.n_trials["complete"]
    assert f"pair-{result.best_trial}" in {run.info.run_name for run in trials}


def test_a_study_with_another_space_and_unknown_settings_are_refused(
    swept: tuple[Path, Any, list[str]], tiny_overrides: list[str]
) -> None:

    storage = f"sqlite:///{swept[0] / 'sweep.db'}"
    own = [*tiny_overrides, "sweep.name=pair"]
    with pytest.raises(ConfigurationError, match="tries other values"):
        sweep(own, {"model.dropout": Choices((0.2,))}, storage=storage)
    with pytest.raises(ConfigurationError, match=r"try 'train\.speed'"):
        sweep(own, {"train.speed": Choices((1,))}, storage=storage)
    with pytest.raises(ConfigurationError, match="one device"):
        sweep([*own, "train.devices=2"], {"model.dropout": Choices((0.2,))}, storage=storage)
    with pytest.raises(ConfigurationError, match="nothing to try"):
        sweep(tiny_overrides, {}, storage=storage)


def test_an_error_that_no_setting_mends_ends_a_sweep(tiny_overrides: list[str], tmp_path: Path) -> None:

    told: list[str] = []
    missing = [*tiny_overrides, "data.paths=[no/such/file.jsonl]", "sweep.name=missing"]
    with pytest.raises(InputFileNotFoundError):
        sweep(missing, {"model.dropout": Choices((0.2,))}, storage=f"sqlite:///{tmp_path / 's.db'}", tell=told.append)
    assert told == []


def test_a_trial_that_is_worse_than_others_is_stopped_at_a_validation(
    tiny_overrides: list[str], tracking_uri: str
) -> None:

    study = optuna.create_study(direction="maximize", pruner=optuna.pruners.ThresholdPruner(lower=0.999))
    trial = study.ask()
    watcher = ReportValidations(trial, {})
    config = load_config([*tiny_overrides, "run_name=pruned", "train.max_epochs=5"])
    train(config, callbacks=[watcher])
    assert watcher.pruned
    assert list(study.trials[0].intermediate_values) == [1]
    client = mlflow.MlflowClient(tracking_uri)
    experiment = client.get_experiment_by_name("turn-detection")
    assert experiment is not None
    (run,) = client.search_runs([experiment.experiment_id], "tags.sweep_pruned = 'true'")
    assert run.info.run_name == "pruned"


def test_the_command_writes_an_experiment_of_the_best_trial(
    tiny_overrides: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from turn_detection.commands import main

    best = tmp_path / "best.yaml"
    own = [f"--{override}" for override in tiny_overrides[1:]]
    monkeypatch.setattr(
        sys,
        "argv",
        ["turn-detection", "sweep", "--experiment", "tiny", "--sweep", "learning_rate", "--trials", "1", *own]
        + ["--train.max_epochs=1", "--storage", f"sqlite:///{tmp_path / 'sweep.db'}", "--output", str(best)],
    )
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 0
    assert "best: trial 0 of the study 'learning_rate'" in capsys.readouterr().out
    config = load_config(experiment_settings(str(best)))
    assert (config.model.name, config.train.max_epochs, config.data.paths) == ("tiny", 1, (str(DIALOGUES),))
    assert 1e-5 <= config.train.learning_rate <= 5e-4


def test_a_sweep_without_optuna_names_its_extra(tiny_overrides: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(MissingExtraError, match=r"turn-detection\[sweep\]"):
        sweep(tiny_overrides, {"model.dropout": Choices((0.2,))}, storage="sqlite:///never.db")
