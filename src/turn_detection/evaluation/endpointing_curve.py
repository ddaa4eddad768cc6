"""Cut-offs against delay: what a detector buys over a silence timer, in the two figures that callers notice.

The protocol is eot-bench's (livekit/eot-bench), with pauses that are read off text and lengths that are drawn:

* a **cut-off** is a mid-turn pause that outlasts the delay the policy answers it with; the headline is their share among all
  mid-turn pauses (**per pause**), the share of turns with at least one (**per turn**) stands beside it;
* the **delay** is the mean of the policy's delays at the true ends of turns; the time the model takes is no part of it;
* the **silence timer** waits the same at every pause, 0.2 to 3.5 s in steps of 10 ms, on the same draw;
* **binary** takes the best settings of the grid on the very turns that are reported, as eot-bench does;
* **fitted** lines hold the best policies of the fitting half, measured on the other; the report only chooses the place on the line.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..endpointing import EndpointingPolicy
from .moments import ScoredTurns
from .pause_lengths import DEFAULT_PAUSES, PauseLengths
from .policy_grid import BINARY_GRID, CONTINUOUS_GRID, Outcomes, PolicyGrid, grid_outcomes
from .tally import Band, Limit, Tally, resamples, tally

LIMITS = (Limit(max_delay_s=0.3), Limit(max_delay_s=0.6), Limit(max_cutoffs=0.05), Limit(max_cutoffs=0.10))
TIMER = "silence timer"
_LINE_STEP_S = 0.005


@dataclass(frozen=True, slots=True)
class Reading:
    """One operating point of a line.

    Attributes:
        figure: cut-offs (0..1, per pause) under a limit of delay, or seconds under a limit of cut-offs; NaN if out of reach.
        ratio: to the silence timer's figure on the same draw.
        policy: the settings, ``None`` if out of reach.
        per_pause, per_turn, delay_s: what these settings come to.
    """

    limit: Limit
    figure: Band
    ratio: Band
    policy: EndpointingPolicy | None
    per_pause: float
    per_turn: float
    delay_s: float

    def to_dict(self) -> dict[str, Any]:
        reached = self.policy is not None
        return {
            "limit": str(self.limit),
            "figure": self.figure.to_dict(),
            "ratio_to_silence_timer": self.ratio.to_dict(),
            "policy": self.policy.to_dict() if self.policy else None,
            "cutoffs_per_pause": round(self.per_pause, 6) if reached else None,
            "cutoffs_per_turn": round(self.per_turn, 6) if reached else None,
            "delay_s": round(self.delay_s, 6) if reached else None,
        }


@dataclass(frozen=True, slots=True)
class Line:
    """Policies by rising mean delay, what each comes to on the reported turns, and the operating points."""

    policies: tuple[EndpointingPolicy, ...]
    outcomes: Outcomes
    readings: tuple[Reading, ...]

    def pareto(self) -> np.ndarray:
        """Places of the policies that no other policy of the line beats in both figures (per pause), by rising delay."""
        return pareto_places(self.outcomes)

    def to_dict(self) -> dict[str, Any]:
        """``readings`` by limit, and ``line`` as rows ``[delay_s, per_pause, per_turn]``."""
        columns = (self.outcomes.delay_s, self.outcomes.per_pause, self.outcomes.per_turn)
        rows = np.stack(columns, axis=1)[self.pareto()]
        return {"readings": [reading.to_dict() for reading in self.readings], "line": rows.round(5).tolist()}


@dataclass(frozen=True, slots=True)
class EndpointingCurve:
    """All lines for one curve of pause lengths; the counts are of the reported half."""

    pauses: str
    n_dialogues: int
    n_turns: int
    n_pauses: int
    n_ends: int
    lines: dict[str, Line]

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON."""
        counts = {"dialogues": self.n_dialogues, "turns": self.n_turns, "pauses": self.n_pauses, "ends": self.n_ends}
        return {
            "pauses": self.pauses,
            "n": counts,
            "lines": {name: line.to_dict() for name, line in self.lines.items()},
        }


def endpointing_curve(
    scored: ScoredTurns, lengths: PauseLengths = DEFAULT_PAUSES, *, limits: Sequence[Limit] = LIMITS, seed: int = 0
) -> EndpointingCurve:
    """The curve of one detector.

    Raises:
        InvalidInputError: a half of the dialogues holds no mid-turn pause or no end.
    """
    fitting, reported = scored.halves(seed=seed)
    families = {
        TIMER: timer_policies(),
        "binary": best_policies(BINARY_GRID, reported, lengths),
        "binary, fitted": best_policies(BINARY_GRID, fitting, lengths),
        "continuous, fitted": best_policies(CONTINUOUS_GRID, fitting, lengths),
    }
    weights = resamples(len(reported.dialogue_ids), seed=seed)
    timer = tally(families[TIMER], reported, lengths)
    lines = {
        name: _line(policies, tally(policies, reported, lengths), timer, weights, limits)
        for name, policies in families.items()
    }
    return EndpointingCurve(
        lengths.name,
        len(reported.dialogue_ids),
        reported.n_turns,
        len(reported.pause_turn),
        len(reported.end_turn),
        lines,
    )


def timer_policies() -> tuple[EndpointingPolicy, ...]:
    """Silence timers from 0.2 to 3.5 s; the probability is not asked."""
    return tuple(
        EndpointingPolicy(min_delay_s=ms / 1000, max_delay_s=ms / 1000, threshold=0.0, mode="binary")
        for ms in range(200, 3510, 10)
    )


def best_policies(grid: PolicyGrid, scored: ScoredTurns, lengths: PauseLengths) -> tuple[EndpointingPolicy, ...]:
    """The Pareto line of a grid (per pause), at most one policy for every 5 ms of mean delay.

    Raises:
        InvalidInputError: ``scored`` holds no mid-turn pause or no end.
    """
    outcomes = grid_outcomes(grid, scored, lengths)
    places = pareto_places(outcomes)
    # The last of a step has the fewest cut-offs, and steps end where limits stand, so what a limit of delay finds is not lost.
    steps = np.ceil(outcomes.delay_s[places] / _LINE_STEP_S - 1e-9)
    return tuple(grid.policy(place) for place in places[np.append(np.diff(steps) > 0, True)])


def pareto_places(outcomes: Outcomes) -> np.ndarray:
    """Places of the outcomes that no other beats in both cut-offs per pause and delay, by rising delay."""
    order = np.lexsort((outcomes.per_pause, outcomes.delay_s))
    cutoffs = outcomes.per_pause[order]
    least_before = np.append(np.inf, np.minimum.accumulate(cutoffs)[:-1])
    kept: np.ndarray = order[cutoffs < least_before]
    return kept


def _line(
    policies: tuple[EndpointingPolicy, ...], own: Tally, timer: Tally, weights: np.ndarray, limits: Sequence[Limit]
) -> Line:
    outcomes, resampled = own.outcomes(), own.outcomes(weights)
    timer_outcomes, timer_resampled = timer.outcomes(), timer.outcomes(weights)
    readings = []
    for limit in limits:
        place = limit.best(outcomes)
        figure, figures = limit.figure(outcomes, place), limit.figure(resampled, limit.best(resampled))
        base = limit.figure(timer_outcomes, limit.best(timer_outcomes))
        bases = limit.figure(timer_resampled, limit.best(timer_resampled))
        reached = place >= 0
        at = tuple(
            float(column[place]) if reached else float("nan")
            for column in (outcomes.per_pause, outcomes.per_turn, outcomes.delay_s)
        )
        readings.append(
            Reading(
                limit,
                Band.of(float(figure), figures),
                Band.of(_ratio(figure, base).item(), _ratio(figures, bases)),
                policies[int(place)] if reached else None,
                *at,
            )
        )
    return Line(policies, outcomes, tuple(readings))


def _ratio(figures: np.ndarray, bases: np.ndarray) -> np.ndarray:
    ratio: np.ndarray = np.divide(figures, bases, out=np.full(np.shape(figures), np.nan), where=np.asarray(bases) > 0)
    return ratio
