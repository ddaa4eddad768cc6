"""What a detector asks of an engine."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from ..encoding import EncodedBatch


class Backend(Protocol):
    """An engine with a loaded model. Must be safe to call from several threads at once."""

    def logits(self, batch: EncodedBatch) -> np.ndarray:
        """``(batch, 2) float32``, columns ordered as ``TurnLabel``.

        Raises:
            BackendError: the engine failed; the text names the cause and holds no caller's words.
        """
        ...
