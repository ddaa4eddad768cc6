"""One run in several processes: each trains on its share of every batch, the first of them tells and writes.

Lightning starts the processes and averages their gradients. It can put its own sampler only into torch's ``BatchSampler``, so the
rows are shared out here, and it is told to leave them alone.
"""

from __future__ import annotations

import copy
import hashlib
import signal
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any, Protocol

import lightning
import numpy as np
import torch
from lightning.pytorch.callbacks import Callback, ModelCheckpoint, Timer
from lightning.pytorch.utilities import rank_zero_only
from torch import distributed
from torch.utils.data import Sampler

from ..errors import ConfigurationError, DataFormatError


def n_processes() -> int:
    """How many processes train together; 1 before they have found each other."""
    return distributed.get_world_size() if _together() else 1


def process_rank() -> int:
    """Which of them this is, from 0."""
    return distributed.get_rank() if _together() else 0


def is_first_process() -> bool:
    """Whether this process prints and writes; known from the start, before the processes have found each other."""
    return int(getattr(rank_zero_only, "rank", 0) or 0) == 0


def _together() -> bool:
    return distributed.is_available() and distributed.is_initialized()


class LengthSampler(Protocol):
    """A batch sampler that knows its rows: :class:`~.datamodule.LengthBatches`."""

    lengths: np.ndarray
    batch_size: int

    def set_epoch(self, epoch: int) -> None: ...
    def __iter__(self) -> Iterator[list[int]]: ...


def process_share(batches: Any) -> Any:
    """What this process takes of a batch sampler with batches for one process: the sampler itself where there is only one."""
    return batches if n_processes() == 1 else ShareOfBatches(batches, process_rank(), n_processes())


class ShareOfBatches(Sampler[list[int]]):
    """Every ``n``-th row of batches that are ``n`` times as large, so that ``n`` processes take the same steps as one with such batches.

    Each row is given to one process once an epoch, all processes get the same number of batches, and rows of about one length meet
    in a step, so that no process waits for one with longer rows. A last batch with fewer rows than processes joins another batch.

    Args:
        batches: with batches of the size for one process.
        rank: of this process, from 0.
        n: processes.

    Raises:
        DataFormatError: fewer rows than processes.
    """

    def __init__(self, batches: LengthSampler, rank: int, n: int) -> None:
        if len(batches.lengths) < n:
            raise DataFormatError(
                f"{len(batches.lengths)} rows are too few for {n} processes; set --train.devices lower"
            )
        self.whole = copy.copy(batches)
        self.whole.batch_size = batches.batch_size * n
        self.rank, self.n = rank, n
        self.sampler = self  # where Lightning looks for somebody to tell the epoch

    def set_epoch(self, epoch: int) -> None:
        self.whole.set_epoch(epoch)

    def __len__(self) -> int:
        full, rest = divmod(len(self.whole.lengths), self.whole.batch_size)
        return max(1, full + (rest >= self.n))

    def __iter__(self) -> Iterator[list[int]]:
        waiting: list[int] = []
        few: list[int] = []
        for batch in self.whole:
            if len(batch) < self.n:
                few = batch
                continue
            if waiting:
                yield waiting[self.rank :: self.n]
            waiting = batch
        yield (waiting + few)[self.rank :: self.n]


def gather_scores(labels: np.ndarray, probabilities: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The scores of all processes, which may hold different numbers of them.

    Args:
        labels: ``(n,) bool``, of this process.
        probabilities: ``(n,) float64``.

    Returns:
        Both with the rows of all processes, ordered by process.
    """
    if n_processes() == 1:
        return labels, probabilities
    parts: list[Any] = [None] * n_processes()
    distributed.all_gather_object(parts, (labels, probabilities))
    return np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts])


class Togetherness(Callback):
    """What several processes must have in common, and what not. Does nothing where there is one.

    Args:
        seed: of the run. Each process draws its dropout from another one made of it.
        identity: what must be equal in all processes, such as the tokenizer and the lengths of the rows.
    """

    def __init__(self, seed: int, identity: Sequence[bytes]) -> None:
        self._seed = seed
        self._identity = hashlib.sha256(b"\0".join(identity)).hexdigest()

    def on_fit_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        if trainer.world_size == 1:
            return
        if not _together():
            raise ConfigurationError("several devices need a strategy with a process each; set --train.strategy=ddp")
        found: list[Any] = [None] * n_processes()
        distributed.all_gather_object(found, self._identity)
        if len(set(found)) > 1:
            raise ConfigurationError(
                "the processes of this run read different data or made different tokenizers; give every node the same files and settings"
            )
        torch.manual_seed(self._seed + 1_000_003 * trainer.global_rank)
        for callback in trainer.checkpoint_callbacks:
            # Saving waits for all processes; after an exception in one of them the others never come.
            if isinstance(callback, ModelCheckpoint):
                callback.save_on_exception = False

    def on_exception(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule, exception: BaseException
    ) -> None:
        if trainer.world_size > 1 and trainer.strategy.launcher is not None:
            # Those that wait for this process do not hear a SIGTERM; Lightning ends this one when one of them fails.
            trainer.strategy.launcher.kill(signal.SIGKILL)


class CommonTimer(Timer):
    """A time limit by one clock, the first process's: the learning rate depends on the time, and must be one in all processes."""

    def __init__(self, minutes: float) -> None:
        super().__init__(timedelta(minutes=minutes), interval="step")
        self._told: float | None = None

    @property
    def state_key(self) -> str:
        return Timer.__qualname__  # a checkpoint of a run with Lightning's own timer can be resumed

    def time_elapsed(self, stage: Any = "train") -> float:
        return super().time_elapsed(stage) if self._told is None or stage != "train" else self._told

    def _check_time_remaining(self, trainer: lightning.Trainer) -> None:
        if trainer.world_size > 1:
            self._told = None
            self._told = float(trainer.strategy.broadcast(super().time_elapsed()))
        super()._check_time_remaining(trainer)
