"""What was odd about the calls that were read: counts and places, never words."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum


class Problem(StrEnum):
    """What can be wrong; the value is for people. The first group is found while reading, the second by ``data check``."""

    MALFORMED = "cannot be read, left out"
    EMPTY_TEXT = "empty text, left out"
    EMPTY_CALL = "a call without text, left out"
    UNKNOWN_ROLE = "unknown role, left out"
    UNNAMED = "speakers whose roles are not known"
    MERGED = "one role twice in a row, merged"
    HOLE = "a silence too long for a pause, not counted as one"
    ENCODING = "read as Windows-1251"

    MOJIBAKE = "text in a wrong encoding"
    NOT_RUSSIAN = "a caller's turn that is not Russian"
    TOO_LONG = "a caller's turn longer than a model reads"
    LONG_DIALOGUE = "a dialogue too long for one call"
    ONE_SIDED = "a dialogue without an answer of the caller"
    COPY = "a copy of an earlier dialogue, left out"
    NEAR_COPY = "shares a caller's long reply with an earlier dialogue, kept on one side"
    PERSONAL = "personal data"
    IGNORED = "a file of no known format, not read"


@dataclass
class Notes:
    """Counts by problem, and the first places of each: ``file:line: messages[3]``."""

    counts: Counter[Problem] = field(default_factory=Counter)
    places: dict[Problem, list[str]] = field(default_factory=dict)
    formats: Counter[str] = field(default_factory=Counter)
    max_places: int = 1000

    def add(self, problem: Problem, place: str) -> None:
        self.counts[problem] += 1
        places = self.places.setdefault(problem, [])
        if len(places) < self.max_places:
            places.append(place)
