"""What to do with the calls that were checked, a sentence each; the first says what they are good for."""

from __future__ import annotations

from typing import Any

from .formats.notes import Notes, Problem

#: Half of them is what ``tune`` foretells on: a share of 5 % of 100 has a standard error of 2 points.
MEASURE_REPLIES = 200
#: A rule of thumb: fewer are learnt by heart before they teach anything new.
TRAIN_REPLIES = 2000
#: A fault in fewer lines than this share is noise of every export.
_NOISE_SHARE = 0.02

_REMEDIES: dict[Problem, str] = {
    Problem.MALFORMED: "mend or remove what cannot be read",
    Problem.UNKNOWN_ROLE: "name the speakers of the lines left out (--client-name, --agent-name)",
    Problem.UNNAMED: "name the speakers (--client-name, --agent-name): without roles the bot's lines count as answers too",
    Problem.MOJIBAKE: "export the texts in a wrong encoding again as UTF-8",
    Problem.NOT_RUSSIAN: "take out what is not Russian",
    Problem.TOO_LONG: "look at the very long turns: are several turns or both sides in one?",
    Problem.LONG_DIALOGUE: "name the column that parts calls (--dialogue-column): one dialogue is too long for a call",
    Problem.ONE_SIDED: "look at the dialogues without an answer of the caller: they give no samples",
}


def verdict(notes: Notes, samples: dict[str, Any], *, n_turns: int, n_personal: int) -> list[str]:
    """Sentences, the most important first."""
    n_replies = samples["train"]["speak"] + samples["validation"]["speak"]
    said = [_use(n_replies)]
    if not samples["validation"]["speak"] and n_replies >= MEASURE_REPLIES:
        said.append(
            "nothing would be held out: the dialogues share too many replies; add others or raise data.validation_share"
        )
    least = max(1.0, _NOISE_SHARE * n_turns)
    always = (Problem.UNNAMED, Problem.LONG_DIALOGUE)
    said += [
        f"{remedy} ({notes.counts[problem]})"
        for problem, remedy in _REMEDIES.items()
        if notes.counts[problem] > least or (problem in always and notes.counts[problem])
    ]
    if n_personal:
        said.append(f"remove personal data before the files leave your hands ({n_personal} hints)")
    return said


def _use(n_replies: int) -> str:
    if n_replies < MEASURE_REPLIES:
        return f"usable, but little: {n_replies} replies; collect {MEASURE_REPLIES} to measure with 'tune', {TRAIN_REPLIES} to train"
    if n_replies < TRAIN_REPLIES:
        return f"usable: {n_replies} replies are enough to measure ('tune'); to train, add them to other dialogues or collect {TRAIN_REPLIES}"
    return f"usable: {n_replies} replies; measure with 'tune', train with --data=local, best from a checkpoint (--model.checkpoint)"
