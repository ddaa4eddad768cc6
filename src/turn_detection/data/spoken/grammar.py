"""Speech that is put together from parts: one template for each entry of a grammar's key list.

Whole parts are held out, not only whole sentences. The hash of a template's name decides on which side it is; the hash
of the grammar's name and the entry hides other parts, bot wordings included, from the templates of the training side.
The guarantee is for each grammar: an opener that one kind of question hides may be heard under another.
"""

from __future__ import annotations

import random
import re
import zlib
from collections.abc import Iterable, Sequence

from ...errors import ConfigurationError
from ...types import TurnLabel
from .phrases.notation import Grammar
from .template import BOTH, WAIT, Build, Draft, Template, pauses, slug

#: The share of templates, and of entries of banks, that training never sees.
HIDDEN_SHARE = 0.12
#: Shorter lists are closed classes (pronouns, modal words): hiding one of six would unteach a word of the language.
MIN_HIDDEN_LIST = 14
_N_TRIES = 400
_N_PROBES = 12

_PART = re.compile(r"<(\w+)>")
_CHOICE = re.compile(r"\[([^\[\]]*)\]")
_GENDER = re.compile(r"(\w+)@(\w*)")


class Writer:
    """Writes marked sentences of one template: one entry of the key, and of the other parts what its side may see."""

    __slots__ = ("_entry", "_key", "_parts", "_rules")

    def __init__(self, grammar: Grammar, entry: str, *, sees_all: bool) -> None:
        self._rules, self._key, self._entry = grammar.rules, grammar.key, entry
        self._parts = {
            name: tuple(entries) if sees_all else visible(grammar.name, entries)
            for name, entries in grammar.parts.items()
        }

    def sentence(self, draft: Draft) -> str:
        """A marked sentence with its slots still open."""
        text = draft.pick(self._rules)
        drawn: set[str] = set()

        def part(match: re.Match[str]) -> str:
            if match[1] == self._key and self._entry not in drawn:
                drawn.add(self._entry)
                return self._entry
            entries = self._parts[match[1]]
            for _ in range(4):
                chosen = draft.pick(entries)
                if chosen not in drawn:
                    break
            drawn.add(chosen)
            return chosen

        while "<" in text or "[" in text:
            # Choices first: a part inside a dropped alternative must not count as drawn.
            while "[" in text:
                text = _CHOICE.sub(lambda match: draft.pick(match[1].split(";")), text)
            text = _PART.sub(part, text)
        if "@" in text:
            feminine = draft.chance(0.5)
            text = _GENDER.sub(lambda match: (match[2] or match[1] + "а") if feminine else match[1], text)
        return text


def is_hidden(name: str) -> bool:
    """True when the templates of this name are held out for validation."""
    return zlib.crc32(name.encode()) % 10_000 < HIDDEN_SHARE * 10_000


def visible(name: str, entries: Sequence[str]) -> tuple[str, ...]:
    """The entries that training templates of the grammar may use."""
    if len(entries) < MIN_HIDDEN_LIST:
        return tuple(entries)
    return tuple(entry for entry in entries if not is_hidden(f"{name}/{slug(entry)}"))


def grammar_templates(family: str, grammars: Iterable[Grammar], marks: str = "|^") -> list[Template]:
    """One template for each entry of each grammar's key; ``marks`` are the cuts that the family is about."""
    templates = []
    for grammar in grammars:
        seen = visible(grammar.name, grammar.bots)
        for entry in dict.fromkeys(grammar.parts[grammar.key]):
            name = f"{grammar.name}/{slug(entry)}"
            held_out = is_hidden(name)
            writer = Writer(grammar, entry, sees_all=held_out)
            if labels := _labels(writer, name, marks):
                bots = grammar.bots if held_out else seen
                templates.append(Template(family, name, bots, labels, _build(writer, name, marks), grammar.free))
    return templates


def _texts(writer: Writer, draft: Draft, label: TurnLabel, marks: str) -> list[str]:
    waits, speaks = pauses(writer.sentence(draft), marks)
    return [text for text in (waits if label is WAIT else speaks) if text]


def _labels(writer: Writer, name: str, marks: str) -> tuple[TurnLabel, ...]:
    draft = Draft(random.Random(name))
    return tuple(label for label in BOTH if any(_texts(writer, draft, label, marks) for _ in range(_N_PROBES)))


def _build(writer: Writer, name: str, marks: str) -> Build:
    def build(draft: Draft, label: TurnLabel) -> str:
        for _ in range(_N_TRIES):
            if texts := _texts(writer, draft, label, marks):
                return draft.fill(draft.pick(texts))
        raise ConfigurationError(f"grammar {name} hardly ever writes a text to {label.value}; mend its rules")

    return build
