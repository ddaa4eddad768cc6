"""Foreign formats to :class:`~turn_detection.types.Dialogue`: the door to calls in files.

Read are, alone or in a folder tree (sorted by name, so that order is stable):

* ``*.json``: one call or a list of them, each an object with ``messages`` (chats), ``turns``, ``conversation`` (the Hugging Face set
  ``inkoziev/Conversations``), ``chat_history`` or ``items`` (LiveKit), ``segments`` (WhisperX); or a bare list of messages (Pipecat);
* ``*.jsonl``, also ``.gz`` and ``.xz``: one such object or list a line, or one message a line;
* ``*.csv``, ``*.tsv``: a table with a row a line of the call, or a row an exchange;
* ``*.txt``: text with a speaker before every line;
* where lone utterances are asked for, ``{"text": str}`` only.

Roles may be agent/client, assistant/user, bot/caller, оператор/клиент and the like; system and tool messages are skipped. What each
format looks like: ``docs/data_formats.md``.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Literal

from ..errors import DataFormatError, InputFileNotFoundError
from ..types import Dialogue
from .formats.chat import CONVERTERS, UTTERANCE, from_messages, is_message
from .formats.file import SUFFIXES, TABLES, holds_calls, read_records
from .formats.line import Call, turns_of
from .formats.notes import Notes, Problem
from .formats.options import DEFAULT_READING, ReadingOptions

logger = logging.getLogger(__name__)

OnMalformed = Literal["skip", "refuse", "collect"]


@dataclass
class ReadReport:
    """What reading came to; ``malformed`` holds ``file:line: what is wrong`` for everything skipped, ``notes`` what was odd."""

    n_files: int = 0
    n_dialogues: int = 0
    n_turns: int = 0
    malformed: list[str] = field(default_factory=list)
    notes: Notes = field(default_factory=Notes)


class _NothingSaidError(DataFormatError):
    """A call in which nobody said anything: the export of a caller who hung up, no fault of the file."""


def read_dialogues(
    paths: Sequence[str | Path],
    *,
    on_malformed: OnMalformed = "skip",
    report: ReadReport | None = None,
    utterances: bool = False,
    options: ReadingOptions = DEFAULT_READING,
) -> Iterator[Dialogue]:
    """Yield the dialogues of files and folders.

    Args:
        paths: files or folders.
        on_malformed: ``"skip"`` logs a malformed line and goes on, ``"refuse"`` raises at the first, ``"collect"`` only puts it into the report.
        report: is filled while reading.
        utterances: read lone utterances instead of dialogues; each comes as a dialogue of one turn.
        options: of columns, speakers and encodings that cannot be told from the file.

    Raises:
        InputFileNotFoundError: a path does not exist, or a folder holds no file of a known format.
        DataFormatError: a file is of no known format, or ``on_malformed="refuse"`` met a malformed record.
    """
    report = ReadReport() if report is None else report
    on_fault = partial(_malformed, on_malformed=on_malformed, report=report)
    for file in find_files(paths, options):
        report.n_files += 1
        name, source = _origin(file)
        for place, record in read_records(file, options, report.notes, on_fault):
            try:
                dialogue = dialogue_from_record(
                    record, dialogue_id=f"{name}:{place}", source=source, utterance=utterances, file=str(file),
                    options=options, notes=report.notes, at=f"{file}:{place}",
                )  # fmt: skip
            except _NothingSaidError:
                report.notes.add(Problem.EMPTY_CALL, f"{file}:{place}")
                continue
            except DataFormatError as error:
                on_fault(f"{file}:{place}: {error}")
                continue
            report.n_dialogues += 1
            report.n_turns += len(dialogue.turns)
            yield dialogue


def find_files(paths: Sequence[str | Path], options: ReadingOptions = DEFAULT_READING) -> list[Path]:
    """Files of known formats at ``paths``, folders searched to any depth and sorted by name.

    In a folder, tables and texts count only if they begin like calls: notes and statistics lie beside them. A file that is named counts.
    """
    files: list[Path] = []
    for path in map(Path, paths):
        if path.is_dir():
            found = sorted(file for file in path.rglob("*") if file.is_file() and holds_calls(file, options))
            if not found:
                raise InputFileNotFoundError(f"no dialogue files ({', '.join(SUFFIXES)}) in the folder {path}")
            files.extend(found)
        elif path.is_file():
            if options.kind == "auto" and not path.name.endswith(SUFFIXES):
                raise DataFormatError(f"{path}: unknown kind of file; known are {', '.join(SUFFIXES)}")
            files.append(path)
        else:
            raise InputFileNotFoundError(f"no such file or folder: {path}")
    return files


def dialogue_from_record(
    record: Any,
    *,
    dialogue_id: str,
    source: str,
    utterance: bool = False,
    file: str = "",
    options: ReadingOptions = DEFAULT_READING,
    notes: Notes | None = None,
    at: str = "",
) -> Dialogue:
    """One parsed JSON object, list of messages, or call of a table or text, to a dialogue.

    A ``source`` key of the record wins over the argument. Neighbouring messages of one role become one turn: the caller who sends
    two messages in a row has not finished with the first. What is odd goes to ``notes`` with the place ``at``.

    Raises:
        DataFormatError: the record has none of the known keys, or a value of the wrong type.
    """
    notes = Notes() if notes is None else notes
    at = at or dialogue_id
    if isinstance(record, Call) and not utterance:
        notes.formats[record.kind] += 1
        return _dialogue(
            turns_of(record.lines, options, notes, at), dialogue_id, source, file, "the call", may_be_empty=True
        )
    if isinstance(record, list) and record and all(map(is_message, record)) and not utterance:
        notes.formats["messages"] += 1
        turns = from_messages(record, options, notes, at)
        return _dialogue(turns, dialogue_id, source, file, "the list", may_be_empty=True)
    if not isinstance(record, dict):
        raise DataFormatError(f"expected an object, got {type(record).__name__}")
    converters = UTTERANCE if utterance else CONVERTERS
    for key, (kind, convert) in converters.items():
        if key in record:
            turns = convert(record[key], options, notes, at)
            notes.formats[kind] += 1
            named = record.get("source")
            source = named if isinstance(named, str) and named else source
            exported = key in ("chat_history", "items", "segments")
            return _dialogue(turns, dialogue_id, source, file, f"'{key}'", may_be_empty=exported)
    raise DataFormatError(f"none of the keys {', '.join(map(repr, converters))} is there")


def _dialogue(
    turns: Sequence[Any], dialogue_id: str, source: str, file: str, what: str, *, may_be_empty: bool
) -> Dialogue:
    said = tuple(turn for turn in turns if turn.text)
    if not said:
        raise (_NothingSaidError if may_be_empty else DataFormatError)(f"{what} holds no text")
    try:
        "".join(turn.text for turn in said).encode()
    except UnicodeEncodeError:
        # Not chained: the error carries the text.
        raise DataFormatError(f"{what} holds half of a surrogate pair, which is no text") from None
    return Dialogue(dialogue_id, source, said, file)


def _malformed(what: str, on_malformed: OnMalformed, report: ReadReport) -> None:
    if on_malformed == "refuse":
        raise DataFormatError(
            f"{what}; mend it or take it out (training can skip such records: data.on_malformed=skip)"
        )
    report.malformed.append(what)
    if on_malformed == "skip":
        logger.warning("skipped %s", what)


def _origin(file: Path) -> tuple[str, str]:
    """Name for the ids of a file's dialogues, and their source: a corpus is a file of lines or a folder of chats."""
    stem = file.name.split(".")[0]
    if not file.name.endswith((".jsonl", ".jsonl.gz", ".jsonl.xz", *TABLES)):
        folder = file.absolute().parent.name
        return f"{folder}/{stem}", folder or stem
    return stem, stem
