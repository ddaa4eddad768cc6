"""How files of calls are to be read, where their names and contents do not tell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from ...errors import ConfigurationError
from ...schema import build

Kind = Literal["auto", "json", "jsonl", "csv", "text"]
Encoding = Literal["auto", "utf-8", "cp1251"]
Column = Literal["dialogue", "role", "text", "agent", "client", "start", "end"]


@dataclass(frozen=True, slots=True)
class ReadingOptions:
    """Settings of the readers; the defaults recognise what they can.

    Attributes:
        kind: of every file; ``"auto"`` goes by the suffix, and JSON of any shape is told by its keys.
        encoding: ``"auto"`` is UTF-8, and for tables and plain text also Windows-1251 and UTF-16 with its mark.
        columns: names of a table's columns by what they hold, a key of :data:`Column`; others are looked up among the usual names.
        agent_names, client_names: speakers as the files name them («SPEAKER_00», «Анна»), besides the usual ones.

    Raises:
        ConfigurationError: a column for something that tables do not hold, or a name for both roles.
    """

    kind: Kind = "auto"
    encoding: Encoding = "auto"
    columns: Mapping[str, str] = field(default_factory=dict)
    agent_names: tuple[str, ...] = ()
    client_names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for key in self.columns:
            if key not in get_args(Column):
                raise ConfigurationError(
                    f"a table has no column '{key}' to name; known are {', '.join(get_args(Column))}"
                )
        if {name.strip().lower() for name in self.agent_names} & {name.strip().lower() for name in self.client_names}:
            raise ConfigurationError("a speaker is named as agent and as client; a name has one role")


DEFAULT_READING = ReadingOptions()


def reading_settings(values: Mapping[str, Any], command: str) -> ReadingOptions:
    """Options from settings by dotted key, as training has them: ``data.columns.text``, ``data.client_names``, ``data.encoding``.

    Raises:
        ConfigurationError: another key, or a value of the wrong type.
    """
    nested: dict[str, Any] = {}
    for key, value in values.items():
        group, _, name = key.partition(".")
        name, _, column = name.partition(".")
        if group != "data" or name not in ("columns", "agent_names", "client_names", "encoding"):
            raise ConfigurationError(
                f"{command} takes no settings but data.columns, data.agent_names, data.client_names and data.encoding, got '{key}'"
            )
        if column:
            nested.setdefault(name, {})[column] = value
        else:
            nested[name] = value
    return build(ReadingOptions, nested, "data")
