"""The forms of ``expect``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from ..errors import InvalidInputError, InvalidTypeError

Kind = Literal["digits", "phone", "home_phone", "email", "date", "time", "number", "yes_no"]

MAX_DIGITS = 40


@dataclass(frozen=True, slots=True)
class Slot:
    """What is expected; ``lengths`` are the lawful numbers of digits of a ``digits`` slot, ascending."""

    kind: Kind
    lengths: tuple[int, ...] = ()


def digits(*lengths: int) -> Slot:
    """A number of so many digits."""
    return Slot("digits", lengths)


NAMED: dict[str, Slot] = {
    "phone": Slot("phone"),
    "home_phone": Slot("home_phone"),
    "card": digits(16),
    "code": digits(4, 5, 6),
    "passport": digits(10),
    "inn": digits(10, 12),
    "snils": digits(11),
    "postcode": digits(6),
    "email": Slot("email"),
    "date": Slot("date"),
    "time": Slot("time"),
    "number": Slot("number"),
    "yes_no": Slot("yes_no"),
}
#: Says that nothing is expected; keeps the bot's line from being read.
NOTHING = "none"
_DIGITS = re.compile(r"digits:([1-9]\d?)(?:-([1-9]\d?))?")
ACCEPTED = f"{', '.join(NAMED)}, digits:N, digits:N-M (1 to {MAX_DIGITS}) or {NOTHING}"


def check_expect(expect: str | None) -> str | None:
    """Return ``expect`` if it is one of the accepted forms or ``None``.

    Raises:
        InvalidTypeError: neither a string nor ``None``.
        InvalidInputError: an unknown form; the text lists the accepted ones.
    """
    if expect is not None:
        slot_of(expect)
    return expect


def slot_of(expect: str) -> Slot | None:
    """The slot that ``expect`` names; ``None`` for ``"none"``. Raises as :func:`check_expect`."""
    if not isinstance(expect, str):
        raise InvalidTypeError(f"expect must be a string or None, got {type(expect).__name__}")
    if expect in NAMED:
        return NAMED[expect]
    if expect == NOTHING:
        return None
    if match := _DIGITS.fullmatch(expect):
        least, most = int(match[1]), int(match[2] or match[1])
        if least <= most <= MAX_DIGITS:
            return digits(*range(least, most + 1))
    raise InvalidInputError(f"expect must be one of {ACCEPTED}")
