"""Export for real: torch to ONNX to int8, and what happens when a gate stays shut."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import onnx
import pytest

from turn_detection import TurnDetector
from turn_detection.bundle import open_bundle
from turn_detection.data.samples import Sample
from turn_detection.errors import ConfigurationError, ExportError, OutputError
from turn_detection.export import export_bundle, fit_calibration, parity_error, to_onnx
from turn_detection.training.checkpoint import checkpoint_detector, load_checkpoint
from turn_detection.types import TurnLabel

from .conftest import TrainedRun

pytestmark = pytest.mark.slow

ITEMS = [
    ("Чем могу помочь?", "мне нужен"),
    ("Чем могу помочь?", "мне нужен билет на завтра"),
    (None, "да"),
    ("Ваш телефон?", "восемь девятьсот три"),
]


def test_the_bundle_answers_as_the_checkpoint_does(tiny_export: Path, tiny_run: TrainedRun) -> None:
    uncounted = [(*item, "none") for item in ITEMS]  # counting slots comes after calibration
    bundle = open_bundle(tiny_export)
    torch_answers = checkpoint_detector(load_checkpoint(tiny_run.best)).predict_batch(uncounted)
    margins = np.array([np.log(a.eot_probability / (1 - a.eot_probability)) for a in torch_answers])
    expected = 1 / (1 + np.exp(-(margins / bundle.manifest.temperature + bundle.manifest.bias)))
    answers = [answer.eot_probability for answer in TurnDetector.load(tiny_export).predict_batch(uncounted)]
    assert np.ptp(answers) > 0.05, "a constant would pass any comparison"
    np.testing.assert_allclose(answers, expected, atol=0.03)  # int8 against fp32


def test_the_fp32_graph_equals_torch_at_odd_lengths_and_batch_sizes(tiny_run: TrainedRun, tmp_path: Path) -> None:
    checkpoint = load_checkpoint(tiny_run.best)
    to_onnx(checkpoint, tmp_path / "model.onnx")
    sample = Sample("1", "test", (), "мне нужен билет", TurnLabel.WAIT)
    assert parity_error(checkpoint, tmp_path / "model.onnx", [sample]) <= 1e-4
    checkpoint.model.head.bias.data += 0.01
    assert parity_error(checkpoint, tmp_path / "model.onnx", [sample]) <= 1e-4, "both logits move: p stays"
    checkpoint.model.head.bias.data[0] += 0.01
    assert parity_error(checkpoint, tmp_path / "model.onnx", [sample]) > 1e-4, "the comparison must notice"


def test_the_bundle_holds_what_serving_and_tensorrt_need(tiny_export: Path) -> None:
    manifest = open_bundle(tiny_export).manifest
    assert manifest.precision == "int8"
    assert manifest.provenance["run_name"] == "shared"
    assert manifest.metrics["parity_error"] <= 1e-4
    assert manifest.metrics["validation/roc_auc"] >= manifest.metrics["validation/roc_auc_fp32"] - 0.003
    assert sorted(path.name for path in tiny_export.iterdir()) == [
        "MODEL_CARD.md", "manifest.json", "model.onnx", "plain", "tokenizer.json",
    ]  # fmt: skip
    int8_ops = {node.op_type for node in onnx.load(tiny_export / "model.onnx").graph.node}
    plain_ops = {node.op_type for node in onnx.load(tiny_export / "plain" / "model.onnx").graph.node}
    assert "MatMulInteger" in int8_ops
    assert not {op for op in plain_ops if "Quantize" in op or "Integer" in op}, "TensorRT takes no int8 graph"
    fp16 = onnx.load(tiny_export / "plain" / "model.fp16.onnx")
    assert onnx.TensorProto.FLOAT16 in {tensor.data_type for tensor in fp16.graph.initializer}
    assert (tiny_export / "model.onnx").stat().st_size < 0.6 * (tiny_export / "plain" / "model.onnx").stat().st_size


def test_the_half_precision_graph_answers_closely(tiny_export: Path) -> None:
    from turn_detection.backends.onnx import OnnxBackend

    encoder = open_bundle(tiny_export).encoder()
    batch = encoder.encode_batch(ITEMS)
    half = OnnxBackend(tiny_export / "plain" / "model.fp16.onnx").logits(batch)
    full = OnnxBackend(tiny_export / "plain" / "model.onnx").logits(batch)
    np.testing.assert_allclose(half, full, atol=0.02)


@pytest.mark.parametrize(
    ("override", "words"),
    [({"export.max_auc_loss": -1.0}, "int8 loses"), ({"export.max_parity_error": -1.0}, "differs from torch")],
)
def test_what_fails_a_gate_is_not_written(
    override: dict[str, float], words: str, tiny_run: TrainedRun, tmp_path: Path
) -> None:
    with pytest.raises(ExportError, match=words):
        export_bundle(tiny_run.best, tmp_path / "bundle", overrides=dict(override))
    assert list(tmp_path.iterdir()) == []


def test_without_the_plain_graph_the_quality_gate_still_stands(tiny_run: TrainedRun, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="int8 loses"):
        export_bundle(tiny_run.best, tmp_path / "bundle", plain=False, overrides={"export.max_auc_loss": -1.0})
    export_bundle(tiny_run.best, tmp_path / "bundle", plain=False)
    assert not (tmp_path / "bundle" / "plain").exists()


def test_a_path_that_ends_in_onnx_takes_the_graph_and_the_rest_beside_it(tiny_run: TrainedRun, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("kept")
    result = export_bundle(tiny_run.best, tmp_path / "turn.onnx")
    assert result.model == tmp_path / "turn.onnx"
    assert (tmp_path / "notes.txt").read_text() == "kept"
    assert TurnDetector.load(tmp_path / "turn.onnx").predict("да").eot_probability > 0


def test_a_new_bundle_takes_the_place_of_an_old_one(tiny_export: Path, tiny_run: TrainedRun, tmp_path: Path) -> None:
    target = tmp_path / "bundle"
    shutil.copytree(tiny_export, target)
    (target / "stray").write_text("from the old one")
    export_bundle(tiny_run.best, target, name="new", plain=False)
    assert open_bundle(target).manifest.name == "new"
    assert not (target / "stray").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["bundle"]


def test_a_full_disk_leaves_the_old_bundle_alone(
    tiny_export: Path, tiny_run: TrainedRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "bundle"
    shutil.copytree(tiny_export, target)
    before = sorted((path.name, path.stat().st_size) for path in target.iterdir())

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("turn_detection.export.shutil.copytree", full)
    with pytest.raises(OutputError, match="No space left"):
        export_bundle(tiny_run.best, target)
    assert sorted((path.name, path.stat().st_size) for path in target.iterdir()) == before
    assert [path.name for path in tmp_path.iterdir()] == ["bundle"]


def test_settings_of_the_run_can_be_overridden_and_unknown_ones_are_refused(
    tiny_run: TrainedRun, tmp_path: Path
) -> None:
    with pytest.raises(ConfigurationError, match="export.nonsense"):
        export_bundle(tiny_run.best, tmp_path / "bundle", overrides={"export.nonsense": 1})
    with pytest.raises(ConfigurationError, match="nowhere"):
        export_bundle(tiny_run.best, tmp_path / "bundle", overrides={"nowhere.at_all": 1})


def test_the_calibration_finds_the_temperature_and_bias_of_a_made_set() -> None:
    chance = np.random.default_rng(0)
    margins = chance.normal(size=40_000) * 3
    is_end = chance.random(40_000) < 1 / (1 + np.exp(-(margins / 2 + 0.5)))
    calibration = fit_calibration(margins, is_end)
    assert calibration.temperature == pytest.approx(2, rel=0.05)
    assert calibration.bias == pytest.approx(0.5, abs=0.05)


def test_a_set_that_speaks_against_the_model_does_not_turn_it_round() -> None:
    margins = np.linspace(-2, 2, 100)
    assert fit_calibration(margins, margins < 0).temperature == 1.0
    assert fit_calibration(margins, np.ones(100, bool)).temperature == 1.0
