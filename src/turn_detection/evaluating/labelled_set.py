"""What is judged: labelled pauses, the turns that they came from, and what a reader must know of both."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from .. import held_out
from ..data.samples import labelled_prefixes, replies
from ..data.sources import find_files, read_dialogues
from ..errors import DataFormatError
from ..evaluation.judge import Pause
from ..evaluation.labelled_item import LabelledItem, Tier, grouping
from ..evaluation.moments import HeldOutTurn
from ..evaluation.report import FileFacts
from ..records import Record, read_records
from ..types import LABELS, Dialogue, TurnLabel

#: Samples of made speech that stand in where there is no data, or no turns in it.
N_MADE = 4000
#: Keys of a labelled item that tell where its turn paused; see ``held_out.read_turns``.
_TURN_KEYS = frozenset({"turn", "words", "pause_s"})
_TIERS: tuple[Tier, ...] = ("unambiguous", "ambiguous")
_GROUPING_NOTES = {
    "context": "No item names its dialogue: items of one context were resampled together, and without a context an item with everything "
    "that begins with its words. Intervals may be a little too narrow.",
    "mixed": "Some items name no dialogue: these were resampled by their context, and without one by what they begin with.",
}


@dataclass(frozen=True, slots=True)
class LabelledSet:
    """A set to judge.

    Attributes:
        kind: ``labelled``, ``dialogues``, ``mixed`` or ``made``.
        items: labelled pauses.
        written: the same pauses as somebody wrote them, with case and marks where those are known; in the order of ``items``.
        turns: held-out turns for the curve of cut-offs against delay, and ``turns_name`` what they are.
        turns_on_data: whether they are turns of the data, or made speech in their place.
    """

    name: str
    kind: str
    files: tuple[FileFacts, ...]
    items: tuple[LabelledItem, ...] = field(repr=False)
    written: tuple[Pause, ...] = field(repr=False)
    turns: tuple[HeldOutTurn, ...] = field(repr=False)
    turns_name: str
    turns_on_data: bool
    notes: tuple[str, ...] = ()


def read_set(path: str | Path, *, seed: int = 0) -> LabelledSet:
    """The set in a file or folder: labelled items as ``infer`` reads them, dialogues in every known format, or both.

    A labelled item may name its ``"id"``, ``"dialogue"``, ``"source"``, ``"category"`` (or ``"family"``), ``"tier"`` (``unambiguous`` or
    ``ambiguous``) and ``"soft_label"`` (0..1). A reply of a dialogue becomes two items, as in the original protocol: the whole of it
    is ``speak``, a prefix cut at a random word is ``wait``.

    Raises:
        InputFileNotFoundError, DataFormatError: no such file, not of these formats, nothing in it, or a key of the wrong kind.
        MissingExtraError: made speech is needed and num2words or faker is not installed.
    """
    parts = [_read_file(file, seed) for file in find_files([path])]
    items = [item for part in parts for item in part.items]
    if not items:
        raise DataFormatError(f"{path} holds no items; name labelled items or dialogues with a caller's reply")
    turns = [turn for part in parts for turn in part.turns]
    kinds = {part.kind for part in parts if part.items}
    return _with_notes(
        LabelledSet(
            name=Path(path).name or str(path),
            kind=kinds.pop() if len(kinds) == 1 else "mixed",
            files=tuple(facts for part in parts for facts in part.files),
            items=tuple(items),
            written=tuple(pause for part in parts for pause in part.written),
            turns=tuple(turns) or tuple(held_out.spoken_turns(N_MADE, seed)),
            turns_name="turns of the data" if turns else "whole turns of made telephone speech, templates held out",
            turns_on_data=bool(turns),
        )
    )


def made_set(*, seed: int = 0, n: int = N_MADE) -> LabelledSet:
    """What there is without data: made telephone speech whose templates no training uses, and the project's demonstration dialogues.

    Raises:
        MissingExtraError: num2words or faker is not installed (extra ``cpu``).
    """
    from ..data.spoken import spoken_samples

    items, turns = [], []
    for index, sample in enumerate(spoken_samples(n, seed, part="validation")):
        name, is_end = f"spoken:{seed}:{index}", sample.label is TurnLabel.SPEAK
        items.append(
            LabelledItem(name, sample.context, sample.text, is_end, sample.template_id, "spoken", sample.family)
        )
        if is_end:
            turns.append(HeldOutTurn(name, sample.template_id, sample.context, sample.text))
    written: list[Pause] = [(item.context, item.message) for item in items]
    notes = [
        "Made speech follows patterns that no training uses, but comes from the generator that training uses: it flatters models trained "
        "with it. Bring recordings of your own callers to know how they fare."
    ]
    demo = demo_dialogues()
    files: tuple[FileFacts, ...] = ()
    if demo is None:
        notes.append("The demonstration dialogues are not installed; the set is made speech alone.")
    else:
        part = _read_file(demo, seed)
        files = part.files
        items += part.items
        written += part.written
        turns += part.turns
    return _with_notes(
        LabelledSet(
            name="made speech and demonstration dialogues" if demo else "made speech",
            kind="made",
            files=files,
            items=tuple(items),
            written=tuple(written),
            turns=tuple(turns),
            turns_name="whole turns of this set",
            turns_on_data=True,
            notes=tuple(notes),
        )
    )


def demo_dialogues() -> Path | None:
    """The file of small dialogues: inside an installed package, or at the root of a checkout; ``None`` if it is in neither."""
    here = Path(__file__).resolve().parent.parent
    places = (here / "assets" / "demo_dialogues.jsonl", here.parent.parent / "data" / "demo_dialogues.jsonl")
    return next((place for place in places if place.is_file()), None)


@dataclass(frozen=True, slots=True)
class _Part:
    """What one file holds."""

    kind: str
    files: tuple[FileFacts, ...]
    items: list[LabelledItem]
    written: list[Pause]
    turns: list[HeldOutTurn]


def _read_file(file: Path, seed: int) -> _Part:
    content = file.read_bytes()
    facts = (FileFacts(file.name, hashlib.sha256(content).hexdigest(), len(content)),)
    if not (file.name.endswith(".json") and held_out.holds_moments(file)):
        pairs: list[tuple[LabelledItem, Pause]] = []
        turns: list[HeldOutTurn] = []
        for dialogue in read_dialogues([file], on_malformed="refuse"):
            pairs += _protocol_items(dialogue, seed)
            turns += held_out.dialogue_turns([dialogue])
        return _Part("dialogues", facts, [item for item, _ in pairs], [pause for _, pause in pairs], turns)
    records = read_records(file)
    items = [_labelled(record, index, f"{file}: item {index}") for index, record in enumerate(records)]
    has_turns = any(_TURN_KEYS & record.original.keys() for record in records)
    turns = list(held_out.labelled_turns(records, str(file))) if has_turns else []
    return _Part("labelled", facts, items, [(item.context, item.message) for item in items], turns)


def _protocol_items(dialogue: Dialogue, seed: int) -> Iterator[tuple[LabelledItem, Pause]]:
    for reply in replies(dialogue, history_turns=held_out.HISTORY_TURNS):
        for sample in labelled_prefixes(reply, seed=seed):
            is_end = sample.label is TurnLabel.SPEAK
            item = LabelledItem(
                sample.sample_id, sample.context, sample.text, is_end, reply.identity.rpartition(":")[0], sample.source
            )
            yield item, (sample.context, reply.text if is_end else sample.text)


def _labelled(record: Record, index: int, at: str) -> LabelledItem:
    item = record.original
    if item.get("label") not in LABELS:
        raise DataFormatError(f"{at}: 'label' must be one of {', '.join(LABELS)}")
    tier, soft = item.get("tier"), item.get("soft_label")
    if tier is not None and tier not in _TIERS:
        raise DataFormatError(f"{at}: 'tier' must be one of {', '.join(_TIERS)}")
    is_number = isinstance(soft, int | float) and not isinstance(soft, bool)
    if soft is not None and not (is_number and math.isfinite(soft) and 0.0 <= soft <= 1.0):
        raise DataFormatError(f"{at}: 'soft_label' must be a number from 0 to 1")
    return LabelledItem(
        _name(item, ("id",), at) or str(index),
        record.context,
        record.message,
        item["label"] == TurnLabel.SPEAK.value,
        _name(item, ("dialogue",), at),
        _name(item, ("source",), at),
        _name(item, ("category", "family"), at),
        tier,
        None if soft is None else float(soft),
    )


def _name(item: dict[str, Any], keys: Sequence[str], at: str) -> str | None:
    """The first of some keys that is there, as a string."""
    for key in keys:
        value = item.get(key)
        if value is None or value == "":
            continue
        if isinstance(value, bool) or not isinstance(value, str | int):
            raise DataFormatError(f"{at}: '{key}' must be a string or a whole number")
        return str(value)
    return None


def _with_notes(labelled: LabelledSet) -> LabelledSet:
    """Add what the data itself makes worth saying."""
    notes = list(labelled.notes)
    note = _GROUPING_NOTES.get(grouping(labelled.items))
    if note:
        notes.append(note)
    if len({item.is_end for item in labelled.items}) < 2:
        notes.append("All items carry one label: figures that need both cannot be had.")
    if any(item.dialogue and item.source != "spoken" for item in labelled.items) and labelled.kind != "labelled":
        notes.append(
            "Replies of dialogues were judged by the original protocol: a whole reply is speak, one random prefix of it is wait. A "
            "prefix that could stand alone still counts as wait, so no judge can be right everywhere."
        )
    if not labelled.turns_on_data:
        notes.append(
            "The data tells no pauses inside turns: cut-offs against delay are of made speech, templates held out, and not of the data."
        )
    return replace(labelled, notes=tuple(notes))
