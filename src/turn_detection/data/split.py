"""Train and validation parts, split by dialogue with near-duplicates kept together.

Chance comes from identity: a group's side is a hash of its dialogues' texts, so neither order nor the number of workers, nor the file
a dialogue came in, changes it.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Literal

from ..errors import InvalidInputError
from ..text import normalise
from ..types import AGENT, Dialogue

logger = logging.getLogger(__name__)

#: Two dialogues that share a reply of so many words are near-duplicates; shorter replies are shared by chance.
MIN_SHARED_WORDS = 5
#: Whose shared replies make near-duplicates; ``"client"`` is for bots that say the same lines in every call.
Speakers = Literal["all", "client"]
#: Largest set of near-duplicates that may be held out, in dialogues.
MAX_GROUP = 100


def unit_hash(*parts: object) -> float:
    """A number in [0, 1) that depends on ``parts`` alone (BLAKE2b, 8 bytes, divided by 2**64)."""
    digest = hashlib.blake2b("\x1f".join(map(str, parts)).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64


@dataclass(frozen=True, slots=True)
class LeakReport:
    """What a reader of the split wants to know; ``shared_*`` must be zero.

    ``largest_group`` is the number of dialogues in the largest set of near-duplicates.
    """

    n_train_dialogues: int
    n_validation_dialogues: int
    n_groups: int
    largest_group: int
    n_duplicate_dialogues: int
    shared_dialogues: int
    shared_replies: int

    def to_dict(self) -> dict[str, int]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Split:
    train: tuple[Dialogue, ...]
    validation: tuple[Dialogue, ...]
    report: LeakReport


def fingerprint(dialogue: Dialogue) -> str:
    """Normalised text of a whole dialogue, a line a turn; equal for copies."""
    return "\n".join(normalise(turn.text) for turn in dialogue.turns)


def long_replies(fingerprint: str) -> set[str]:
    """Normalised turns of at least :data:`MIN_SHARED_WORDS` words."""
    return {text for text in fingerprint.split("\n") if text.count(" ") >= MIN_SHARED_WORDS - 1}


def shared_by(dialogue: Dialogue, speakers: Speakers = "all") -> set[str]:
    """What another dialogue must not say on the other side of a split: long replies, of all or of those who are not the agent."""
    if speakers == "all":
        return long_replies(fingerprint(dialogue))
    return long_replies("\n".join(normalise(turn.text) for turn in dialogue.turns if turn.role != AGENT))


def split_dialogues(
    dialogues: Iterable[Dialogue],
    validation_share: float,
    *,
    seed: int = 0,
    max_group: int = MAX_GROUP,
    near_duplicates: Speakers = "all",
) -> Split:
    """Split into train and validation; exact copies of a dialogue are dropped but for the first.

    A group of near-duplicates goes to validation if the hash of its smallest member falls under ``validation_share``. Groups larger
    than ``max_group`` dialogues (chains of stock phrases) always train: one of them could be the whole validation part. The limit is a
    number and no share, so that the size of the corpus moves no group to the other side. ``near_duplicates`` says whose replies count.

    Raises:
        InvalidInputError: a share outside 0..1.
    """
    if not 0.0 <= validation_share < 1.0:
        raise InvalidInputError(f"validation_share must be at least 0 and below 1, got {validation_share}")
    kept: dict[str, Dialogue] = {}
    n_read = 0
    for dialogue in dialogues:
        n_read += 1
        kept.setdefault(fingerprint(dialogue), dialogue)
    prints, unique = list(kept), list(kept.values())
    if near_duplicates == "all":
        replies = [long_replies(text) for text in prints]
    else:
        replies = [shared_by(dialogue, near_duplicates) for dialogue in unique]
    groups = _group(replies)

    train: list[Dialogue] = []
    validation: list[Dialogue] = []
    seen: tuple[set[str], set[str]] = (set(), set())
    for members in groups:
        chance = min(unit_hash("split", seed, prints[index]) for index in members)
        # The least of n uniform numbers is under s with probability 1-(1-s)**n; asking for this keeps the share honest.
        held_out = len(members) <= max_group and 1 - (1 - chance) ** len(members) < validation_share
        (validation if held_out else train).extend(unique[index] for index in members)
        for index in members:
            seen[held_out].update(replies[index])
    # Counted from the parts themselves, not from what they were made of: a report that could not show a leak would be none.
    report = LeakReport(
        n_train_dialogues=len(train),
        n_validation_dialogues=len(validation),
        n_groups=len(groups),
        largest_group=max(map(len, groups), default=0),
        n_duplicate_dialogues=n_read - len(unique),
        shared_dialogues=len(set(map(fingerprint, train)) & set(map(fingerprint, validation))),
        shared_replies=len(seen[0] & seen[1]),
    )
    logger.info("split: %s", report.to_dict())
    return Split(tuple(train), tuple(validation), report)


def _group(replies: Sequence[set[str]]) -> list[list[int]]:
    """Indices of dialogues that share a reply, directly or in a chain (union-find with path halving)."""
    parent = list(range(len(replies)))

    def root(index: int) -> int:
        while parent[index] != index:
            parent[index] = parent[parent[index]]
            index = parent[index]
        return index

    first: dict[str, int] = {}
    for index, texts in enumerate(replies):
        for text in texts:
            a, b = root(first.setdefault(text, index)), root(index)
            if a != b:
                parent[max(a, b)] = min(a, b)
    groups: dict[int, list[int]] = {}
    for index in range(len(replies)):
        groups.setdefault(root(index), []).append(index)
    return list(groups.values())
