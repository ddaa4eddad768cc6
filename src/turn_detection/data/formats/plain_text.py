"""Transcripts as plain text: «Оператор: …», ``Client: ...``, «А: / К:», a speaker before every line."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from .line import Call, Line
from .options import ReadingOptions
from .speakers import role_of
from .timing import TimedText

KIND = "text with speakers"
#: An optional time, in brackets or not, then a short name and a colon: «[00:12] Оператор: слушаю вас».
_LABELLED = re.compile(
    r"^\s*(?:[\[(]?\d{1,2}:\d{2}(?::\d{2})?(?:[.,]\d+)?[\])]?\s*[-–—]?\s*)?"
    r"[-–—*\[<]*\s*(?P<name>[^\W\d_][^:\n\]>]{0,40}?)[\]>*]*\s*:[\]>*]*\s*(?P<text>.*)$"
)
_RULE = re.compile(r"^\s*(?:[-=*_#]\s*){3,}$")
#: A name that nobody knows must come back before it counts as one: «адрес: улица Мира» is no speaker.
_MIN_LINES = 2


def has_speakers(text: str, options: ReadingOptions) -> bool:
    """True if some line begins with a speaker whose role is known."""
    return any(
        (found := _LABELLED.match(line)) is not None and role_of(found["name"], options) is not None
        for line in text.splitlines()
    )


def calls_of(text: str, options: ReadingOptions) -> Iterator[tuple[int, Call]]:
    """The calls of a text with the number of the line where each begins.

    A line of dashes, equals signs or stars parts calls. A line without a speaker goes on with what was being said.
    """
    rows = text.splitlines()
    names = Counter(found["name"].strip().lower() for row in rows if (found := _LABELLED.match(row)))
    speakers = {name for name, n_lines in names.items() if n_lines >= _MIN_LINES or role_of(name, options) is not None}
    lines: list[Line] = []
    begins = 1
    for number, row in enumerate(rows, start=1):
        if _RULE.match(row):
            if lines:
                yield begins, Call(tuple(lines), KIND)
            lines, begins = [], number + 1
            continue
        found = _LABELLED.match(row)
        if found is not None and found["name"].strip().lower() in speakers:
            lines.append(Line(found["name"].strip().lower(), TimedText(found["text"].strip()), f"line {number}"))
        elif row.strip() and lines:
            last = lines[-1]
            lines[-1] = Line(last.speaker, TimedText(f"{last.said.text} {row.strip()}".strip()), last.place)
    if lines:
        yield begins, Call(tuple(lines), KIND)
