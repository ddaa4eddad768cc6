"""How phrase grammars are written down.

On top of the marks of marked sentences (``|``, ``^``, ``/``) and of ``{slot}``:

* ``[а;б;]`` is one of the alternatives, which may be empty and may nest;
* ``<part>`` is one entry of the grammar's list of that name; two draws of one sentence differ;
* ``заказал@`` is «заказал» or «заказала», ``нашёл@нашла`` is either word: one speaker, one gender.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product

_CHOICE = re.compile(r"\[([^\[\]]*)\]")


@dataclass(frozen=True, slots=True)
class Grammar:
    """Sentences of one kind of speech under one kind of question.

    Attributes:
        name: stable; with an entry of ``key`` it names a template.
        bots: the bot's lines, alternatives written out (see :func:`lines`).
        rules: marked sentences of the notation above, all equally likely.
        parts: lists that rules name.
        key: the part that is held out whole: each of its entries makes one template.
        free: share of samples with no bot line.
    """

    name: str
    bots: tuple[str, ...]
    rules: tuple[str, ...]
    parts: Mapping[str, Sequence[str]]
    key: str
    free: float = 0.0


def spread(*patterns: str) -> tuple[str, ...]:
    """One pattern for each alternative of the first choice: finer entries of a key, so that whole words are held out."""
    made: list[str] = []
    for pattern in patterns:
        if match := _CHOICE.search(pattern):
            made += (pattern[: match.start()] + option + pattern[match.end() :] for option in match[1].split(";"))
        else:
            made.append(pattern)
    return tuple(dict.fromkeys(" ".join(entry.split()) for entry in made))


def lines(*patterns: str) -> tuple[str, ...]:
    """Every line that the patterns' alternatives can make, each once, in a stable order."""
    made: list[str] = []
    for pattern in patterns:
        pieces = _CHOICE.split(pattern)
        options = [piece.split(";") if index % 2 else [piece] for index, piece in enumerate(pieces)]
        if any(mark in piece for piece in pieces for mark in "[]"):
            raise ValueError(f"alternatives of a bot line do not nest: {pattern}")
        made += (" ".join("".join(chosen).split()) for chosen in product(*options))
    return tuple(dict.fromkeys(line[:1].upper() + line[1:] for line in made))
