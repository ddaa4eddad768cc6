"""The report of ``data check`` for a terminal."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from .check import CheckReport

#: Places shown of each problem; the file of ``--json`` has them all, up to a thousand.
_SHOWN = 3


def print_check(report: CheckReport, console: Console | None = None) -> None:
    """Print counts, problems with their first places, lengths and the verdict."""
    console = console or Console()
    console.print(_counts(report))
    if report.problems or report.personal:
        console.print(_problems(report))
    console.print(_lengths(report))
    for index, sentence in enumerate(report.verdict):
        console.print(
            Text(("verdict: " if index == 0 else "  then: ") + sentence, style="bold" if index == 0 else ""),
            soft_wrap=True,
        )


def _counts(report: CheckReport) -> Table:
    counts, samples = report.counts, report.samples
    table = Table("what", "how many", title="calls", title_justify="left")
    formats = ", ".join(f"{name} {count}" for name, count in counts["formats"].items())
    table.add_row("files", str(counts["files"]))
    table.add_row("dialogues", f"{counts['dialogues']} ({formats})")
    for key in ("turns", "words"):
        table.add_row(key, ", ".join(f"{side} {count}" for side, count in counts[key].items()))
    table.add_row("turns with word times", str(counts["turns_with_word_times"]))
    for part in ("train", "validation"):
        table.add_row(f"samples, {part}", ", ".join(f"{label} {count}" for label, count in samples[part].items()))
    table.add_row("wait samples at measured pauses", str(samples["measured_pauses"]))
    table.add_row("largest group of near-duplicates", str(report.duplicates["largest_group"]))
    return table


def _problems(report: CheckReport) -> Table:
    table = Table("what", "how many", "first places", title="found", title_justify="left")
    personal = {f"personal data: {kind}": found for kind, found in report.personal.items()}
    for name, found in {**report.problems, **personal}.items():
        places = found["places"][:_SHOWN] + (["…"] if found["count"] > _SHOWN else [])
        table.add_row(name, str(found["count"]), Text("\n".join(places), overflow="fold"))
    return table


def _lengths(report: CheckReport) -> Table:
    keys = list(next(iter(report.lengths.values())))
    table = Table("length", *keys, title="lengths", title_justify="left")
    for name, values in report.lengths.items():
        table.add_row(name.replace("_", " "), *(f"{values[key]:g}" for key in keys))
    return table
