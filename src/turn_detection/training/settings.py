"""The settings of a finished run, for what goes on from its checkpoint; settings that the network of a run decides."""

from __future__ import annotations

import copy
import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..config import Config
from ..errors import ConfigurationError
from ..schema import build
from .checkpoint import Checkpoint
from .from_bundle import starting_attention

logger = logging.getLogger(__name__)


def run_config(checkpoint: Checkpoint, overrides: dict[str, Any]) -> Config:
    """The configuration of the run that wrote a checkpoint, with overrides by dotted key such as ``data.paths``.

    The checkpoint is left as it is.

    Raises:
        ConfigurationError: the checkpoint records none, an unknown key, or a value of the wrong type.
    """
    values = copy.deepcopy(checkpoint.provenance.get("config"))
    if not isinstance(values, dict):
        raise ConfigurationError("the checkpoint does not record the configuration of its run; train it again")
    for key, value in overrides.items():
        if key in ("data", "model", "train", "export", "infer"):
            raise ConfigurationError(
                f"'{key}={value}' replaces a whole group of the run; name single keys, such as {key}.…=…"
            )
        *groups, last = key.split(".")
        place = values
        for group in groups:
            if not isinstance(place.get(group), dict):
                raise ConfigurationError(f"unknown configuration key '{key}'")
            place = place[group]
        place[last] = value
    return build(Config, values, "")


def settled(config: Config, *, resume: str | Path | None = None) -> Config:
    """The configuration with an attention and cuts where it leaves them to the network that the run starts from.

    A run may go on from a network under another attention than the one it was trained with; a resumed run keeps its own.

    Raises:
        BundleError, CheckpointError, InputFileNotFoundError: see :func:`~.from_bundle.starting_point`.
    """
    attention, start = config.model.attention, resume or config.model.checkpoint
    own = starting_attention(start) if start is not None else None
    if own and attention and own != attention and resume is None:
        logger.info("the network of %s was trained with model.attention=%s and goes on with %s", start, own, attention)
    if resume is not None or attention is None:
        attention = own or "full"
    cuts = config.train.cuts or ("every_word" if attention == "prefix" else "random")
    return replace(config, model=replace(config.model, attention=attention), train=replace(config.train, cuts=cuts))
