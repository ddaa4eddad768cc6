"""Files of samples in blocks: what is read at a time, and what an order of a training set is made of.

A block of Parquet is a row group, a block of plain JSONL a range of lines, and a compressed file is one block, because nothing but its
beginning can be found in it.
"""

from __future__ import annotations

import gzip
import json
import lzma
import os
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from ..errors import DataFormatError
from ..types import AGENT
from .prepared import parquet_library
from .stored import StoredSample, cut_of, from_json, label_of

#: Samples of a block of lines.
BLOCK_SAMPLES = 8192
#: Rows of a row group that are Python objects at a time.
_STEP = 2048
SUFFIXES = (".parquet", ".jsonl", ".jsonl.gz", ".jsonl.xz")


class Block(Protocol):
    """Samples that lie together."""

    @property
    def n_samples(self) -> int: ...

    def read(self) -> Iterator[StoredSample]:
        """The samples in their order, with bounded memory.

        Raises:
            DataFormatError: a sample of another shape, or a damaged file.
        """

    def marks(self) -> Iterator[tuple[str, str, str | None]]:
        """``reply``, ``source`` and ``cut`` of every sample, which take less to read."""


@dataclass(frozen=True, slots=True)
class HeldBlock:
    """Samples in memory."""

    samples: Sequence[StoredSample]

    @property
    def n_samples(self) -> int:
        return len(self.samples)

    def read(self) -> Iterator[StoredSample]:
        return iter(self.samples)

    def marks(self) -> Iterator[tuple[str, str, str | None]]:
        return _marks(self.samples)


@dataclass(frozen=True, slots=True)
class LinesBlock:
    """Lines of JSONL from byte ``offset`` on; ``first_line`` counts from 1, blank lines count in it and not in ``n_samples``."""

    path: str
    offset: int
    first_line: int
    n_samples: int

    def read(self) -> Iterator[StoredSample]:
        name, n_read = Path(self.path).name, 0
        with _readable(self.path), _open(self.path) as stream:
            stream.seek(self.offset)
            for number, line in enumerate(stream, self.first_line):
                if n_read == self.n_samples:
                    return
                if not line.strip():
                    continue
                place = f"{self.path}:{number}"
                try:
                    record = json.loads(line)
                except (ValueError, RecursionError) as error:
                    raise DataFormatError(f"{place}: not JSON in UTF-8 ({type(error).__name__})") from None
                yield from_json(record, place, f"{name}:{number}")
                n_read += 1

    def marks(self) -> Iterator[tuple[str, str, str | None]]:
        return _marks(self.read())


@dataclass(frozen=True, slots=True)
class ParquetBlock:
    """A row group; ``first_row`` is its first sample's place in the file, from 0."""

    path: str
    group: int
    first_row: int
    n_samples: int

    def read(self) -> Iterator[StoredSample]:
        row = self.first_row
        for batch in self._batches(("id", "source", "identity", "cut", "label", "message", "context", "history")):
            yield from _samples(batch, self.path, row)
            row += batch.num_rows

    def marks(self) -> Iterator[tuple[str, str, str | None]]:
        for batch in self._batches(("id", "source", "identity", "cut")):
            empty = [None] * batch.num_rows
            ids, sources, identities, cuts = (
                _column(batch, name) or empty for name in ("id", "source", "identity", "cut")
            )
            for sample_id, source, identity, cut in zip(ids, sources, identities, cuts, strict=True):
                yield identity or str(sample_id).rpartition(":")[0], source or "", cut

    def _batches(self, names: Sequence[str]) -> Iterator[Any]:
        _, parquet = parquet_library()
        with _readable(self.path):
            metadata = _metadata(self.path)
            with parquet.ParquetFile(self.path, metadata=metadata) as file:
                known = set(file.schema_arrow.names)
                yield from file.iter_batches(
                    _STEP,
                    row_groups=[self.group],
                    columns=[name for name in names if name in known],
                    use_threads=False,
                )


def blocks_of(path: Path) -> list[Block]:
    """The blocks of a file. Plain JSONL is read through once to find them, Parquet says it itself.

    Raises:
        DataFormatError: a damaged file, or Parquet without the columns ``message`` and ``label``.
        MissingExtraError: Parquet without ``pyarrow``.
    """
    if path.suffix == ".parquet":
        return list(_row_groups(path))
    with _readable(str(path)):
        return list(_line_ranges(path))


def _row_groups(path: Path) -> Iterator[Block]:
    parquet_library()
    with _readable(str(path)):
        metadata = _metadata(str(path))
        names = set(metadata.schema.to_arrow_schema().names)
    missing = [name for name in ("message", "label") if name not in names]
    if missing:
        raise DataFormatError(
            f"{path} has no column '{missing[0]}'; is this a file of 'turn-detection data prepare --format parquet'?"
        )
    row = 0
    for group in range(metadata.num_row_groups):
        n_rows = metadata.row_group(group).num_rows
        yield ParquetBlock(str(path), group, row, n_rows)
        row += n_rows


def _line_ranges(path: Path) -> Iterator[Block]:
    size = None if path.suffix in (".gz", ".xz") else BLOCK_SAMPLES
    offset = start = n_samples = 0
    first_line = number = 1
    with _open(str(path)) as stream:
        for line in stream:
            offset += len(line)
            number += 1
            n_samples += bool(line.strip())
            if n_samples == size:
                yield LinesBlock(str(path), start, first_line, n_samples)
                start, first_line, n_samples = offset, number, 0
    if n_samples:
        yield LinesBlock(str(path), start, first_line, n_samples)


def _metadata(path: str) -> Any:
    state = os.stat(path)
    return _read_metadata(path, state.st_size, state.st_mtime_ns)


@lru_cache(maxsize=64)
def _read_metadata(path: str, size: int, changed_ns: int) -> Any:
    """Read once, and again when the file is another one."""
    _, parquet = parquet_library()
    return parquet.read_metadata(path)


def _samples(batch: Any, path: str, first_row: int) -> Iterator[StoredSample]:
    names = ("id", "source", "identity", "cut", "label", "message")
    empty = [None] * batch.num_rows
    ids, sources, identities, cuts, labels, messages = (_column(batch, name) or empty for name in names)
    contexts, histories = (_turns(batch, name) for name in ("context", "history"))
    name = Path(path).name
    for index, message in enumerate(messages):
        place = f"{path}: row {first_row + index}"
        if message is None:
            raise DataFormatError(f"{place}: 'message' is null")
        context = contexts[index]
        yield StoredSample(
            ids[index] or f"{name}:{first_row + index}",
            sources[index] or "",
            identities[index],
            cut_of(cuts[index], place),
            label_of(labels[index], place),
            message,
            (*histories[index], *context),
            len(context),
        )


def _column(batch: Any, name: str) -> list[Any] | None:
    """A column as Python values; ``None`` if there is none."""
    if name not in batch.schema.names:
        return None
    values: list[Any] = batch.column(name).to_numpy(zero_copy_only=False).tolist()
    return values


def _turns(batch: Any, name: str) -> list[tuple[tuple[str, str], ...]]:
    """Role and text of the turns of every row: of a list of messages, or of a string, which is the bot's."""
    if name not in batch.schema.names:
        return [()] * batch.num_rows
    column = batch.column(name)
    if not hasattr(column, "offsets"):
        return [((AGENT, text),) if text else () for text in column.to_pylist()]
    values = column.values
    roles, contents = (values.field(key).to_numpy(zero_copy_only=False).tolist() for key in ("role", "content"))
    pairs = list(zip(roles, contents, strict=True))
    ends = column.offsets.to_numpy().tolist()
    return [tuple(pairs[start:end]) for start, end in pairwise(ends)]


def _marks(samples: Any) -> Iterator[tuple[str, str, str | None]]:
    return ((sample.reply, sample.source, sample.cut) for sample in samples)


def _open(path: str) -> BinaryIO:
    if path.endswith(".gz"):
        return gzip.open(path, "rb")  # type: ignore[return-value]
    return lzma.open(path, "rb") if path.endswith(".xz") else open(path, "rb")  # type: ignore[return-value]


class _readable:  # noqa: N801  # reads as a phrase
    """Turns the faults of a damaged file into one error that names it."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, MemoryError):
            return
        arrow_fault = type(error).__module__.startswith("pyarrow")
        if arrow_fault or isinstance(error, OSError | EOFError | lzma.LZMAError | zlib.error):
            raise DataFormatError(f"{self.path} cannot be read ({type(error).__name__}); make it again") from error
