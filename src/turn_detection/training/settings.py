"""The settings of a finished run, for what goes on from its checkpoint."""

from __future__ import annotations

import copy
from typing import Any

from ..config import Config
from ..errors import ConfigurationError
from ..schema import build
from .checkpoint import Checkpoint


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
