"""One stored sample of ``data prepare``, as training reads it back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Literal, NamedTuple

from ..errors import DataFormatError
from ..types import AGENT, LABELS, Message, TurnLabel
from .samples import Reply, Sample, vary_history

#: What a stored sample is: a whole reply, of which every boundary may be judged; a random prefix of one; or a moment of a reply whose
#: pauses were measured, its end among them, which stands for itself.
Cut = Literal["whole", "random", "measured"]
CUTS = ("whole", "random", "measured")
#: Turns before a reply that are stored; as many as ``EncodingSpec`` shows a model by default.
HISTORY_TURNS = 4


class StoredSample(NamedTuple):
    """A row of a file. A tuple, because millions are made and thrown away.

    Attributes:
        sample_id: as ``Sample.sample_id``.
        source: as ``Sample.source``.
        identity: what chance is hashed from, as ``Reply.identity``; ``None`` in files of others, whose context is taken as it stands.
        cut: see :data:`Cut`; ``None`` in files that do not say it.
        label: of the moment.
        text: what had been said.
        turns: role and text of all turns before that are stored, the latest last.
        n_context: so many of ``turns``, the latest, are the protocol's context.
    """

    sample_id: str
    source: str
    identity: str | None
    cut: str | None
    label: TurnLabel
    text: str
    turns: tuple[tuple[str, str], ...]
    n_context: int

    @property
    def reply(self) -> str:
        """Equal for the samples of one reply."""
        return self.identity or self.sample_id.rpartition(":")[0] or self.sample_id

    def protocol(self) -> Sample:
        """As the original protocol shows it, with the latest turn as context."""
        turns = self.turns[len(self.turns) - self.n_context :]
        return Sample(self.sample_id, self.source, _messages(turns), self.text, self.label)

    def varied_context(self, history_turns: int, seed: int) -> tuple[Message, ...]:
        """The context that training shows: the same turns as for the reply that the sample was cut from, see ``samples.vary_history``."""
        if self.identity is None:
            return self.protocol().context
        turns = self.turns[-history_turns:] if history_turns else ()
        if not turns:
            return ()
        reply = Reply("", self.identity, self.source, turns, "")  # type: ignore[arg-type]  # only counted and cut
        return _messages(vary_history(reply, seed=seed).context)  # type: ignore[arg-type]


def _messages(turns: Iterable[tuple[str, str]]) -> tuple[Message, ...]:
    return tuple(Message(role, text) for role, text in turns)


def label_of(name: Any, place: str) -> TurnLabel:
    if name not in LABELS:
        raise DataFormatError(f"{place}: 'label' must be one of {', '.join(LABELS)}")
    return TurnLabel(name)


def cut_of(name: Any, place: str) -> str | None:
    if name is not None and name not in CUTS:
        raise DataFormatError(f"{place}: 'cut' must be one of {', '.join(CUTS)}")
    return str(name) if name is not None else None


def from_json(record: Any, place: str, default_id: str) -> StoredSample:
    """A parsed line of JSONL.

    Raises:
        DataFormatError: not of this shape; names ``place`` and the key.
    """
    if not isinstance(record, dict):
        raise DataFormatError(f"{place}: a sample must be an object")
    text = record.get("message")
    if not isinstance(text, str):
        raise DataFormatError(f"{place}: 'message' must be a string; is this a file of 'turn-detection data prepare'?")
    context = _turns(record, "context", place)
    identity = record.get("identity")
    return StoredSample(
        str(record.get("id", default_id)),
        str(record.get("source", "")),
        str(identity) if identity is not None else None,
        cut_of(record.get("cut"), place),
        label_of(record.get("label"), place),
        text,
        (*_turns(record, "history", place), *context),
        len(context),
    )


def _turns(record: dict[str, Any], key: str, place: str) -> tuple[tuple[str, str], ...]:
    value = record.get(key)
    if value is None:
        return ()
    if isinstance(value, str):
        return ((AGENT, value),) if value else ()
    try:
        turns = tuple((turn["role"], turn["content"]) for turn in value)
    except (TypeError, KeyError):
        turns = ((None, None),)
    if not all(isinstance(role, str) and isinstance(text, str) for role, text in turns):
        raise DataFormatError(f"{place}: '{key}' must be a list of objects with the strings 'role' and 'content'")
    return turns


def texts(samples: Iterable[StoredSample]) -> Iterator[str]:
    """Texts of the stored dialogues, each turn about once, for vocabularies."""
    current, last = "", -1
    for sample in samples:
        if sample.label is not TurnLabel.SPEAK:
            continue
        dialogue, _, index = (sample.identity or "").rpartition(":")
        if not dialogue or not index.isdigit():
            yield from (text for _, text in sample.turns[len(sample.turns) - sample.n_context :])
        else:
            # The turns before were turns of the same dialogue, most of which the sample before has shown.
            position = int(index)
            last = last if dialogue == current else -1
            n_new = max(0, min(len(sample.turns), position - last - 1))
            yield from (text for _, text in sample.turns[len(sample.turns) - n_new :])
            current, last = dialogue, position
        yield sample.text
