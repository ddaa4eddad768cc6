"""The digits that a message dictates."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

#: Names of single figures, by stem: «семёрка», «две семёрки», «три нуля». Read as :func:`turn_detection.text.normalise` prints them.
_STEMS = {
    "единиц": "1", "единичк": "1", "двойк": "2", "двоечк": "2", "тройк": "3", "троечк": "3", "четверк": "4", "пятерк": "5",
    "пятерочк": "5", "шестерк": "6", "семерк": "7", "семерочк": "7", "восьмерк": "8", "девятк": "9",
}  # fmt: skip
_ONE_FIGURE = {stem + ending: digit for stem, digit in _STEMS.items() for ending in ("а", "у")}
_ONE_FIGURE |= {"нолик": "0", "нулик": "0", "одна": "1", "одну": "1"}
_FIGURES = {stem + ending: digit for stem, digit in _STEMS.items() for ending in ("и", "ы")}
_FIGURES |= {
    "нуля": "0", "нулей": "0", "нули": "0", "ноля": "0", "нолей": "0", "нолика": "0", "ноликов": "0", "единиц": "1", "единичек": "1",
    "двоек": "2", "троек": "3", "четверок": "4", "пятерок": "5", "шестерок": "6", "семерок": "7", "восьмерок": "8", "девяток": "9",
}  # fmt: skip
_TIMES = {"двойной": 2, "двойная": 2, "двойную": 2, "тройной": 3, "тройная": 3, "тройную": 3}

_HESITATION = re.compile("э+м*|м+|эм+")
#: Between two parts of one dictation they mean nothing, and after one they promise more.
_LINKS = frozenset("и ну так потом дальше далее затем тире дефис скобка".split())
#: Before a figure or two they make a time or a count of it: «через пятнадцать», «после шести», «их две».
_NO_DICTATION_AFTER = frozenset(
    "через после до в во к с со около за под по их нас нам мне где-то примерно только часов этаж дом квартира".split()
)
_SURE_DICTATION = 4


@dataclass(frozen=True, slots=True)
class Dictated:
    """The digits of a message.

    Attributes:
        last: digits of the dictation that the message ends in; empty if it does not end in one.
        n_all: digits of the whole message.
        is_clean: the last word is a digit; a hesitation or a link follows it otherwise.
    """

    last: str
    n_all: int
    is_clean: bool


def is_hesitation(word: str) -> bool:
    """«ээ», «мм»."""
    return _HESITATION.fullmatch(word) is not None


def dictated(words: Sequence[str]) -> Dictated:
    """Read a normalised message.

    A run of digits is broken by any word that is no digit, no link («тире», «потом») and no hesitation. «Двойной ноль» and «три нуля»
    count as they are meant.
    """
    run, n_all, is_clean, start, position = "", 0, False, 0, 0
    while position < len(words):
        found, n_words = _figure(words, position)
        if found:
            if not run:
                start = position
            run, n_all, is_clean = run + found, n_all + len(found), True
        elif words[position] in _LINKS or is_hesitation(words[position]):
            is_clean = False
        elif words[position] in _TIMES and run:
            is_clean = False  # «двойной», and the figure is yet to come
        else:
            run, is_clean = "", False
        position += n_words
    if len(run) < _SURE_DICTATION and start and words[start - 1] in _NO_DICTATION_AFTER:
        run = ""
    return Dictated(run, n_all, is_clean)


def _figure(words: Sequence[str], position: int) -> tuple[str, int]:
    """Digits that start at ``position``, and how many words they take; no digits and one word if none do."""
    word, after = words[position], words[position + 1] if position + 1 < len(words) else ""
    if word.isdigit():
        return (_FIGURES[after] * int(word), 2) if after in _FIGURES and word > "1" else (word, 1)
    if word in _ONE_FIGURE:
        return _ONE_FIGURE[word], 1
    if word in _TIMES and (digit := after if after.isdigit() else _ONE_FIGURE.get(after, "")):
        return digit * _TIMES[word], 2
    return "", 1
