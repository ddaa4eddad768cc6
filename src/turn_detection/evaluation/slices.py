"""Slices: what kinds of speech a figure hides. An item falls into a slice by its words, by its form, or by the name its data gives it.

The rules are broad on purpose: they find an item's company, they judge nothing. One item may lie in several slices of ``content``.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np

from ..text import normalise
from ..types import AGENT, CLIENT, as_messages
from .bootstrap import Resampling, resampled_figures
from .labelled_item import LabelledItem
from .pauses import FILLERS
from .report import Slice

METRICS = ("roc_auc", "accuracy", "f1", "recall", "specificity", "log_loss", "brier")
#: Sources or categories with a slice of their own, the largest ones; a set with more of them uses the key for something else.
MAX_NAMES = 50

#: Patterns over the normalised message, where number words are digits and «@» is «собака».
_CONTENT = {
    "digits": re.compile(r"\d"),
    "e-mail": re.compile(r"\b(?:собака|собачка)\b|\bточка (?:ру|ком|рф|нет|орг|ru|com|net|org)\b"),
    "address": re.compile(
        r"\b(?:улиц\w*|проспект\w*|переул\w*|шоссе|набережн\w*|бульвар\w*|площад\w*|проезд\w*|квартир\w*|подъезд\w*|строени\w*|"
        r"корпус\w*|дом \d)"
    ),
    "dates": re.compile(
        r"\b(?:понедельник\w*|вторник\w*|сред[ауы]|четверг\w*|пятниц\w*|суббот\w*|воскресень\w*|январ\w*|феврал\w*|марта?|апрел\w*|"
        r"ма[йя]|июн\w*|июл\w*|август\w*|сентябр\w*|октябр\w*|ноябр\w*|декабр\w*|числ[ао])\b"
    ),
    "fillers": re.compile(rf"\b(?:{'|'.join(sorted(FILLERS))}|как бы|это самое)\b"),
    "short answers": re.compile(
        r"^(?:да|нет|ага|угу|неа|не а|конечно|хорошо|ладно|верно|правильно|точно|можно|давайте|согласен|согласна)(?: \w+)?$"
    ),
    "hold requests": re.compile(
        r"\bсекунд(?:у|очку)\b|(?<!через )\bминут(?:у|ку|очку)\b|\bподожди(?:те)?\b|\bпогоди(?:те)?\b|\bпостой(?:те)?\b|"
        r"\bдайте (?:мне )?(?:подум|вспом|сообра|посмотр)\w+|^(?:\w+ ){0,2}(?:сейчас|щас)(?: \w+)?$"
    ),
    "code-switching": re.compile(r"[a-z]{2,}"),
    # What recognisers and speakers leave behind: a doubled word, a sound of hesitation, a word that broke off.
    "recogniser noise": re.compile(r"\b([а-я]+) \1\b|\b(?:э{2,}|м{2,}|х[мэ]+|а{2,})\b"),
}  # fmt: skip
#: Names that data gives to such items, in lower case with underscores.
_NAMED = {
    **dict.fromkeys(("digits", "number", "numbers", "phone", "code", "card"), "digits"),
    **dict.fromkeys(("email", "e_mail", "mail"), "e-mail"),
    **dict.fromkeys(("address", "addresses"), "address"),
    **dict.fromkeys(("date", "dates", "datetime"), "dates"),
    **dict.fromkeys(("filler", "fillers"), "fillers"),
    **dict.fromkeys(("short_answer", "short_answers"), "short answers"),
    **dict.fromkeys(("hold", "hold_request", "hold_requests"), "hold requests"),
    **dict.fromkeys(("code_switch", "code_switching"), "code-switching"),
}
_MARKS = re.compile(r"[.,!?…;:]")
_BROKEN = re.compile(r"[а-яё]-(?=\s|$)", re.IGNORECASE)

#: Slices that words and form decide, in the order of the report.
ORDER: dict[str, tuple[str, ...]] = {
    "reply length": ("no words", "1 word", "2 words", "3+ words"),
    "content": tuple(_CONTENT),
    "punctuation": ("with marks", "without marks"),
    "case": ("with capitals", "without capitals"),
    "numbers": ("as figures", "as words"),
    "context": ("none", "1 turn", "2+ turns"),
}


def slices_of(item: LabelledItem) -> Iterator[tuple[str, str]]:
    """Group and name of every slice that an item lies in, but for its source and category."""
    words = normalise(item.message)
    n_words = len(words.split())
    yield "reply length", ("no words", "1 word", "2 words", "3+ words")[min(n_words, 3)]
    yield from (("content", name) for name in _contents(item, words))
    yield "punctuation", "with marks" if _MARKS.search(item.message) else "without marks"
    yield "case", "with capitals" if any(map(str.isupper, item.message)) else "without capitals"
    if re.search(r"\d", words):
        yield "numbers", "as figures" if re.search(r"\d", item.message) else "as words"
    n_turns = sum(
        message.role in (AGENT, CLIENT) and bool(normalise(message.text)) for message in as_messages(item.context)
    )
    yield "context", ("none", "1 turn", "2+ turns")[min(n_turns, 2)]


def _contents(item: LabelledItem, words: str) -> set[str]:
    # The normaliser drops the dash of a broken word.
    found = {name for name, pattern in _CONTENT.items() if pattern.search(words)}
    if _BROKEN.search(item.message):
        found.add("recogniser noise")
    if "e-mail" in found:
        found.discard("code-switching")  # an address is Latin by nature
    named = (re.sub(r"[\s-]+", "_", name.lower()) for name in (item.category, item.source) if name)
    return found | {_NAMED[name] for name in named if name in _NAMED}


def members(items: Sequence[LabelledItem]) -> dict[tuple[str, str], np.ndarray]:
    """Places of the items of every slice that is not empty, ``(n,) int64``, in the order of the report."""
    places: dict[tuple[str, str], list[int]] = {(group, name): [] for group, names in ORDER.items() for name in names}
    for index, item in enumerate(items):
        for key in slices_of(item):
            places[key].append(index)
    for group, names in (
        ("source", [item.source for item in items]),
        ("category", [item.category for item in items]),
    ):
        for name, _ in Counter(name for name in names if name is not None).most_common(MAX_NAMES):
            places[group, name] = [index for index, own in enumerate(names) if own == name]
    return {key: np.array(found) for key, found in places.items() if found}


def slice_figures(
    items: Sequence[LabelledItem],
    probabilities: np.ndarray,
    resampling: Resampling,
    *,
    threshold: float,
) -> tuple[Slice, ...]:
    """Figures of every slice; ``probabilities (n_items,)``, verdicts at ``threshold``."""
    is_end = np.array([item.is_end for item in items])
    return tuple(
        slice_of_items(group, name, is_end[places], probabilities[places], resampling.part(places), threshold)
        for (group, name), places in members(items).items()
    )


def slice_of_items(
    group: str, name: str, is_end: np.ndarray, probabilities: np.ndarray, resampling: Resampling, threshold: float
) -> Slice:
    """Figures of some items; arrays and resampling are of them alone."""
    figures = resampled_figures(is_end, probabilities, resampling, threshold=threshold, metrics=METRICS)
    n_speak = int(is_end.sum())
    return Slice(group, name, len(is_end), n_speak, len(is_end) - n_speak, resampling.n_groups, figures.bands(METRICS))
