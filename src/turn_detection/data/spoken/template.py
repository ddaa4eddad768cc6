"""A template of made telephone speech: the bot's wordings, an answer pattern and the labels that the pattern can carry.

Phrase banks are written as *marked sentences*. Marks stand where a recogniser may see a pause:

* ``|`` after a preposition, conjunction, particle or another word that cannot end a Russian utterance: a sure ``wait``;
* ``^`` where a verb, adjective or noun still lacks what it governs («я хочу заказать ^»): a sure ``wait``;
* ``/`` where the caller may stop and has said a whole thing: ``speak``.

A sentence that ends with ``|`` or ``^`` is never whole: it has no ``speak`` text of its own.

Places without a mark are ambiguous to a careful listener and are never used. ``{slot}`` is filled by :mod:`.slots`.
"""

from __future__ import annotations

import random
import re
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from ...types import TurnLabel
from .slots import SLOTS

T = TypeVar("T")

WAIT, SPEAK = TurnLabel.WAIT, TurnLabel.SPEAK
BOTH = (WAIT, SPEAK)

_SLOT = re.compile(r"\{(\w+)\}")
_MARKS = re.compile(r"\s*[|^/]\s*")
# «во Владивостоке», «со вторника»: the preposition depends on what a slot brought.
_NEEDS_O = re.compile(r"\b([вВ](?= [вВфФ][^\Wаеёиоуыэюя])|[сС](?= (?:[сСшШзЗ][^\Wаеёиоуыэюя]|[вВ]т))) (\w)")
_NOT_SLUG = re.compile(r"[^\w{}]+")


@dataclass(frozen=True, slots=True)
class SpokenSample:
    """One made pause of a caller.

    Attributes:
        family: kind of speech, one of ``FAMILIES``.
        template_id: stable name of the template: family, group of bot wordings, answer pattern. Splitting by it keeps
        every
            sample of a template on one side.
        context: the bot's line with case and punctuation; ``""`` where the caller speaks first.
        text: what the recogniser has printed of the caller so far.
        label: what a careful human listener would say.
    """

    family: str
    template_id: str
    context: str
    text: str
    label: TurnLabel


class Draft:
    """Chance and style of one sample: everything drawn for it comes from one generator.

    ``digits`` is the recogniser's habit for the whole sample: numbers as figures or as words.
    """

    __slots__ = ("digits", "rng")

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.digits = rng.random() < 0.3

    def pick(self, options: Sequence[T]) -> T:
        """One of the options, all equally likely."""
        return options[int(self.rng.random() * len(options))]

    def chance(self, probability: float) -> bool:
        """True with this probability."""
        return self.rng.random() < probability

    def fill(self, text: str) -> str:
        """Replace every ``{slot}`` by a drawn value."""
        if "{" not in text:
            return text
        text = _SLOT.sub(lambda match: SLOTS[match[1]](self.rng, self.digits), text)
        return _NEEDS_O.sub(r"\1о \2", text)


Build = Callable[[Draft, TurnLabel], str]


@dataclass(frozen=True, slots=True)
class Template:
    """``contexts`` are the bot's wordings, ``build`` writes an answer for one of ``labels``.

    ``free`` is the share of samples with no bot line; above zero only where the words alone settle the verdict.
    ``fixed`` turns
    off noise that would change the count of dictated digits or letters.
    """

    family: str
    name: str
    contexts: tuple[str, ...]
    labels: tuple[TurnLabel, ...]
    build: Build
    free: float = 0.0
    fixed: bool = False

    @property
    def template_id(self) -> str:
        """``family/bot wording group/answer pattern``."""
        return f"{self.family}/{self.name}"

    @property
    def hash(self) -> int:
        """0..9999 from the name without the family: families that share a sentence bank hold out the same sentences."""
        return zlib.crc32(self.name.encode()) % 10_000


def slug(text: str) -> str:
    """A readable, stable name of a phrase."""
    return _NOT_SLUG.sub("-", _MARKS.sub(" ", text)).strip("-")[:48]


def pauses(text: str, marks: str = "|^") -> tuple[tuple[str, ...], tuple[str, ...]]:
    """All texts that a marked sentence can yield: ``(wait prefixes, speak texts)``."""
    waits: list[str] = []
    speaks: list[str] = []
    for position, mark in enumerate(text):
        if mark in marks:
            waits.append(text[:position])
        elif mark == "/":
            speaks.append(text[:position])
    if not text.rstrip().endswith(("|", "^")):
        speaks.append(text)
    return tuple(map(_unmark, waits)), tuple(map(_unmark, speaks))


def _unmark(text: str) -> str:
    return " ".join(_MARKS.sub(" ", text).split()).replace(" ,", ",").replace(" ?", "?")


def phrases(waits: Sequence[str], speaks: Sequence[str]) -> tuple[tuple[TurnLabel, ...], Build]:
    """Labels and builder of a template that has its wait and speak texts ready."""

    def build(draft: Draft, label: TurnLabel) -> str:
        return draft.fill(draft.pick(waits if label is WAIT else speaks))

    return tuple(label for label, texts in ((WAIT, waits), (SPEAK, speaks)) if texts), build


def sentence_templates(
    family: str,
    group: str,
    contexts: Sequence[str],
    sentences: Iterable[str],
    *,
    marks: str = "|^",
    free: float = 0.0,
    fixed: bool = False,
) -> list[Template]:
    """One template for each marked sentence; the bot's line is any of ``contexts``."""
    templates = []
    for sentence in sentences:
        labels, build = phrases(*pauses(sentence, marks))
        templates.append(Template(family, f"{group}/{slug(sentence)}", tuple(contexts), labels, build, free, fixed))
    return templates


def label_templates(
    family: str,
    bots: Mapping[str, Sequence[str]],
    texts: Iterable[str],
    label: TurnLabel,
    *,
    size: int = 4,
    free: float = 0.0,
) -> list[Template]:
    """One template for each text and group of bot wordings, all of one label."""
    built = [(slug(text), phrases((text,), ()) if label is WAIT else phrases((), (text,))) for text in texts]
    return [
        Template(family, f"{group}/{name}", contexts, labels, build, free)
        for group, contexts in wording_groups(bots, size)
        for name, (labels, build) in built
    ]


def wording_groups(bots: Mapping[str, Sequence[str]], size: int = 4) -> list[tuple[str, tuple[str, ...]]]:
    """Cut every list of bot wordings into named groups of about ``size``, so that some wordings can be held out."""
    groups = []
    for name, wordings in bots.items():
        n_groups = max(1, round(len(wordings) / size))
        groups += [(f"{name}{k}", tuple(wordings[k::n_groups])) for k in range(n_groups)]
    return groups
