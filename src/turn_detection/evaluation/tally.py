"""What policies come to, dialogue by dialogue, so that dialogues can be resampled."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ..endpointing import EndpointingPolicy
from ..errors import InvalidInputError
from .moments import ScoredTurns
from .pause_lengths import PauseLengths
from .policy_grid import Outcomes, delays_s

N_RESAMPLES = 300
#: A figure that resamples often cannot reach has no honest band.
_MIN_REACHED = 0.9


@dataclass(frozen=True, slots=True)
class Band:
    """A figure with the 2.5 and 97.5 % quantiles of its bootstrap over dialogues; NaN where there is none."""

    value: float
    low: float
    high: float

    @classmethod
    def of(cls, value: float, resampled: np.ndarray) -> Band:
        """``resampled (n_resamples,)`` may hold NaN where a resample does not reach the figure."""
        reached = resampled[~np.isnan(resampled)]
        if math.isnan(value) or len(reached) < _MIN_REACHED * len(resampled):
            return cls(value, math.nan, math.nan)
        low, high = np.quantile(reached, (0.025, 0.975))
        return cls(float(value), float(low), float(high))

    def to_dict(self) -> dict[str, float | None]:
        """``value``, ``low``, ``high``; JSON has no NaN, so a missing one is null."""
        return {
            name: None if math.isnan(figure) else round(figure, 6)
            for name, figure in (("value", self.value), ("low", self.low), ("high", self.high))
        }


@dataclass(frozen=True, slots=True)
class Limit:
    """What the user can bear: exactly one of the two.

    Attributes:
        max_delay_s: mean delay after a true end.
        max_cutoffs: share of cut-offs, 0..1.
        per: whether cut-offs are counted per mid-turn pause, as eot-bench does, or per turn.

    Raises:
        InvalidInputError: none or both of the two, or one out of range.
    """

    max_delay_s: float | None = None
    max_cutoffs: float | None = None
    per: Literal["pause", "turn"] = "pause"

    def __post_init__(self) -> None:
        if (self.max_delay_s is None) == (self.max_cutoffs is None):
            raise InvalidInputError("name either the most cut-offs or the longest mean delay that you can bear")
        if self.max_cutoffs is not None and not 0.0 <= self.max_cutoffs <= 1.0:
            raise InvalidInputError(f"the most cut-offs are a share from 0 to 1, got {self.max_cutoffs}")
        if self.max_delay_s is not None and not 0.0 < self.max_delay_s <= 60.0:
            raise InvalidInputError(
                f"the longest mean delay must be over 0 and at most 60 seconds, got {self.max_delay_s}"
            )

    def __str__(self) -> str:
        if self.max_delay_s is not None:
            return f"cut-offs at <= {1000 * self.max_delay_s:.0f} ms"
        return f"delay at <= {100 * (self.max_cutoffs or 0.0):g} % cut-offs"

    def best(self, outcomes: Outcomes) -> np.ndarray:
        """Along the last axis, the place of the policy that keeps the limit best, -1 where none keeps it; shape without that axis."""
        cutoffs, delays = outcomes.cutoffs(self.per), outcomes.delay_s
        if self.max_delay_s is not None:
            kept, cost, tie = delays <= self.max_delay_s + 1e-9, cutoffs, delays
        else:
            kept, cost, tie = cutoffs <= (self.max_cutoffs or 0.0) + 1e-9, delays, cutoffs
        place = np.argmin(np.where(kept, cost + 1e-6 * tie, np.inf), axis=-1)
        return np.where(kept.any(axis=-1), place, -1)

    def figure(self, outcomes: Outcomes, place: np.ndarray) -> np.ndarray:
        """What :meth:`best` minimised, at ``place``; NaN where that is -1."""
        costs = outcomes.cutoffs(self.per) if self.max_delay_s is not None else outcomes.delay_s
        found = np.take_along_axis(costs, np.maximum(place, 0)[..., None], axis=-1)[..., 0]
        return np.where(place < 0, np.nan, found)


@dataclass(frozen=True, slots=True)
class Tally:
    """Sums over the dialogues of a set: ``cut_pauses``, ``cut_turns``, ``delay_s`` are ``(n_policies, n_dialogues)``, the rest ``(n_dialogues,)``."""

    cut_pauses: np.ndarray
    cut_turns: np.ndarray
    delay_s: np.ndarray
    n_pauses: np.ndarray
    n_turns: np.ndarray
    n_ends: np.ndarray

    def outcomes(self, weights: np.ndarray | None = None) -> Outcomes:
        """Outcomes of the policies, ``(n_policies,)``; with ``weights (n_resamples, n_dialogues)``, ``(n_resamples, n_policies)``."""
        times = np.ones(len(self.n_turns)) if weights is None else weights

        def rate(sums: np.ndarray, counts: np.ndarray) -> np.ndarray:
            n = np.asarray(times @ counts)[..., None]
            share: np.ndarray = np.divide(
                times @ sums.T, n, out=np.full((*n.shape[:-1], len(sums)), np.nan), where=n > 0
            )
            return share

        return Outcomes(
            rate(self.cut_pauses, self.n_pauses), rate(self.cut_turns, self.n_turns), rate(self.delay_s, self.n_ends)
        )


def tally(policies: Sequence[EndpointingPolicy], scored: ScoredTurns, lengths: PauseLengths) -> Tally:
    """Apply every policy to every pause and end."""
    n_dialogues = len(scored.dialogue_ids)
    seconds = scored.seconds(lengths)
    pause_dialogue, end_dialogue = scored.turn_dialogue[scored.pause_turn], scored.turn_dialogue[scored.end_turn]
    cut_pauses, cut_turns, delays = (np.zeros((len(policies), n_dialogues)) for _ in range(3))
    for index, policy in enumerate(policies):
        is_cut = seconds > delays_s(policy, scored.pause_p)
        cut_pauses[index] = np.bincount(pause_dialogue[is_cut], minlength=n_dialogues)
        turns = np.unique(scored.pause_turn[is_cut])
        cut_turns[index] = np.bincount(scored.turn_dialogue[turns], minlength=n_dialogues)
        delays[index] = np.bincount(end_dialogue, delays_s(policy, scored.end_p), minlength=n_dialogues)
    return Tally(
        cut_pauses,
        cut_turns,
        delays,
        n_pauses=np.bincount(pause_dialogue, minlength=n_dialogues).astype(np.float64),
        n_turns=np.bincount(scored.turn_dialogue, minlength=n_dialogues).astype(np.float64),
        n_ends=np.bincount(end_dialogue, minlength=n_dialogues).astype(np.float64),
    )


def resamples(n_dialogues: int, *, seed: int = 0, n: int = N_RESAMPLES) -> np.ndarray:
    """How often each dialogue is drawn in each resample, ``(n, n_dialogues) float64``; pass the same to whatever is compared."""
    shares = np.full(n_dialogues, 1.0 / n_dialogues)
    return np.random.default_rng(seed).multinomial(n_dialogues, shares, size=n).astype(np.float64)
