"""The report as files: ``report.json`` for programs, ``index.html`` for people, ``tables.md`` for a README.

The page is one file: styles, script and drawings stand in it, and its policy forbids the browser to fetch anything.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import MissingExtraError
from ..writing import write_whole
from .endpointing_curve import TIMER
from .report_plots import report_plots
from .report_table import Cell, figure, fixed
from .report_tables import METRICS, report_tables, tables_markdown

if TYPE_CHECKING:
    from markupsafe import Markup

_PAGE = Path(__file__).parent / "page"
_CARD_METRICS = ("roc_auc", "tnr_at_tpr_993", "log_loss", "ece")


@dataclass(frozen=True, slots=True)
class Card:
    """A headline figure."""

    title: str
    cell: Cell


def write_report(report: Mapping[str, Any], folder: str | Path) -> None:
    """Write the three files into ``folder``; all are made before the first is written.

    Args:
        report: the layout of ``report.json``; see ``report.py``.
        folder: there already.

    Raises:
        MissingExtraError: matplotlib or jinja2 is not installed.
        OutputError: not writable.
    """
    files = {
        "index.html": report_html(report),
        "tables.md": tables_markdown(report),
        "report.json": json.dumps(report, ensure_ascii=False, indent=2, allow_nan=False) + "\n",
    }
    for name, text in files.items():
        write_whole(Path(folder) / name, text)


def report_html(report: Mapping[str, Any]) -> str:
    """The page. Equal reports give equal pages.

    Raises:
        MissingExtraError: matplotlib or jinja2 is not installed.
    """
    try:
        import jinja2
        from markupsafe import Markup
    except ImportError as error:
        raise MissingExtraError("Writing the report page", "cpu", error.name) from error
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_PAGE),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    plots = {name: Markup(drawing) for name, drawing in report_plots(report).items()}
    tables = {table.name: table for table in report_tables(report)}
    style, script = ((_PAGE / f"report.{kind}").read_text(encoding="utf-8") for kind in ("css", "js"))
    curve_names = [name for name in ("roc", "precision-recall", "reliability", "histogram") if name in plots]
    page: str = environment.get_template("report.html").render(
        report=report,
        facts=report["facts"],
        own=report["overall"]["at_thresholds"][0],
        cards=list(_cards(report)),
        sections=list(_sections(report, tables, curve_names)),
        tables=tables,
        plots=plots,
        curve_names=curve_names,
        endpointing_names=[name for name in tables if name.startswith("endpointing-")],
        comparison_names=[name for name in tables if name.startswith(("comparison-", "mcnemar-"))],
        place=lambda value, low, high: f"{100 * (value - low) / (high - low):.1f}",
        groups=lambda table: table.groups(),
        field=_field,
        style=Markup(style),
        script=Markup(script),
        script_digest=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
    )
    return page.lstrip() + "\n"


def _cards(report: Mapping[str, Any]) -> Iterator[Card]:
    overall = report["overall"]
    own = overall["at_thresholds"][0]
    metrics = overall["metrics"]
    yield Card(METRICS["roc_auc"], figure(metrics["roc_auc"]))
    yield Card(f"F1 at {fixed(own['threshold'], 2)}", figure(own["figures"]["f1"]))
    for key in _CARD_METRICS[1:]:
        yield Card(METRICS[key], figure(metrics[key]))
    if not report["endpointing"]:
        return
    lines = report["endpointing"]["judges"][0]["curves"][0]["lines"]
    for reading in lines.get("continuous, fitted", lines[TIMER])["readings"]:
        if reading["limit"].startswith("cut-offs"):
            title = f"cut-offs at ≤ {reading['limit'].split('<= ')[1]} delay"
            yield Card(title, figure(reading["figure"], 1, scale=100, unit="%"))
            return


def _sections(report: Mapping[str, Any], tables: Mapping[str, Any], curves: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Anchor and title of every section that the page has."""
    yield "decisions", "Decisions"
    shown = {
        ("curves", "Ranking and calibration"): bool(curves),
        ("endpointing", "Cut-offs against delay"): bool(report["endpointing"]),
        ("slices", "Slices"): "slices" in tables or "tiers" in tables,
        ("cases", "Categories and misses"): "categories" in tables or "misses" in tables,
        ("comparison", "Comparison"): bool(report["comparisons"]),
        ("stability", "Stability"): "stability" in tables,
        ("context", "Use of context"): "context" in tables,
    }
    yield from (section for section, is_there in shown.items() if is_there)
    yield "facts", "Facts"


def _field(n: int, of: int, kind: str) -> Markup:
    """A field of the confusion matrix: the count and its share of the row."""
    from markupsafe import Markup

    share = f"{100 * n / of:.1f} %" if of else "–"
    return Markup('<td class="{}">{}<small>{}</small></td>').format(kind, f"{n:,}", share)
