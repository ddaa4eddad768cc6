"""Cut-offs against delay for every judge, on the same turns and the same drawn pauses."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..errors import InvalidInputError
from ..evaluation.endpointing_curve import endpointing_curve
from ..evaluation.judge import Judge
from ..evaluation.moments import HeldOutTurn, moments_of
from ..evaluation.pause_lengths import DEFAULT_PAUSES, STRESS_PAUSES
from ..evaluation.report import Endpointing, JudgeCurves

#: Whole dialogues are drawn until there are so many turns.
MAX_TURNS = 4000


def some_turns(turns: Sequence[HeldOutTurn], *, seed: int, limit: int = MAX_TURNS) -> list[HeldOutTurn]:
    """The turns of dialogues in a random order, until there are ``limit`` or nearly so."""
    if len(turns) <= limit:
        return list(turns)
    by_dialogue: dict[str, list[HeldOutTurn]] = {}
    for turn in turns:
        by_dialogue.setdefault(turn.dialogue_id, []).append(turn)
    names = sorted(by_dialogue)
    kept: list[HeldOutTurn] = []
    for place in np.random.default_rng(seed).permutation(len(names)):
        kept += by_dialogue[names[place]]
        if len(kept) >= limit:
            break
    return kept


def curves_of(
    judges: Sequence[Judge], turns: Sequence[HeldOutTurn], *, name: str, on_data: bool, seed: int
) -> tuple[Endpointing | None, list[str]]:
    """Curves of the first judge for all curves of pause lengths, of the others for the first; and what is worth noting.

    Judges that give every moment one probability are silence timers, whatever they are called: the timer's line stands for them.
    ``None`` if there are too few turns to fit on a half and report on the other.
    """
    kept = some_turns(turns, seed=seed)
    notes = []
    if len(kept) < len(turns):
        notes.append(
            f"Cut-offs against delay were measured on {len(kept):,} turns of whole dialogues drawn by the seed."
        )
    moments = moments_of(kept, seed=seed)
    found = []
    for number, judge in enumerate(judges):
        p = judge.probabilities(moments.items)
        if number and (p == p[:1]).all():
            continue
        scored = moments.scored(p)
        try:
            curves = [
                endpointing_curve(scored, lengths, seed=seed).to_dict()
                for lengths in ((DEFAULT_PAUSES, *STRESS_PAUSES) if number == 0 else (DEFAULT_PAUSES,))
            ]
        except InvalidInputError:
            return None, [
                "Too few turns with pauses for cut-offs against delay: each half of the dialogues needs some."
            ]
        found.append(JudgeCurves(judge.facts.name, tuple(curves)))
    return Endpointing(name, on_data, tuple(found)), notes
