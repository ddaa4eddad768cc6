"""Runs in two processes and debug runs, for real on a network of a few thousand weights."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightning
import mlflow
import pytest

from turn_detection.config import Config, load_config
from turn_detection.errors import ConfigurationError
from turn_detection.training.checkpoint import checkpoint_detector, load_checkpoint
from turn_detection.training.run import train
from turn_detection.training.trainer import optimiser_settings

from .conftest import ROOT, TrainedRun

pytestmark = pytest.mark.slow

#: One process with batches of 16 would take the same steps.
TWO_PROCESSES = ["train.accelerator=cpu", "train.devices=2", "train.strategy=ddp", "train.batch_size=8"]


@dataclass(frozen=True)
class Probed:
    seen: list[dict[str, Any]]
    best: Path
    told: str


def probe(folder: Path, *arguments: str, patience_s: float = 150) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tests.pipeline.probe", str(folder), *arguments],
        cwd=ROOT, env={**os.environ, "OMP_NUM_THREADS": "1"}, capture_output=True, text=True, timeout=patience_s,
    )  # fmt: skip


@pytest.fixture(scope="module")
def two_processes(tiny_overrides: list[str], tmp_path_factory: pytest.TempPathFactory) -> Probed:
    folder = tmp_path_factory.mktemp("probe")
    more = ["run_name=two", "train.max_epochs=3", "train.max_minutes=20", f"train.checkpoint_dir={folder}"]
    done = probe(folder, *tiny_overrides, *TWO_PROCESSES, *more)
    assert done.returncode == 0, done.stderr[-2000:]
    seen = [json.loads((folder / f"process-{rank}.json").read_text(encoding="utf-8")) for rank in range(2)]
    return Probed(seen, folder / "two" / "best.ckpt", done.stdout)


def test_every_training_row_is_used_once_an_epoch_by_one_of_two_processes(two_processes: Probed) -> None:
    first, second = two_processes.seen
    everything = Counter(map(tuple, first["all_rows"]))
    assert len(first["rows"]) == 3
    for one, other in zip(first["rows"], second["rows"], strict=True):
        assert len(one) == len(other)
        assert Counter(tuple(row) for batch in one + other for row in batch) == everything


def test_two_processes_stay_one_network_with_chances_of_their_own(two_processes: Probed) -> None:
    first, second = two_processes.seen
    assert first["weights"] == second["weights"]
    assert first["chance"] != second["chance"]
    assert first["figures"][-1]["val/roc_auc"] == second["figures"][-1]["val/roc_auc"]


def test_two_processes_measure_what_one_measures_of_the_same_weights(
    two_processes: Probed, tiny_overrides: list[str]
) -> None:
    from turn_detection.training.module import TurnModule
    from turn_detection.training.network import build_network
    from turn_detection.training.rows import load_split
    from turn_detection.training.run_data import data_of_run

    config = load_config([*tiny_overrides, f"model.checkpoint={two_processes.best}"])
    split = load_split(config.data, config.seed)
    model, encoder = build_network(config.model, split, start_from=two_processes.best)
    data = data_of_run(config, split, encoder)
    assert len(data.validation_rows) % 2 == 1  # so that the processes held different numbers of them
    module = TurnModule(model, encoder, optimiser_settings(config.train), {})
    (alone,) = lightning.Trainer(accelerator="cpu", logger=False, enable_progress_bar=False).validate(
        module, data, verbose=False
    )
    together = load_checkpoint(two_processes.best).metrics
    assert {name: alone[name] for name in together} == pytest.approx(together, abs=1e-5)


def test_two_processes_learn_like_one(two_processes: Probed, tiny_run: TrainedRun) -> None:
    losses = [sum(pair) / 2 for pair in zip(*(seen["losses"] for seen in two_processes.seen), strict=True)]
    third = len(losses) // 3
    assert sum(losses[-third:]) < 0.85 * sum(losses[:third])
    assert load_checkpoint(two_processes.best).metrics["val/roc_auc"] == pytest.approx(tiny_run.roc_auc, abs=0.06)


def test_only_the_first_process_writes_and_tracks(two_processes: Probed, tracking_uri: str) -> None:
    assert sorted(path.name for path in two_processes.best.parent.iterdir()) == ["best.ckpt", "last.ckpt"]
    client = mlflow.MlflowClient(tracking_uri)
    experiment = client.get_experiment_by_name("turn-detection")
    assert experiment is not None
    runs = [run for run in client.search_runs([experiment.experiment_id]) if run.info.run_name == "two"]
    assert len(runs) == 1
    assert len(client.get_metric_history(runs[0].info.run_id, "val/roc_auc")) == 3


def test_a_checkpoint_of_two_processes_answers_like_any_other(two_processes: Probed) -> None:
    (answer,) = checkpoint_detector(load_checkpoint(two_processes.best)).predict_batch([(None, "мне нужен")])
    assert 0 < answer.eot_probability < 1


def test_an_exception_in_one_process_ends_the_other(tiny_overrides: list[str], tmp_path: Path) -> None:
    more = ["train.max_epochs=500", "debug.keep=false", "--fail-in-process=1"]
    done = probe(tmp_path, *tiny_overrides, *TWO_PROCESSES, *more)
    assert done.returncode != 0
    assert "this process fails" in done.stderr
    assert not list(tmp_path.glob("process-*.json"))


def test_gradients_of_several_batches_make_a_step(tiny_overrides: list[str]) -> None:
    import torch

    settings = ["run_name=accumulated", "train.max_epochs=1", "train.accumulate_batches=4", "train.deterministic=true"]
    result = train(load_config([*tiny_overrides, *settings]))
    assert torch.are_deterministic_algorithms_enabled()
    torch.use_deterministic_algorithms(False)
    recorded = load_checkpoint(result.last_checkpoint).provenance
    n_batches = -(-recorded["training_rows"] // 16)
    assert torch.load(result.last_checkpoint, weights_only=True)["global_step"] == -(-n_batches // 4)


def test_devices_that_are_not_there_are_refused_in_one_line(tiny_overrides: list[str]) -> None:
    with pytest.raises(ConfigurationError, match="do not fit this machine") as caught:
        train(load_config([*tiny_overrides, "train.accelerator=cpu", "train.strategy=no_such", "debug.keep=false"]))
    assert "\n" not in str(caught.value)


# --- debug runs


def debug_run(overrides: list[str], choice: str, *more: str) -> tuple[Config, Any]:
    config = load_config([*overrides, f"debug={choice}", *more])
    return config, train(config)


def test_one_batch_leaves_nothing(tiny_overrides: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    places = ["train.checkpoint_dir=checkpoints", "train.tracking_uri=sqlite:///mlflow.db"]
    _, result = debug_run(tiny_overrides, "one_batch", *places)
    assert 0 <= result.roc_auc <= 1
    assert list(tmp_path.rglob("*")) == []


def test_a_network_learns_a_few_batches_by_heart(tiny_overrides: list[str]) -> None:
    config, result = debug_run(tiny_overrides, "overfit")
    first, last = result.overfit
    assert first > 0.5
    assert last <= config.debug.target_loss


def test_a_profile_says_where_the_time_went(tiny_overrides: list[str], tmp_path: Path) -> None:
    more = ["debug.max_steps=4", "run_name=profiled", f"train.checkpoint_dir={tmp_path}"]
    _, result = debug_run(tiny_overrides, "profiler", *more)
    assert result.profile is not None
    assert "run_training_batch" in result.profile.read_text(encoding="utf-8")
    assert [path.name for path in (tmp_path / "profiled").iterdir()] == [result.profile.name]
