"""Dialogues to batches of token rows with targets."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence

import lightning
import numpy as np
import torch
from rich.progress import track
from torch import Tensor
from torch.utils.data import DataLoader, Sampler

from ..data.prepared_split import PreparedSplit, stored
from ..data.samples import Sample, labelled_prefixes, measured_prefixes, replies, vary_history
from ..data.split import Split, unit_hash
from ..data.stored import texts
from ..encoding import Encoder
from ..errors import DataFormatError
from .distributed import process_share
from .stored_rows import stored_rows, stored_validation
from .targets import RowPlan, TargetRow, every_word_row, sample_row

logger = logging.getLogger(__name__)

Batch = dict[str, Tensor]
#: Batches of a pool within which rows are sorted by length.
_POOL = 64


def training_rows(split: Split, encoder: Encoder, plan: RowPlan, *, progress: bool = False) -> list[TargetRow]:
    """Rows of the training part; a reply's context and cut depend on its identity and the seed alone."""
    if isinstance(split, PreparedSplit):
        return list(stored_rows(split, encoder, plan))
    rows: list[TargetRow | None] = []
    for dialogue in track(split.train, "encoding", disable=not progress, transient=True):
        for reply in replies(dialogue, history_turns=encoder.spec.history_turns, openings=plan.openings):
            if unit_hash("keep", plan.seed, reply.identity) >= plan.source_shares.get(reply.source, 1.0):
                continue
            reply = vary_history(reply, seed=plan.seed)
            # Measured pauses are moments of their own, with the weight of an end each; no boundary beside them is judged.
            if plan.cuts == "every_word" and not measured_prefixes(reply):
                rows.append(every_word_row(encoder, reply))
            else:
                rows += [sample_row(encoder, sample) for sample in labelled_prefixes(reply, seed=plan.seed)]
    return [row for row in rows if row is not None]


def validation_samples(split: Split, plan: RowPlan) -> list[Sample]:
    """The original protocol on the held-out part: whole replies and one cut each, one turn of context."""
    if isinstance(split, PreparedSplit):
        return stored_validation(split, plan)
    held_out = [reply for dialogue in split.validation for reply in replies(dialogue, history_turns=1)]
    held_out.sort(key=lambda reply: unit_hash("validation", plan.seed, reply.identity))
    return [
        sample
        for reply in held_out[: plan.max_validation_replies]
        for sample in labelled_prefixes(reply, seed=plan.seed)
    ]


class TurnDataModule(lightning.LightningDataModule):
    """Serves ready rows.

    Args:
        train: rows to train on.
        validation: rows with one target each; scored in order.
        pad_id: id that fills up ``input_ids``.
        batch_size: rows in a batch.
        seed: of the order of batches.
        n_workers: loader processes.
        n_rows: rows to train on where ``train`` does not hold them.
    """

    def __init__(
        self,
        train: Sequence[TargetRow],
        validation: Sequence[TargetRow],
        *,
        pad_id: int,
        batch_size: int,
        seed: int,
        n_workers: int = 0,
        n_rows: int | None = None,
    ) -> None:
        super().__init__()
        self.n_rows = len(train) if n_rows is None else n_rows
        if not self.n_rows or not validation:
            raise DataFormatError(
                f"nothing to train on: {self.n_rows} training and {len(validation)} validation rows; check data.paths and "
                "data.validation_share"
            )
        self.train_rows, self.validation_rows = train, validation
        self.pad_id, self.batch_size, self.seed, self.n_workers = pad_id, batch_size, seed, n_workers

    def identity(self) -> bytes:
        """Differs where the training rows differ in number, order or length."""
        return repr([*map(len, self.train_rows)]).encode()

    def train_dataloader(self) -> DataLoader[TargetRow]:
        sampler = LengthBatches([len(row) for row in self.train_rows], self.batch_size, seed=self.seed)
        return self._loader(self.train_rows, sampler)

    def val_dataloader(self) -> DataLoader[TargetRow]:
        sampler = LengthBatches([len(row) for row in self.validation_rows], 2 * self.batch_size, seed=None)
        return self._loader(self.validation_rows, sampler)

    def _loader(self, rows: Sequence[TargetRow], sampler: Sampler[list[int]]) -> DataLoader[TargetRow]:
        return DataLoader(
            rows,  # type: ignore[arg-type]
            batch_sampler=process_share(sampler),
            collate_fn=collate(self.pad_id),
            num_workers=self.n_workers,
            persistent_workers=self.n_workers > 0,
        )


class LengthBatches(Sampler[list[int]]):
    """Batches of rows of about one length, so that little is padding.

    With a seed the order is that of :func:`mixed_batches`, another one every epoch. Without a seed the order is by length.
    """

    def __init__(self, lengths: Sequence[int], batch_size: int, *, seed: int | None) -> None:
        self.lengths = np.asarray(lengths)
        self.batch_size = batch_size
        self.seed = seed
        self.epoch = 0
        # Lightning tells the epoch to a batch sampler's sampler, never to the batch sampler itself.
        self.sampler = self

    def set_epoch(self, epoch: int) -> None:
        """Lightning calls it, so that a resumed run goes on with the order it would have had."""
        self.epoch = epoch

    def __len__(self) -> int:
        return -(-len(self.lengths) // self.batch_size)

    def __iter__(self) -> Iterator[list[int]]:
        if self.seed is None:
            yield from _batches(np.argsort(self.lengths, kind="stable"), self.batch_size)
            return
        yield from mixed_batches(self.lengths, self.batch_size, np.random.default_rng((self.seed, self.epoch)))


def mixed_batches(lengths: np.ndarray, batch_size: int, chance: np.random.Generator) -> Iterator[list[int]]:
    """Indices of rows in batches of about one length: rows are shuffled, sorted by length within pools, and the batches shuffled again."""
    order = chance.permutation(len(lengths))
    size = _POOL * batch_size
    pools = [order[start : start + size] for start in range(0, len(order), size)]
    batches = [
        batch for pool in pools for batch in _batches(pool[np.argsort(lengths[pool], kind="stable")], batch_size)
    ]
    yield from (batches[index] for index in chance.permutation(len(batches)))


def _batches(order: np.ndarray, batch_size: int) -> Iterator[list[int]]:
    for start in range(0, len(order), batch_size):
        yield order[start : start + batch_size].tolist()


def collate(pad_id: int) -> Callable[[Iterable[TargetRow]], Batch]:
    """Batches as ``input_ids``, ``attention_mask``, ``labels`` ``(batch, n_tokens) int64`` and ``weights`` of that shape, float32."""

    def pad(rows: Iterable[TargetRow]) -> Batch:
        rows = list(rows)
        shape = (len(rows), max(map(len, rows)))
        ids = np.full(shape, pad_id, np.int64)
        mask, labels = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
        weights = np.zeros(shape, np.float32)
        for index, row in enumerate(rows):
            ids[index, : len(row)] = row.input_ids
            mask[index, : len(row)] = 1
            labels[index, row.positions] = row.labels
            weights[index, row.positions] = row.weights
        return {
            "input_ids": torch.from_numpy(ids),
            "attention_mask": torch.from_numpy(mask),
            "labels": torch.from_numpy(labels),
            "weights": torch.from_numpy(weights),
        }

    return pad


def reply_texts(split: Split) -> Iterator[str]:
    """Raw texts of the training part, for vocabularies."""
    if isinstance(split, PreparedSplit):
        yield from texts(stored(split.train_blocks))
    for dialogue in split.train:
        yield from (turn.text for turn in dialogue.turns)
