"""The rows of a run: its split, its replies, made moments."""

from __future__ import annotations

import logging
from collections.abc import Iterator

from ..config import Config, DataConfig
from ..data.prepare import configured_split
from ..data.prepared_split import PreparedSplit, open_prepared
from ..data.samples import Sample, lend_history
from ..data.sources import ReadReport
from ..data.split import Split
from ..encoding import Encoder
from ..errors import ConfigurationError
from ..types import AGENT, Message
from .datamodule import training_rows
from .targets import RowPlan, TargetRow, sample_row

logger = logging.getLogger(__name__)

#: Share of made moments that get earlier exchanges of the call before the bot's line.
SPOKEN_HISTORY_SHARE = 0.2


def load_split(config: DataConfig, seed: int, *, progress: bool = False) -> Split:
    """Read the configured dialogues and split them, or find the files of a split that ``data prepare`` wrote.

    Raises:
        ConfigurationError: ``kind: local`` or ``prepared`` without paths, or settings that prepared files leave no choice in.
        DataUnavailableError, InputFileNotFoundError, DataFormatError: as the readers say.
    """
    if config.kind == "prepared":
        return prepared_split(config)
    report = ReadReport()
    split = configured_split(config, seed, report, progress=progress)
    if report.malformed:
        logger.warning("%d malformed records were left out", len(report.malformed))
    return split


def prepared_split(config: DataConfig) -> PreparedSplit:
    """Find the files that ``data prepare`` wrote.

    Raises:
        ConfigurationError: no paths, or settings that belong to ``data prepare``.
        InputFileNotFoundError, DataFormatError, MissingExtraError: see :func:`~..data.prepared_split.open_prepared`.
    """
    if not config.paths:
        raise ConfigurationError("data.paths is empty; name what 'data prepare' wrote: --data.paths=[FOLDER]")
    for key in ("utterances", "openings", "max_dialogues"):
        if getattr(config, key):
            raise ConfigurationError(f"data.{key} changes nothing in prepared files; set it for 'data prepare'")
    return open_prepared(config.paths)


def row_plan(config: Config) -> RowPlan:
    """The rows that a configuration asks for; what it leaves open is as for a network without a past, see :func:`~.settings.settled`.

    Raises:
        ConfigurationError: a target at every word for a network that would see the words after it.
    """
    cuts, attention = config.train.cuts or "random", config.model.attention or "full"
    if cuts == "every_word" and attention != "prefix":
        raise ConfigurationError(
            "train.cuts=every_word needs model.attention=prefix: with attention both ways a word would see its own future; "
            "set --train.cuts=random"
        )
    data = config.data
    return RowPlan(cuts, dict(data.source_shares), data.openings, data.max_validation_replies, config.seed)


def rows_of_run(config: Config, split: Split, encoder: Encoder, *, progress: bool = False) -> list[TargetRow]:
    """All rows that a run trains on: the split's replies, then made moments. The same configuration and split give the same rows."""
    made = spoken(config.data.spoken_samples, config.seed)
    return [
        *training_rows(split, encoder, row_plan(config), progress=progress),
        *sample_rows(encoder, lend_history(made, share=SPOKEN_HISTORY_SHARE, seed=config.seed)),
    ]


def sample_rows(encoder: Encoder, samples: Iterator[Sample] | list[Sample]) -> list[TargetRow]:
    return [row for row in (sample_row(encoder, sample) for sample in samples) if row is not None]


def spoken(n: int, seed: int, *, part: str = "train") -> list[Sample]:
    """Made telephone speech as samples."""
    if not n:
        return []
    from ..data.spoken import spoken_samples

    return [
        Sample(
            f"spoken:{made.template_id}",
            f"spoken/{made.family}",
            (Message(AGENT, made.context),) if made.context else (),
            made.text,
            made.label,
        )
        for made in spoken_samples(n, seed, part=part)  # type: ignore[arg-type]
    ]
