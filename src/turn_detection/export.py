"""Checkpoint to bundle. Every conversion passes a gate; what fails is not written.

``torch -> fp32 ONNX`` must agree within ``max_parity_error``; ``fp32 -> int8`` may lose ``max_auc_loss`` of validation ROC-AUC. The
calibration is fitted on the int8 model, because that is the one that answers. N-grams, if any, are part of the graph: both gates
and the calibration see them.
"""

from __future__ import annotations

import logging
import shutil
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from torch import nn

from .bundle import MANIFEST, TOKENIZER, FileRecord, Manifest, record_file
from .calibration import Calibration
from .config import Config, ExportConfig
from .data.samples import Sample
from .encoding import EncodedBatch, Encoder
from .errors import ConfigurationError, ExportError
from .evaluation.figures_origin import EXPORT_SETS, with_origin
from .evaluation.metrics import binary_metrics
from .evaluation.model_card import model_card
from .export_gate import ends, graph_margins, judge, sigmoid
from .graph import parity_error, to_fp16, to_onnx
from .quantisation import quantise
from .training.checkpoint import Checkpoint, load_checkpoint
from .training.datamodule import validation_samples
from .training.ensemble import Ensemble, fit_weight
from .training.from_bundle import bundle_ngrams, named_bundle
from .training.model import LastTokenLogits
from .training.module import plain_config
from .training.ngram import HashedNgrams, last_margins
from .training.ngram_file import load_ngrams
from .training.rows import load_split, row_plan
from .training.settings import run_config
from .writing import check_replaceable, folder_written_whole, write_whole

logger = logging.getLogger(__name__)

MODEL, CARD, PLAIN = "model.onnx", "MODEL_CARD.md", "plain"
_N_TEXTS = 256


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
    config = run_config(loaded, overrides or {})
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
    ngrams = _ngrams(checkpoint.encoder, config.export)
    samples = _validation(config)
    started = time.monotonic()
    fp32 = folder / PLAIN / MODEL
    fp32.parent.mkdir()
    network, provenance, figures = _network(checkpoint, ngrams, fp32, samples, config.export)
    to_onnx(checkpoint, fp32, network)
    parity = parity_error(checkpoint, fp32, samples, network)
    logger.info("fp32 ONNX: largest |delta p| to torch %.2g", parity)
    if parity > config.export.max_parity_error:
        raise ExportError(
            f"ONNX differs from torch by {parity:.2g} in p, allowed are {config.export.max_parity_error:.2g}; nothing was written"
        )
    quantise(fp32, folder / MODEL, _texts(checkpoint.encoder, samples))
    if fp16:
        to_fp16(fp32, fp32.with_suffix(".fp16.onnx"))
    kept = _kept_calibration(config) if config.export.calibration == "keep" else None
    metrics, calibration = judge(checkpoint.encoder, fp32, folder / MODEL, samples, config.export, kept)
    if not plain:
        shutil.rmtree(fp32.parent)
    metrics |= figures
    metrics["parity_error"] = parity
    metrics["export_minutes"] = round((time.monotonic() - started) / 60, 2)
    write_whole(folder / TOKENIZER, checkpoint.encoder.tokenizer_json())
    # What the graph alone does not tell of the network, for those who train it further.
    network_facts = {"encoder": plain_config(checkpoint.model.encoder.config), "attention": checkpoint.model.attention}
    facts: dict[str, Any] = _without_places({**checkpoint.provenance, **provenance, "network": network_facts})
    run = {"run": str(facts.get("run_name", "unknown"))}
    for part in EXPORT_SETS:
        facts = with_origin(facts, metrics, part, command="turn-detection export_onnx", data=run)
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
        provenance=facts,
    )
    _write_manifest(folder, manifest)
    return metrics


def _without_places(value: Any) -> Any:
    """Plain JSON with the last part alone of every absolute path: a bundle travels, and where its maker's files lie is nobody's business."""
    if isinstance(value, dict):
        return {key: _without_places(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [_without_places(entry) for entry in value]
    return Path(value).name if isinstance(value, str) and Path(value).is_absolute() else value


def _texts(encoder: Encoder, samples: Sequence[Sample]) -> list[EncodedBatch]:
    """Some of the samples, evenly apart, to fix the scales of activations by."""
    chosen = samples[:: max(1, len(samples) // _N_TEXTS)][:_N_TEXTS]
    return [encoder.encode_batch([(sample.context, sample.text)]) for sample in chosen]


def _ngrams(encoder: Encoder, config: ExportConfig) -> tuple[HashedNgrams, dict[str, Any]] | None:
    """From a file of ``fit_ngrams``, or those that a bundle has already.

    Raises:
        ExportError: the bundle's n-grams read another tokenizer.
    """
    if config.ngrams is None:
        return None
    if (bundle := named_bundle(config.ngrams)) is None:
        return load_ngrams(config.ngrams, encoder)
    if bundle.encoder().tokenizer_json() != encoder.tokenizer_json():
        raise ExportError(
            f"the n-grams of {bundle.folder} read another tokenizer than the checkpoint; 'fit_ngrams' fits some for it"
        )
    return bundle_ngrams(bundle)


def _network(
    checkpoint: Checkpoint,
    ngrams: tuple[HashedNgrams, dict[str, Any]] | None,
    fp32: Path,
    samples: Sequence[Sample],
    config: ExportConfig,
) -> tuple[nn.Module, dict[str, Any], dict[str, float]]:
    """What is to be exported, what the manifest tells of its n-grams, and how good its parts are alone.

    ``fp32`` is free for a graph of the network alone, whose margins the n-grams' weight is fitted to.
    """
    network = LastTokenLogits(checkpoint.model)
    if ngrams is None:
        return network, {}, {}
    model, facts = ngrams
    is_end = ends(samples)
    rows = [checkpoint.encoder.encode(sample.context, sample.text) for sample in samples]
    short = last_margins(model, checkpoint.encoder, rows)
    figures = {"validation/roc_auc_ngrams": binary_metrics(is_end, sigmoid(short))["roc_auc"]}
    facts = {**facts, "scale": model.scale, "bias": model.bias}
    if config.ngrams_only:
        return Ensemble(None, model, 1.0), {"ngrams": {**facts, "alone": True}}, figures
    to_onnx(checkpoint, fp32)
    deep = graph_margins(checkpoint.encoder, fp32, samples)
    figures["validation/roc_auc_network"] = binary_metrics(is_end, sigmoid(deep))["roc_auc"]
    # Few dialogues of one's own say little of the weight; what the bundle's was fitted to is more.
    given = config.ngram_weight if config.ngram_weight is not None else facts.get("weight")
    weight = float(given) if given is not None else fit_weight(deep, short, is_end)
    logger.info("n-grams: weight %.3f", weight)
    if not weight:
        return network, {}, figures
    return Ensemble(network, model, weight), {"ngrams": {**facts, "weight": weight}}, figures


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


def _kept_calibration(config: Config) -> Calibration:
    bundle = named_bundle(config.model.checkpoint) if config.model.checkpoint is not None else None
    if bundle is None:
        raise ConfigurationError(
            "export.calibration=keep is for a run that started from a bundle (model.checkpoint); this one did not"
        )
    return Calibration.of(bundle.manifest)


def _validation(config: Config) -> list[Sample]:
    samples = validation_samples(load_split(config.data, config.seed), row_plan(config))
    samples = samples[: config.export.max_validation_samples]
    if not samples:
        raise ExportError("there is no validation data to judge the export on; point --data.paths to the training data")
    return samples
