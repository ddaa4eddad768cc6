"""A labelled pause as the report sees it, and what is resampled together where nobody names the dialogue."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from ..text import normalise
from ..types import Context, as_messages

Tier = Literal["unambiguous", "ambiguous"]


@dataclass(frozen=True, slots=True)
class LabelledItem:
    """A pause and whether the turn was over.

    Attributes:
        item_id: named in lists of misses.
        dialogue: items of one dialogue are resampled together; ``None`` where nobody knows, see :func:`group_names`.
        is_end: label ``speak``.
        source, category: as the data names them.
        tier: whether the words alone settle the label, if the data says so.
        soft_label: how often such words end a turn, 0..1, if the data says so.
    """

    item_id: str
    context: Context = field(repr=False)
    message: str = field(repr=False)
    is_end: bool
    dialogue: str | None = None
    source: str | None = None
    category: str | None = None
    tier: Tier | None = None
    soft_label: float | None = None


def group_names(items: Sequence[LabelledItem]) -> list[str]:
    """The name of each item's group: its dialogue, or else what keeps an item and its own prefix together.

    Without a dialogue, items of one context belong together; without a context, an item and everything that begins with its words. Names
    never leave this process.
    """
    groups = [None if item.dialogue is None else f"dialogue\x1f{item.dialogue}" for item in items]
    lone: list[tuple[str, int]] = []
    for index, item in enumerate(items):
        if groups[index] is not None:
            continue
        said = context_text(item.context)
        if said:
            groups[index] = f"context\x1f{said}"
        else:
            lone.append((normalise(item.message), index))
    root = ""
    for words, index in sorted(lone):
        # Whatever begins with a text follows it in order, so the first text of a group is the beginning of all of it.
        if not root or not f"{words} ".startswith(f"{root} "):
            root = words
        groups[index] = f"message\x1f{root}"
    return [group or "" for group in groups]


def grouping(items: Sequence[LabelledItem]) -> str:
    """``dialogue``, ``context`` or ``mixed``: what :func:`group_names` went by."""
    named = sum(item.dialogue is not None for item in items)
    return "dialogue" if named == len(items) else "mixed" if named else "context"


def context_text(context: Context) -> str:
    """All turns of a context as the model reads them, a line a turn."""
    return "\n".join(f"{message.role}: {text}" for message in as_messages(context) if (text := normalise(message.text)))
