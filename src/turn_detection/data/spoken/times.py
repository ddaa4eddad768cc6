"""Days, hours, intervals, sums and counts: marked answers under the question that they answer."""

from __future__ import annotations

from .phrases.amounts import AMOUNTS
from .phrases.dates import DATES
from .phrases.times import AMOUNT, DATETIME
from .template import Template, sentence_templates, wording_groups


def datetime_templates() -> list[Template]:
    """An interval waits for its second end, a time for its number."""
    return _banked("datetime", DATETIME, 6) + _banked("datetime", DATES, 30)


def amount_templates() -> list[Template]:
    """Sums, counts, ages, sizes."""
    return _banked("amount", AMOUNT, 6) + _banked("amount", AMOUNTS, 30)


def _banked(family: str, bank: dict[str, tuple[tuple[str, ...], tuple[str, ...]]], size: int) -> list[Template]:
    templates = []
    for kind, (bots, sentences) in bank.items():
        for group, contexts in wording_groups({kind: bots}, size):
            templates += sentence_templates(family, group, contexts, sentences)
    return templates
