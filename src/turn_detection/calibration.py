"""Logits to probabilities, for the mix of ends and pauses that a detector will meet."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from .bundle import Manifest
from .errors import InvalidInputError
from .types import TurnLabel, check_probability


@dataclass(frozen=True, slots=True)
class Calibration:
    """``p = sigmoid((logit_speak - logit_wait) / temperature + bias)``, fitted on validation data at export."""

    temperature: float = 1.0
    bias: float = 0.0

    @classmethod
    def of(cls, manifest: Manifest, speak_share: float | None = None) -> Calibration:
        """The bundle's own, or that for moments of which ``speak_share`` (0..1, both excluded) are ends of turns.

        The odds of the end are multiplied by the odds of the new share over those of the validation samples, which is Bayes' rule for
        another prior (Saerens et al. 2002, Neural Computation 14(1), equation 2.4).

        Raises:
            InvalidInputError: a share out of range, or the bundle does not record the share it was calibrated for.
        """
        if speak_share is None:
            return cls(manifest.temperature, manifest.bias)
        if not 0.0 < check_probability("speak_share", speak_share) < 1.0:
            raise InvalidInputError("speak_share must lie between 0 and 1, both excluded")
        own = manifest.metrics.get("validation/speak_share")
        if own is None or not 0.0 < own < 1.0:
            raise InvalidInputError("the bundle's manifest records no validation/speak_share; leave speak_share out")
        return cls(manifest.temperature, manifest.bias + _log_odds(speak_share) - _log_odds(own))

    def probabilities(self, logits: np.ndarray) -> np.ndarray:
        """``(batch, 2)`` logits to ``(batch,) float64`` probabilities of the end of the turn."""
        margin = logits[:, TurnLabel.SPEAK.column].astype(np.float64) - logits[:, TurnLabel.WAIT.column]
        # tanh form of the sigmoid: no overflow at either end.
        probabilities: np.ndarray = 0.5 * (1.0 + np.tanh(0.5 * (margin / self.temperature + self.bias)))
        return probabilities


def _log_odds(share: float) -> float:
    return math.log(share / (1.0 - share))
