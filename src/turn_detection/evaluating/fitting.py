"""Fitting the linear baseline to the training part of configured data."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..config import Config
from ..data.prepare import configured_split
from ..data.samples import replies
from ..data.split import Split, unit_hash
from ..evaluation.last_words import WholeReply, fit_last_words, save_last_words


def fit_to_data(
    config: Config, output: str | Path, *, max_rows: int, strength: float, progress: bool = False
) -> dict[str, Any]:
    """Fit to the training dialogues that a configuration names, write ``output`` and return its facts.

    Held out are the dialogues that ``train`` holds out with the same settings. Made speech and lone utterances are not learnt from.

    Raises:
        ConfigurationError, DataUnavailableError, InputFileNotFoundError, DataFormatError: see ``data.prepare``.
        InvalidInputError, OutputError: see ``evaluation.last_words.save_last_words``.
    """
    split = configured_split(config.data, config.seed, progress=progress)
    model = fit_last_words(_replies(split, config.seed), max_rows=max_rows, strength=strength)
    facts = {"data": config.data.name, "seed": config.seed, "strength": strength}
    save_last_words(model, output, facts)
    return {**facts, **model.facts}


def _replies(split: Split, seed: int) -> Iterator[WholeReply]:
    """Replies of the training dialogues, in the order of a hash of the dialogue, so that a limit of rows favours no source."""
    order = sorted(
        split.train, key=lambda dialogue: unit_hash("baseline", seed, *(turn.text for turn in dialogue.turns))
    )
    for dialogue in order:
        for reply in replies(dialogue):
            yield WholeReply.of(reply.context, reply.text)
