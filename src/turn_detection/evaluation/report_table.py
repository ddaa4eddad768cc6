"""A table that the program writes: the same cells become Markdown in ``tables.md`` and HTML on the report page."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Literal

#: Stands where a figure cannot be had.
NONE = "–"
_ENTITIES = {"<": "&lt;", "&": "&amp;"}
Tone = Literal["", "good", "bad"]


@dataclass(frozen=True, slots=True)
class Cell:
    """What one field says.

    Attributes:
        text: the figure or word.
        detail: its interval, said after it.
        band: ``(value, low, high)`` to draw, in the unit of the column.
        tone: whether the field is good or bad news; never the only sign of it.
    """

    text: str
    detail: str = ""
    band: tuple[float, float, float] | None = None
    tone: Tone = ""


@dataclass(frozen=True, slots=True)
class Column:
    """A heading; ``bars`` draws the bands of its cells on one scale, which takes in ``reference`` if there is one."""

    title: str
    is_number: bool = True
    bars: bool = False
    reference: float | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under columns; the first cell of a row names it.

    Attributes:
        name: for links; letters, digits and dashes only.
        grouped: a column of words by which the page gathers the rows, which come in its order.
    """

    name: str
    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    grouped: int | None = None

    def groups(self) -> list[tuple[str | None, list[tuple[Cell, ...]]]]:
        """Rows by the column ``grouped``; one nameless group without it."""
        if self.grouped is None:
            return [(None, list(self.rows))]
        place = self.grouped
        return [(name, list(rows)) for name, rows in groupby(self.rows, lambda row: row[place].text)]

    def scale(self, column: int) -> tuple[float, float]:
        """Least and greatest value to draw in a column of bars, a little room included."""
        bands = [row[column].band for row in self.rows]
        values = [value for band in bands if band for value in band]
        reference = self.columns[column].reference
        if reference is not None:
            values.append(reference)
        low, high = min(values, default=0.0), max(values, default=1.0)
        room = 0.04 * (high - low) or 0.5
        return low - room, high + room

    def to_markdown(self) -> str:
        """A table of GitHub's Markdown, without its caption."""
        heads = " | ".join(escaped(column.title) for column in self.columns)
        rule = "|".join("---:" if column.is_number else "---" for column in self.columns)
        lines = [f"| {heads} |", f"|{rule}|"]
        for row in self.rows:
            fields = (f"{cell.text} ({cell.detail})" if cell.detail else cell.text for cell in row)
            lines.append("| " + " | ".join(escaped(field) for field in fields) + " |")
        return "\n".join(lines)


def escaped(text: str) -> str:
    """One line that Markdown shows as it is: names come from data files and may hold anything."""
    flat = " ".join(text.split())
    return "".join(_ENTITIES.get(mark, f"\\{mark}" if mark in "\\`|*_[]" else mark) for mark in flat)


def word(text: str | None) -> Cell:
    return Cell(text if text else NONE)


def count(n: int) -> Cell:
    return Cell(f"{n:,}")


def share(value: float | None, digits: int = 1) -> Cell:
    """A share of 0..1 in percent."""
    return Cell(NONE if value is None else f"{100 * value:.{digits}f} %")


def number(value: float | None, digits: int = 4) -> Cell:
    return Cell(NONE if value is None else fixed(value, digits))


def figure(
    band: Mapping[str, Any], digits: int = 4, *, scale: float = 1.0, unit: str = "", signed: bool = False
) -> Cell:
    """A figure with its interval, times ``scale``."""
    value, low, high = (None if band[key] is None else scale * float(band[key]) for key in ("value", "low", "high"))
    if value is None:
        return Cell(NONE)
    text = fixed(value, digits, signed=signed) + (f" {unit}" if unit else "")
    if low is None or high is None:
        return Cell(text)
    return Cell(text, f"{fixed(low, digits)} to {fixed(high, digits)}", (value, low, high))


def p_value(p: float | None) -> Cell:
    if p is None:
        return Cell(NONE)
    return Cell("< 0.0001" if p < 1e-4 else f"{p:.4f}" if p < 0.01 else f"{p:.2f}")


def fixed(value: float, digits: int, *, signed: bool = False) -> str:
    """Fixed point with thousands apart and a real minus; a rounded zero has no sign."""
    rounded = round(value, digits)
    if rounded == 0 or math.isnan(rounded):
        return f"{0.0:.{digits}f}" if rounded == 0 else NONE
    return f"{rounded:+,.{digits}f}".replace("-", "−").removeprefix("" if signed else "+")
