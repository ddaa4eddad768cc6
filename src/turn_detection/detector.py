"""Text in, calibrated probability out."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from .backends.base import Backend
from .bundle import Manifest, open_bundle
from .calibration import Calibration
from .encoding import Encoder
from .endpointing import EndpointingPolicy
from .errors import BackendError, InvalidInputError, InvalidTypeError
from .slots import Progress, Slot, asked_slot, progress_of, shifted, slot_of
from .text import has_words
from .types import AGENT, CLIENT, Context, TurnPrediction, as_messages, check_probability

#: A pause to judge: context and message, and what the bot expects to hear if the caller of the package knows it.
Item = tuple[Context, str] | tuple[Context, str, str | None]
#: Where expectations come from: ``expect`` and the bot's line, ``expect`` alone, or nowhere.
SlotMode = Literal["auto", "explicit", "off"]
SLOT_MODES: tuple[SlotMode, ...] = ("auto", "explicit", "off")


@dataclass(frozen=True, slots=True)
class EncodedItems:
    """Items on their way to an engine.

    Attributes:
        rows: token ids of every item in which the model can read something; the engine is asked about these only.
        positions: index of the item that each row belongs to, ascending.
        progress: how much of its slot each item holds, one per item.
    """

    rows: tuple[Sequence[int], ...]
    positions: tuple[int, ...]
    progress: tuple[Progress, ...]

    def __len__(self) -> int:
        return len(self.progress)

    @property
    def n_tokens(self) -> tuple[int, ...]:
        """Tokens of every item; 0 where nothing can be read."""
        counts = [0] * len(self)
        for position, row in zip(self.positions, self.rows, strict=True):
            counts[position] = len(row)
        return tuple(counts)


class TurnDetector:
    """Decides at a caller's pause whether he has finished. Thread-safe.

    >>> detector = TurnDetector.load()
    >>> detector.predict("мне нужен билет на", context="Чем могу помочь?").label
    'wait'

    A message without a Cyrillic or Latin letter or a digit (empty, punctuation, emoji, other scripts) holds nothing that the model can
    read: its probability is exactly 0, ``wait``.

    A number or an address that somebody dictates is counted by rules after calibration, see :mod:`turn_detection.slots`. Where it is known
    what the bot expects (``expect``, or with ``slots="auto"`` the bot's last line asks for exactly one thing), a message that ends inside
    the dictation gets at most ``slots.PARTIAL_P``, one that ends with its last digit or word at least ``slots.COMPLETE_P``; the suggested
    silence follows. Limits: the rules read Russian as recognisers print it; they leave alone whatever else the message says after the
    dictation, corrections («нет, точнее»), refusals, numbers whose length the line does not tell and last words that may go on
    («двадцать», «две»).

    Args:
        backend: an engine with a loaded model.
        encoder: the tokenizer and layout that the model was trained with.
        calibration: of the model's logits.
        threshold: ``speak`` from this probability on.
        policy: probability to suggested silence.
        slots: ``"auto"`` reads what is expected from ``expect`` and else from the bot's last line, ``"explicit"`` from ``expect`` alone,
            ``"off"`` counts nothing.

    Raises:
        InvalidInputError: a threshold outside 0..1 or another value of ``slots``.
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
        slots: SlotMode = "auto",
    ) -> None:
        if slots not in SLOT_MODES:
            raise InvalidInputError(f"slots must be one of {', '.join(SLOT_MODES)}")
        self._backend = backend
        self._calibration = calibration or Calibration()
        self.encoder = encoder
        self.slots: SlotMode = slots
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
        slots: SlotMode = "auto",
        speak_share: float | None = None,
    ) -> TurnDetector:
        """Load a bundle with the onnxruntime engine; no torch, and no network but for a model of the hub that is not in its cache yet.

        Args:
            path: a bundle's folder or the ``.onnx`` inside it; ``None`` for the model that ships with the package; ``owner/name`` or
                ``owner/name@revision`` of the Hugging Face hub where no such path is here.
            threshold: instead of the bundle's own.
            policy: instead of the default one.
            n_threads: of the engine inside one call.
            slots: where expectations come from, see the class.
            speak_share: the share of ends of turns among the moments that will be asked about. By default the validation samples' (about a
                half), for which the probability is calibrated. Callers who pause often have a lower one.

        Raises:
            InvalidInputError: a number out of range.
            BundleNotFoundError, BundleError: the folder is missing, incomplete, altered or made for another release.
            DataUnavailableError, MissingExtraError: the hub cannot be asked.
            BackendError: the engine refuses the model.
        """
        from .backends.onnx import OnnxBackend

        bundle = open_bundle(path)
        manifest = bundle.manifest
        return cls(
            OnnxBackend(bundle.model_path, n_threads=n_threads),
            bundle.encoder(),
            calibration=Calibration.of(manifest, speak_share),
            threshold=manifest.threshold if threshold is None else threshold,
            policy=policy,
            manifest=manifest,
            slots=slots,
        )

    def predict(
        self, message: str, context: Context = None, *, expect: str | None = None, threshold: float | None = None
    ) -> TurnPrediction:
        """Judge one pause.

        Args:
            message: what the caller has said so far in this turn, as the recogniser prints it.
            context: the bot's last words, or the messages before this turn; ``None`` and ``""`` are fine.
            expect: what the bot asked for: ``phone`` (mobile, or a landline with its code), ``home_phone``, ``digits:6``, ``digits:4-6``,
                ``card`` (16 digits), ``code`` (4 to 6), ``passport``, ``inn``, ``snils``, ``postcode``, ``email``, ``date`` (day, month and
                year), ``time``, ``number`` (one that stands alone, as an age), ``yes_no`` or ``none``; ``None`` leaves it to the bot's line.
            threshold: for this call only.

        Raises:
            InvalidTypeError: message, context or expect of the wrong type.
            InvalidInputError: a threshold outside 0..1, or a form of ``expect`` that nobody knows.
            BackendError: the engine failed.
        """
        return self.predict_batch([(context, message, expect)], threshold=threshold)[0]

    def predict_batch(
        self,
        items: Iterable[Item],
        *,
        threshold: float | None = None,
        batch_size: int = 32,
    ) -> list[TurnPrediction]:
        """Judge many pauses, in the order given; ``items`` are ``(context, message)`` or ``(context, message, expect)``.

        Items of like length are scored together, ``batch_size`` at a time.

        Raises:
            InvalidTypeError, InvalidInputError: as :meth:`predict`; names the item.
            BackendError: the engine failed.
        """
        if not isinstance(batch_size, int) or batch_size < 1:
            raise InvalidInputError(f"batch_size must be a positive integer, got {batch_size!r}")
        limit = self.threshold if threshold is None else check_probability("threshold", threshold)
        started = time.perf_counter()
        encoded = self.encode_items(items)
        logits = np.zeros((len(encoded.rows), 2))
        by_length = sorted(range(len(encoded.rows)), key=lambda index: len(encoded.rows[index]))
        for start in range(0, len(by_length), batch_size):
            chosen = by_length[start : start + batch_size]
            logits[chosen] = self._backend.logits(self.encoder.pad([encoded.rows[index] for index in chosen]))
        latency_ms = (time.perf_counter() - started) * 1e3
        return self.conclude(encoded, logits, threshold=limit, latency_ms=latency_ms)

    def encode_items(self, items: Iterable[Item]) -> EncodedItems:
        """The half of :meth:`predict_batch` before the engine, for servers that ask an engine of their own.

        Raises:
            InvalidTypeError, InvalidInputError: as :meth:`predict`; names the item.
        """
        if not isinstance(items, Iterable):
            raise InvalidTypeError(f"items must be pairs (context, message), got {type(items).__name__}")
        rows: list[Sequence[int]] = []
        positions: list[int] = []
        progress: list[Progress] = []
        for index, item in enumerate(items):
            if not isinstance(item, tuple | list) or len(item) not in (2, 3):
                raise InvalidTypeError(
                    f"item {index} must be a pair (context, message) or (context, message, expect), got {type(item).__name__}"
                )
            context, message, expect = (*item, None)[:3]
            try:
                encoded = self.encoder.encode_words(context, message)
                slot_given = None if expect is None else slot_of(expect)
            except InvalidInputError as error:
                raise type(error)(f"item {index}: {error}") from error
            if encoded.n_words:
                rows.append(encoded.input_ids)
                positions.append(index)
            progress.append(self._progress(context, message, slot_given, reads_line=expect is None))
        return EncodedItems(tuple(rows), tuple(positions), tuple(progress))

    def conclude(
        self,
        encoded: EncodedItems,
        logits: np.ndarray | None,
        *,
        threshold: float | None = None,
        latency_ms: float = 0.0,
    ) -> list[TurnPrediction]:
        """The half of :meth:`predict_batch` after the engine: calibration, slots, delay; one answer per item, in order.

        Args:
            encoded: from :meth:`encode_items`.
            logits: ``(len(encoded.rows), 2)``, columns ordered as TurnLabel; ``None`` where there are no rows.
            threshold: for this call only.
            latency_ms: to report.

        Raises:
            InvalidTypeError, InvalidInputError: a threshold that is none.
            BackendError: logits of another shape, or NaN among them.
        """
        limit = self.threshold if threshold is None else check_probability("threshold", threshold)
        found = np.zeros((0, 2)) if logits is None else np.asarray(logits)
        if found.shape != (len(encoded.rows), 2):
            raise BackendError(f"the engine gave logits of shape {found.shape} for {len(encoded.rows)} rows")
        probabilities = np.zeros(len(encoded))
        probabilities[list(encoded.positions)] = self._calibration.probabilities(found)
        if np.isnan(probabilities).any():
            raise BackendError("the model answered with something that is no number (NaN); the bundle is unusable")
        final = map(shifted, probabilities.tolist(), encoded.progress)
        return [TurnPrediction(p, limit, self.policy.delay_s(p), latency_ms) for p in final]

    def _progress(self, context: Context, message: str, slot: Slot | None, *, reads_line: bool) -> Progress:
        if self.slots == "off" or (slot is None and not (reads_line and self.slots == "auto")):
            return Progress.NONE
        line, words = _exchange(context, message)
        slot = slot or (asked_slot(line) if reads_line else None)
        return progress_of(slot, words) if slot else Progress.NONE


def _exchange(context: Context, message: str) -> tuple[str, str]:
    """The bot's last words, and what the caller has said since; turns are joined as in :class:`~turn_detection.encoding.Encoder`."""
    line, said = "", message
    for entry in reversed(as_messages(context)):
        if entry.role not in (AGENT, CLIENT) or not has_words(entry.text):
            continue
        if entry.role == AGENT:
            line = f"{entry.text} {line}"
        elif line:
            break
        else:
            said = f"{entry.text} {said}"
    return line.strip(), said
