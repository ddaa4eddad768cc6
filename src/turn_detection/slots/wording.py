"""A message as the rules of this room read it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from ..text import normalise
from .counting import spelled_out

#: Nobody dictates longer than this; such a message is a story.
MAX_CHARACTERS = 600


class Progress(StrEnum):
    """How much of the slot a message holds: nothing that can be told, a part, all of it, or more than all."""

    NONE = "none"
    PARTIAL = "partial"
    COMPLETE = "complete"
    OVER = "over"


#: With any of these the caller takes something back, refuses or offers a choice: what counts is no longer clear.
_DOUBT = frozenset(
    "не нет ой точнее вернее стоп ошибся ошиблась наоборот заново сначала извините простите или либо неа отмена исправлюсь".split()
)
#: Number words that end in a zero of their own; after any other one («двадцать», «сто», «тысяча») the number may go on.
_OWN_ZERO = frozenset({"ноль", "нуль", "ноля", "нуля", "нулей", "десять"})
_LAST_WORD = re.compile(r"[^\W_]+(?=[\W_]*\Z)")


@dataclass(frozen=True, slots=True)
class Said:
    """``words`` as :func:`~turn_detection.text.normalise` prints them; ``is_open``: the last one is a number word that may go on."""

    words: tuple[str, ...]
    is_open: bool


def said(message: str) -> Said | None:
    """Read a message; ``None`` if it is empty, a story, or takes something back."""
    if len(message) > MAX_CHARACTERS:
        return None
    words = tuple(normalise(spelled_out(message)).split())
    if not words or not _DOUBT.isdisjoint(words):
        return None
    return Said(words, _may_go_on(message, words[-1]))


def _may_go_on(message: str, last: str) -> bool:
    # Folded digits no longer tell «двадцать», after which «пять» may come, from «двадцать пять» or the figure 20; the raw word does.
    match = _LAST_WORD.search(message)
    raw = match[0].lower() if match else ""
    if raw == "две":
        return True  # «две семёрки»: of the figure itself people say «два»
    return last == "0" and raw.isalpha() and raw not in _OWN_ZERO
