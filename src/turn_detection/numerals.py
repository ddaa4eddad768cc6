"""Russian number words to digits, so that «сорок два» and «42» are one text.

The grammar is the one of Russian cardinals (hundreds, then tens or a teen, then a unit, then «тысяча» or «миллион»): the longest
number that the words can form is taken, and what cannot join it starts the next one, which is how a dictated phone number
«девятьсот три сто двадцать три» is heard. Only forms that stand for a figure when spoken alone are read: inflected cardinals
(«двадцати») and ordinals («пятого») stay words, as recognisers leave them.
"""

from __future__ import annotations

from collections.abc import Sequence

_UNITS = {
    "ноль": 0, "нуль": 0, "один": 1, "два": 2, "две": 2, "три": 3, "четыре": 4,
    "пять": 5, "шесть": 6, "семь": 7, "восемь": 8, "девять": 9,
}  # fmt: skip
#: «одна», «одну», «одно» are pronouns and articles more often than figures («одну секунду»): read only inside a larger number.
_UNITS_INSIDE = {"одна": 1, "одну": 1, "одно": 1}
_TEENS = {
    "десять": 10, "одиннадцать": 11, "двенадцать": 12, "тринадцать": 13, "четырнадцать": 14, "пятнадцать": 15,
    "шестнадцать": 16, "семнадцать": 17, "восемнадцать": 18, "девятнадцать": 19,
}  # fmt: skip
_TENS = {
    "двадцать": 20, "тридцать": 30, "сорок": 40, "пятьдесят": 50,
    "шестьдесят": 60, "семьдесят": 70, "восемьдесят": 80, "девяносто": 90,
}  # fmt: skip
_HUNDREDS = {
    "сто": 100, "двести": 200, "триста": 300, "четыреста": 400, "пятьсот": 500,
    "шестьсот": 600, "семьсот": 700, "восемьсот": 800, "девятьсот": 900,
}  # fmt: skip
_THOUSANDS = frozenset({"тысяча", "тысячу", "тысячи", "тысяч"})
_MILLIONS = frozenset({"миллион", "миллиона", "миллионов"})
#: «тысяча рублей» is a figure, «несколько тысяч» is not: only the singular counts for one when no number stands before it.
_ONE_THOUSAND = frozenset({"тысяча", "тысячу"})

#: Longer figures are no quantity that anybody multiplies, and Python refuses to read one of thousands of digits.
_MAX_FIGURE_DIGITS = 600

_STARTERS = (
    frozenset(_UNITS) | frozenset(_UNITS_INSIDE) | _TEENS.keys() | _TENS.keys() | _HUNDREDS.keys() | _ONE_THOUSAND
)


def fold_numerals(words: Sequence[str]) -> list[str]:
    """Replace every number among ``words`` by its digits, one digit a word; figures that are digits already are split too.

    ``["двадцать", "пять", "рублей"]`` and ``["25", "рублей"]`` both become ``["2", "5", "рублей"]``: digits that stand alone can be
    counted, and it no longer matters how a recogniser groups a phone number.

    Args:
        words: lower-case words without punctuation; a figure is a word of ASCII digits.
    """
    folded: list[str] = []
    position = 0
    while position < len(words):
        word = words[position]
        if word not in _STARTERS and not word[0].isdigit():
            folded.append(word)
            position += 1
            continue
        number, position = _read_number(words, position)
        # A word that proved to be no number («одну секунду») comes back whole, a number digit by digit.
        folded.extend(number if number[0].isdigit() else [number])
    return folded


def _read_number(words: Sequence[str], start: int) -> tuple[str, int]:
    """The number that starts at ``start`` as digits, and the position after it; a word that proves to be none comes back as is."""
    group, end = _read_below_thousand(words, start)
    if end == start:
        if words[start] in _ONE_THOUSAND:
            return _after_thousands(words, 1000, start + 1)
        return words[start], start + 1
    if end < len(words) and group > 0:
        if words[end] in _MILLIONS:
            return _after_millions(words, group * 1_000_000, end + 1)
        if words[end] in _THOUSANDS:
            return _after_thousands(words, group * 1000, end + 1)
    if words[start].isdigit():
        return words[start], start + 1  # keep leading zeros: «007»
    if end == start + 1 and words[start] in _UNITS_INSIDE:
        return words[start], end
    return str(group), end


def _after_millions(words: Sequence[str], total: int, position: int) -> tuple[str, int]:
    group, end = _read_below_thousand(words, position)
    if end > position and end < len(words) and words[end] in _THOUSANDS:
        return _after_thousands(words, total + group * 1000, end + 1)
    if position < len(words) and words[position] in _ONE_THOUSAND:
        return _after_thousands(words, total + 1000, position + 1)
    return (str(total + group), end) if _spoken(words, position, end) else (str(total), position)


def _after_thousands(words: Sequence[str], total: int, position: int) -> tuple[str, int]:
    group, end = _read_below_thousand(words, position)
    return (str(total + group), end) if _spoken(words, position, end) else (str(total), position)


def _spoken(words: Sequence[str], start: int, end: int) -> bool:
    """True if the tail of a number is made of words; «две тысячи 15» is more likely a number and another one."""
    return end > start and not words[start].isdigit()


def _read_below_thousand(words: Sequence[str], start: int) -> tuple[int, int]:
    """Value and end of the longest number below a thousand at ``start``; ``(0, start)`` if there is none."""
    if start < len(words) and words[start].isdigit():
        return (int(words[start]), start + 1) if len(words[start]) <= _MAX_FIGURE_DIGITS else (0, start)
    value, position = 0, start
    if position < len(words) and words[position] in _HUNDREDS:
        value, position = _HUNDREDS[words[position]], position + 1
    if position < len(words) and words[position] in _TEENS:
        return value + _TEENS[words[position]], position + 1
    if position < len(words) and words[position] in _TENS:
        value, position = value + _TENS[words[position]], position + 1
    if position < len(words):
        unit = _UNITS.get(words[position], _UNITS_INSIDE.get(words[position]))
        # Zero never joins: «двадцать ноль» is two numbers, dictated one after the other.
        if unit or (unit == 0 and position == start):
            return value + unit, position + 1
    return value, position
