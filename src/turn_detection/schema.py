"""Frozen dataclasses from plain containers, every key and type checked, every fault named by its full path."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeVar

from .errors import ConfigurationError

T = TypeVar("T")


def build(kind: type[T], values: Any, path: str) -> T:
    """A frozen dataclass from plain containers, every key and type checked.

    Raises:
        ConfigurationError: names the key by its full path.
    """
    if not isinstance(values, Mapping):
        raise ConfigurationError(f"{path or 'the configuration'} must be a mapping, got {type(values).__name__}")
    hints = typing.get_type_hints(kind)
    unknown = sorted(set(values) - set(hints))
    if unknown:
        known = ", ".join(sorted(hints))
        raise ConfigurationError(f"unknown configuration key '{_join(path, str(unknown[0]))}'; known here: {known}")
    arguments = {key: _convert(hints[key], value, _join(path, str(key))) for key, value in values.items()}
    required = {
        entry.name
        for entry in dataclasses.fields(kind)  # type: ignore[arg-type]
        if entry.default is dataclasses.MISSING and entry.default_factory is dataclasses.MISSING
    }
    missing = sorted(required - set(arguments))
    if missing:
        raise ConfigurationError(f"configuration key '{_join(path, missing[0])}' is missing")
    return kind(**arguments)


def _convert(hint: Any, value: Any, path: str) -> Any:
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return build(hint, value, path)
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        if value is None and type(None) in arguments:
            return None
        options = [argument for argument in arguments if argument is not type(None)]
        if len(options) == 1:
            return _convert(options[0], value, path)
        for option in options:
            try:
                return _convert(option, value, path)
            except ConfigurationError:
                continue
        expected = " or ".join(getattr(option, "__name__", str(option)) for option in options)
        raise ConfigurationError(f"{path} must be {expected}, got {value!r}")
    if origin is Literal:
        if value not in arguments:
            raise ConfigurationError(f"{path} must be one of {', '.join(map(str, arguments))}, got {value!r}")
        return value
    if origin is tuple:
        if isinstance(value, str):
            value = [value]
        if not isinstance(value, Sequence):
            raise ConfigurationError(f"{path} must be a list, got {value!r}")
        return tuple(_convert(arguments[0], entry, f"{path}[{index}]") for index, entry in enumerate(value))
    if origin is not None and issubclass(origin, Mapping):
        if not isinstance(value, Mapping):
            raise ConfigurationError(f"{path} must be a mapping, got {value!r}")
        return {str(key): _convert(arguments[1], entry, f"{path}.{key}") for key, entry in value.items()}
    if hint is Any:
        return value
    if hint is float and isinstance(value, int | str) and not isinstance(value, bool):
        try:
            return float(value)  # YAML 1.1 reads «1e-4» as a string
        except ValueError as error:
            raise ConfigurationError(f"{path} must be a number, got {value!r}") from error
    if not isinstance(value, hint) or (hint in (int, float) and isinstance(value, bool)):
        raise ConfigurationError(f"{path} must be of type {hint.__name__}, got {value!r}")
    return value


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key
