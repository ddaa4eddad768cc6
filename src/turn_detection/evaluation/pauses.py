"""Where a caller plausibly pauses inside a turn, read off its written form.

These word boundaries count: a clause edge (punctuation of the source; the ends of sentences inside the turn are told apart), before
a conjunction, after a filler, and inside a dictated group (between numbers, figures, spelled letters and signs of an address). What is cut from the text there is what a
detector hears; the marks themselves are taken off both from these beginnings and from the whole turn, or they would tell which is which.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from itertools import pairwise

from ..text import has_words, normalise

#: Words before which a clause or an item of a list begins.
CONJUNCTIONS = frozenset(
    "а и но или либо зато однако хотя чтобы чтоб если когда поскольку потому поэтому причём притом что "
    "который которая которое которые которого которой которую которым которых".split()
)
#: After these a conjunction goes on with what has begun («за что», «потому что», «и если», «то что»): nobody stops between.
_HELD = CONJUNCTIONS | frozenset(
    "в во на с со к ко за по из от до о об обо у для без при про над под через после перед между ни не то так тем том того тому".split()
)
#: Sounds and words that fill a thinking pause. «так», «это», «там» and «просто» are left out: they are content as often.
FILLERS = frozenset(
    "э ээ эээ ээээ эм эмм м мм ммм хм хмм э-э м-м ну вот значит короче типа блин слушайте допустим".split()
)
#: Fillers of two words, by their last one.
_FILLER_PAIRS = frozenset({("как", "бы"), ("это", "самое"), ("так", "сказать"), ("в", "общем")})
#: Signs that callers say aloud inside an address or a code; they dictate only beside a figure, a letter or a Latin word.
_SPOKEN_SIGNS = frozenset(
    "собака точка тире дефис плюс минус подчёркивание подчеркивание слэш слеш дробь решётка решетка".split()
)
#: «точка ру» tells an address that is spoken in Russian letters: «иван собака мэйл точка ру».
_DOMAINS = frozenset("ру ком рф нет орг".split())
_SPELLED_LETTERS = frozenset(
    "бэ вэ гэ дэ жэ зэ ка эл эль эм эн пэ эр эс тэ эф ха цэ че ша игрек икс зет джей кью".split()
)

_WORD = re.compile(r"\S+")
#: Inside one written word only the hyphens of figures part groups: 8-903-123.
_FIGURE_PART = re.compile(r"(?<=\d)-(?=\d)")
_CLAUSE_END = re.compile(r"[,.!?…;:)»\"”]*[,.!?…;:][,.!?…;:)»\"”]*$")
_DASH = frozenset("-‐‒–—―")
_MARKS = " \t\n,.!?…;:-‐‒–—―«»\"'“”„()[]"
_BARE = re.compile(r"[^\w+@-]+")


class PauseKind(StrEnum):
    """Why a pause is plausible; the first that holds, in this order."""

    FILLER = "filler"
    DICTATION = "dictation"
    SENTENCE = "sentence"
    CONJUNCTION = "conjunction"
    CLAUSE = "clause"
    MEASURED = "measured"  # given, not read off a text


@dataclass(frozen=True, slots=True)
class PausePoint:
    """``text[:offset]`` is what has been said when the pause begins."""

    offset: int
    kind: PauseKind


def pause_points(text: str) -> tuple[PausePoint, ...]:
    """Where a pause may fall inside a turn, by rising offset; the end of the turn is left out.

    Args:
        text: a whole turn as it was written, or as a recogniser prints it (then only words show where clauses part).
    """
    spans = _words(text)
    written = [text[start:end] for start, end in spans]
    bare = [_BARE.sub("", word).strip("-").lower() for word in written]
    has_domain = any(left == "точка" and right in _DOMAINS for left, right in pairwise(bare))
    points = [
        PausePoint(spans[index][1], kind)
        for index in range(len(spans) - 1)
        if (kind := _kind(written, bare, index, has_domain)) is not None
        and has_words(text[: spans[index][1]])
        and has_words(text[spans[index][1] :])
    ]
    return _distinct(text, points)


def spoken_part(text: str, offset: int | None = None) -> str:
    """What a detector hears of a turn up to ``offset`` (all of it by default), without the marks at its end."""
    return text[:offset].rstrip(_MARKS)


def _words(text: str) -> list[tuple[int, int]]:
    spans = []
    for word in _WORD.finditer(text):
        start = word.start()
        for hyphen in _FIGURE_PART.finditer(text, word.start(), word.end()):
            spans.append((start, hyphen.start()))
            start = hyphen.end()
        spans.append((start, word.end()))
    return spans


def _is_dash(word: str) -> bool:
    return set(word) <= _DASH


def _kind(written: list[str], bare: list[str], index: int, has_domain: bool) -> PauseKind | None:
    """The kind of the boundary after word ``index``, if it is one."""
    before, after = bare[index], bare[index + 1]
    if before in FILLERS or (index and (bare[index - 1], before) in _FILLER_PAIRS):
        return PauseKind.FILLER
    if _inside_dictation(bare, index, has_domain):
        return PauseKind.DICTATION
    marks = _CLAUSE_END.search(written[index])
    if marks and set(marks[0]) & set(".!?…"):
        return PauseKind.SENTENCE
    if after in CONJUNCTIONS and before not in _HELD:
        return PauseKind.CONJUNCTION
    return PauseKind.CLAUSE if marks or _is_dash(written[index]) or _is_dash(written[index + 1]) else None


def _distinct(text: str, points: list[PausePoint]) -> tuple[PausePoint, ...]:
    """One point where several leave the same words said («да — и»), and none whose words are the whole turn's."""
    heard = {spoken_part(text, point.offset): point for point in points}
    heard.pop(spoken_part(text), None)
    return tuple(sorted(heard.values(), key=lambda point: point.offset))


def _inside_dictation(bare: list[str], index: int, has_domain: bool) -> bool:
    """True between two dictated pieces, unless they are parts of one number («двадцать | пять»)."""
    left, right = bare[index], bare[index + 1]
    if has_domain and (right in _SPOKEN_SIGNS or left == "собака"):
        return True
    if not (_dictated(left) and _dictated(right)) or {left, right} <= _SPOKEN_SIGNS:
        return False
    if not (_is_number(left) and _is_number(right)):
        return True
    # The normaliser knows which words join: parts of one number read otherwise when they are read apart.
    first = index
    while first and _is_number(bare[first - 1]):
        first -= 1
    last = index + 1
    while last + 1 < len(bare) and _is_number(bare[last + 1]):
        last += 1
    whole = " ".join(bare[first : last + 1])
    head, tail = " ".join(bare[first : index + 1]), " ".join(bare[index + 1 : last + 1])
    return normalise(whole) == f"{normalise(head)} {normalise(tail)}"


def _dictated(word: str) -> bool:
    return (
        _is_number(word)
        or word in _SPOKEN_SIGNS
        or word in _SPELLED_LETTERS
        or (len(word) == 1 and word.isalpha() and word not in "авикосуя")
        or bool(re.fullmatch(r"[a-z@.+-]*[a-z@][a-z0-9@.+-]*", word))
    )


@lru_cache(maxsize=65536)
def _is_number(word: str) -> bool:
    return bool(word) and (word.isdigit() or (word.isalpha() and normalise(word).replace(" ", "").isdigit()))
