"""Word times to pauses inside a turn."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from ...errors import DataFormatError
from ...types import Pause

#: Shorter gaps between words are no pauses: no speech detector reports them, and eot-bench does not count them.
MIN_PAUSE_S = 0.2
#: A longer silence says more about the other side, which failed to answer, or about a hole in the transcript.
MAX_PAUSE_S = 5.0
#: Larger numbers are no seconds of a call, nor of the clock.
MAX_TIME_S = 1e12
#: Nobody says a word for so long on average; the times are milliseconds then.
_LONGEST_WORD_S = 20.0


@dataclass(frozen=True, slots=True)
class TimedText:
    """``text`` and what its times tell.

    ``pauses`` are by rising offset, ``None`` where the times of words are not known; ``start_s`` and ``end_s`` are of the whole, on the
    call's clock, where known; ``n_holes`` counts silences over :data:`MAX_PAUSE_S`.
    """

    text: str
    pauses: tuple[Pause, ...] | None = None
    start_s: float | None = None
    end_s: float | None = None
    n_holes: int = 0


def timed_text(text: str | None, words: Any, at: str) -> TimedText:
    """A turn's text with the pauses between its words.

    Args:
        text: as it was written; ``None`` for the words in a row.
        words: ``[{"text" or "word", "start", "end"}, ...]``, seconds; a word without times leaves the gaps at its sides unknown.
        at: place of the turn, for errors.

    Raises:
        DataFormatError: not such a list, times that are no seconds, or words that neither match the text nor have texts of their own.
    """
    if not isinstance(words, list) or not all(isinstance(word, dict) for word in words):
        raise DataFormatError(f"{at}.words must be a list of objects with 'text', 'start' and 'end'")
    words = [word for word in words if _said(word) != ""]
    if not words:
        return TimedText(text or "")
    times = [(seconds(word.get("start"), at, "start"), seconds(word.get("end"), at, "end")) for word in words]
    spoken: Sequence[str | None] = (text or "").split()
    if text is None or len(spoken) != len(words):
        spoken = [_said(word) for word in words]
        if None in spoken:
            n_words = len((text or "").split())
            raise DataFormatError(f"{at}.words must have a 'text' each, or be as many as the turn's words ({n_words})")
        text = " ".join(filter(None, spoken))
    known = [end - start for start, end in times if start is not None and end is not None]
    if known and sum(known) / len(known) > _LONGEST_WORD_S:
        raise DataFormatError(f"{at}.words have times that look like milliseconds; seconds are expected")
    gaps = list(_gaps(text, [word or "" for word in spoken], times))
    return TimedText(
        text,
        tuple(Pause(offset, gap_s) for offset, gap_s in gaps if is_pause(gap_s)),
        min((start for start, _ in times if start is not None), default=None),
        max((end for _, end in times if end is not None), default=None),
        sum(gap_s > MAX_PAUSE_S for _, gap_s in gaps),
    )


def seconds(value: Any, at: str, key: str) -> float | None:
    """A time that JSON gave: a number of seconds from 0, or nothing, which Python also writes as NaN.

    Raises:
        DataFormatError: something else.
    """
    if value is None or value != value:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0.0 <= value < MAX_TIME_S:
        raise DataFormatError(f"{at}: '{key}' must be a number of seconds from 0")
    return float(value)


def is_pause(gap_s: float) -> bool:
    """True for a silence that a speech detector reports and a caller makes."""
    return MIN_PAUSE_S <= gap_s <= MAX_PAUSE_S


def shifted(pauses: Iterable[Pause], by: int) -> tuple[Pause, ...]:
    """The pauses of a text that now begins ``by`` characters later."""
    return tuple(Pause(pause.offset + by, pause.length_s) for pause in pauses)


def _said(word: dict[str, Any]) -> str | None:
    """A word's text on one line, ``""`` for a blank one, ``None`` where it has none."""
    value = word.get("text", word.get("word"))
    return " ".join(value.split()) if isinstance(value, str) else None


def _gaps(
    text: str, spoken: Sequence[str], times: Sequence[tuple[float | None, float | None]]
) -> Iterable[tuple[int, float]]:
    """Offset in ``text`` and seconds of every silence between words whose times are known; overlapping words have none."""
    offset = 0
    for index, word in enumerate(spoken[:-1]):
        offset = text.index(word, offset) + len(word)
        end, start = times[index][1], times[index + 1][0]
        if end is not None and start is not None and start > end:
            yield offset, start - end
