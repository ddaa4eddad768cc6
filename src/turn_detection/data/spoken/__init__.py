"""Made telephone speech with labels: what a recogniser prints of callers who dictate, hesitate, correct themselves
and answer.

There is no Russian corpus of spontaneous phone speech to train on. Here phrase banks of our own wording are put under
the bot
lines that they answer, cut where a caller pauses, and roughened the way recognisers do it.
"""

from __future__ import annotations

from .generate import FAMILIES, spoken_samples
from .template import SpokenSample

__all__ = ["FAMILIES", "SpokenSample", "spoken_samples"]
