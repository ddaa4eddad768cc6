"""Text in, calibrated probability out."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .backends.base import Backend
from .bundle import Manifest, open_bundle
from .encoding import Encoder
from .endpointing import EndpointingPolicy
from .errors import BackendError, InvalidInputError, InvalidTypeError
from .types import Context, TurnLabel, TurnPrediction, check_probability


@dataclass(frozen=True, slots=True)
class Calibration:
    """``p = sigmoid((logit_speak - logit_wait) / temperature + bias)``, fitted on validation data at export."""

    temperature: float = 1.0
    bias: float = 0.0

    def probabilities(self, logits: np.ndarray) -> np.ndarray:
        """``(batch, 2)`` logits to ``(batch,) float64`` probabilities of the end of the turn."""
        margin = logits[:, TurnLabel.SPEAK.column].astype(np.float64) - logits[:, TurnLabel.WAIT.column]
        # tanh form of the sigmoid: no overflow at either end.
        probabilities: np.ndarray = 0.5 * (1.0 + np.tanh(0.5 * (margin / self.temperature + self.bias)))
        return probabilities


class TurnDetector:
    """Decides at a caller's pause whether he has finished. Thread-safe.

    >>> detector = TurnDetector.load()
    >>> detector.predict("мне нужен билет на", context="Чем могу помочь?").label
    'wait'

    A message without a Cyrillic or Latin letter or a digit (empty, punctuation, emoji, other scripts) holds nothing that the model can
    read: its probability is exactly 0, ``wait``.

    Args:
        backend: an engine with a loaded model.
        encoder: the tokenizer and layout that the model was trained with.
        calibration: of the model's logits.
        threshold: ``speak`` from this probability on.
        policy: probability to suggested silence.
    """

    def __init__(
        self,
        backend: Backend,
        encoder: Encoder,
        *,
        calibration: Calibration | None = None,
        threshold: float = 0.5,
        policy: EndpointingPolicy | None = None,
        manifest: Manifest | None = None,
    ) -> None:
        self._backend = backend
        self._encoder = encoder
        self._calibration = calibration or Calibration()
        self.threshold = check_probability("threshold", threshold)
        self.policy = policy or EndpointingPolicy()
        self.manifest = manifest

    @classmethod
    def load(
        cls,
        path: str | Path | None = None,
        *,
        threshold: float | None = None,
        policy: EndpointingPolicy | None = None,
        n_threads: int = 1,
    ) -> TurnDetector:
        """Load a bundle with the onnxruntime engine; no network, no torch.

        Args:
            path: a bundle's folder or the ``.onnx`` inside it; ``None`` for the model that ships with the package.
            threshold: instead of the bundle's own.
            policy: instead of the default one.
            n_threads: of the engine inside one call.

        Raises:
            BundleNotFoundError, BundleError: the folder is missing, incomplete, altered or made for another release.
            BackendError: the engine refuses the model.
        """
        from .backends.onnx import OnnxBackend

        bundle = open_bundle(path)
        manifest = bundle.manifest
        return cls(
            OnnxBackend(bundle.model_path, n_threads=n_threads),
            bundle.encoder(),
            calibration=Calibration(manifest.temperature, manifest.bias),
            threshold=manifest.threshold if threshold is None else threshold,
            policy=policy,
            manifest=manifest,
        )

    def predict(self, message: str, context: Context = None, *, threshold: float | None = None) -> TurnPrediction:
        """Judge one pause.

        Args:
            message: what the caller has said so far in this turn, as the recogniser prints it.
            context: the bot's last words, or the messages before this turn; ``None`` and ``""`` are fine.
            threshold: for this call only.

        Raises:
            InvalidTypeError: message or context of the wrong type.
            InvalidInputError: a threshold outside 0..1.
            BackendError: the engine failed.
        """
        return self.predict_batch([(context, message)], threshold=threshold)[0]

    def predict_batch(
        self,
        items: Iterable[tuple[Context, str]],
        *,
        threshold: float | None = None,
        batch_size: int = 32,
    ) -> list[TurnPrediction]:
        """Judge many pauses, in the order given; ``items`` are ``(context, message)``.

        Items of like length are scored together, ``batch_size`` at a time.

        Raises:
            InvalidTypeError, InvalidInputError: as :meth:`predict`; names the item.
            BackendError: the engine failed.
        """
        if not isinstance(batch_size, int) or batch_size < 1:
            raise InvalidInputError(f"batch_size must be a positive integer, got {batch_size!r}")
        if not isinstance(items, Iterable):
            raise InvalidTypeError(f"items must be pairs (context, message), got {type(items).__name__}")
        limit = self.threshold if threshold is None else check_probability("threshold", threshold)
        started = time.perf_counter()
        rows = self._encode(items)
        probabilities = np.zeros(len(rows))
        readable = sorted((index for index, row in enumerate(rows) if row), key=lambda index: len(rows[index]))
        for start in range(0, len(readable), batch_size):
            chosen = readable[start : start + batch_size]
            batch = self._encoder.pad([rows[index] for index in chosen])
            probabilities[chosen] = self._calibration.probabilities(self._backend.logits(batch))
        if np.isnan(probabilities).any():
            raise BackendError("the model answered with something that is no number (NaN); the bundle is unusable")
        latency_ms = (time.perf_counter() - started) * 1e3
        return [
            TurnPrediction(float(p), limit, self.policy.delay_s(float(p)), latency_ms) for p in probabilities.tolist()
        ]

    def _encode(self, items: Iterable[tuple[Context, str]]) -> list[Sequence[int]]:
        """Token ids of every item; no ids where nothing readable was said."""
        rows: list[Sequence[int]] = []
        for index, item in enumerate(items):
            if not isinstance(item, tuple | list) or len(item) != 2:
                raise InvalidTypeError(f"item {index} must be a pair (context, message), got {type(item).__name__}")
            try:
                encoded = self._encoder.encode_words(*item)
            except InvalidTypeError as error:
                raise InvalidTypeError(f"item {index}: {error}") from error
            rows.append(encoded.input_ids if encoded.n_words else ())
        return rows
