"""What a run trains on and is judged by: rows in memory, or a stream of them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from itertools import islice

from ..config import Config
from ..data.blocks import BLOCK_SAMPLES, Block, HeldBlock
from ..data.prepared_split import PreparedSplit, stored
from ..data.samples import Sample, lend_history
from ..data.split import Split
from ..data.stored import StoredSample
from ..encoding import Encoder
from ..errors import ConfigurationError
from .datamodule import TurnDataModule, validation_samples
from .distributed import n_processes, process_rank
from .rows import SPOKEN_HISTORY_SHARE, row_plan, rows_of_run, sample_rows, spoken
from .stored_rows import RowMaker, in_batches
from .streaming import RowStream, StreamLoader
from .targets import TargetRow


class StreamedDataModule(TurnDataModule):
    """Serves a stream to train on and ready rows to validate on; the arguments are those of both."""

    def __init__(
        self,
        stream: RowStream,
        validation: Sequence[TargetRow],
        *,
        pad_id: int,
        batch_size: int,
        seed: int,
        n_workers: int = 0,
    ) -> None:
        super().__init__(
            (), validation, pad_id=pad_id, batch_size=batch_size, seed=seed, n_workers=n_workers, n_rows=stream.n_rows
        )
        self.stream = stream

    def train_dataloader(self) -> StreamLoader:  # type: ignore[override]  # Lightning takes whatever can be iterated
        self.stream.share(process_rank(), n_processes())
        return StreamLoader(self.stream, self.n_workers)

    def identity(self) -> bytes:
        return hashlib.sha256(self.stream.counts.tobytes()).digest()


def data_of_run(config: Config, split: Split, encoder: Encoder, *, progress: bool = False) -> TurnDataModule:
    """The data of a run, ready for Lightning; made speech is kept in memory in either case.

    Raises:
        ConfigurationError: ``data.streaming`` for what is not prepared.
        DataFormatError: nothing to train on or to validate on.
    """
    plan, settings = row_plan(config), config.train
    validation = sample_rows(encoder, validation_samples(split, plan))
    n_first = config.debug.overfit_batches * settings.batch_size
    common = {
        "pad_id": encoder.pad_id, "batch_size": settings.batch_size, "seed": config.seed, "n_workers": settings.n_workers,
    }  # fmt: skip
    if not isinstance(split, PreparedSplit) and config.data.streaming:
        raise ConfigurationError(
            "data.streaming=true needs prepared samples: run 'turn-detection data prepare OUT', then train with --data=prepared "
            "--data.paths=[OUT]"
        )
    if not isinstance(split, PreparedSplit) or config.data.streaming is False:
        rows = rows_of_run(config, split, encoder, progress=progress)
        return TurnDataModule(rows[:n_first] if n_first else rows, validation, **common)
    maker = RowMaker(encoder, plan)
    blocks = (*split.train_blocks, *made_blocks(config))
    stream = RowStream(
        blocks, maker, batch_size=settings.batch_size, shuffle_rows=config.data.shuffle_rows, seed=config.seed
    )
    if n_first:
        first = maker.rows(list(islice(maker.taken(stored(blocks)), n_first)))
        return TurnDataModule([row for row in first if row is not None], validation, **common)
    return StreamedDataModule(stream, validation, **common)


def made_blocks(config: Config) -> list[Block]:
    """Made speech as blocks of a stream, the same samples as in ``rows_of_run``."""
    made = spoken(config.data.spoken_samples, config.seed)
    lent = lend_history(made, share=SPOKEN_HISTORY_SHARE, seed=config.seed)
    return [HeldBlock(samples) for samples in in_batches(map(_as_stored, lent), BLOCK_SAMPLES)]


def _as_stored(sample: Sample) -> StoredSample:
    """A moment that stands for itself, with its context as it is; no share of a source touches it."""
    turns = tuple((message.role, message.text) for message in sample.context)
    return StoredSample(sample.sample_id, "", None, "measured", sample.label, sample.text, turns, len(turns))
