"""Cut-offs against delay in a report: a table and two drawings for every curve of pause lengths."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from . import svg
from .endpointing_curve import TIMER
from .report_table import Cell, Column, Table, figure, word

Report = Mapping[str, Any]

#: Lines of a curve, the one to use first.
_LINES = {
    "continuous, fitted": "delay by probability, fitted on other turns",
    "binary, fitted": "two delays, fitted on other turns",
    "binary": "two delays, best on these very turns (as eot-bench)",
}
#: Above this delay no caller waits, and below this share of cut-offs a plot shows nothing more.
_LONGEST_DELAY_S, _LEAST_CUTOFFS = 2.6, 0.03
#: Suffix of a drawing's name, and the column of a line's rows ``[delay_s, per_pause, per_turn]`` that it shows.
_COUNTED = (("", 1), ("-turns", 2))


def endpointing_tables(endpointing: Report) -> Iterator[Table]:
    """A table for every curve of pause lengths: the silence timer, then the policies of every detector."""
    judges = [judge for judge in endpointing["judges"] if judge["judge"] != TIMER]
    for index, pauses in enumerate(curve["pauses"] for curve in endpointing["judges"][0]["curves"]):
        curves = [(judge["judge"], curve) for judge in judges for curve in judge["curves"] if curve["pauses"] == pauses]
        if not curves:
            continue
        timer = curves[0][1]["lines"][TIMER]["readings"]
        columns = (
            *(Column(title, is_number=False) for title in ("detector", "policy")),
            *(Column(reading["limit"].replace("<=", "≤")) for reading in timer),
        )
        rows = [(word(TIMER), word("one delay"), *map(_reading, timer))]
        rows += [
            (word(name), word(title), *map(_reading, curve["lines"][line]["readings"]))
            for name, curve in curves
            for line, title in _LINES.items()
            if line in curve["lines"]
        ]
        n = curves[0][1]["n"]
        caption = (
            f"Cut-offs against delay, pauses {pauses}: {n['pauses']:,} mid-turn pauses and {n['ends']:,} ends in "
            f"{n['turns']:,} turns of {n['dialogues']:,} dialogues"
        )
        yield Table(f"endpointing-{index + 1}", caption, columns, tuple(rows))


def _reading(reading: Report) -> Cell:
    if reading["limit"].startswith("delay"):
        return figure(reading["figure"], 0, scale=1000, unit="ms")
    return figure(reading["figure"], 1, scale=100, unit="%")


def endpointing_plots(endpointing: Report) -> dict[str, str]:
    """SVG by name: for the first curve ``endpointing-1``, counted by pause, and ``endpointing-1-turns``, counted by turn."""
    judges = endpointing["judges"]
    return {
        f"endpointing-{index + 1}{suffix}": _plot(f"endpointing-{index + 1}{suffix}", curve["pauses"], judges, column)
        for index, curve in enumerate(judges[0]["curves"])
        for suffix, column in _COUNTED
    }


def _plot(name: str, pauses: str, judges: list[Report], column: int) -> str:
    """Lines of every judge that was measured on these pauses, with the silence timer."""
    found = [
        (judge["judge"], curve["lines"])
        for judge in judges
        for curve in judge["curves"]
        if curve["pauses"] == pauses and judge["judge"] != TIMER
    ][: 1 + len(svg.OTHERS)]
    timer = judges[0]["curves"][0]["lines"] if not found else found[0][1]
    with svg.drawing(height=4.2) as figure:
        axes = figure.add_subplot()
        lines: list[tuple[str, Any, dict[str, Any]]] = [
            (TIMER, timer[TIMER]["line"], {"color": svg.MUTED, "linestyle": (0, (1, 1.5))})
        ]
        for index, (judge, by_name) in enumerate(found):
            style = (
                {"color": svg.OTHERS[index - 1], "linestyle": svg.DASHES[index - 1]} if index else {"color": svg.MODEL}
            )
            line = by_name.get("continuous, fitted") or by_name.get("binary, fitted")
            if line:
                lines.append((judge, line["line"], style))
        if found and "binary, fitted" in found[0][1] and "continuous, fitted" in found[0][1]:
            two = {"color": svg.MODEL, "linestyle": (0, (3, 2)), "linewidth": 1.2}
            lines.append((f"{found[0][0]}, two delays", found[0][1]["binary, fitted"]["line"], two))
        for label, rows, style in lines:
            axes.plot([row[0] for row in rows], [row[column] for row in rows], label=label, **style)
        per = "cutoffs_per_pause" if column == 1 else "cutoffs_per_turn"
        for reading in _marked(found):
            axes.plot([reading["delay_s"]], [reading[per]], marker="o", markersize=5, color=svg.MODEL)
        axes.set_xlim(0.18, _longest(timer[TIMER]["line"]))
        axes.set_ylim(0, None)
        axes.set_xlabel("mean delay after a finished turn, seconds")
        axes.set_ylabel("mid-turn pauses cut off" if column == 1 else "turns cut into")
        axes.yaxis.set_major_formatter(svg.percent_ticks())
        axes.legend(loc="upper right")
        return svg.inline_svg(
            figure,
            name,
            f"Cut-offs by {'pause' if column == 1 else 'turn'} against delay, pauses {pauses}",
            "Lower and further left is better. Points: the limits whose figures stand in the table below.",
        )


def _marked(found: list[tuple[str, Report]]) -> list[Report]:
    """The model's readings that are within reach."""
    readings = found[0][1].get("continuous, fitted", {"readings": []})["readings"] if found else []
    return [reading for reading in readings if reading["policy"] is not None]


def _longest(timer: list[list[float]]) -> float:
    """Where the plot ends: the silence timer has few cut-offs left, or nobody waits so long."""
    few = [row[0] for row in timer if row[1] <= _LEAST_CUTOFFS]
    return min([*few[:1], _LONGEST_DELAY_S])
