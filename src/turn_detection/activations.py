"""Scales of activations that may be fixed at export, found by looking at what a graph computes for real texts.

A scale per token follows every outlier and costs six small operators around each product. A fixed scale costs one or two, and is no
worse where the outliers are always in the same few channels, as behind an encoder's normalisations: those channels are divided by a
number of their own, and their rows of the weights multiplied by it ("SmoothQuant", Xiao et al., arXiv:2211.10438).
Neither makes an answer depend on what shares the batch.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import onnx
import onnxruntime
from onnx import helper

from .encoding import EncodedBatch

#: The largest of a channel may be so many times the usual channel's; whatever is above is divided.
_HEADROOMS = (1.0, 1.25, 1.5, 2.0, 3.0)
#: A fixed scale is taken where its error is at most so many times that of a scale per token.
_TOLERATED = 1.6
_MAX_TOKENS = 512
LEAST_SCALE = 1e-8


@dataclass(frozen=True, slots=True)
class Form:
    """Bytes of an activation: ``q = round(x / scale) + zero``, from 0 to 255. ``least`` is what ``x`` never falls below, if known."""

    zero: int = 128
    least: float | None = None

    @property
    def n_steps(self) -> int:
        """Steps above zero; below it there is one more where the form is symmetric."""
        return 255 - self.zero

    @property
    def least_scale(self) -> float:
        return LEAST_SCALE if self.least is None else -self.least / self.zero

    def size(self, values: np.ndarray) -> np.ndarray:
        """What the scale must cover of each value."""
        return np.abs(values) if self.least is None else values

    def rounded(self, values: np.ndarray, scale: float | np.ndarray) -> np.ndarray:
        rounded: np.ndarray = np.clip(np.round(values / scale), -self.zero, self.n_steps) * scale
        return rounded


SYMMETRIC = Form()
#: gelu(x) > -0.17 for every x: nearly all of the bytes are left for what is above zero.
GELU = Form(zero=16, least=-0.17005)


@dataclass(frozen=True, slots=True)
class FixedScale:
    """``x / divisors`` is rounded in units of ``scale``; ``divisors`` are ``(width,) float32``, 1 for most channels."""

    scale: float
    divisors: np.ndarray


@dataclass(frozen=True, slots=True)
class Reader:
    """What reads an activation: ``weight (width, n_outputs)`` of all its products side by side."""

    form: Form
    weight: np.ndarray


def fixed_scales(
    model: onnx.ModelProto, readers: Mapping[str, Reader], batches: Iterable[EncodedBatch]
) -> dict[str, FixedScale]:
    """Scales of those of the named activations that can do without one per token.

    Args:
        model: fp32, with inputs ``input_ids`` and ``attention_mask``.
        readers: by name of the activation.
        batches: texts as the model will meet them, without padding.
    """
    if not readers:
        return {}
    found = {}
    for name, (largest, sample) in _observed(model, readers, batches).items():
        scale = _fixed(readers[name], largest, sample)
        if scale is not None:
            found[name] = scale
    return found


def rounded_weight(weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """``(width, n_outputs)`` to int8 and a scale for each output, ``(n_outputs,) float32``."""
    scale = np.maximum(np.abs(weight).max(axis=0) / 127, LEAST_SCALE).astype(np.float32)
    return np.clip(np.round(weight / scale), -127, 127).astype(np.int8), scale


def _observed(
    model: onnx.ModelProto, readers: Mapping[str, Reader], batches: Iterable[EncodedBatch]
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Of each activation the largest of every channel, ``(width,)``, and some tokens of every batch, ``(n_tokens, width)``."""
    names = list(readers)
    tapped = onnx.ModelProto()
    tapped.CopyFrom(model)
    tapped.graph.output.extend(helper.make_empty_tensor_value_info(name) for name in names)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(tapped.SerializeToString(), options, providers=["CPUExecutionProvider"])
    batches = list(batches)
    share = max(1, _MAX_TOKENS // max(1, len(batches)))
    largest: dict[str, np.ndarray] = {}
    sample: dict[str, list[np.ndarray]] = {name: [] for name in names}
    chance = np.random.default_rng(0)
    for batch in batches:
        feed = {"input_ids": batch.input_ids, "attention_mask": batch.attention_mask}
        for name, values in zip(names, session.run(names, feed), strict=True):
            tokens = values.reshape(-1, values.shape[-1])
            top = readers[name].form.size(tokens).max(axis=0)
            largest[name] = np.maximum(largest.get(name, top), top)
            sample[name].append(tokens[chance.permutation(len(tokens))[:share]])
    return {name: (largest[name], np.concatenate(sample[name])) for name in largest}


def _fixed(reader: Reader, largest: np.ndarray, sample: np.ndarray) -> FixedScale | None:
    form, exact = reader.form, sample @ reader.weight
    top = form.size(sample).max(axis=1, keepdims=True)
    per_token = np.maximum(top / form.n_steps, form.least_scale)
    limit = _TOLERATED * _error(form.rounded(sample, per_token) @ _as_rounded(reader.weight), exact)
    best: FixedScale | None = None
    usual = max(float(np.median(largest)), LEAST_SCALE)
    for headroom in _HEADROOMS:
        divisors = np.maximum(1.0, largest / (headroom * usual)).astype(np.float32)
        scale = max(headroom * usual / form.n_steps, form.least_scale)
        weight = _as_rounded(reader.weight * divisors[:, None])
        error = _error(form.rounded(sample / divisors, scale) @ weight, exact)
        if error <= limit:
            best, limit = FixedScale(scale, divisors), error
    return best


def _as_rounded(weight: np.ndarray) -> np.ndarray:
    values, scale = rounded_weight(weight)
    restored: np.ndarray = values.astype(np.float32) * scale
    return restored


def _error(found: np.ndarray, exact: np.ndarray) -> float:
    """Root mean square over tokens of the relative error."""
    size = np.maximum((exact**2).sum(axis=1), LEAST_SCALE)
    return float(np.sqrt((((found - exact) ** 2).sum(axis=1) / size).mean()))
