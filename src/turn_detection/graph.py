"""Networks to ONNX graphs, and how far a graph is from its network."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import torch
from torch import nn

from .backends.onnx import OnnxBackend
from .calibration import Calibration
from .data.samples import Sample
from .encoding import EncodedBatch, Encoder
from .training.checkpoint import Checkpoint
from .training.model import LastTokenLogits
from .training.served import served

_OPSET = 18
#: Odd lengths and batch sizes on purpose: a graph that was traced with fixed ones fails here.
_PARITY_SHAPES = ((1, 2), (1, 7), (2, 13), (3, 33), (5, 61), (8, 97))


def to_onnx(checkpoint: Checkpoint, path: Path, network: nn.Module | None = None) -> None:
    """fp32 graph with dynamic batch and length, inputs ``input_ids`` and ``attention_mask``, output ``logits (batch, 2)``.

    ``network`` answers with ``(batch, 2)``; the checkpoint's own by default. It is written in the form in which it costs least, see
    :mod:`~.training.served`.
    """
    model = served(network or LastTokenLogits(checkpoint.model)).eval()
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


def parity_error(
    checkpoint: Checkpoint, path: Path, samples: Sequence[Sample], network: nn.Module | None = None
) -> float:
    """Largest |delta p| between torch and an ONNX graph, over odd shapes of random tokens and over real samples.

    ``network`` is what the graph was made of; the checkpoint's own by default.
    """
    model, backend = (network or LastTokenLogits(checkpoint.model)).eval(), OnnxBackend(path)
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
