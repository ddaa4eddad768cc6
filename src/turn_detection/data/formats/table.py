"""Tables of calls: a row a line of a call (dialogue, role, text), or a row an exchange (agent, client)."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, get_args

from ...errors import DataFormatError
from ...types import AGENT, CLIENT
from .chat import line_of
from .line import Call, Line
from .options import Column, ReadingOptions
from .timing import TimedText

KIND = "table"
_DELIMITERS = ",;\t|"
#: Usual names of the columns, as :func:`_bare` leaves them.
_NAMES: dict[Column, tuple[str, ...]] = {
    "dialogue": tuple(
        "dialogue_id dialog_id dialogue dialog call_id call session_id session conversation_id conversation chat_id chat thread_id "
        "id_диалога id_звонка id_сессии id_чата номер_диалога номер_звонка диалог звонок сессия чат id".split()
    ),
    "role": tuple("role speaker author sender who side from роль спикер говорящий автор кто участник сторона".split()),
    "text": tuple(
        "text content message utterance phrase transcript текст реплика фраза сообщение расшифровка транскрипт".split()
    ),
    "agent": tuple("agent operator bot assistant question оператор агент бот робот вопрос".split()),
    "client": tuple("client user caller customer answer клиент абонент пользователь ответ".split()),
    "start": tuple("start start_s begin начало".split()),
    "end": tuple("end end_s stop конец".split()),
}
_CLOCK = re.compile(r"(?:(?:(\d+):)?(\d{1,2}):)?(\d+(?:[.,]\d+)?)")


@dataclass(frozen=True, slots=True)
class Columns:
    """Places of the columns in a row, by what they hold."""

    places: dict[Column, int]
    delimiter: str

    def cell(self, row: Sequence[str], column: Column) -> str:
        place = self.places.get(column)
        return row[place].strip() if place is not None and place < len(row) else ""


def find_columns(header: str, options: ReadingOptions) -> Columns:
    """The delimiter and the columns by a table's first line: the delimiter that finds most of them.

    Raises:
        DataFormatError: neither role and text nor agent and client are among them; says what is missing, never what stands there.
    """
    found = [Columns(_places(header, delimiter, options), delimiter) for delimiter in _DELIMITERS]
    best = max(found, key=lambda columns: len(columns.places))
    for column, name in options.columns.items():
        if column not in best.places:
            raise DataFormatError(f"the first line has no column named '{name}' for {column}")
    if {"role", "text"} <= set(best.places) or {"agent", "client"} <= set(best.places):
        return best
    raise DataFormatError(
        "the first line must name the columns: role and text, or agent and client; if they have other names, say "
        "--role-column and --text-column (data.columns)"
    )


def calls_of(text: str, options: ReadingOptions) -> Iterator[tuple[int, Call]]:
    """The calls of a table with the number of the line where each begins.

    Rows of one dialogue belong together wherever they stand. Without a dialogue column, or with one that no two rows share, a table of
    lines is one call, and in a table of exchanges every row is a call.

    Raises:
        DataFormatError: see :func:`find_columns`; or a broken row (names its line).
    """
    header, _, _ = text.partition("\n")
    columns = find_columns(header, options)
    is_long = {"role", "text"} <= set(columns.places)
    calls: dict[str, list[Line]] = {}
    begins: dict[str, int] = {}
    rows = list(_rows(text, columns.delimiter))
    ids = [columns.cell(row, "dialogue") for _, row in rows]
    has_ids = "dialogue" in columns.places and (
        not is_long or "dialogue" in options.columns or len(set(ids)) < len(ids)
    )
    for (number, row), name in zip(rows, ids, strict=True):
        if not has_ids:
            name = "" if is_long else str(number)
        begins.setdefault(name, number)
        calls.setdefault(name, []).extend(_long(columns, row, number) if is_long else _wide(columns, row, number))
    for name, lines in calls.items():
        yield begins[name], Call(tuple(lines), KIND)


class MessageRows:
    """Messages that stand one a line in a JSONL file; those of one dialogue belong together, all of them where none is named."""

    def __init__(self) -> None:
        self._calls: dict[str, list[Line]] = {}
        self._begins: dict[str, int] = {}

    def add(self, number: int, message: dict[str, Any]) -> None:
        """Raises DataFormatError: a value of the wrong type."""
        keys = ("dialogue_id", "dialog_id", "dialogue", "call_id", "session_id", "conversation_id", "chat_id")
        name = next((str(message[key]) for key in keys if isinstance(message.get(key), str | int)), "")
        line = line_of(message, f"line {number}")
        self._begins.setdefault(name, number)
        self._calls.setdefault(name, []).append(line)

    def calls(self) -> Iterator[tuple[int, Call]]:
        for name, lines in self._calls.items():
            yield self._begins[name], Call(tuple(lines), "a message a line")


def _places(header: str, delimiter: str, options: ReadingOptions) -> dict[Column, int]:
    try:
        names = [_bare(cell) for cell in next(csv.reader([header], delimiter=delimiter), [])]
    except csv.Error:
        return {}
    places: dict[Column, int] = {}
    for column in get_args(Column):
        given = options.columns.get(column)
        wanted = _NAMES[column] if given is None else (_bare(given),)
        place = next((names.index(name) for name in wanted if name in names), None)
        if place is not None:
            places[column] = place
    return places


def _bare(name: str) -> str:
    return re.sub(r"[\s\-]+", "_", name.strip().lower())


def _rows(text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Rows under the header that hold something, with the number of the line where each begins."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    begins = 1
    try:
        for row in reader:
            if begins > 1 and any(cell.strip() for cell in row):
                yield begins, row
            begins = reader.line_num + 1
    except csv.Error as error:
        raise DataFormatError(
            f"the row that begins at line {begins} is broken ({error}): is a quote left open?"
        ) from error


def _long(columns: Columns, row: Sequence[str], number: int) -> Iterator[Line]:
    said = TimedText(
        columns.cell(row, "text"), None, _time(columns.cell(row, "start")), _time(columns.cell(row, "end"))
    )
    yield Line(columns.cell(row, "role"), said, f"line {number}")


def _wide(columns: Columns, row: Sequence[str], number: int) -> Iterator[Line]:
    for column, role in (("agent", AGENT), ("client", CLIENT)):
        text = columns.cell(row, column)  # type: ignore[arg-type]
        if text:
            yield Line(role, TimedText(text), f"line {number}")


def _time(cell: str) -> float | None:
    """Seconds of «75.3», «01:15,3» or «00:01:15.3»; anything else is no time."""
    found = _CLOCK.fullmatch(cell)
    if found is None:
        return None
    hours, minutes, rest = found.groups()
    return int(hours or 0) * 3600 + int(minutes or 0) * 60 + float(rest.replace(",", "."))
