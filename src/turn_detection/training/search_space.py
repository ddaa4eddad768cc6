"""What a sweep may try: ranges and choices by the setting's key, from YAML or from the command line."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..errors import ConfigurationError

if TYPE_CHECKING:
    from optuna import Trial

_SYNTAX = "interval(1e-5,5e-4), tag(log,interval(1e-5,5e-4)), range(1,6) or choice(32,64)"
Choice = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Choices:
    """One of several values."""

    values: tuple[Choice, ...]

    def __post_init__(self) -> None:
        if not self.values or not all(isinstance(value, Choice) for value in self.values):
            raise ConfigurationError("choices of a sweep must be a list of numbers or words, at least one")

    def draw(self, key: str, trial: Trial) -> Choice:
        drawn: Choice = trial.suggest_categorical(key, self.values)
        return drawn


@dataclass(frozen=True, slots=True)
class Interval:
    """A number from ``low`` to ``high``, both included; whole where both are whole numbers, in equal ratios with ``log``."""

    low: float
    high: float
    log: bool = False
    step: float | None = None

    def __post_init__(self) -> None:
        for name in ("low", "high", "step"):
            value = getattr(self, name)
            if not isinstance(value, int | float) and not (name == "step" and value is None):
                raise ConfigurationError(f"{name} of a sweep's range must be a number")
        if not self.low < self.high:
            raise ConfigurationError(f"a sweep's range must go upwards, got {self.low:g} to {self.high:g}")
        if self.log and (self.low <= 0 or self.step is not None):
            raise ConfigurationError("a logarithmic range of a sweep begins above 0 and has no step")
        if self.step is not None and self.step <= 0:
            raise ConfigurationError("the step of a sweep's range must be above 0")

    def draw(self, key: str, trial: Trial) -> float:
        if isinstance(self.low, int) and isinstance(self.high, int):
            return trial.suggest_int(key, self.low, self.high, step=int(self.step or 1), log=self.log)
        return trial.suggest_float(key, self.low, self.high, step=self.step, log=self.log)


SearchSpace = Mapping[str, Choices | Interval]


def read_space(values: Mapping[str, Any]) -> SearchSpace:
    """The ``space`` of a file of ``configs/sweep``: ``{low, high, log, step}`` or ``{choices: [...]}`` for each key.

    Raises:
        ConfigurationError: names the key.
    """
    space: dict[str, Choices | Interval] = {}
    for key, entry in values.items():
        try:
            if not isinstance(entry, Mapping):
                raise ConfigurationError("write {low: ..., high: ...} or {choices: [...]}")
            if set(entry) == {"choices"}:
                space[key] = Choices(tuple(entry["choices"]))
                continue
            if unknown := set(entry) - {"low", "high", "log", "step"}:
                raise ConfigurationError(f"unknown: {', '.join(sorted(map(str, unknown)))}")
            numbers = {name: _number(entry[name]) for name in ("low", "high", "step") if name in entry}
            space[key] = Interval(**numbers, log=bool(entry.get("log", False)))
        except (ConfigurationError, TypeError) as error:
            reason = error if isinstance(error, ConfigurationError) else "low and high, or choices, are missing"
            raise ConfigurationError(f"sweep.space.{key}: {reason}") from error
    return space


def split_space(overrides: Iterable[str]) -> tuple[list[str], SearchSpace]:
    """Take what is to be tried out of a command line's settings.

    Args:
        overrides: ``key=value``; a value such as ``interval(1e-5,5e-4)`` or ``choice(32,64)`` is something to try, and so are values
            with commas between them. These are the words of Hydra's sweeps.

    Returns:
        The settings that are fixed, and the space.

    Raises:
        ConfigurationError: a range that cannot be read.
    """
    fixed: list[str] = []
    space: dict[str, Choices | Interval] = {}
    for override in overrides:
        key, _, value = override.partition("=")
        found = _read(key, value)
        if found is None:
            fixed.append(override)
        else:
            space[key] = found
    return fixed, space


def _read(key: str, value: str) -> Choices | Interval | None:
    name = value.partition("(")[0].strip()
    if name not in ("interval", "range", "choice", "tag"):
        if "," in value and value[0] not in "[{'\"":
            return Choices(tuple(_word(part) for part in value.split(",")))
        return None
    try:
        call = ast.parse(value.strip(), mode="eval").body
        return _called(call)
    except (SyntaxError, ValueError, TypeError, ConfigurationError) as error:
        reason = f": {error}" if isinstance(error, ConfigurationError) else ""
        raise ConfigurationError(f"{key}={value} is no range to try{reason}; write {_SYNTAX}") from error


def _called(call: ast.expr) -> Choices | Interval:
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name) or call.keywords:
        raise ValueError
    name = call.func.id
    if name == "tag":
        mark, inner = call.args
        found = _called(inner)
        if not (isinstance(mark, ast.Name) and mark.id == "log" and isinstance(found, Interval)):
            raise ConfigurationError("the only tag is log, of an interval or range")
        return Interval(found.low, found.high, log=True)
    words = [_word(ast.unparse(argument)) for argument in call.args]
    if name == "choice":
        return Choices(tuple(words))
    numbers = [_number(word) for word in words]
    if name == "interval":
        low, high = numbers
        return Interval(float(low), float(high))
    if name != "range":
        raise ValueError
    start, stop, step = [*numbers, 1][:3] if len(numbers) == 2 else numbers
    if not all(isinstance(number, int) for number in (start, stop, step)):
        raise ConfigurationError("range takes whole numbers; interval takes others")
    return Interval(start, stop - 1, step=step)  # as in Hydra and Python, the stop is outside


def _word(text: str) -> Choice:
    text = text.strip()
    known: dict[str, Choice] = {"null": None, "true": True, "false": False}
    if text.lower() in known:
        return known[text.lower()]
    if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"":
        return text[1:-1]
    try:
        return _number(text)
    except ConfigurationError:
        return text


def _number(value: Any) -> int | float:
    """A number of YAML, which reads ``1e-5`` as a string."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    for kind in (int, float):
        try:
            return kind(value)
        except (TypeError, ValueError):
            continue
    raise ConfigurationError(f"{value!r} is no number")


def written(value: Choice) -> str:
    """A drawn value as it is written on a command line."""
    if value is None:
        return "null"
    return str(value).lower() if isinstance(value, bool) else str(value)
