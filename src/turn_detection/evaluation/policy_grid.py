"""Every policy of a grid at once: cut-offs and delay of thousands of settings on the same pauses."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

from ..endpointing import EndpointingPolicy
from ..errors import InvalidInputError
from .moments import ScoredTurns
from .pause_lengths import PauseLengths

Mode = Literal["binary", "continuous"]

#: Odds beyond these are clipped by every policy of the grids, and their powers would overflow.
_MAX_LOG_ODDS = 40.0


def _steps(first: float, last: float, step: float) -> tuple[float, ...]:
    return tuple(round(first + index * step, 10) for index in range(round((last - first) / step) + 1))


@dataclass(frozen=True)
class PolicyGrid:
    """All combinations of some settings; policies are numbered cell by cell, the threshold running fastest."""

    mode: Mode
    thresholds: tuple[float, ...]
    min_delays_s: tuple[float, ...] = _steps(0.2, 1.0, 0.1)
    max_delays_s: tuple[float, ...] = _steps(1.0, 3.5, 0.5)
    gammas: tuple[float, ...] = (EndpointingPolicy().gamma,)

    @cached_property
    def cells(self) -> tuple[tuple[float, float, float], ...]:
        """``(min_delay_s, max_delay_s, gamma)``."""
        return tuple(itertools.product(self.min_delays_s, self.max_delays_s, self.gammas))

    def policy(self, number: int) -> EndpointingPolicy:
        """The policy of this number."""
        cell, threshold = divmod(int(number), len(self.thresholds))
        low, high, gamma = self.cells[cell]
        return EndpointingPolicy(
            min_delay_s=low, max_delay_s=high, threshold=self.thresholds[threshold], gamma=gamma, mode=self.mode
        )


#: The grid of eot-bench (threshold, action delay, time-out).
BINARY_GRID = PolicyGrid("binary", _steps(0.0, 1.0, 0.01))
#: The same delays; the threshold keeps off 0 and 1, whose odds are no numbers.
CONTINUOUS_GRID = PolicyGrid(
    "continuous", _steps(0.01, 0.99, 0.01), gammas=(0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.7, 1.0, 1.5, 2.0, 3.0, 5.0)
)
GRIDS: dict[Mode, PolicyGrid] = {"binary": BINARY_GRID, "continuous": CONTINUOUS_GRID}


@dataclass(frozen=True, slots=True)
class Outcomes:
    """What each of n policies comes to, all ``(n,) float64``: cut-offs per pause and per turn (shares), mean delay in seconds."""

    per_pause: np.ndarray
    per_turn: np.ndarray
    delay_s: np.ndarray

    def cutoffs(self, per: Literal["pause", "turn"]) -> np.ndarray:
        return self.per_pause if per == "pause" else self.per_turn


def grid_outcomes(grid: PolicyGrid, scored: ScoredTurns, lengths: PauseLengths) -> Outcomes:
    """Outcomes of all policies of ``grid``, in their order.

    For given delays and gamma a pause is cut off at every threshold under some value of its own, so one sorting of these values
    answers for all thresholds; the sum of ``exp(-gamma * log odds)`` over the ends that no delay clips answers for their mean delay.

    Raises:
        InvalidInputError: no pauses or no ends.
    """
    if not len(scored.pause_turn) or not len(scored.end_turn):
        raise InvalidInputError("a curve needs at least one mid-turn pause and one end of a turn")
    seconds = scored.seconds(lengths)
    first_of_turn = np.flatnonzero(np.diff(scored.pause_turn, prepend=-1))
    if grid.mode == "binary":
        n_cut, delays = _binary_positions(grid, scored, seconds), _binary_delays(grid, scored)
    else:
        n_cut, delays = _continuous_positions(grid, scored, seconds), _continuous_delays(grid, scored)
    per_pause, per_turn = [], []
    for positions in n_cut:
        per_pause.append(_share_above(positions, len(grid.thresholds), len(positions)))
        worst = np.maximum.reduceat(positions, first_of_turn)
        per_turn.append(_share_above(worst, len(grid.thresholds), scored.n_turns))
    return Outcomes(np.concatenate(per_pause), np.concatenate(per_turn), np.concatenate(list(delays)))


def _share_above(positions: np.ndarray, n_thresholds: int, n: int) -> np.ndarray:
    """``(n_thresholds,)``: share of ``n`` whose position (the number of thresholds that cut it off) is above each index."""
    counts = np.bincount(positions, minlength=n_thresholds + 1)
    share: np.ndarray = counts[::-1].cumsum()[::-1][1:] / n
    return share


def _binary_positions(grid: PolicyGrid, scored: ScoredTurns, seconds: np.ndarray) -> Iterator[np.ndarray]:
    spoken_at = np.searchsorted(np.array(grid.thresholds), scored.pause_p, side="right")
    for low, high, _ in grid.cells:
        yield np.where(seconds > high, len(grid.thresholds), np.where(seconds > low, spoken_at, 0))


def _binary_delays(grid: PolicyGrid, scored: ScoredTurns) -> Iterator[np.ndarray]:
    below = np.searchsorted(np.sort(scored.end_p), np.array(grid.thresholds), side="left") / len(scored.end_p)
    for low, high, _ in grid.cells:
        yield low + (high - low) * below


def _continuous_positions(grid: PolicyGrid, scored: ScoredTurns, seconds: np.ndarray) -> Iterator[np.ndarray]:
    thresholds, odds, logs = _log_odds(np.array(grid.thresholds)), _log_odds(scored.pause_p), np.log(seconds)
    for low, high, gamma in grid.cells:
        critical = odds + (logs - (math.log(low) + math.log(high)) / 2) / gamma
        between = np.searchsorted(thresholds, critical, side="left")
        yield np.where(seconds > high, len(thresholds), np.where(seconds > low, between, 0))


def _continuous_delays(grid: PolicyGrid, scored: ScoredTurns) -> Iterator[np.ndarray]:
    thresholds = _log_odds(np.array(grid.thresholds))
    # From the surest end on, so that the sums grow from their small terms to the large ones and lose no digits.
    minus_odds = np.sort(-_log_odds(scored.end_p))
    n = len(minus_odds)
    sums = {gamma: np.append(0.0, np.cumsum(np.exp(gamma * minus_odds))) for gamma in grid.gammas}
    for low, high, gamma in grid.cells:
        middle, reach = (math.log(low) + math.log(high)) / 2, (math.log(high) - math.log(low)) / 2 / gamma
        first = np.searchsorted(minus_odds, -(thresholds + reach), side="right")
        last = np.maximum(first, np.searchsorted(minus_odds, -(thresholds - reach), side="left"))
        unclipped = np.exp(middle + gamma * thresholds) * (sums[gamma][last] - sums[gamma][first])
        yield (first * low + unclipped + (n - last) * high) / n


def _log_odds(p: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore"):
        odds: np.ndarray = np.clip(np.log(p) - np.log1p(-p), -_MAX_LOG_ODDS, _MAX_LOG_ODDS)
    return odds


def delays_s(policy: EndpointingPolicy, p: np.ndarray) -> np.ndarray:
    """``policy.delay_s`` of every probability; ``(n,) float64`` to ``(n,) float64``."""
    if policy.mode == "binary":
        return np.where(p >= policy.threshold, policy.min_delay_s, policy.max_delay_s)
    if policy.threshold in (0.0, 1.0):
        clipped = np.full(p.shape, policy.min_delay_s if policy.threshold == 0.0 else policy.max_delay_s)
    else:
        low, high = math.log(policy.min_delay_s), math.log(policy.max_delay_s)
        exponent = (low + high) / 2 + policy.gamma * (_log_odds(np.array(policy.threshold)) - _log_odds(p))
        clipped = np.clip(np.exp(np.clip(exponent, low, high)), policy.min_delay_s, policy.max_delay_s)
    return np.where(p <= 0.0, policy.max_delay_s, np.where(p >= 1.0, policy.min_delay_s, clipped))
