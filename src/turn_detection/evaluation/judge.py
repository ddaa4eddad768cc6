"""Who is judged: anything that gives each pause a probability, a model or a baseline."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import InvalidInputError
from ..types import Context
from .report import JudgeFacts

#: A pause: context, and the words so far.
Pause = tuple[Context, str]


@dataclass(frozen=True, slots=True)
class Judge:
    """A name with a way to ask.

    Attributes:
        facts: name, kind, threshold, and which file it came from.
        ask: pauses to ``(n,)`` probabilities of the end of the turn, 0..1.
    """

    facts: JudgeFacts
    ask: Callable[[Sequence[Pause]], Sequence[float] | np.ndarray]

    def probabilities(self, pauses: Sequence[Pause]) -> np.ndarray:
        """``(n_pauses,) float64``.

        Raises:
            InvalidInputError: the judge gave another number of answers, or one outside 0..1.
        """
        found = np.asarray(self.ask(pauses), dtype=np.float64)
        if found.shape != (len(pauses),) or not np.all((found >= 0.0) & (found <= 1.0)):
            raise InvalidInputError(
                f"{self.facts.name} must give one probability of 0..1 for each of {len(pauses)} items"
            )
        return found

    def verdicts(self, probabilities: np.ndarray) -> np.ndarray:
        """``(n,) bool``, true for ``speak``."""
        said: np.ndarray = probabilities >= self.facts.threshold
        return said
