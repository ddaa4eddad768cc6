"""Answers of one to three words by the bot's question, and beginnings that are just as short."""

from __future__ import annotations

from . import replies_circumstance, replies_measure, replies_plain
from .notation import Grammar

_KINDS = {**replies_plain.KINDS, **replies_measure.KINDS, **replies_circumstance.KINDS}


_FILLED = (
    "[эээ;ээ;э;ммм;мм;ну;нууу;хм;так;вот;ну вот;ну это;как бы;ну как бы;эм;ой;а;значит;ну значит;это самое;ну так;"
    "короче;в общем]"
)
_AFTER = "[вот;наверное;как-то так;ну вот;короче;в общем]"


def _keys(whole: tuple[str, ...]) -> tuple[str, ...]:
    """One word is what bots wait for in vain: longer answers share a key by twos, so that one word weighs more."""
    longer = [answer for answer in whole if " " in answer]
    pairs = ("[" + ";".join(longer[place : place + 2]) + "]" for place in range(0, len(longer), 2))
    return (*(answer for answer in whole if " " not in answer), *pairs)


def _answers(kind: str) -> tuple[Grammar, ...]:
    bots, whole, begun = _KINDS[kind]
    said, opened = ("<whole>",) * 7, ("<begun> |",) * 4
    return (
        Grammar(f"{kind}-whole", bots, (*said, "[ну;эээ;ммм] <whole>"), {"whole": _keys(whole)}, "whole"),
        Grammar(f"{kind}-begun", bots, (*opened, "[ну;эээ;ммм] <begun> |"), {"begun": begun}, "begun"),
    )


def _with_fillers(kind: str) -> Grammar:
    bots, whole, _ = _KINDS[kind]
    rules = (f"{_FILLED} | <whole>", f"{_FILLED} | {_FILLED} | <whole>", f"<whole> {_AFTER}")
    return Grammar(f"{kind}-whole", bots, rules, {"whole": _keys(whole)}, "whole")


ELLIPTIC: tuple[Grammar, ...] = tuple(grammar for kind in _KINDS for grammar in _answers(kind))
FILLED: tuple[Grammar, ...] = tuple(map(_with_fillers, _KINDS))
#: Questions by kind, for whoever needs a fitting bot line.
ASKED: dict[str, tuple[str, ...]] = {kind: bots for kind, (bots, _, _) in _KINDS.items()}
