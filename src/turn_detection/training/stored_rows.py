"""Stored samples to rows: the same rows as of the dialogues that ``data prepare`` read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from heapq import nsmallest
from itertools import islice
from typing import TypeVar

from ..data.blocks import Block
from ..data.prepared_split import PreparedSplit, stored
from ..data.samples import Sample
from ..data.split import unit_hash
from ..data.stored import StoredSample
from ..encoding import Encoder
from ..errors import ConfigurationError
from .targets import RowPlan, TargetRow, every_word_targets, sample_target

#: Samples that are tokenised at a time.
BATCH_ITEMS = 1024

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class RowMaker:
    """Makes the rows of stored samples as a plan asks for them."""

    encoder: Encoder
    plan: RowPlan

    @property
    def takes_all(self) -> bool:
        """Whether every sample is a row, so that nothing has to be read to know how many there are."""
        return self.plan.cuts == "random" and all(share >= 1 for share in self.plan.source_shares.values())

    def takes(self, reply: str, source: str, cut: str | None) -> bool:
        """Whether a sample becomes a row; the arguments are those of ``Block.marks``.

        Raises:
            ConfigurationError: every word is asked for and the file does not tell whole replies from prefixes.
        """
        if self.plan.cuts == "every_word":
            if cut is None:
                raise ConfigurationError(
                    "train.cuts=every_word needs samples that say what they are (the column 'cut'): run 'turn-detection data "
                    "prepare' again, or set --train.cuts=random"
                )
            if cut == "random":
                return False
        share = self.plan.source_shares.get(source, 1.0)
        return share >= 1 or unit_hash("keep", self.plan.seed, reply) < share

    def count(self, block: Block) -> int:
        """Samples of ``block`` that become rows."""
        return block.n_samples if self.takes_all else sum(self.takes(*mark) for mark in block.marks())

    def taken(self, samples: Iterable[StoredSample]) -> Iterator[StoredSample]:
        if self.takes_all:
            return iter(samples)
        return (sample for sample in samples if self.takes(sample.reply, sample.source, sample.cut))

    def rows(self, samples: Sequence[StoredSample]) -> list[TargetRow | None]:
        """A row for each sample, ``None`` where nothing readable was said."""
        n_turns, seed = self.encoder.spec.history_turns, self.plan.seed
        encoded = self.encoder.encode_words_batch(
            (sample.varied_context(n_turns, seed), sample.text) for sample in samples
        )
        every_word = self.plan.cuts == "every_word"
        return [
            every_word_targets(words) if every_word and sample.cut == "whole" else sample_target(words, sample.label)
            for sample, words in zip(samples, encoded, strict=True)
        ]


def stored_rows(split: PreparedSplit, encoder: Encoder, plan: RowPlan) -> Iterator[TargetRow]:
    """Rows of the training part in the order of the files."""
    maker = RowMaker(encoder, plan)
    for samples in in_batches(maker.taken(stored(split.train_blocks)), BATCH_ITEMS):
        yield from (row for row in maker.rows(samples) if row is not None)


def stored_validation(split: PreparedSplit, plan: RowPlan) -> list[Sample]:
    """The samples of ``plan.max_validation_replies`` held-out replies, chosen and ordered as from the dialogues."""

    def chance(reply: str) -> float:
        return unit_hash("validation", plan.seed, reply)

    def replies() -> Iterator[float]:
        last = None
        for block in split.validation_blocks:
            for reply, _, _ in block.marks():
                if reply != last:
                    yield chance(reply)
                last = reply

    chosen = set(nsmallest(plan.max_validation_replies, replies()))
    found = [
        (place, sample.protocol())
        for sample in stored(split.validation_blocks)
        if (place := chance(sample.reply)) in chosen
    ]
    return [sample for _, sample in sorted(found, key=lambda entry: entry[0])]


def in_batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    items = iter(items)
    while batch := list(islice(items, size)):
        yield batch
