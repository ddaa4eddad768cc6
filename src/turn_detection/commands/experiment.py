"""An experiment by its name in ``configs/experiment``, or as a file of one's own, such as the one that ``sweep`` writes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..errors import ConfigurationError, InputFileNotFoundError, MissingExtraError


def experiment_settings(experiment: str | None, model: str | None = None) -> list[str]:
    """The overrides that an experiment and a model stand for.

    Args:
        experiment: a name, or a path that ends in ``.yaml``: a file like those of ``configs/experiment``, whose ``defaults`` may name
            one of these to begin with, and choices of groups.
        model: a file of ``configs/model``.

    Raises:
        InputFileNotFoundError: no such file.
        ConfigurationError: the file is no experiment.
    """
    chosen = [f"model={model}"] if model else []
    if experiment is None:
        return chosen
    if not experiment.endswith((".yaml", ".yml")):
        return [f"experiment={experiment}", *chosen]
    return [*_read(Path(experiment)), *chosen]


def _read(path: Path) -> list[str]:
    try:
        import yaml
    except ImportError as error:
        raise MissingExtraError("Reading an experiment", "cpu", error.name) from error
    if not path.is_file():
        raise InputFileNotFoundError(f"no such experiment: {path}; leave .yaml out for one of configs/experiment")
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path} is no YAML ({type(error).__name__})") from error
    if not isinstance(values, Mapping):
        raise ConfigurationError(f"{path} is no experiment; see configs/experiment for how one looks")
    defaults = values.get("defaults") or []
    settings = {key: value for key, value in values.items() if key != "defaults"}
    return [*(_default(entry, path) for entry in defaults if entry != "_self_"), *_flat(settings)]


def _default(entry: Any, path: Path) -> str:
    if isinstance(entry, str):
        return f"experiment={entry}"
    if isinstance(entry, Mapping) and len(entry) == 1:
        ((key, choice),) = entry.items()
        override, _, group = str(key).partition(" ")
        if override == "override" and group.startswith("/"):
            return f"{group[1:]}={choice}"
    raise ConfigurationError(
        f"{path}: its defaults may hold the name of an experiment and lines like 'override /data: local', not {entry!r}"
    )


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}={_written(value)}"


def experiment_file(overrides: Sequence[str], *, title: str) -> str:
    """Overrides as the text of an experiment file: alone it stands for all of them, here and in ``configs/experiment``.

    Args:
        overrides: ``experiment=name``, ``group=choice``, ``group.key=value``; of one key the last counts.
        title: its first line.
    """
    import yaml

    base: list[Any] = []
    groups: dict[str, str] = {}
    values: dict[str, Any] = {}
    for override in overrides:
        key, _, value = override.partition("=")
        if key == "experiment":
            base = [value]
        elif "." not in key and key not in ("seed", "run_name"):
            groups[f"override /{key}"] = value
        else:
            *path, last = key.split(".")
            place = values
            for name in path:
                place = place.setdefault(name, {})
            place[last] = yaml.safe_load(value)
    defaults = [*base, *({key: choice} for key, choice in groups.items()), "_self_"]
    text: str = yaml.safe_dump({"defaults": defaults, **values}, sort_keys=False, allow_unicode=True)
    return f"# @package _global_\n# {title}\n{text}"


def _written(value: Any) -> str:
    """A value of YAML as it is written on a command line."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, list):
        return "[" + ",".join(_written(entry) for entry in value) + "]"
    return str(value)
