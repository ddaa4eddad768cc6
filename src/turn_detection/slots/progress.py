"""How much of a slot a message holds, and what that does to a probability."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

from .counting import dictated
from .dates import date_progress, time_progress
from .expectation import Slot
from .mailbox import email_progress
from .wording import Progress, Said, said

#: A message that stops inside a dictation is hardly an end; the default policy waits two seconds for the rest.
PARTIAL_P = 0.1
#: A message that ends with the last word of its slot is hardly anything else; the default policy waits 0.36 s.
COMPLETE_P = 0.9

_YES_NO = frozenset("да нет ага угу конечно верно правильно точно неа согласен согласна подтверждаю".split())


def progress_of(slot: Slot, message: str) -> Progress:
    """How much of ``slot`` the caller's words hold; what cannot be told is :attr:`Progress.NONE`."""
    if slot.kind == "yes_no":
        return Progress.COMPLETE if message.strip(" .,!?…").lower() in _YES_NO else Progress.NONE
    heard = said(message)
    if heard is None:
        return Progress.NONE
    if slot.kind == "digits":
        return _counted(heard, lambda figures: _by_length(len(figures), slot.lengths))
    return _RULES[slot.kind](heard)


def shifted(p: float, progress: Progress) -> float:
    """``p`` after the rule: at most :data:`PARTIAL_P` for a part, at least :data:`COMPLETE_P` for all, else as it was."""
    if progress is Progress.PARTIAL:
        return min(p, PARTIAL_P)
    return max(p, COMPLETE_P) if progress is Progress.COMPLETE else p


def _counted(heard: Said, judge: Callable[[str], Progress]) -> Progress:
    """Judge the dictation that ends the message."""
    dictation = dictated(heard.words)
    if not dictation.last:
        return Progress.NONE
    progress = judge(dictation.last)
    if progress is Progress.COMPLETE and (heard.is_open or not dictation.is_clean):
        return Progress.NONE
    if progress is Progress.PARTIAL and dictation.n_all > len(dictation.last):
        # Digits before other words: a part of the same number («девятьсот три, код московский, сто два») or of another one.
        return (
            Progress.PARTIAL
            if judge(dictation.last + "0" * (dictation.n_all - len(dictation.last))) is progress
            else Progress.NONE
        )
    return progress


def _by_length(n_digits: int, lengths: tuple[int, ...]) -> Progress:
    """Only the longest lawful number is sure to be over."""
    if n_digits > lengths[-1]:
        return Progress.OVER
    if n_digits == lengths[-1]:
        return Progress.COMPLETE
    return Progress.NONE if n_digits in lengths else Progress.PARTIAL


def _telephone(heard: Said, judge: Callable[[str], Progress]) -> Progress:
    """Numbers of other countries («плюс триста семьдесят пять») have lengths of their own."""
    words = heard.words
    foreign = any(pair[0] == "плюс" and pair[1] != "7" for pair in pairwise((*words, "7")))
    return Progress.NONE if foreign else _counted(heard, judge)


def _phone(figures: str) -> Progress:
    """Ten digits from a 9, eleven after 8 or 7. A landline may be any ten, and its number without the code is shorter."""
    if figures.startswith("9"):
        return _by_length(len(figures), (10,))
    if figures in ("7", "8") or figures.startswith(("79", "89")):
        return _by_length(len(figures), (11,))
    if figures.startswith(("7", "8")):
        return _by_length(len(figures), (5, 6, 7, 10, 11))
    return _by_length(len(figures), (5, 6, 7, 10))


def _home_phone(figures: str) -> Progress:
    """With or without the code of the town: ten digits, or eleven after 8 or 7, are sure to be all."""
    lengths = (5, 6, 7, 10, 11) if figures.startswith(("7", "8")) else (5, 6, 7, 10)
    return _by_length(len(figures), lengths)


def _number(heard: Said) -> Progress:
    """Any number that stands alone and cannot go on («двадцать» can)."""
    is_whole = all(map(str.isdigit, heard.words)) and not heard.is_open
    return Progress.COMPLETE if is_whole else Progress.NONE


_RULES: dict[str, Callable[[Said], Progress]] = {
    "phone": lambda heard: _telephone(heard, _phone),
    "home_phone": lambda heard: _telephone(heard, _home_phone),
    "email": email_progress,
    "date": date_progress,
    "time": time_progress,
    "number": _number,
}
