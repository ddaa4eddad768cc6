"""Training for real, on a network of a few thousand weights."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import mlflow
import pytest
import torch

from turn_detection.config import Config, load_config
from turn_detection.errors import CheckpointError, ConfigurationError, InputFileNotFoundError
from turn_detection.text import TEXT_VERSION
from turn_detection.training.checkpoint import checkpoint_detector, load_checkpoint
from turn_detection.training.run import train

from .conftest import DIALOGUES, TrainedRun

pytestmark = pytest.mark.slow


def settings(overrides: list[str], *more: str) -> Config:
    return load_config([*overrides, *more])


def test_a_small_network_learns_more_than_chance(tiny_run: TrainedRun) -> None:
    assert tiny_run.roc_auc > 0.6


def test_the_best_checkpoint_is_the_one_with_the_best_roc_auc_of_the_whole_validation_set(tiny_run: TrainedRun) -> None:
    client = mlflow.MlflowClient(tiny_run.tracking_uri)
    (run,) = [run for run in _runs(client) if run.info.run_name == "shared"]
    history = [metric.value for metric in client.get_metric_history(run.info.run_id, "val/roc_auc")]
    assert len(history) == 6
    assert max(history) == pytest.approx(tiny_run.roc_auc)
    assert load_checkpoint(tiny_run.best).metrics["val/roc_auc"] == pytest.approx(max(history))


def test_settings_metrics_and_the_commit_are_tracked(tiny_run: TrainedRun) -> None:
    client = mlflow.MlflowClient(tiny_run.tracking_uri)
    (run,) = [run for run in _runs(client) if run.info.run_name == "shared"]
    assert run.data.params["train/learning_rate"] == "0.002"
    assert run.data.params["model/name"] == "tiny"
    assert run.data.params["seed"] == "42"
    assert len(run.data.tags["git_commit"]) in (40, len("unknown"))
    assert run.data.tags["git_dirty"] in ("True", "False")
    assert {"train/loss", "val/log_loss", "val/f1", "val/ece"} <= set(run.data.metrics)


def _runs(client: mlflow.MlflowClient) -> list[mlflow.entities.Run]:
    experiment = client.get_experiment_by_name("turn-detection")
    assert experiment is not None
    return list(client.search_runs([experiment.experiment_id]))


def test_the_same_seed_gives_the_same_weights(tiny_overrides: list[str]) -> None:
    weights = []
    for name in ("first", "second"):
        result = train(settings(tiny_overrides, f"run_name={name}", "train.max_epochs=1"))
        weights.append(torch.load(result.last_checkpoint, weights_only=True)["state_dict"])
    for name, tensor in weights[0].items():
        assert torch.equal(tensor, weights[1][name]), name


def test_a_resumed_run_goes_on_where_it_stopped(tiny_overrides: list[str]) -> None:
    half = train(settings(tiny_overrides, "run_name=half", "train.max_epochs=1"))
    whole = train(settings(tiny_overrides, "run_name=whole", "train.max_epochs=2"), resume=half.last_checkpoint)
    before, after = (torch.load(path, weights_only=True) for path in (half.last_checkpoint, whole.last_checkpoint))
    assert after["global_step"] == 2 * before["global_step"]
    assert after["turn_detection"]["tokenizer"] == before["turn_detection"]["tokenizer"]


def test_a_time_limit_ends_the_run_with_the_rate_near_zero(tiny_overrides: list[str]) -> None:
    result = train(settings(tiny_overrides, "run_name=timed", "train.max_epochs=10000", "train.max_minutes=0.05"))
    last = torch.load(result.last_checkpoint, weights_only=True)
    (schedule,) = last["lr_schedulers"]
    assert schedule["_last_lr"][0] < 0.2 * 2e-3
    assert result.best_checkpoint.is_file()


def test_training_can_start_from_the_weights_of_a_checkpoint(tiny_overrides: list[str], tiny_run: TrainedRun) -> None:
    more = train(
        settings(
            tiny_overrides,
            "run_name=more",
            "train.max_epochs=1",
            f"model.checkpoint={tiny_run.best}",
            "train.learning_rate=1e-5",
            "train.head_learning_rate=1e-5",
        )
    )
    assert more.roc_auc > tiny_run.roc_auc - 0.05
    (parent,) = load_checkpoint(more.best_checkpoint).provenance["ancestry"]
    assert parent["run_name"] == "shared"
    assert parent["training_rows"] == load_checkpoint(tiny_run.best).provenance["training_rows"]


def test_spoken_samples_are_mixed_in_on_demand(tiny_overrides: list[str], tiny_run: TrainedRun) -> None:
    more = train(settings(tiny_overrides, "run_name=spoken", "train.max_epochs=1", "data.spoken_samples=100"))
    plain, mixed = (load_checkpoint(path).provenance for path in (tiny_run.best, more.best_checkpoint))
    assert 80 <= mixed["training_rows"] - plain["training_rows"] <= 100


def test_a_checkpoint_answers_like_any_other_model(tiny_run: TrainedRun) -> None:
    detector = checkpoint_detector(load_checkpoint(tiny_run.best))
    one, other = detector.predict_batch([("Чем могу помочь?", "мне нужен"), (None, "")])
    assert 0 < one.eot_probability < 1
    assert other.eot_probability == 0.0


def test_every_word_needs_the_prefix_mask(tiny_overrides: list[str]) -> None:
    with pytest.raises(ConfigurationError, match="attention"):
        train(settings(tiny_overrides, "model.attention=full", "train.cuts=every_word"))


def test_input_longer_than_the_positions_of_the_encoder_is_refused(tiny_overrides: list[str]) -> None:
    with pytest.raises(ConfigurationError, match="positions"):
        train(settings(tiny_overrides, "model.max_message_tokens=500"))


def test_what_is_no_checkpoint_is_refused_with_a_reason(tmp_path: Path, tiny_run: TrainedRun) -> None:
    with pytest.raises(InputFileNotFoundError, match="no such checkpoint"):
        load_checkpoint(tmp_path / "none.ckpt")
    (tmp_path / "text.ckpt").write_text("no checkpoint")
    with pytest.raises(CheckpointError, match="no checkpoint, or a damaged one"):
        load_checkpoint(tmp_path / "text.ckpt")
    torch.save({"state_dict": {}}, tmp_path / "foreign.ckpt")
    with pytest.raises(CheckpointError, match="was not written by"):
        load_checkpoint(tmp_path / "foreign.ckpt")
    whole = tiny_run.best.read_bytes()
    (tmp_path / "half.ckpt").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(CheckpointError, match="damaged"):
        load_checkpoint(tmp_path / "half.ckpt")


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("text_version", TEXT_VERSION + 1, "text rules"),
        ("version", 99, "checkpoint version"),
        ("labels", ["speak", "wait"], "orders its labels"),
    ],
)
def test_a_checkpoint_of_another_time_is_refused(
    key: str, value: object, words: str, tmp_path: Path, tiny_run: TrainedRun
) -> None:
    raw = torch.load(tiny_run.best, weights_only=True)
    raw["turn_detection"][key] = value
    torch.save(raw, tmp_path / "other.ckpt")
    with pytest.raises(CheckpointError, match=words):
        load_checkpoint(tmp_path / "other.ckpt")


def test_the_original_protocol_trains_a_network_with_full_attention(tiny_overrides: list[str]) -> None:
    result = train(
        settings(tiny_overrides, "run_name=random", "model.attention=full", "train.cuts=random", "train.max_epochs=1")
    )
    assert load_checkpoint(result.best_checkpoint).model.attention == "full"


def test_a_network_goes_on_under_another_attention_and_keeps_it(
    tiny_overrides: list[str], tiny_run: TrainedRun
) -> None:
    start = f"model.checkpoint={tiny_run.best}"
    both_ways = train(settings(tiny_overrides, "run_name=both", start, "model.attention=full", "train.max_epochs=1"))
    start = f"model.checkpoint={both_ways.best_checkpoint}"
    taught = f"train.teachers=[{both_ways.best_checkpoint}]"
    further = train(
        settings(tiny_overrides, "run_name=on", start, taught, "model.attention=null", "train.max_epochs=1")
    )
    for result in (both_ways, further):
        checkpoint = load_checkpoint(result.best_checkpoint)
        recorded = checkpoint.provenance["config"]
        assert checkpoint.model.attention == recorded["model"]["attention"] == "full"
        assert recorded["train"]["cuts"] == "random"
    with pytest.raises(ConfigurationError, match="answers only at the last token"):
        train(settings(tiny_overrides, "run_name=no", taught, f"model.checkpoint={tiny_run.best}"))
    resumed = train(settings(tiny_overrides, "run_name=both", "train.max_epochs=2"), resume=both_ways.last_checkpoint)
    assert load_checkpoint(resumed.last_checkpoint).model.attention == "full", "a run that goes on is the same run"


def test_a_configuration_survives_its_way_through_a_checkpoint(tiny_run: TrainedRun) -> None:
    recorded = load_checkpoint(tiny_run.best).provenance["config"]
    assert recorded["data"]["paths"] == [str(DIALOGUES)]
    assert set(recorded) == {field.name for field in dataclasses.fields(Config)}
