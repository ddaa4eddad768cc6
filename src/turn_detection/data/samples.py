"""Dialogues to labelled prefixes.

The protocol is the original system's: a whole reply is ``speak``, a prefix cut at a uniformly random word boundary is ``wait``. Where
a model can take it, training uses every boundary with the weight that the random cut gives it in expectation: 1 for the end,
``1 / (n - 1)`` for each of the other ``n - 1``.

Where the pauses of a reply were measured, they are its ``wait`` moments, all of them and no other boundary: there the question was asked
and the answer is known. A reply that was spoken in one breath keeps the random cut, so that both labels stay about as frequent.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from ..text import normalise
from ..types import AGENT, CLIENT, Dialogue, Message, Pause, TurnLabel
from .split import unit_hash

#: How far back in the sequence lent exchanges may come from.
_LENDERS = 200


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole reply with the turns before it.

    ``reply_id`` tells where it stands (file, dialogue, turn); ``identity`` tells what it is, a digest of the dialogue's text and the
    turn's number, and is what chance is hashed from. ``pauses`` are the turn's own, see :class:`~..types.Turn`.
    """

    reply_id: str
    identity: str
    source: str
    context: tuple[Message, ...]
    text: str
    pauses: tuple[Pause, ...] | None = None


@dataclass(frozen=True, slots=True)
class Sample:
    """A labelled moment of a turn: what has been said so far, and whether that was all; ``pause_s`` is the silence where it was measured."""

    sample_id: str
    source: str
    context: tuple[Message, ...]
    text: str
    label: TurnLabel
    pause_s: float | None = None

    def to_dict(self) -> dict[str, object]:
        """Plain JSON; ``context`` as messages, ``label`` by its public name, ``pause_s`` only where it is known."""
        return {
            "id": self.sample_id,
            "source": self.source,
            "context": [{"role": message.role, "content": message.text} for message in self.context],
            "message": self.text,
            "label": self.label.value,
            **({} if self.pause_s is None else {"pause_s": self.pause_s}),
        }


def replies(dialogue: Dialogue, *, history_turns: int = 1, openings: bool = False) -> Iterator[Reply]:
    """Every reply of a dialogue; where roles are known, the client's only.

    Args:
        dialogue: a finished dialogue.
        history_turns: turns of context before the reply, the latest ones.
        openings: also the first turn of a dialogue without roles, which answers nothing: a whole utterance with no context.
    """
    digest = hashlib.blake2b("\n".join(turn.text for turn in dialogue.turns).encode(), digest_size=12).hexdigest()
    for index, turn in enumerate(dialogue.turns):
        # A client's first words answer the line that picked up the phone, which chats do not hold: the context is empty.
        is_opening = turn.role is None and index == 0
        if turn.role == AGENT or (is_opening and not openings) or not normalise(turn.text):
            continue
        before = dialogue.turns[max(0, index - history_turns) : index] if history_turns else ()
        yield Reply(
            reply_id=f"{dialogue.dialogue_id}:{index}",
            identity=f"{digest}:{index}",
            source=dialogue.source,
            context=tuple(
                Message(_role(past.role, len(before) - place), past.text) for place, past in enumerate(before)
            ),
            text=turn.text,
            pauses=turn.pauses,
        )


def _role(role: str | None, distance: int) -> str:
    """Turns without a role alternate; the one just before the reply is the agent's."""
    return role or (AGENT if distance % 2 else CLIENT)


def cut(reply: Reply, *, seed: int = 0) -> int | None:
    """Number of words of the random prefix, 1..n-1 of the normalised reply; ``None`` for one word."""
    n_words = normalise(reply.text).count(" ") + 1
    if n_words < 2:
        return None
    return 1 + int(unit_hash("cut", seed, reply.identity) * (n_words - 1))


def measured_prefixes(reply: Reply) -> dict[str, float]:
    """What had been said at each measured pause, normalised, with its seconds; what equals the whole reply is no pause inside it."""
    heard: dict[str, float] = {}
    if not reply.pauses:
        return heard
    for pause in reply.pauses:
        text = normalise(reply.text[: pause.offset])
        heard[text] = max(heard.get(text, 0.0), pause.length_s)
    for text in ("", normalise(reply.text)):
        heard.pop(text, None)
    return heard


def labelled_prefixes(reply: Reply, *, seed: int = 0) -> Iterator[Sample]:
    """The whole reply as ``speak``; as ``wait`` its measured pauses, or one random prefix if there is none and it has two words or more."""
    words = normalise(reply.text).split()
    if not words:
        return
    yield Sample(f"{reply.reply_id}:end", reply.source, reply.context, " ".join(words), TurnLabel.SPEAK)
    measured = measured_prefixes(reply)
    for text, pause_s in measured.items():
        sample_id = f"{reply.reply_id}:{text.count(' ') + 1}"
        yield Sample(sample_id, reply.source, reply.context, text, TurnLabel.WAIT, round(pause_s, 3))
    n_words = None if measured else cut(reply, seed=seed)
    if n_words:
        yield Sample(
            f"{reply.reply_id}:{n_words}", reply.source, reply.context, " ".join(words[:n_words]), TurnLabel.WAIT
        )


def protocol_samples(dialogues: Iterable[Dialogue], *, seed: int = 0, history_turns: int = 1) -> Iterator[Sample]:
    """Samples of the original protocol for whole dialogues."""
    for dialogue in dialogues:
        for reply in replies(dialogue, history_turns=history_turns):
            yield from labelled_prefixes(reply, seed=seed)


def lend_history(samples: Iterable[Sample], *, share: float, seed: int = 0) -> Iterator[Sample]:
    """Put one or two finished exchanges before the context of a ``share`` of the samples: whole answers from earlier in the sequence.

    Made moments know their last bot line only; a call has more behind it, which must not disturb the verdict.
    """
    answered: deque[Sample] = deque(maxlen=_LENDERS)
    for index, sample in enumerate(samples):
        lent: tuple[Message, ...] = ()
        if sample.context and answered and unit_hash("lend", seed, index) < share:
            n_exchanges = 1 + int(unit_hash("exchanges", seed, index) * 2)
            for turn in range(n_exchanges):
                other = answered[int(unit_hash("lender", seed, index, turn) * len(answered))]
                lent += (*other.context, Message(CLIENT, other.text))
        if sample.context and sample.label is TurnLabel.SPEAK:
            answered.append(sample)
        yield replace(sample, context=(*lent, *sample.context)) if lent else sample


def vary_history(reply: Reply, *, seed: int = 0, drop_share: float = 0.08, single_share: float = 0.67) -> Reply:
    """Give one model all forms of context: none for ``drop_share`` of replies, one turn for ``single_share``, all for the rest."""
    chance = unit_hash("history", seed, reply.identity)
    keep = 0 if chance < drop_share else 1 if chance < drop_share + single_share else len(reply.context)
    return replace(reply, context=reply.context[len(reply.context) - keep :])
