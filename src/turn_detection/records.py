"""The JSON of the original system: ``[{"context", "message", ...}]`` in, the same with ``"probas"`` out."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .errors import DataFormatError, InputFileNotFoundError
from .types import Context, Message, TurnPrediction
from .writing import write_whole


@dataclass(frozen=True, slots=True)
class Record:
    """One item: what is judged, and the object it came from."""

    context: Context
    message: str
    original: dict[str, Any]


def read_records(path: str | Path) -> list[Record]:
    """Read and check a file of items.

    ``message`` is a string. ``context`` is a string, ``null``, absent, or a list of ``{"role", "content"}``.

    Raises:
        InputFileNotFoundError: no such file.
        DataFormatError: not JSON or of another shape; names the item and the key.
    """
    path = Path(path)
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError as error:
        raise InputFileNotFoundError(f"no such file: {path}") from error
    except json.JSONDecodeError as error:
        raise DataFormatError(f"{path} is not JSON: {error.msg}, line {error.lineno}, column {error.colno}") from error
    except UnicodeDecodeError:
        # Not chained: this error carries the file's whole content.
        raise DataFormatError(f"{path} is not UTF-8 text; save it as UTF-8") from None
    except OSError as error:
        raise DataFormatError(f"{path} cannot be read: {error.strerror}") from error
    except ValueError as error:  # Python refuses to read a number of thousands of digits
        raise DataFormatError(f"{path} holds a number that is too long") from error
    except RecursionError as error:
        raise DataFormatError(f"{path} is nested too deeply") from error
    if not isinstance(content, list):
        raise DataFormatError(
            f'{path} must hold a list [{{"context": ..., "message": ...}}, ...], got {_kind(content)}'
        )
    return [_record(item, f"{path}: item {index}") for index, item in enumerate(content)]


def _record(item: Any, place: str) -> Record:
    if not isinstance(item, dict):
        raise DataFormatError(f"{place} must be an object, got {_kind(item)}")
    if "message" not in item:
        raise DataFormatError(f"{place}: the key 'message' is missing")
    if not isinstance(item["message"], str):
        raise DataFormatError(f"{place}: 'message' must be a string, got {_kind(item['message'])}")
    return Record(_context(item.get("context"), place), item["message"], item)


def _context(value: Any, place: str) -> Context:
    if value is None or isinstance(value, str):
        return value
    if not isinstance(value, list):
        raise DataFormatError(f"{place}: 'context' must be a string, a list of messages or null, got {_kind(value)}")
    messages = []
    for index, message in enumerate(value):
        if not isinstance(message, dict) or not isinstance(message.get("role"), str):
            raise DataFormatError(f"{place}: context[{index}] must be an object with a string 'role'")
        if not isinstance(message.get("content"), str | None):
            raise DataFormatError(f"{place}: context[{index}].content must be a string")
        messages.append(Message(message["role"], message.get("content") or ""))
    return messages


def with_probas(record: Record, prediction: TurnPrediction) -> dict[str, Any]:
    """The original object with ``probas`` added."""
    return {**record.original, "probas": prediction.probas}


def write_records(path: str | Path, records: Sequence[dict[str, Any]]) -> None:
    """Write items as a JSON list, whole or not at all.

    Raises:
        OutputError: see :func:`~.writing.write_whole`.
    """
    text = json.dumps(records, ensure_ascii=False, indent=2) + "\n"
    # Half a surrogate pair is legal in JSON and has no UTF-8 form; Python's backslash escape is the one that JSON reads.
    write_whole(path, text.encode("utf-8", "backslashreplace"))


def _kind(value: Any) -> str:
    """JSON's own name of a value's type; never the value, which may be a caller's words."""
    names = {dict: "an object", list: "a list", str: "a string", bool: "a boolean", int: "a number", float: "a number"}
    return names.get(type(value), "null")
