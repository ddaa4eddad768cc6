"""Configuration: Hydra composes it at the edge, frozen dataclasses go in. The only place that calls Hydra.

Groups live in ``configs/`` (copied into the wheel as ``turn_detection/configs``). An unknown key is an error, here and in Hydra.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from .errors import ConfigurationError, MissingExtraError
from .groups import Config, DataConfig, ExportConfig, InferConfig, ModelConfig, TrainConfig
from .schema import build

__all__ = [
    "Config", "DataConfig", "ExportConfig", "InferConfig", "ModelConfig", "TrainConfig", "config_dir", "load_config", "load_group",
]  # fmt: skip

T = TypeVar("T")


def config_dir() -> Path:
    """The folder of the configuration groups: inside an installed package, or at the root of a checkout.

    Raises:
        ConfigurationError: neither is there.
    """
    here = Path(__file__).resolve().parent
    for candidate in (here / "configs", here.parent.parent / "configs"):
        if (candidate / "config.yaml").is_file():
            return candidate
    raise ConfigurationError(
        "the configuration folder is missing: reinstall turn-detection, or run from a full checkout"
    )


def load_config(overrides: Sequence[str] = ()) -> Config:
    """Compose ``configs/config.yaml`` with Hydra overrides (``train.max_minutes=5``, ``model=rubert``).

    Raises:
        ConfigurationError: unknown group, choice or key, or a value of the wrong type.
        MissingExtraError: Hydra is not installed.
    """
    try:
        from hydra import compose, initialize_config_dir
        from hydra.errors import HydraException
        from omegaconf import OmegaConf
        from omegaconf.errors import OmegaConfBaseException
    except ImportError as error:
        raise MissingExtraError("Composing a configuration", "cpu", error.name) from error
    try:
        with initialize_config_dir(str(config_dir()), version_base="1.3"):
            composed = OmegaConf.to_container(
                compose("config", overrides=[_forced(override) for override in overrides]), resolve=True
            )
    except (HydraException, OmegaConfBaseException, ValueError) as error:  # ValueError: "model=null", "=3"
        raise ConfigurationError(_first_lines(error)) from error
    return build(Config, composed, "")


def load_group(name: str, kind: type[T], overrides: Mapping[str, Any] | None = None) -> T:
    """One group's default choice without Hydra, for what runs on the light install: ``configs/<name>/default.yaml``.

    Args:
        name: of the group.
        kind: the dataclass that it fills.
        overrides: values by dotted key, such as ``{"infer.batch_size": 8}``.

    Raises:
        ConfigurationError: an unknown key or a value of the wrong type.
        MissingExtraError: PyYAML is not installed.
    """
    try:
        import yaml
    except ImportError as error:
        raise MissingExtraError("Reading a configuration", "serve", error.name) from error
    values = yaml.safe_load((config_dir() / name / "default.yaml").read_text(encoding="utf-8")) or {}
    for key, value in (overrides or {}).items():
        group, _, rest = key.partition(".")
        if group != name or not rest:
            raise ConfigurationError(f"unknown configuration key '{key}'; keys here begin with '{name}.'")
        values[rest] = value
    return build(kind, values, name)


def _forced(override: str) -> str:
    """Let a dotted key be set whether or not its group's file spells it out; :func:`build` knows which keys exist."""
    key, equals, value = override.partition("=")
    override = f"{key}{equals}{_quoted(value)}"
    return f"++{override}" if "." in key and key[0].isalpha() else override


#: What Hydra's grammar takes without quotes; Cyrillic letters, parentheses and the like it does not.
_UNQUOTED = re.compile(r"[\w\-/+.$%*@?|\\: ]*", re.ASCII)


def _quoted(value: str) -> str:
    """Quote a value, or the items of a flat list, where Hydra's grammar would stumble: paths such as ``данные/чаты (1).jsonl``."""
    if value.startswith("[") and value.endswith("]") and not set(value[1:-1]) & set("[]{}'\""):
        return "[" + ",".join(_quoted(item.strip()) for item in value[1:-1].split(",")) + "]"
    if _UNQUOTED.fullmatch(value) or value[0] in "'\"[{" or "${" in value:
        return value
    return "'" + value.replace("'", "\\'") + "'"


def _first_lines(error: Exception) -> str:
    """Hydra's own words without the search path and help that follow them, on one line."""
    lines = [line.strip() for line in str(error).strip().splitlines() if line.strip()]
    told = itertools.takewhile(
        lambda line: not line.startswith(("Config search path", "Set the environment variable")), lines
    )
    return " ".join(itertools.islice(told, 12))
