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
_HOW_MANY = {"два": 2, "две": 2, "три": 3, "четыре": 4, "пять": 5, "шесть": 6} | {str(n): n for n in range(2, 7)}
_SEVERAL = re.compile(rf"\b({'|'.join(_HOW_MANY)})\s+({'|'.join(_FIGURES)})\b")
_TIMES = {"двойной": 2, "двойная": 2, "двойную": 2, "тройной": 3, "тройная": 3, "тройную": 3}

_HESITATION = re.compile("э+м*|м+|эм+")
#: Between two parts of one dictation they mean nothing, and after one they promise more.
_LINKS = frozenset("и ну так потом дальше далее затем тире дефис скобка номер".split())
#: What may stand before a figure or two that begin a dictation. After any other word they may be a time or a count of something:
#: «через пятнадцать», «после шести», «их две», «квартира двадцать пять».
_LEADS = frozenset(
    "записывайте запишите пишите записывай пиши диктую скажу номер телефон мобильный домашний мой моя код карта паспорт серия индекс инн "
    "снилс полис такой такая такие цифры да ага вот сейчас щас значит там тут это вижу нашел нашла пришел пришло написано на плюс "
    "конечно хорошо ладно секунду секундочку смотрите слушайте алло".split()
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


def spelled_out(message: str) -> str:
    """«сорок два нуля» as «сорок 00». Done before numbers are folded: folding would read «сорок два»."""
    return _SEVERAL.sub(lambda match: _FIGURES[match[2]] * _HOW_MANY[match[1]], message.lower().replace("ё", "е"))


def is_hesitation(word: str) -> bool:
    """«ээ», «мм»."""
    return _HESITATION.fullmatch(word) is not None


def dictated(words: Sequence[str]) -> Dictated:
    """Read a normalised message.

    A run of digits is broken by any word that is no digit, no link («тире», «номер») and no hesitation. «Двойной ноль»
    counts as it is meant.
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
    if len(run) < _SURE_DICTATION and start and not _leads(words[start - 1]):
        run = ""
    return Dictated(run, n_all, is_clean)


def _leads(word: str) -> bool:
    return word in _LEADS or word in _LINKS or is_hesitation(word)


def _figure(words: Sequence[str], position: int) -> tuple[str, int]:
    """Digits that start at ``position``, and how many words they take; no digits and one word if none do."""
    word, after = words[position], words[position + 1] if position + 1 < len(words) else ""
    if word.isdigit():
        return word, 1
    if word in _ONE_FIGURE:
        return _ONE_FIGURE[word], 1
    if word in _TIMES and (digit := after if after.isdigit() else _ONE_FIGURE.get(after, "")):
        return digit * _TIMES[word], 2
    return "", 1
