"""Settings of the configuration on a command line: told apart from a command's own options, and read."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from .errors import ConfigurationError, MissingExtraError

#: --group.key=value, --group.key, group.key=value; --group=choice and --group for groups that are no option of a command.
_SETTING = re.compile(
    r"(?:--(?P<k1>[a-z_]+(?:\.[A-Za-z0-9_]+)+|data|train|export|infer|seed|run_name)|(?P<k2>[a-z_]+(?:\.[A-Za-z0-9_]+)+)(?==))"
    r"(?:=(?P<value>.*))?",
    re.DOTALL,
)


def split_settings(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """Take the configuration's settings out of a command line, wherever they stand.

    Settings are ``--group.key=value`` and ``--group=choice``, also with a space or without dashes (``train.max_minutes=5``). What is
    left goes to the command's own options. ``--model`` is an option of some commands and a group of others: :func:`train` takes it.

    Returns:
        The remaining arguments, and the settings as Hydra overrides (``train.max_minutes=5``).

    Raises:
        ConfigurationError: a setting without a value.
    """
    rest: list[str] = []
    found: list[str] = []
    waiting = iter(arguments)
    for argument in waiting:
        match = _SETTING.fullmatch(argument)
        if match is None:
            rest.append(argument)
            continue
        value = match["value"]
        if value is None:
            value = next(waiting, None)
        if value is None:
            raise ConfigurationError(f"'{argument}' has no value; write {argument}=VALUE")
        found.append(f"{match['k1'] or match['k2']}={value}")
    return rest, found


def as_values(overrides: list[str]) -> dict[str, Any]:
    """Overrides with their values read as YAML, for commands that start from a recorded configuration."""
    try:
        import yaml
    except ImportError as error:
        raise MissingExtraError("Reading settings", "serve", error.name) from error
    return {key: yaml.safe_load(value) for key, _, value in (override.partition("=") for override in overrides)}
