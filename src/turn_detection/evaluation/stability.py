"""Surface stability: does the verdict survive another spelling of the same speech?

Recognisers differ in case, punctuation, «ё» and in numbers as words or digits, and some close everything they deliver with a full
stop. Every edit here rewrites a message in such a way; a detector should not notice.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Protocol

import numpy as np

from ..errors import MissingExtraError
from ..types import Context, TurnPrediction

_MARK = re.compile(r"[^\w\s@+%№₽$€-]|(?<!\w)-|-(?!\w)")
_FIGURE = re.compile(r"(?<![\w.,:])\d{1,6}(?![\w:]|[.,]\d)")
_LONGEST_NUMBER = 3  # words of a number below a thousand


class Asked(Protocol):
    """What is needed of a :class:`~..detector.TurnDetector`."""

    @property
    def threshold(self) -> float: ...

    def predict_batch(self, items: Iterable[tuple[Context, str]], /) -> Sequence[TurnPrediction]: ...


@dataclass(frozen=True, slots=True)
class StabilityFigure:
    """What one edit did.

    Attributes:
        n: items that the edit changed.
        changed_verdicts: share of them whose verdict changed, 0..1.
        mean_delta: mean ``|delta p|``.
        largest_delta: largest ``|delta p|``.
    """

    n: int
    changed_verdicts: float
    mean_delta: float
    largest_delta: float


def surface_stability(detector: Asked, items: Sequence[tuple[Context, str]]) -> dict[str, StabilityFigure]:
    """Figures by edit, and under ``all`` over all edited items; edits that change no item are left out.

    Args:
        detector: whom to ask.
        items: ``(context, message)``, raw, as a recogniser or a person wrote them.

    Raises:
        MissingExtraError: num2words is not installed (extra ``train``).
    """
    before = _probabilities(detector, items)
    figures: dict[str, StabilityFigure] = {}
    changed: list[np.ndarray] = []
    for name, edit in EDITS.items():
        edited = [(index, edit(message)) for index, (_, message) in enumerate(items)]
        edited = [(index, text) for index, text in edited if text != items[index][1]]
        if not edited:
            continue
        old = before[[index for index, _ in edited]]
        new = _probabilities(detector, [(items[index][0], text) for index, text in edited])
        changed.append(np.stack([old, new]))
        figures[name] = _figure(changed[-1], detector.threshold)
    if changed:
        figures["all"] = _figure(np.concatenate(changed, axis=1), detector.threshold)
    return figures


def _probabilities(detector: Asked, items: Iterable[tuple[Context, str]]) -> np.ndarray:
    return np.array([answer.eot_probability for answer in detector.predict_batch(items)])


def _figure(pairs: np.ndarray, threshold: float) -> StabilityFigure:
    """``pairs`` is ``(2, n)``: probabilities before and after."""
    verdicts = pairs >= threshold
    deltas = np.abs(pairs[0] - pairs[1])
    return StabilityFigure(
        pairs.shape[1], float((verdicts[0] != verdicts[1]).mean()), float(deltas.mean()), float(deltas.max())
    )


def _unpunctuated(text: str) -> str:
    return " ".join(_MARK.sub(" ", text).split())


def _stopped(text: str) -> str:
    return text.rstrip(" .,!?…") + "."


def _figures_as_words(text: str) -> str:
    """«42» as «сорок два»; figures of up to six digits that begin with no zero."""
    spell = _speller()
    return _FIGURE.sub(lambda match: match[0] if match[0].startswith("0") else spell(int(match[0])), text)


def _words_as_figures(text: str) -> str:
    """«сорок два» as «42»: the longest number below a thousand at every place."""
    numbers = _numbers()
    words = text.split(" ")
    out: list[str] = []
    place = 0
    while place < len(words):
        for length in range(min(_LONGEST_NUMBER, len(words) - place), 0, -1):
            spoken = " ".join(words[place : place + length]).lower().replace("ё", "е")
            bare = spoken.rstrip(",.!?…")
            if bare in numbers:
                out.append(numbers[bare] + spoken[len(bare) :])
                place += length
                break
        else:
            out.append(words[place])
            place += 1
    return " ".join(out)


@cache
def _speller() -> Callable[[int], str]:
    try:
        from num2words import num2words
    except ImportError as error:
        raise MissingExtraError("Spelling figures", "train", error.name) from error
    return lambda number: str(num2words(number, lang="ru"))


@cache
def _numbers() -> Mapping[str, str]:
    """Spelling to figure. «один» is left out: it is a pronoun as often as a figure."""
    spell = _speller()
    return {spell(number).replace("ё", "е"): str(number) for number in range(1000) if number != 1}


#: Name of every edit and what it does to a message.
EDITS: Mapping[str, Callable[[str], str]] = {
    "upper case": str.upper,
    "lower case": str.lower,
    "no punctuation": _unpunctuated,
    "false full stop": _stopped,
    "yo lost": lambda text: text.replace("ё", "е").replace("Ё", "Е"),
    "figures as words": _figures_as_words,
    "words as figures": _words_as_figures,
}
