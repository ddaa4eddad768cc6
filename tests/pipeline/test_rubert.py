"""The original system's encoder, end to end, with a small random ModernBERT folder in the place of deepvk/RuModernBERT-base."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from turn_detection import TurnDetector
from turn_detection.config import load_config
from turn_detection.export import export_bundle
from turn_detection.training.checkpoint import checkpoint_detector, load_checkpoint
from turn_detection.training.run import train

from .conftest import DIALOGUES

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def overrides(modernbert_folder: Path, tracking_uri: str, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    return [
        "experiment=rubert",
        "data=local",
        f"data.paths=[{DIALOGUES}]",
        f"model.encoder={modernbert_folder}",
        # The stand-in starts from noise; the original's rate is for pretrained weights.
        "train.learning_rate=2e-3",
        "train.head_learning_rate=2e-3",
        f"train.tracking_uri={tracking_uri}",
        f"train.checkpoint_dir={tmp_path_factory.mktemp('checkpoints')}",
        "train.progress=false",
    ]


def test_the_experiment_keeps_the_original_settings() -> None:
    config = load_config(["experiment=rubert"])
    assert config.model.encoder == "deepvk/RuModernBERT-base"
    assert config.data.repo_id == "inkoziev/Conversations"
    assert (config.model.attention, config.train.cuts) == ("full", "random")


def test_it_is_trained_resumed_exported_compared_and_answers(overrides: list[str], tmp_path: Path) -> None:
    first = train(load_config([*overrides, "run_name=first", "train.max_epochs=2"]))
    resumed = train(load_config([*overrides, "run_name=resumed", "train.max_epochs=4"]), resume=first.last_checkpoint)
    checkpoint = load_checkpoint(resumed.best_checkpoint)
    assert checkpoint.model.encoder.config.model_type == "modernbert"
    assert checkpoint.encoder.spec.cls_token == "[CLS]"

    result = export_bundle(resumed.best_checkpoint, tmp_path / "bundle", overrides={"export.max_auc_loss": 0.02})
    assert result.metrics["parity_error"] <= 1e-4

    # Longer than the sliding window of 16 tokens on purpose: both kinds of attention layer must survive the export.
    lines = DIALOGUES.read_text(encoding="utf-8").splitlines()[:20]
    replies = [m["content"] for line in lines for m in json.loads(line).get("messages", [])]
    items = [(" ".join(replies[i : i + 3]), replies[i + 3]) for i in range(len(replies) - 3)]
    plain = checkpoint_detector(checkpoint).predict_batch(items)
    margins = np.array([np.log(p.eot_probability / (1 - p.eot_probability)) for p in plain])
    detector = TurnDetector.load(tmp_path / "bundle")
    assert detector.manifest is not None
    expected = 1 / (1 + np.exp(-(margins / detector.manifest.temperature + detector.manifest.bias)))
    answers = np.array([p.eot_probability for p in detector.predict_batch(items)])
    assert np.ptp(answers) > 0.02, "a constant would pass any comparison"
    assert np.abs(answers - expected).mean() < 0.03
