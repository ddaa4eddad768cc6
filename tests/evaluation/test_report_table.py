"""Cells and tables that become Markdown and HTML."""

from __future__ import annotations

import math

import pytest

from turn_detection.evaluation.report_table import (
    NONE,
    Cell,
    Column,
    Table,
    escaped,
    figure,
    fixed,
    number,
    p_value,
    share,
)


@pytest.mark.parametrize(
    ("value", "digits", "signed", "text"),
    [
        (0.12345, 4, False, "0.1235"),
        (-0.5, 2, False, "−0.50"),
        (1234.5, 0, False, "1,234"),
        (0.07, 2, True, "+0.07"),
        (-0.07, 2, True, "−0.07"),
        (-0.00001, 3, True, "0.000"),
        (math.nan, 3, False, NONE),
    ],
)
def test_numbers_have_a_fixed_point_and_a_real_minus(value: float, digits: int, signed: bool, text: str) -> None:
    assert fixed(value, digits, signed=signed) == text


def test_a_figure_carries_its_interval_in_the_unit_that_is_shown() -> None:
    cell = figure({"value": 0.515, "low": 0.497, "high": 0.546}, 1, scale=100, unit="%")
    assert (cell.text, cell.detail) == ("51.5 %", "49.7 to 54.6")
    assert cell.band == pytest.approx((51.5, 49.7, 54.6))


def test_a_figure_without_an_interval_or_without_a_value_says_no_more_than_it_knows() -> None:
    assert figure({"value": 0.5, "low": None, "high": None}) == Cell("0.5000")
    assert figure({"value": None, "low": None, "high": None}) == Cell(NONE)
    assert share(None) == number(None) == p_value(None) == Cell(NONE)


@pytest.mark.parametrize(("p", "text"), [(1e-9, "< 0.0001"), (0.002, "0.0020"), (0.034, "0.03"), (1.0, "1.00")])
def test_p_values_are_as_exact_as_they_matter(p: float, text: str) -> None:
    assert p_value(p).text == text


def test_names_from_data_cannot_break_a_markdown_table() -> None:
    told = escaped("a|b\nc `x` <script> [y](z) *w* _v_ & \\")
    assert "\n" not in told
    assert "<" not in told
    assert told == r"a\|b c \`x\` &lt;script> \[y\](z) \*w\* \_v\_ &amp; \\"


def table(*cells: Cell, reference: float | None = None) -> Table:
    columns = (Column("", is_number=False), Column("a|b", bars=True, reference=reference))
    return Table("toy", "Toy", columns, tuple((Cell(f"row {n}"), cell) for n, cell in enumerate(cells)))


def test_a_table_is_aligned_and_intervals_stand_in_brackets() -> None:
    lines = table(Cell("1", "0 to 2"), Cell("3")).to_markdown().splitlines()
    assert lines == ["|  | a\\|b |", "|---|---:|", "| row 0 | 1 (0 to 2) |", "| row 1 | 3 |"]


def test_bars_of_a_column_share_one_scale_that_takes_in_the_reference() -> None:
    cells = (Cell("", band=(0.5, 0.4, 0.6)), Cell("", band=(0.8, 0.7, 0.9)), Cell(""))
    low, high = table(*cells).scale(1)
    assert low < 0.4
    assert high > 0.9
    assert table(*cells, reference=0.0).scale(1)[0] < 0


def test_equal_or_absent_bands_still_have_a_scale() -> None:
    low, high = table(Cell("", band=(1.0, 1.0, 1.0))).scale(1)
    assert low < 1 < high
    assert table(Cell("")).scale(1)[0] < table(Cell("")).scale(1)[1]


def test_rows_are_gathered_by_the_column_that_groups_them() -> None:
    rows = tuple((Cell(str(n)), Cell(group)) for n, group in enumerate("aab"))
    columns = (Column("x"), Column("by", is_number=False))
    assert [(name, len(found)) for name, found in Table("t", "T", columns, rows, grouped=1).groups()] == [
        ("a", 2),
        ("b", 1),
    ]
    assert [(name, len(found)) for name, found in Table("t", "T", columns, rows).groups()] == [(None, 3)]
