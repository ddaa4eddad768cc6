"""Dates of birth and times of day said aloud."""

from __future__ import annotations

from .wording import Progress, Said

_MONTHS = frozenset(
    "январь февраль март апрель май июнь июль август сентябрь октябрь ноябрь декабрь "
    "января февраля марта апреля мая июня июля августа сентября октября ноября декабря".split()
)
_UNITS = "перв втор треть четверт пят шест седьм восьм девят".split()
_ROUND = (
    "десят одиннадцат двенадцат тринадцат четырнадцат пятнадцат шестнадцат семнадцат восемнадцат девятнадцат двадцат тридцат "
    "сороков пятидесят шестидесят семидесят восьмидесят девяност двухтысячн"
).split()
_UNIT_ORDINALS = frozenset(stem + ending for stem in _UNITS for ending in ("ого", "ое", "ье", "его", "ый", "ой", "ий"))
_UNIT_ORDINALS |= {"третьего", "третье", "третий"}
_ROUND_ORDINALS = frozenset(stem + ending for stem in _ROUND for ending in ("ого", "ое", "ый", "ой"))
_YEAR = frozenset({"год", "года", "году", "г"})
_PART_OF_DAY = frozenset({"утра", "вечера", "дня", "ночи"})
_WHOLE_TIMES = frozenset({"полдень", "полночь"})
_HALVES = frozenset({"половина", "половине", "половину", "пол", "без", "четверть"})


def date_progress(heard: Said) -> Progress:
    """Day, month and year. Complete when the year is; a part while it is missing or just begun («тысяча девятьсот»)."""
    words = heard.words
    month = max((index for index, word in enumerate(words) if word in _MONTHS), default=-1)
    if month < 0:
        return _without_month(heard)
    if month == 0 or not _is_day(words[month - 1]):
        return Progress.NONE
    return _year(words[month + 1 :], is_open=heard.is_open)


def _year(words: tuple[str, ...], *, is_open: bool) -> Progress:
    """What stands after the month."""
    words = words[1:] if words[:1] == ("год",) else words  # «восемнадцатого ноября, год 1951»
    figures = [word for word in words if word.isdigit()]
    if not words or words == ("1", "9", "0", "0"):
        return Progress.PARTIAL
    if words[-1] in _YEAR and len(words) > 1:
        return Progress.COMPLETE
    if words[-1] in _ROUND_ORDINALS or (words[-1] in _UNIT_ORDINALS and figures):
        return Progress.COMPLETE
    # Two figures are a year unless they may begin one: «19», «20».
    is_year = (len(words) == 4 and words[0] in "12") or (len(words) == 2 and words not in (("1", "9"), ("2", "0")))
    if len(figures) == len(words) and is_year and not is_open:
        return Progress.COMPLETE
    return Progress.NONE


def _without_month(heard: Said) -> Progress:
    """A day alone is a part; eight figures with a year among them («12.05.1985») are all."""
    figures = "".join(word for word in heard.words if word.isdigit())
    if len(figures) == 8 and heard.words[-8:] == tuple(figures) and figures[4:6] in ("19", "20") and not heard.is_open:
        return Progress.COMPLETE
    if len(heard.words) <= 3 and all(map(_is_day, heard.words)):
        return Progress.PARTIAL
    return Progress.NONE


def _is_day(word: str) -> bool:
    return word.isdigit() or word in _UNIT_ORDINALS or word in _ROUND_ORDINALS


def time_progress(heard: Said) -> Progress:
    """Complete with a part of the day («в пять вечера»), with hour and minutes, or «полдень»; a part after «половина», «без».

    An hour alone is left to the network: minutes may follow it.
    """
    words = heard.words
    if words[-1] in _WHOLE_TIMES or (len(words) > 1 and words[-1] in _PART_OF_DAY and words[-2].isdigit()):
        return Progress.COMPLETE
    if words[-1] in _HALVES:
        return Progress.PARTIAL
    figures = words[-4:]
    if len(figures) == 4 and all(map(str.isdigit, figures)) and not heard.is_open:
        hour, minute = int(figures[0] + figures[1]), int(figures[2] + figures[3])
        return Progress.COMPLETE if hour < 24 and minute < 60 else Progress.NONE
    return Progress.NONE
