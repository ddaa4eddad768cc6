"""Numbers as callers say them: cardinals, dates, hours, and digit strings dictated in groups."""

from __future__ import annotations

import random
from functools import lru_cache

from ...errors import MissingExtraError

DIGIT_WORDS = ("ноль", "один", "два", "три", "четыре", "пять", "шесть", "семь", "восемь", "девять")
_MANY = ("нуля", "единицы", "двойки", "тройки", "четвёрки", "пятёрки", "шестёрки", "семёрки", "восьмёрки", "девятки")
_HUNDREDS = frozenset("сто двести триста четыреста пятьсот шестьсот семьсот восемьсот девятьсот".split())
_COUNT = {2: ("два", "две"), 3: ("три", "три")}

_UNITS = "первого второго третьего четвёртого пятого шестого седьмого восьмого девятого".split()
_TEENS = (
    "десятого одиннадцатого двенадцатого тринадцатого четырнадцатого пятнадцатого шестнадцатого семнадцатого "
    "восемнадцатого девятнадцатого двадцатого"
).split()
#: Days of the month in the genitive, the case of dates: index 0 is the first.
DAYS_GENITIVE = [*_UNITS, *_TEENS, *(f"двадцать {unit}" for unit in _UNITS), "тридцатого", "тридцать первого"]
#: The same days in the nominative neuter, «на двадцатое».
DAYS_NOMINATIVE = [day[:-5] + "тье" if day.endswith("третьего") else day[:-3] + "ое" for day in DAYS_GENITIVE]
MONTHS_GENITIVE = [
    "января",
    "февраля",
    "марта",
    "апреля",
    "мая",
    "июня",
    "июля",
    "августа",
    "сентября",
    "октября",
    "ноября",
    "декабря",
]
#: Hours in the genitive, «после трёх»: index 0 is one o'clock.
HOURS_GENITIVE = [
    "часа",
    "двух",
    "трёх",
    "четырёх",
    "пяти",
    "шести",
    "семи",
    "восьми",
    "девяти",
    "десяти",
    "одиннадцати",
    "двенадцати",
]


@lru_cache(maxsize=4096)
def cardinal(number: int) -> str:
    """``1543`` -> «тысяча пятьсот сорок три»: without the bookish «одна» before a round thousand.

    Raises:
        MissingExtraError: num2words is not installed.
    """
    try:
        from num2words import num2words
    except ImportError as error:
        raise MissingExtraError("made telephone speech", "train", "num2words") from error
    words = str(num2words(number, lang="ru"))
    return words.removeprefix("одна ").removeprefix("один ") if number >= 1000 else words


def digit_string(rng: random.Random, length: int, first: str = "0123456789") -> str:
    """Random digits; repeats are a little more frequent than by chance because callers comment on them («три
    семёрки»)."""
    digits = [rng.choice(first)]
    while len(digits) < length:
        digits.append(digits[-1] if rng.random() < 0.06 else str(int(rng.random() * 10)))
    return "".join(digits)


def _tail_order(group: str) -> int:
    """Which smaller number would melt into the group when said right after it: 100 after «девятьсот», 10 after
    «двадцать»."""
    if len(group) == 3 and group.endswith("00"):
        return 100
    if len(group) >= 2 and group[-1] == "0" and group[-2] not in "01":
        return 10
    return 1


def _melts(group: str, following: str) -> bool:
    """Whether words said next would be heard as one number with the group: «девятьсот» + «двенадцать» is 912."""
    lead = following.split(maxsplit=1)[0]
    if lead in ("ноль", "двойной"):
        return False
    order = 1 if lead in DIGIT_WORDS or lead == "две" else 100 if lead in _HUNDREDS else 10
    return _tail_order(group) > order


def say_group(rng: random.Random, group: str, following: str = "", *, singly: bool = False) -> str:
    """One group of 1-4 digits in words; ``following`` is what will be said next, which must not melt into the group."""
    if len(set(group)) == 1 and len(group) in _COUNT and rng.random() < (0.5 if group[0] == "0" else 0.08):
        digit = int(group[0])
        if digit == 0:
            if len(group) == 2 and rng.random() < 0.5:
                return "двойной ноль"
            return f"{_COUNT[len(group)][0]} нуля"
        return f"{_COUNT[len(group)][1]} {_MANY[digit]}"
    if singly or (following and _melts(group, following)):
        return " ".join(DIGIT_WORDS[int(digit)] for digit in group)
    if group[0] == "0":
        return "ноль" + (" " + say_group(rng, group[1:], following) if len(group) > 1 else "")
    if len(group) == 4:
        second = say_group(rng, group[2:], following)
        return f"{say_group(rng, group[:2], second)} {second}"
    return cardinal(int(group))


def split_groups(digits: str, sizes: tuple[int, ...]) -> list[str]:
    """Cut a digit string into groups; sizes repeat until the digits end."""
    groups = []
    position = index = 0
    while position < len(digits):
        size = sizes[index % len(sizes)]
        groups.append(digits[position : position + size])
        position += size
        index += 1
    return groups


def dictate(rng: random.Random, groups: list[str], *, singly: bool = False) -> list[str]:
    """Groups in words, one string a group."""
    spoken: list[str] = []
    # From the end, because how a group may be said depends on the words after it.
    for group in reversed(groups):
        spoken.append(say_group(rng, group, spoken[-1] if spoken else "", singly=singly))
    return spoken[::-1]
