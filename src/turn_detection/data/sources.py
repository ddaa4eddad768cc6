"""Foreign formats to :class:`~turn_detection.types.Dialogue`.

Read are, alone or in a folder tree (sorted by name, so that order is stable):

* ``*.json``: one chat ``{"messages": [{"role", "content"}]}`` or a list of them;
* ``*.jsonl``, also ``.gz`` and ``.xz``: one object a line, either such a chat, or ``{"turns": [str, ...]}``, or
  ``{"conversation": "— turn\\n— turn"}`` as in the Hugging Face set ``inkoziev/Conversations``;
* where lone utterances are asked for, ``{"text": str}`` only.

Roles may be agent/client, assistant/user, bot/caller and the like; system and tool messages are skipped.
"""

from __future__ import annotations

import gzip
import json
import logging
import lzma
import re
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TextIO

from ..errors import DataFormatError, InputFileNotFoundError
from ..types import AGENT, CLIENT, ROLE_ALIASES, Dialogue, Turn

logger = logging.getLogger(__name__)

OnMalformed = Literal["skip", "refuse"]
_SUFFIXES = (".json", ".jsonl", ".jsonl.gz", ".jsonl.xz")
#: The dash that opens a line of dialogue in Russian print, in the forms that people type.
_LEADING_DASH = re.compile(r"^\s*[-‐-―−]+\s*")


@dataclass
class ReadReport:
    """What reading came to; ``malformed`` holds ``file:line: what is wrong`` for everything skipped."""

    n_dialogues: int = 0
    n_turns: int = 0
    malformed: list[str] = field(default_factory=list)


def read_dialogues(
    paths: Sequence[str | Path],
    *,
    on_malformed: OnMalformed = "skip",
    report: ReadReport | None = None,
    utterances: bool = False,
) -> Iterator[Dialogue]:
    """Yield the dialogues of files and folders.

    Args:
        paths: files or folders.
        on_malformed: ``"skip"`` logs a malformed line and goes on, ``"refuse"`` raises at the first.
        report: is filled while reading.
        utterances: read lone utterances instead of dialogues; each comes as a dialogue of one turn.

    Raises:
        InputFileNotFoundError: a path does not exist, or a folder holds no file of a known format.
        DataFormatError: a file is of no known format, or ``on_malformed="refuse"`` met a malformed record.
    """
    report = ReadReport() if report is None else report
    for file in find_files(paths):
        name, source = _origin(file)
        for place, record in _read_records(file, on_malformed, report):
            try:
                dialogue = dialogue_from_record(
                    record, dialogue_id=f"{name}:{place}", source=source, utterance=utterances
                )
            except DataFormatError as error:
                _malformed(f"{file}:{place}: {error}", on_malformed, report)
                continue
            report.n_dialogues += 1
            report.n_turns += len(dialogue.turns)
            yield dialogue


def find_files(paths: Sequence[str | Path]) -> list[Path]:
    """Files of known formats at ``paths``, folders searched to any depth and sorted by name."""
    files: list[Path] = []
    for path in map(Path, paths):
        if path.is_dir():
            found = sorted(file for file in path.rglob("*") if file.is_file() and file.name.endswith(_SUFFIXES))
            if not found:
                raise InputFileNotFoundError(f"no dialogue files ({', '.join(_SUFFIXES)}) in the folder {path}")
            files.extend(found)
        elif path.is_file():
            if not path.name.endswith(_SUFFIXES):
                raise DataFormatError(f"{path}: unknown kind of file; known are {', '.join(_SUFFIXES)}")
            files.append(path)
        else:
            raise InputFileNotFoundError(f"no such file or folder: {path}")
    return files


def dialogue_from_record(record: Any, *, dialogue_id: str, source: str, utterance: bool = False) -> Dialogue:
    """One parsed JSON object to a dialogue.

    A ``source`` key of the record wins over the argument. Neighbouring messages of one role become one turn: the caller who sends
    two messages in a row has not finished with the first.

    Raises:
        DataFormatError: the record has none of the known keys, or a value of the wrong type.
    """
    if not isinstance(record, dict):
        raise DataFormatError(f"expected an object, got {type(record).__name__}")
    converters = _UTTERANCE if utterance else _CONVERTERS
    for key, convert in converters.items():
        if key in record:
            turns = tuple(turn for turn in convert(record[key]) if turn.text)
            if not turns:
                raise DataFormatError(f"'{key}' holds no text")
            try:
                "".join(turn.text for turn in turns).encode()
            except UnicodeEncodeError as error:
                raise DataFormatError(f"'{key}' holds half of a surrogate pair, which is no text") from error
            named = record.get("source")
            return Dialogue(dialogue_id, named if isinstance(named, str) and named else source, turns)
    raise DataFormatError(f"none of the keys {', '.join(map(repr, converters))} is there")


def _from_conversation(value: Any) -> list[Turn]:
    if not isinstance(value, str):
        raise DataFormatError(f"'conversation' must be a string, got {type(value).__name__}")
    return [Turn(_LEADING_DASH.sub("", line).strip()) for line in value.splitlines()]


def _from_turns(value: Any) -> list[Turn]:
    if not isinstance(value, list) or not all(isinstance(turn, str) for turn in value):
        raise DataFormatError("'turns' must be a list of strings")
    return [Turn(_LEADING_DASH.sub("", turn).strip()) for turn in value]


def _from_text(value: Any) -> list[Turn]:
    if not isinstance(value, str):
        raise DataFormatError("'text' must be a string")
    return [Turn(value.strip())]


def _from_messages(value: Any) -> list[Turn]:
    if not isinstance(value, list):
        raise DataFormatError(f"'messages' must be a list, got {type(value).__name__}")
    turns: list[Turn] = []
    for index, message in enumerate(value):
        if not isinstance(message, dict) or not isinstance(message.get("role"), str):
            raise DataFormatError(f"messages[{index}] must be an object with a string 'role'")
        content = message.get("content")
        if content is None:
            continue  # tool calls carry no text
        if not isinstance(content, str):
            raise DataFormatError(f"messages[{index}].content must be a string, got {type(content).__name__}")
        role = ROLE_ALIASES.get(message["role"].strip().lower())
        if role not in (AGENT, CLIENT) or not content.strip():
            continue
        if turns and turns[-1].role == role:
            turns[-1] = Turn(f"{turns[-1].text} {content.strip()}", role)
        else:
            turns.append(Turn(content.strip(), role))
    return turns


_CONVERTERS: dict[str, Callable[[Any], list[Turn]]] = {
    "conversation": _from_conversation,
    "turns": _from_turns,
    "messages": _from_messages,
}
_UTTERANCE: dict[str, Callable[[Any], list[Turn]]] = {"text": _from_text}


def _read_records(file: Path, on_malformed: OnMalformed, report: ReadReport) -> Iterator[tuple[int, Any]]:
    """Parsed JSON objects with their place: the line, or for ``.json`` the number of the item, both from one."""
    try:
        with _open(file) as stream:
            if file.name.endswith(".json"):
                try:
                    content = json.load(stream)
                except UnicodeDecodeError:
                    raise
                except (ValueError, RecursionError) as error:
                    line = f":{error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
                    _malformed(f"{file}{line}: not JSON ({_fault(error)})", on_malformed, report)
                    return
                yield from enumerate(content if isinstance(content, list) else [content], start=1)
                return
            for number, line in enumerate(stream, start=1):
                if not line.strip():
                    continue
                try:
                    record = json.loads(line)
                except (ValueError, RecursionError) as error:
                    _malformed(f"{file}:{number}: not JSON ({_fault(error)})", on_malformed, report)
                    continue
                yield number, record
    except (UnicodeDecodeError, EOFError, OSError, lzma.LZMAError, zlib.error) as error:
        # A broken archive or encoding ends the file: nothing after the fault can be trusted.
        _malformed(f"{file}: cannot be read to its end ({type(error).__name__})", on_malformed, report)


def _fault(error: Exception) -> str:
    """What the JSON reader found wrong, without the text it found it in."""
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg}, column {error.colno}"
    return "nested too deeply" if isinstance(error, RecursionError) else "a number too long"


def _open(file: Path) -> TextIO:
    if file.suffix == ".gz":
        return gzip.open(file, "rt", encoding="utf-8-sig")
    if file.suffix == ".xz":
        return lzma.open(file, "rt", encoding="utf-8-sig")
    return file.open(encoding="utf-8-sig")


def _malformed(what: str, on_malformed: OnMalformed, report: ReadReport) -> None:
    if on_malformed == "refuse":
        raise DataFormatError(f"{what}; mend it, or set data.on_malformed=skip to leave such records out")
    report.malformed.append(what)
    logger.warning("skipped %s", what)


def _origin(file: Path) -> tuple[str, str]:
    """Name for the ids of a file's dialogues, and their source: a corpus is a file of lines or a folder of chats."""
    stem = file.name.split(".")[0]
    if file.name.endswith(".json"):
        folder = file.absolute().parent.name
        return f"{folder}/{stem}", folder or stem
    return stem, stem
