"""An engine that remembers what it was asked, and rounds of known times."""

from __future__ import annotations

import numpy as np

from turn_detection.encoding import EncodedBatch
from turn_detection.speed.timing import Call, Round


class RememberingBackend:
    """Writes its name into a shared diary at every call and keeps the batches."""

    def __init__(self, name: str, diary: list[str]) -> None:
        self.name, self.diary = name, diary
        self.batches: list[EncodedBatch] = []

    def logits(self, batch: EncodedBatch) -> np.ndarray:
        self.diary.append(self.name)
        self.batches.append(batch)
        return np.zeros((len(batch), 2), np.float32)


def round_of(*ours_ms: float, original_ms: float, padded_ms: float | None = None, cpu_share: float = 0.5) -> Round:
    """A round with these times on the clock, of which the processor worked ``cpu_share`` in ours and all in the others."""

    def call(ms: float, share: float = 1.0) -> Call:
        return Call(ms / 1e3, ms * share / 1e3)

    padded = None if padded_ms is None else call(padded_ms)
    return Round(tuple(call(ms, cpu_share) for ms in ours_ms), call(original_ms), padded)
