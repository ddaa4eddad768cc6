"""The folder of ``data prepare`` as the split that it is, without reading it into memory."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from ..errors import DataFormatError, InputFileNotFoundError
from .blocks import SUFFIXES, Block, blocks_of
from .split import LeakReport, Split
from .stored import StoredSample

PARTS = ("train", "validation")


@dataclass(frozen=True, slots=True)
class PreparedSplit(Split):
    """A split whose parts are stored samples: ``train`` and ``validation`` hold no dialogues.

    ``report`` is what ``data prepare`` found, summed over folders; -1 where a folder has no ``report.json``. ``origin`` holds what it
    said of the dialogues, by the names that a checkpoint's provenance has for it.
    """

    train_blocks: tuple[Block, ...] = ()
    validation_blocks: tuple[Block, ...] = ()
    origin: Mapping[str, Any] = field(default_factory=dict)


def open_prepared(paths: Sequence[str | Path]) -> PreparedSplit:
    """Find the files of both parts and their blocks.

    A file belongs to the part that its name begins with (``train-00001.parquet``), or the folder it lies in (``train/00001.parquet``).

    Raises:
        InputFileNotFoundError: a path does not exist, or there is no file of a part.
        DataFormatError: a damaged file, one that is of no part, or one part in two formats.
        MissingExtraError: Parquet without ``pyarrow``.
    """
    found: dict[str, list[Path]] = {part: [] for part in PARTS}
    for path in map(Path, paths):
        if path.is_dir():
            for file in sorted(file for file in path.rglob("*") if file.name.endswith(SUFFIXES)):
                if part := _part(file, path):
                    found[part].append(file)
        elif not path.is_file():
            raise InputFileNotFoundError(f"no such file or folder: {path}")
        elif part := _part(path, path.parent) if path.name.endswith(SUFFIXES) else None:
            found[part].append(path)
        else:
            raise DataFormatError(f"{path}: name it train... or validation..., with one of {', '.join(SUFFIXES)}")
    for part, files in found.items():
        if not files:
            raise InputFileNotFoundError(
                f"no {part} samples ({part}*.parquet or {part}*.jsonl) at {', '.join(map(str, paths))}; "
                "'turn-detection data prepare' writes them, with data.validation_share above 0"
            )
        if len({file.suffix == ".parquet" for file in files}) > 1:
            raise DataFormatError(f"{part} samples in Parquet and in JSONL: name the files of one format in data.paths")
    train, validation = (tuple(block for file in found[part] for block in blocks_of(file)) for part in PARTS)
    reports = _reports(paths)
    return PreparedSplit((), (), _leaks(reports), train, validation, _origin(reports))


def stored(blocks: Iterable[Block]) -> Iterator[StoredSample]:
    """All samples of ``blocks``, one after another."""
    for block in blocks:
        yield from block.read()


def _part(file: Path, root: Path) -> str | None:
    folders = file.relative_to(root).parts[:-1]
    return next((part for part in PARTS if file.name.startswith(part) or part in folders), None)


def _reports(paths: Sequence[str | Path]) -> list[dict[str, Any]]:
    """What ``data prepare`` reported beside the files; empty where a folder has no such report."""
    reports = []
    for folder in dict.fromkeys(path if path.is_dir() else path.parent for path in map(Path, paths)):
        try:
            report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            report = None
        reports.append(report if isinstance(report, dict) else {})
    return reports


def _leaks(reports: Sequence[dict[str, Any]]) -> LeakReport:
    found: dict[str, int] = {}
    for name in (entry.name for entry in fields(LeakReport)):
        values = [report.get("split", {}).get(name) for report in reports]
        found[name] = sum(values) if all(isinstance(value, int) for value in values) else -1
    return LeakReport(**found)


def _origin(reports: Sequence[dict[str, Any]]) -> dict[str, Any]:
    sources: Counter[str] = Counter()
    for report in reports:
        sources.update(report.get("train_dialogues_by_source", {}))
    digests = {part: [str(report.get("fingerprint", {}).get(part)) for report in reports] for part in PARTS}
    return {
        "train_dialogues_by_source": dict(sorted(sources.items())),
        "fingerprint": {part: "+".join(sorted(found)) for part, found in digests.items()},
    }
