"""The settings that keep what the user can bear: chosen on one half of his dialogues, foretold by the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, get_args

import numpy as np

from ..endpointing import EndpointingPolicy
from ..errors import InvalidInputError
from .endpointing_curve import TIMER, timer_policies
from .moments import ScoredTurns
from .pause_lengths import DEFAULT_PAUSES, PauseLengths
from .policy_grid import GRIDS, Mode, Outcomes, grid_outcomes
from .tally import Band, Limit, resamples, tally

#: Fewer in a half would let one caller decide.
MIN_PAUSES = MIN_ENDS = 20


@dataclass(frozen=True, slots=True)
class Prediction:
    """What a policy came to on the half that it was not chosen on, with bands; the limit was for one of these figures."""

    pauses: str
    per_pause: Band
    per_turn: Band
    delay_s: Band

    def to_dict(self) -> dict[str, Any]:
        return {
            "pauses": self.pauses,
            "cutoffs_per_pause": self.per_pause.to_dict(),
            "cutoffs_per_turn": self.per_turn.to_dict(),
            "delay_s": self.delay_s.to_dict(),
        }


@dataclass(frozen=True, slots=True)
class Tuned:
    """The policy of one kind that keeps the limit best; ``predictions`` by curve of pause lengths, the one it was chosen for first."""

    policy: EndpointingPolicy
    predictions: tuple[Prediction, ...]


def tune(
    scored: ScoredTurns, limit: Limit, pauses: Sequence[PauseLengths] = (DEFAULT_PAUSES,), *, seed: int = 0
) -> dict[str, Tuned]:
    """Choose a policy of every kind: ``continuous``, ``binary`` and, to compare with, the silence timer.

    Args:
        scored: the user's turns.
        limit: what he can bear.
        pauses: the first is what policies are chosen for; all are foretold. They matter only where lengths are not measured.
        seed: of the halves and the bands.

    Returns:
        By kind; a kind that cannot keep the limit is left out.

    Raises:
        InvalidInputError: too few pauses or ends, or no curve of pause lengths.
    """
    if not pauses:
        raise InvalidInputError("name at least one curve of pause lengths")
    fitting, held_out = scored.halves(seed=seed)
    for half in (fitting, held_out):
        if len(half.pause_turn) < MIN_PAUSES or len(half.end_turn) < MIN_ENDS:
            raise InvalidInputError(
                f"too little to tune on: the {len(scored.dialogue_ids)} dialogues hold {len(scored.pause_turn)} mid-turn pauses and "
                f"{len(scored.end_turn)} ends of turns; each half of the dialogues needs {MIN_PAUSES} and {MIN_ENDS}"
            )
    chosen: dict[str, EndpointingPolicy] = {}
    for mode in get_args(Mode):
        place = int(limit.best(grid_outcomes(GRIDS[mode], fitting, pauses[0])))
        if place >= 0:
            chosen[mode] = GRIDS[mode].policy(place)
    timers = timer_policies()
    place = int(limit.best(tally(timers, fitting, pauses[0]).outcomes()))
    if place >= 0:
        chosen[TIMER] = timers[place]
    foretold = {lengths.name: _foretold(list(chosen.values()), held_out, lengths, seed) for lengths in pauses}
    return {
        kind: Tuned(policy, tuple(foretold[lengths.name][index] for lengths in pauses))
        for index, (kind, policy) in enumerate(chosen.items())
    }


def _foretold(
    policies: list[EndpointingPolicy], held_out: ScoredTurns, lengths: PauseLengths, seed: int
) -> list[Prediction]:
    counted = tally(policies, held_out, lengths)
    once, often = counted.outcomes(), counted.outcomes(resamples(len(held_out.dialogue_ids), seed=seed))

    def band(name: str, index: int) -> Band:
        column: np.ndarray = getattr(often, name)
        return Band.of(float(getattr(once, name)[index]), column[:, index])

    return [
        Prediction(lengths.name, *(band(name, index) for name in Outcomes.__dataclass_fields__))
        for index in range(len(policies))
    ]


def origin(tuned: Tuned, limit: Limit, scored: ScoredTurns, model: str | None) -> dict[str, Any]:
    """Where a policy comes from, as plain JSON for its file."""
    counts = {
        "dialogues": len(scored.dialogue_ids),
        "turns": scored.n_turns,
        "pauses": len(scored.pause_turn),
        "measured_pauses": int((~np.isnan(scored.pause_s)).sum()),
    }
    return {
        "model": model,
        "limit": str(limit),
        "per": limit.per,
        "n": counts,
        "predicted": [prediction.to_dict() for prediction in tuned.predictions],
    }


def summary(origin: dict[str, Any]) -> str:
    """One line of what was tuned for, and on how much."""
    n = origin["n"]
    return (
        f"{origin['limit']} (per {origin['per']}); {n['turns']} turns of {n['dialogues']} dialogues, {n['pauses']} mid-turn pauses, "
        f"{n['measured_pauses']} of them measured; chosen on one half of the dialogues, foretold by the other"
    )


def tuning_table(tuned: dict[str, Tuned]) -> str:
    """A Markdown table, a row for every policy and curve of pause lengths."""
    rows = [
        "| policy | threshold | min, s | max, s | gamma | pauses | cut-offs per pause, % | per turn, % | mean delay, ms |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for kind, found in tuned.items():
        policy = found.policy
        threshold = "" if kind == TIMER else f"{policy.threshold:.2f}"
        gamma = f"{policy.gamma:g}" if policy.mode == "continuous" else ""
        for prediction in found.predictions:
            rows.append(
                f"| {kind} | {threshold} | {policy.min_delay_s:g} | {policy.max_delay_s:g} | {gamma} | {prediction.pauses} | "
                f"{_shown(prediction.per_pause, 100, 1)} | {_shown(prediction.per_turn, 100, 1)} | "
                f"{_shown(prediction.delay_s, 1000, 0)} |"
            )
    return "\n".join(rows)


def _shown(band: Band, scale: float, digits: int) -> str:
    return f"{scale * band.value:.{digits}f} ({scale * band.low:.{digits}f} to {scale * band.high:.{digits}f})"
