"""Checkpoint to bundle. Every conversion passes a gate; what fails is not written.

``torch -> fp32 ONNX`` must agree within ``max_parity_error``; ``fp32 -> int8`` may lose ``max_auc_loss`` of validation ROC-AUC. The
calibration is fitted on the int8 model, because that is the one that answers.
"""

from __future__ import annotations

import logging
import shutil
import tempfile
import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch

from .backends.onnx import OnnxBackend
from .bundle import MANIFEST, TOKENIZER, FileRecord, Manifest, record_file
from .config import Config, ExportConfig
from .data.samples import Sample
from .detector import Calibration
from .encoding import EncodedBatch, Encoder
from .errors import ConfigurationError, ExportError
from .evaluation.metrics import binary_metrics
from .evaluation.model_card import model_card
from .quantisation import quantise
from .schema import build
from .training.checkpoint import Checkpoint, load_checkpoint
from .training.datamodule import validation_samples
from .training.model import LastTokenLogits
from .training.run import load_split, row_plan
from .types import TurnLabel
from .writing import check_replaceable, folder_written_whole, write_whole

logger = logging.getLogger(__name__)

MODEL, CARD, PLAIN = "model.onnx", "MODEL_CARD.md", "plain"
_OPSET = 18
#: Odd lengths and batch sizes on purpose: a graph that was traced with fixed ones fails here.
_PARITY_SHAPES = ((1, 2), (1, 7), (2, 13), (3, 33), (5, 61), (8, 97))


@dataclass(frozen=True, slots=True)
class ExportResult:
    """Where the bundle is and what its gates measured."""

    folder: Path
    model: Path
    metrics: dict[str, float]


def export_bundle(
    checkpoint: str | Path,
    output: str | Path,
    *,
    overrides: dict[str, Any] | None = None,
    plain: bool = True,
    fp16: bool = False,
    name: str | None = None,
) -> ExportResult:
    """Write a bundle from a checkpoint.

    Args:
        checkpoint: what ``train`` wrote.
        output: a folder, which is replaced as a whole; or a path that ends in ``.onnx``: the graph goes there and the bundle's other
            files beside it.
        overrides: settings by dotted key over those of the training run, such as ``data.paths`` when the data has moved.
        plain: also write ``plain/model.onnx`` (fp32), the input for TensorRT and for further conversion.
        fp16: also write ``plain/model.fp16.onnx``.
        name: of the model; the run's name by default.

    Raises:
        CheckpointError: the checkpoint is not usable.
        ExportError: a gate was not passed; nothing is written.
        OutputError: the disk is full or not writable.
    """
    output = Path(output)
    check_replaceable(*((output.parent / PLAIN, MODEL) if output.suffix == ".onnx" else (output, MANIFEST)))
    loaded = load_checkpoint(checkpoint)
    config = _config(loaded, overrides or {})
    # Slow work happens in a temporary folder elsewhere; the output is touched at the very end.
    with tempfile.TemporaryDirectory(prefix="turn-detection-export-") as scratch:
        made = _make(
            loaded, config, Path(scratch), name or str(loaded.provenance.get("run_name", "model")), plain, fp16
        )
        if output.suffix == ".onnx":
            return _write_beside(Path(scratch), output, made)
        with folder_written_whole(output, replaces=MANIFEST) as folder:
            shutil.copytree(scratch, folder, dirs_exist_ok=True)
        return ExportResult(output, output / MODEL, made)


def _make(checkpoint: Checkpoint, config: Config, folder: Path, name: str, plain: bool, fp16: bool) -> dict[str, float]:
    """Fill ``folder`` with a bundle; return what was measured."""
    samples = _validation(config)
    started = time.monotonic()
    fp32 = folder / PLAIN / MODEL
    fp32.parent.mkdir()
    to_onnx(checkpoint, fp32)
    parity = parity_error(checkpoint, fp32, samples)
    logger.info("fp32 ONNX: largest |delta p| to torch %.2g", parity)
    if parity > config.export.max_parity_error:
        raise ExportError(
            f"ONNX differs from torch by {parity:.2g} in p, allowed are {config.export.max_parity_error:.2g}; nothing was written"
        )
    quantise(fp32, folder / MODEL)
    if fp16:
        to_fp16(fp32, fp32.with_suffix(".fp16.onnx"))
    metrics, calibration = _judge(checkpoint.encoder, fp32, folder / MODEL, samples, config.export)
    if not plain:
        shutil.rmtree(fp32.parent)
    metrics["parity_error"] = parity
    metrics["export_minutes"] = round((time.monotonic() - started) / 60, 2)
    write_whole(folder / TOKENIZER, checkpoint.encoder.tokenizer_json())
    manifest = Manifest(
        name=name,
        model_file=MODEL,
        files={MODEL: record_file(folder / MODEL), TOKENIZER: record_file(folder / TOKENIZER)},
        # The network reads what it was trained on; how many turns to offer it is a choice of use (--model.history_turns).
        encoding=replace(checkpoint.encoder.spec, history_turns=config.model.history_turns),
        temperature=calibration.temperature,
        bias=calibration.bias,
        precision="int8",
        metrics=metrics,
        provenance=checkpoint.provenance,
    )
    _write_manifest(folder, manifest)
    return metrics


def _write_manifest(folder: Path, manifest: Manifest) -> None:
    write_whole(folder / MANIFEST, manifest.to_json())
    write_whole(folder / CARD, model_card(manifest))


def _write_beside(scratch: Path, output: Path, metrics: dict[str, float]) -> ExportResult:
    """The graph at ``output`` and the rest beside it; the manifest last, so that a half-finished set is refused when opened."""
    folder = output.parent
    manifest = Manifest.from_json((scratch / MANIFEST).read_text(encoding="utf-8"), scratch / MANIFEST)
    records: dict[str, FileRecord] = {output.name: manifest.files[MODEL], TOKENIZER: manifest.files[TOKENIZER]}
    if (scratch / PLAIN).is_dir():
        with folder_written_whole(folder / PLAIN, replaces=MODEL) as plain:
            shutil.copytree(scratch / PLAIN, plain, dirs_exist_ok=True)
    write_whole(output, (scratch / MODEL).read_bytes())
    write_whole(folder / TOKENIZER, (scratch / TOKENIZER).read_bytes())
    _write_manifest(folder, _renamed(manifest, output.name, records))
    return ExportResult(folder, output, metrics)


def _renamed(manifest: Manifest, model_file: str, files: dict[str, FileRecord]) -> Manifest:
    return replace(manifest, model_file=model_file, files=files)


def to_onnx(checkpoint: Checkpoint, path: Path) -> None:
    """fp32 graph with dynamic batch and length, inputs ``input_ids`` and ``attention_mask``, output ``logits (batch, 2)``."""
    model = LastTokenLogits(checkpoint.model).eval()
    example = checkpoint.encoder.encode_batch([("Чем могу помочь?", "мне нужен билет на"), (None, "да")])
    inputs = (torch.from_numpy(example.input_ids), torch.from_numpy(example.attention_mask))
    names = ["input_ids", "attention_mask"]
    dynamic = {name: {0: "batch", 1: "n_tokens"} for name in names} | {"logits": {0: "batch"}}
    with warnings.catch_warnings():
        # The tracing exporter is announced as legacy; it is the one whose graph keeps both dynamic dimensions here.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            model, inputs, str(path), dynamo=False, input_names=names, output_names=["logits"], dynamic_axes=dynamic,
            opset_version=_OPSET,
        )  # fmt: skip
    onnx.checker.check_model(str(path))


def to_fp16(source: Path, target: Path) -> None:
    """Half precision inside, the same inputs and outputs outside, for TensorRT releases that take precision from the graph."""
    from onnxruntime.transformers.float16 import convert_float_to_float16

    onnx.save(convert_float_to_float16(onnx.load(source), keep_io_types=True), target)


def parity_error(checkpoint: Checkpoint, path: Path, samples: Sequence[Sample]) -> float:
    """Largest |delta p| between torch and an ONNX graph, over odd shapes of random tokens and over real samples."""
    model, backend = LastTokenLogits(checkpoint.model).eval(), OnnxBackend(path)
    chance = np.random.default_rng(0)
    batches = [_random_batch(checkpoint.encoder, shape, chance) for shape in _PARITY_SHAPES]
    batches += [
        checkpoint.encoder.encode_batch([(sample.context, sample.text) for sample in samples[start : start + 7]])
        for start in range(0, min(len(samples), 140), 7)
    ]
    largest = 0.0
    for batch in batches:
        with torch.inference_mode():
            expected = model(torch.from_numpy(batch.input_ids), torch.from_numpy(batch.attention_mask)).numpy()
        delta = Calibration().probabilities(expected) - Calibration().probabilities(backend.logits(batch))
        largest = max(largest, float(np.abs(delta).max()))
    return largest


def _random_batch(encoder: Encoder, shape: tuple[int, int], chance: np.random.Generator) -> EncodedBatch:
    n_rows, n_tokens = shape
    special = {encoder.cls_id, encoder.sep_id, encoder.pad_id}
    ordinary = np.array([index for index in range(encoder.vocabulary_size) if index not in special])
    rows = []
    for index in range(n_rows):
        ids = chance.choice(
            ordinary, size=max(2, n_tokens - 2 * index)
        )  # rows of different lengths, so that padding matters
        ids[0], ids[len(ids) // 2] = encoder.cls_id, encoder.sep_id
        rows.append(ids.tolist())
    return encoder.pad(rows)


def _judge(
    encoder: Encoder, fp32: Path, int8: Path, samples: Sequence[Sample], config: ExportConfig
) -> tuple[dict[str, float], Calibration]:
    """The quality gate, and the calibration of what passed it."""
    is_end = np.array([sample.label is TurnLabel.SPEAK for sample in samples])
    margins = _margins(encoder, int8, samples)
    fp32_auc = binary_metrics(is_end, _sigmoid(_margins(encoder, fp32, samples)))["roc_auc"]
    int8_auc = binary_metrics(is_end, _sigmoid(margins))["roc_auc"]
    logger.info("validation ROC-AUC: fp32 %.4f, int8 %.4f", fp32_auc, int8_auc)
    if fp32_auc - int8_auc > config.max_auc_loss:
        raise ExportError(
            f"int8 loses {fp32_auc - int8_auc:.4f} of validation ROC-AUC ({fp32_auc:.4f} -> {int8_auc:.4f}), allowed are "
            f"{config.max_auc_loss}; nothing was written"
        )
    calibration = fit_calibration(margins, is_end)
    probabilities = _sigmoid(margins / calibration.temperature + calibration.bias)
    metrics = {f"validation/{key}": value for key, value in binary_metrics(is_end, probabilities).items()}
    metrics["validation/roc_auc_fp32"] = fp32_auc
    return metrics, calibration


def _margins(encoder: Encoder, path: Path, samples: Sequence[Sample]) -> np.ndarray:
    """``logit_speak - logit_wait`` of every sample, ``(n,)``."""
    backend = OnnxBackend(path, n_threads=2)
    rows = [encoder.encode(sample.context, sample.text) for sample in samples]
    margins = np.zeros(len(rows))
    order = sorted(range(len(rows)), key=lambda index: len(rows[index]))
    for start in range(0, len(order), 32):
        chosen = order[start : start + 32]
        logits = backend.logits(encoder.pad([rows[index] for index in chosen]))
        margins[chosen] = logits[:, TurnLabel.SPEAK.column] - logits[:, TurnLabel.WAIT.column]
    return margins


def fit_calibration(margins: np.ndarray, is_end: np.ndarray) -> Calibration:
    """Platt scaling by maximum likelihood (Platt 1999): ``(n,)`` margins and labels to temperature and bias.

    A slope that is not positive would turn the model's order round; the margins are then left as they are.
    """
    from sklearn.linear_model import LogisticRegression

    if is_end.all() or not is_end.any():
        return Calibration()
    fitted = LogisticRegression(C=1e6).fit(margins[:, None], is_end)
    slope, bias = float(fitted.coef_[0, 0]), float(fitted.intercept_[0])
    return Calibration(1.0 / slope, bias) if slope > 1e-3 else Calibration()


def _sigmoid(margins: np.ndarray) -> np.ndarray:
    return 0.5 * (1.0 + np.tanh(0.5 * margins))


def _validation(config: Config) -> list[Sample]:
    samples = validation_samples(load_split(config.data, config.seed), row_plan(config))
    samples = samples[: config.export.max_validation_samples]
    if not samples:
        raise ExportError("there is no validation data to judge the export on; point --data.paths to the training data")
    return samples


def _config(checkpoint: Checkpoint, overrides: dict[str, Any]) -> Config:
    """The run's own configuration with overrides by dotted key."""
    values = checkpoint.provenance.get("config")
    if not isinstance(values, dict):
        raise ConfigurationError("the checkpoint does not record the configuration of its run; train it again")
    for key, value in overrides.items():
        if key in ("data", "model", "train", "export", "infer"):
            raise ConfigurationError(
                f"'{key}={value}' replaces a whole group of the run; name single keys, such as {key}.…=…"
            )
        *groups, last = key.split(".")
        place = values
        for group in groups:
            if not isinstance(place.get(group), dict):
                raise ConfigurationError(f"unknown configuration key '{key}'")
            place = place[group]
        place[last] = value
    return build(Config, values, "")
