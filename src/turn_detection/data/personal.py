"""Hints at personal data in what was said: kinds and counts, never the words.

They are hints: a recogniser's numbers fit many things. What is written in figures is told by its form, what is dictated in words by the
digits that the words make.
"""

from __future__ import annotations

import re
from collections import Counter
from itertools import groupby

from ..text import normalise

PHONE, EMAIL, CARD, PASSPORT = "phone number", "e-mail", "card number", "passport"
KINDS = (PHONE, EMAIL, CARD, PASSPORT)

_WRITTEN_PHONE = re.compile(r"(?<![\d+])(?:\+?7|8)[\s\-(]*\d{3}[\s\-)]*\d{3}[\s\-]*\d{2}[\s\-]*\d{2}(?!\d)")
_WRITTEN_CARD = re.compile(r"(?<!\d)\d(?:[ \-]?\d){12,18}(?!\d)")
_WRITTEN_EMAIL = re.compile(r"[\w.+\-]+@[\w\-]+(?:\.[\w\-]+)+")
_SPOKEN_EMAIL = re.compile(r"\bсобака\b(?: \S+){1,8}? (?:ru|com|net|org|su|by|kz|ру|ком|нет|орг|рф)\b")
_PASSPORT_ASKED = re.compile(r"паспорт|\bсери[яию]\b", re.IGNORECASE)
_PASSPORT_DIGITS = re.compile(r"(?<!\d)\d{4} ?(?:номер)? ?\d{6}(?!\d)")
#: What callers say between the groups of a number.
_BETWEEN = frozenset("э ээ эм ну так и да потом дальше плюс".split())


def personal_hints(text: str, before: str = "") -> Counter[str]:
    """How many things of each kind a turn seems to hold; ``before`` is the line it answers, which may ask for a passport."""
    words = normalise(text)
    runs = digit_runs(words)
    found: Counter[str] = Counter()
    found[EMAIL] = max(len(_WRITTEN_EMAIL.findall(text)), len(_SPOKEN_EMAIL.findall(words)))
    cards = [match for match in _WRITTEN_CARD.findall(text) if is_card(re.sub(r"\D", "", match))]
    found[CARD] = max(len(cards), sum(map(is_card, runs)))
    if not found[CARD]:
        found[PHONE] = max(len(_WRITTEN_PHONE.findall(text)), sum(map(_is_phone, runs)))
        if _PASSPORT_ASKED.search(text) or _PASSPORT_ASKED.search(before):
            found[PASSPORT] = len(_PASSPORT_DIGITS.findall(_glued(words)))
    return +found


def digit_runs(words: str) -> list[str]:
    """Digits that stand together in a normalised text, what callers say between them left out."""
    tokens = [word for word in words.split() if word not in _BETWEEN]
    return ["".join(run) for is_digits, run in groupby(tokens, str.isdigit) if is_digits]


def is_card(digits: str) -> bool:
    """True for 13 to 19 digits whose check digit is right (Luhn, ISO/IEC 7812-1) and that are not all the same."""
    if not 13 <= len(digits) <= 19 or len(set(digits)) == 1:
        return False
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + place % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def _is_phone(digits: str) -> bool:
    return (len(digits) == 11 and digits[0] in "78") or (len(digits) == 10 and digits[0] == "9")


def _glued(words: str) -> str:
    """«серия 4 5 0 8 номер 1 2 ...» with the digits of each group together."""
    return re.sub(r"(?<=\d) (?=\d)", "", words)
