"""Files of samples: JSON lines, or Parquet with a column for everything that tells where a sample comes from."""

from __future__ import annotations

import importlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Literal

from ..errors import MissingExtraError
from ..types import Dialogue, Message, TurnLabel
from .samples import Sample
from .stored import Cut

FileFormat = Literal["jsonl", "parquet"]
#: Rows of a row group of Parquet: what is in memory at a time, and what training reads at a time, in an order of its own every epoch.
_GROUP = 8192


@dataclass(frozen=True, slots=True)
class PreparedSample:
    """A sample, the dialogue it was cut from, the part of the split it is in, and what training needs to show it again.

    ``cut`` tells what it is, ``identity`` is the reply's, and ``history`` holds turns before ``sample.context``, the latest last.
    """

    sample: Sample
    dialogue: Dialogue
    split: str
    cut: Cut
    identity: str
    history: tuple[Message, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """A line of JSON; ``history`` only where there is one."""
        history = [{"role": message.role, "content": message.text} for message in self.history]
        return {
            **self.sample.to_dict(),
            "cut": self.cut,
            "identity": self.identity,
            **({"history": history} if history else {}),
        }

    def to_row(self) -> dict[str, Any]:
        """The columns of Parquet; ``turn`` counts from 0 inside the dialogue, ``pause_s`` is null where no pause was measured."""
        return {
            "history": [],
            **self.to_dict(),
            "pause_s": self.sample.pause_s,
            "split": self.split,
            "file": self.dialogue.file,
            "dialogue": self.dialogue.dialogue_id,
            "turn": int(self.sample.sample_id.rsplit(":", 2)[1]),
        }


def write_samples(path: Path, samples: Iterable[PreparedSample], file_format: FileFormat) -> dict[str, int]:
    """Write a file of samples; the same samples give the same bytes.

    Returns:
        How many there are by label, and as ``measured`` those that end at a measured pause.

    Raises:
        MissingExtraError: Parquet without ``pyarrow``.
    """
    labels: Counter[str] = Counter()
    counted = _counted(samples, labels)
    if file_format == "parquet":
        _write_parquet(path, counted)
    else:
        with path.open("w", encoding="utf-8") as stream:
            for item in counted:
                stream.write(json.dumps(item.to_dict(), ensure_ascii=False) + "\n")
    return dict(sorted(labels.items()))


def _counted(samples: Iterable[PreparedSample], labels: Counter[str]) -> Iterator[PreparedSample]:
    for item in samples:
        labels[item.sample.label.value] += 1
        if item.sample.label is TurnLabel.WAIT and item.sample.pause_s is not None:
            labels["measured"] += 1
        yield item


def _write_parquet(path: Path, samples: Iterator[PreparedSample]) -> None:
    pyarrow, parquet = parquet_library()
    schema = parquet_schema()
    with parquet.ParquetWriter(path, schema) as writer:
        while rows := [item.to_row() for item in islice(samples, _GROUP)]:
            writer.write_table(pyarrow.Table.from_pylist(rows, schema=schema))


def parquet_schema() -> Any:
    """The columns of a Parquet file of samples.

    Raises:
        MissingExtraError: no ``pyarrow``.
    """
    pyarrow, _ = parquet_library()
    text = pyarrow.string()
    messages = pyarrow.list_(pyarrow.struct([("role", text), ("content", text)]))
    columns = [
        ("id", text), ("source", text), ("context", messages), ("message", text), ("label", text), ("pause_s", pyarrow.float64()),
        ("split", text), ("file", text), ("dialogue", text), ("turn", pyarrow.int32()), ("cut", text), ("identity", text),
        ("history", messages),
    ]  # fmt: skip
    return pyarrow.schema(columns)


def parquet_library() -> tuple[Any, Any]:
    """``pyarrow`` and ``pyarrow.parquet``.

    Raises:
        MissingExtraError: not installed.
    """
    try:
        return importlib.import_module("pyarrow"), importlib.import_module("pyarrow.parquet")
    except ImportError as error:
        raise MissingExtraError("Parquet", "parquet", error.name) from error
