"""A file to its records: parsed JSON with its line or item, or the calls of a table or text."""

from __future__ import annotations

import gzip
import json
import lzma
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TextIO

from ...errors import DataFormatError
from . import plain_text, table
from .chat import CONVERTERS, is_message
from .encoded import decoded, read_text
from .line import Call
from .notes import Notes, Problem
from .options import ReadingOptions

JSON, TABLES, TEXTS = (".json", ".jsonl", ".jsonl.gz", ".jsonl.xz"), (".csv", ".tsv"), (".txt",)
SUFFIXES = (*JSON, *TABLES, *TEXTS)
#: How much of a table or text in a folder is looked at to tell calls from other files.
_HEAD_BYTES = 64 * 1024

#: Takes ``file:line: what is wrong``; raises, or lets reading go on.
OnFault = Callable[[str], None]


def read_records(file: Path, options: ReadingOptions, notes: Notes, on_fault: OnFault) -> Iterator[tuple[int, Any]]:
    """Parsed JSON values and calls with their place: the line, or for ``.json`` the number of the item, both from one.

    What cannot be read goes to ``on_fault``, never with the text it was found in.
    """
    kind = kind_of(file) if options.kind == "auto" else options.kind
    if kind in ("csv", "text"):
        yield from _read_calls(file, kind, options, notes, on_fault)
        return
    codec = "cp1251" if options.encoding == "cp1251" else "utf-8-sig"
    try:
        with _open(file, codec) as stream:
            if kind == "json":
                try:
                    content = json.load(stream)
                except UnicodeDecodeError:
                    raise
                except (ValueError, RecursionError) as error:
                    line = f":{error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
                    on_fault(f"{file}{line}: not JSON ({_fault(error)})")
                    return
                is_list = isinstance(content, list) and not (content and all(map(is_message, content)))
                yield from enumerate(content if is_list else [content], start=1)
                return
            yield from _read_lines(file, stream, on_fault)
    except (UnicodeDecodeError, EOFError, OSError, lzma.LZMAError, zlib.error) as error:
        # A broken archive or encoding ends the file: nothing after the fault can be trusted.
        remedy = "; save it as UTF-8, or name its encoding" if isinstance(error, UnicodeDecodeError) else ""
        on_fault(f"{file}: cannot be read to its end ({type(error).__name__}){remedy}")


def _read_lines(file: Path, stream: TextIO, on_fault: OnFault) -> Iterator[tuple[int, Any]]:
    rows = table.MessageRows()
    for number, line in enumerate(stream, start=1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except (ValueError, RecursionError) as error:
            on_fault(f"{file}:{number}: not JSON ({_fault(error)})")
            continue
        if not is_message(record) or any(key in record for key in CONVERTERS):
            yield number, record
            continue
        try:
            rows.add(number, record)
        except DataFormatError as error:
            on_fault(f"{file}:{number}: {error}")
    yield from rows.calls()


def _read_calls(
    file: Path, kind: str, options: ReadingOptions, notes: Notes, on_fault: OnFault
) -> Iterator[tuple[int, Call]]:
    try:
        text, codec = read_text(file, options.encoding)
        if codec == "cp1251" and options.encoding == "auto":
            notes.add(Problem.ENCODING, str(file))
        calls = list((table if kind == "csv" else plain_text).calls_of(text, options))
    except DataFormatError as error:
        on_fault(f"{file}: {error}")
        return
    if not calls:
        what = "no row under its first line" if kind == "csv" else "no line begins with a speaker («Оператор: …»)"
        on_fault(f"{file}: {what}")
    yield from calls


def kind_of(file: Path) -> str:
    if file.name.endswith(TABLES):
        return "csv"
    if file.name.endswith(TEXTS):
        return "text"
    return "json" if file.name.endswith(".json") else "jsonl"


def holds_calls(file: Path, options: ReadingOptions) -> bool:
    """Whether a file of a folder is read: JSON by its name, a table or text by how it begins."""
    if not file.name.endswith(SUFFIXES):
        return False
    kind = kind_of(file)
    if options.kind not in ("auto", kind):
        return False
    if kind in ("json", "jsonl"):
        return True
    try:
        with file.open("rb") as stream:
            head = stream.read(_HEAD_BYTES)
        # The last line may be cut inside a character.
        text, _ = decoded(head if len(head) < _HEAD_BYTES else head.rpartition(b"\n")[0], options.encoding)
        if kind == "csv":
            table.find_columns(text.partition("\n")[0], options)
            return True
        return plain_text.has_speakers(text, options)
    except (OSError, DataFormatError):
        return False


def _fault(error: Exception) -> str:
    """What the JSON reader found wrong, without the text it found it in."""
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg}, column {error.colno}"
    return "nested too deeply" if isinstance(error, RecursionError) else "a number too long"


def _open(file: Path, codec: str) -> TextIO:
    if file.suffix == ".gz":
        return gzip.open(file, "rt", encoding=codec)
    if file.suffix == ".xz":
        return lzma.open(file, "rt", encoding=codec)
    return file.open(encoding=codec)
