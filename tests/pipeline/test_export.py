"""Export for real: torch to ONNX to int8, and what happens when a gate stays shut."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from turn_detection import TurnDetector
from turn_detection.backends.onnx import OnnxBackend
from turn_detection.bundle import open_bundle
from turn_detection.data.samples import Sample
from turn_detection.errors import ConfigurationError, DataFormatError, ExportError, InputFileNotFoundError, OutputError
from turn_detection.export import export_bundle, parity_error, to_onnx
from turn_detection.export_gate import fit_calibration
from turn_detection.training.checkpoint import checkpoint_detector, load_checkpoint
from turn_detection.training.ensemble import Ensemble
from turn_detection.training.model import LastTokenLogits
from turn_detection.training.ngram_file import load_ngrams
from turn_detection.training.ngram_fit import NgramSettings, fit_to_run
from turn_detection.types import TurnLabel

from .conftest import TrainedRun

pytestmark = pytest.mark.slow

ITEMS = [
    ("Чем могу помочь?", "мне нужен"),
    ("Чем могу помочь?", "мне нужен билет на завтра"),
    (None, "да"),
    ("Ваш телефон?", "восемь девятьсот три"),
]


@pytest.fixture(scope="module")
def ngrams(tiny_run: TrainedRun, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("ngrams") / "ngrams.npz"
    facts = fit_to_run(tiny_run.best, path, NgramSettings(n_slots=2**14, min_count=2, passes=3))
    assert (facts["run_name"], facts["targets"] > 100, facts["weights"] > 100) == ("shared", True, True)
    return path


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
    assert "MatMulIntegerToFloat" in int8_ops
    assert not {op for op in plain_ops if "Quantize" in op or "Integer" in op}, "TensorRT takes no int8 graph"
    fp16 = onnx.load(tiny_export / "plain" / "model.fp16.onnx")
    assert onnx.TensorProto.FLOAT16 in {tensor.data_type for tensor in fp16.graph.initializer}
    assert (tiny_export / "model.onnx").stat().st_size < 0.6 * (tiny_export / "plain" / "model.onnx").stat().st_size


def test_a_bundle_does_not_tell_where_its_makers_files_lie(tiny_export: Path, tiny_run: TrainedRun) -> None:
    (recorded,) = load_checkpoint(tiny_run.best).provenance["config"]["data"]["paths"]
    assert Path(recorded).is_absolute(), "else there is nothing to leave out"
    manifest = open_bundle(tiny_export).manifest
    assert manifest.provenance["config"]["data"]["paths"] == [Path(recorded).name]
    assert str(Path(recorded).parent) not in manifest.to_json()


def test_the_half_precision_graph_answers_closely(tiny_export: Path) -> None:
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


def test_with_ngrams_the_graph_answers_as_network_and_ngrams_together(
    tiny_run: TrainedRun, ngrams: Path, tmp_path: Path
) -> None:
    overrides = {"export.ngrams": str(ngrams), "export.ngram_weight": 0.7}
    result = export_bundle(tiny_run.best, tmp_path / "bundle", fp16=True, overrides=overrides)
    manifest = open_bundle(result.folder).manifest
    recorded = manifest.provenance["ngrams"]
    assert (recorded["weight"], recorded["run_name"]) == (0.7, "shared")
    assert str(ngrams) not in manifest.to_json(), (
        "the run and its settings are recorded as they were, not where a file lay"
    )
    assert {"validation/roc_auc_network", "validation/roc_auc_ngrams"} <= set(manifest.metrics)
    checkpoint = load_checkpoint(tiny_run.best)
    model, _ = load_ngrams(ngrams, checkpoint.encoder)
    batch = checkpoint.encoder.encode_batch(ITEMS)
    ids, mask = torch.from_numpy(batch.input_ids), torch.from_numpy(batch.attention_mask)
    with torch.inference_mode():
        alone = LastTokenLogits(checkpoint.model).eval()(ids, mask).numpy()
    margins = alone[:, 1] - alone[:, 0] + 0.7 * model.last(ids, mask).numpy()
    assert np.ptp(0.7 * model.last(ids, mask).numpy()) > 0.1
    for graph, tolerance in (("plain/model.onnx", 1e-4), ("plain/model.fp16.onnx", 0.03), ("model.onnx", 0.15)):
        logits = OnnxBackend(result.folder / graph).logits(batch)
        np.testing.assert_allclose(logits[:, 1] - logits[:, 0], margins, atol=tolerance)
    table = {tensor.name: tensor for tensor in onnx.load(result.model).graph.initializer}
    assert (
        sum(tensor.data_type == onnx.TensorProto.INT8 and tensor.dims == [2**14, 2] for tensor in table.values()) == 1
    )


def test_the_parity_gate_covers_the_ngrams(tiny_run: TrainedRun, ngrams: Path, tmp_path: Path) -> None:
    checkpoint = load_checkpoint(tiny_run.best)
    model, _ = load_ngrams(ngrams, checkpoint.encoder)
    ensemble = Ensemble(LastTokenLogits(checkpoint.model), model, 0.5)
    to_onnx(checkpoint, tmp_path / "model.onnx", ensemble)
    samples = [Sample("1", "test", (), "мне нужен билет", TurnLabel.WAIT)]
    assert parity_error(checkpoint, tmp_path / "model.onnx", samples, ensemble) <= 1e-4
    model.bias += 0.1
    assert parity_error(checkpoint, tmp_path / "model.onnx", samples, ensemble) > 1e-3, "the comparison must notice"


def test_the_weight_is_fitted_and_zero_leaves_the_network_as_it_was(
    tiny_run: TrainedRun, tiny_export: Path, ngrams: Path, tmp_path: Path
) -> None:
    fitted = export_bundle(tiny_run.best, tmp_path / "fitted", plain=False, overrides={"export.ngrams": str(ngrams)})
    weight = open_bundle(fitted.folder).manifest.provenance.get("ngrams", {"weight": 0.0})["weight"]
    assert 0 <= weight < 20
    zero = export_bundle(
        tiny_run.best,
        tmp_path / "zero",
        plain=False,
        overrides={"export.ngrams": str(ngrams), "export.ngram_weight": 0},
    )
    assert "ngrams" not in open_bundle(zero.folder).manifest.provenance
    one, other = (TurnDetector.load(path).predict_batch(ITEMS) for path in (zero.folder, tiny_export))
    assert [answer.eot_probability for answer in one] == [answer.eot_probability for answer in other]


def test_ngrams_alone_make_a_small_bundle_of_their_own(tiny_run: TrainedRun, ngrams: Path, tmp_path: Path) -> None:
    overrides = {"export.ngrams": str(ngrams), "export.ngrams_only": True}
    result = export_bundle(tiny_run.best, tmp_path / "linear", plain=False, overrides=overrides)
    assert result.metrics["validation/roc_auc"] == pytest.approx(result.metrics["validation/roc_auc_ngrams"], abs=1e-6)
    assert result.model.stat().st_size < 120_000
    answers = [answer.eot_probability for answer in TurnDetector.load(result.folder).predict_batch(ITEMS)]
    assert np.ptp(answers) > 0.01
    assert open_bundle(result.folder).manifest.provenance["ngrams"]["alone"] is True


def test_settings_of_ngrams_that_do_not_go_together_are_refused(
    tiny_run: TrainedRun, ngrams: Path, tmp_path: Path
) -> None:
    for overrides, error, words in (
        ({"export.ngrams_only": True}, ConfigurationError, "need export.ngrams"),
        ({"export.ngrams": str(ngrams), "export.ngram_weight": -1.0}, ConfigurationError, "from 0 to 10"),
        ({"export.ngrams": str(tmp_path / "none.npz")}, InputFileNotFoundError, "fit_ngrams"),
        ({"export.ngrams": str(tiny_run.best)}, DataFormatError, "no file of n-grams"),
    ):
        with pytest.raises(error, match=words):
            export_bundle(tiny_run.best, tmp_path / "bundle", overrides=dict(overrides))
    assert list(tmp_path.iterdir()) == []
