"""Batches of a training set that memory does not hold.

An epoch is an order of blocks, drawn from the seed and the epoch's number, and so an order of all rows. Each process takes one stretch
of it, and each of its loader workers a stretch of that, so that nobody needs to know of the others. A worker reads its stretch pool by
pool: ``shuffle_rows`` rows from several blocks are encoded, mixed, and batched by length. Where each pool begins is known beforehand,
so a resumed run starts at the pool in which it stopped.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

import numpy as np
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from ..data.blocks import Block
from ..data.stored import StoredSample
from ..errors import DataFormatError
from .datamodule import Batch, collate, mixed_batches
from .stored_rows import BATCH_ITEMS, RowMaker, in_batches
from .targets import TargetRow


class RowStream(IterableDataset[Batch]):
    """One epoch of one process.

    Args:
        blocks: of the training part.
        maker: of the rows.
        batch_size: rows in a batch.
        shuffle_rows: rows in a pool; about 1 KB each, in every worker.
        seed: of the order.
        rank, n_processes: this process among those that train together; all give the same number of batches, for which up to
            ``n_processes`` - 1 rows are given twice.

    Attributes:
        n_rows: rows of an epoch, over all processes.
        epoch: whose order comes; set it before iterating.
        n_done: batches to leave out at the beginning, because a run was resumed behind them.

    Raises:
        DataFormatError: no rows at all.
    """

    def __init__(
        self,
        blocks: Sequence[Block],
        maker: RowMaker,
        *,
        batch_size: int,
        shuffle_rows: int,
        seed: int,
        rank: int = 0,
        n_processes: int = 1,
    ) -> None:
        self.counts = np.asarray([maker.count(block) for block in blocks], np.int64)
        self.n_rows = int(self.counts.sum())
        if not self.n_rows:
            raise DataFormatError(
                "nothing to train on: the prepared files hold no training sample that data.* and train.cuts let through"
            )
        self.blocks, self.maker, self.batch_size, self.seed = blocks, maker, batch_size, seed
        self.pool_size = max(1, shuffle_rows // batch_size) * batch_size
        self.epoch = self.n_done = 0
        self.share(rank, n_processes)

    def share(self, rank: int, n_processes: int) -> None:
        """Say which process this is; see the class."""
        self.rank = rank
        self.n_own_rows = -(-self.n_rows // n_processes)

    def __len__(self) -> int:
        return -(-self.n_own_rows // self.batch_size)

    def __iter__(self) -> Iterator[Batch]:
        info = get_worker_info()
        n_workers = info.num_workers if info else 1
        # The loader asks its first worker first; in a resumed epoch that is whose turn it was.
        worker = (info.id + self.n_done) % n_workers if info else 0
        pad = collate(self.maker.encoder.pad_id)
        for rows in self._batches(worker, n_workers):
            yield pad(rows)

    def _batches(self, worker: int, n_workers: int) -> Iterator[list[TargetRow]]:
        # The loader takes a batch of each worker in turn; the first workers have one more where the number does not divide.
        share, rest = divmod(len(self), n_workers)
        first = worker * share + min(worker, rest)
        begin = min(first * self.batch_size, self.n_own_rows)
        end = min((first + share + (worker < rest)) * self.batch_size, self.n_own_rows)
        n_done = len(range(worker, self.n_done, n_workers))
        n_pools, n_done = divmod(n_done, self.pool_size // self.batch_size)
        begin += n_pools * self.pool_size
        samples = self._samples(self.rank * self.n_own_rows + begin, end - begin)
        for start in range(begin, end, self.pool_size):
            chance = np.random.default_rng((self.seed, self.epoch, self.rank, start))
            pool = self._pool(islice(samples, min(self.pool_size, end - start)), chance)
            yield from islice(pool, n_done, None)
            n_done = 0

    def _pool(self, samples: Iterator[StoredSample], chance: np.random.Generator) -> Iterator[list[TargetRow]]:
        rows = self._rows(samples)
        for indices in mixed_batches(np.asarray([len(row) for row in rows]), self.batch_size, chance):
            yield [rows[index] for index in indices]

    def _samples(self, begin: int, n: int) -> Iterator[StoredSample]:
        """``n`` samples of the epoch's order from ``begin`` on; behind the end it begins again."""
        order = np.random.default_rng((self.seed, self.epoch)).permutation(len(self.blocks))
        ends = np.cumsum(self.counts[order])
        begin %= self.n_rows
        place = int(np.searchsorted(ends, begin, side="right"))
        skip = begin - int(ends[place] - self.counts[order[place]])
        while n > 0:
            index = order[place % len(order)]
            n_here = min(n, int(self.counts[index]) - skip)
            yield from islice(self.maker.taken(self.blocks[index].read()), skip, skip + n_here)
            n -= n_here
            place, skip = place + 1, 0

    def _rows(self, samples: Iterator[StoredSample]) -> list[TargetRow]:
        rows = [row for chunk in in_batches(samples, BATCH_ITEMS) for row in self.maker.rows(chunk)]
        readable = [row for row in rows if row is not None]
        if not readable:
            raise DataFormatError(f"none of {len(rows)} training samples holds a readable word")
        # The number of batches is promised; a sample without words gives its place to another one of the pool.
        return [readable[index % len(readable)] if row is None else row for index, row in enumerate(rows)]


class StreamLoader:
    """Epochs of a :class:`RowStream` through torch's loader, in the form that Lightning resumes in the middle of an epoch.

    Args:
        stream: what is read.
        n_workers: loader processes; each holds a pool of its own.
    """

    def __init__(self, stream: RowStream, n_workers: int = 0) -> None:
        self.stream, self.n_workers = stream, n_workers
        self.epoch = 0
        self._resumed = {"epoch": -1, "batches": 0}
        self._given = 0
        # Lightning tells the epoch to whatever is called sampler.
        self.sampler = self

    def set_epoch(self, epoch: int) -> None:
        """Lightning calls it before every epoch."""
        self.epoch = epoch

    def state_dict(self) -> dict[str, Any]:
        """Where the stream stands: the epoch and how many batches of it this process was given."""
        return {"epoch": self.epoch, "batches": self._given}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Let the epoch of ``state`` begin behind the batches that were given."""
        self._resumed = {"epoch": int(state["epoch"]), "batches": int(state["batches"])}

    def __len__(self) -> int:
        return len(self.stream)

    def __iter__(self) -> Iterator[Batch]:
        # Nothing happens before the first batch is asked for: by then the epoch is known.
        resumed, self._resumed = self._resumed, {"epoch": -1, "batches": 0}
        self._given = resumed["batches"] if resumed["epoch"] == self.epoch else 0
        self.stream.epoch, self.stream.n_done = self.epoch, self._given
        # New workers every epoch: those of the last one would not hear of the new order.
        loader: DataLoader[Batch] = DataLoader(
            self.stream, batch_size=None, num_workers=self.n_workers, worker_init_fn=_one_thread
        )
        try:
            for batch in loader:
                self._given += 1
                yield batch
        except DataFormatError as error:
            raise DataFormatError(_told_by_worker(str(error))) from error


def _told_by_worker(text: str) -> str:
    """What an error said; torch puts a traceback before it when it comes from a worker."""
    return text.strip().splitlines()[-1].removeprefix(f"{DataFormatError.__module__}.{DataFormatError.__qualname__}: ")


def _one_thread(worker: int) -> None:
    # As many threads in each worker would stand in each other's way; and the tokenizer warns of them after a fork.
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
