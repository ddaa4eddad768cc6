"""The drawings of an evaluation report, from the plain ``report.json`` layout, as inline SVG."""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from . import svg
from .report_endpointing import endpointing_plots

Report = Mapping[str, Any]

_Z_95 = 1.96


def report_plots(report: Report) -> dict[str, str]:
    """SVG by name: ``roc``, ``precision-recall``, ``reliability``, ``histogram``, ``endpointing-1`` and so on.

    A drawing that the report holds no points for is left out.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    plots: dict[str, str] = {}
    overall, others = report["overall"], [one["other"] for one in report["comparisons"]][: len(svg.OTHERS)]
    drawn = overall["plots"]
    if drawn["roc"]:
        plots["roc"] = _roc(overall, others)
    if drawn["precision_recall"]:
        share = report["facts"]["data"]["n_speak"] / max(1, report["facts"]["data"]["n_items"])
        plots["precision-recall"] = _precision_recall(overall, others, share)
    if drawn["reliability"]:
        plots["reliability"] = _reliability(overall)
    if sum(drawn["histogram"]["speak"]) + sum(drawn["histogram"]["wait"]):
        plots["histogram"] = _histogram(overall)
    if report["endpointing"]:
        plots |= endpointing_plots(report["endpointing"])
    return plots


def _roc(overall: Report, others: list[Report]) -> str:
    with svg.drawing() as figure:
        axes = figure.add_subplot()
        axes.plot([0, 1], [0, 1], color=svg.MUTED, linewidth=1, linestyle=(0, (1, 2)))
        for colour, dash, other in zip(svg.OTHERS, svg.DASHES, others, strict=False):
            _curve(axes, other, "roc", "roc_auc", color=colour, linestyle=dash)
        _curve(axes, overall, "roc", "roc_auc", color=svg.MODEL)
        own = overall["at_thresholds"][0]
        specificity, recall = own["figures"]["specificity"]["value"], own["figures"]["recall"]["value"]
        if specificity is not None and recall is not None:
            _point(axes, 1 - specificity, recall, f"threshold {own['threshold']:.2f}")
        _percent(axes, "unfinished turns taken for finished", "finished turns recognised")
        _legend(axes, "lower right")
        auc = overall["metrics"]["roc_auc"]["value"]
        return svg.inline_svg(
            figure,
            "roc",
            "ROC curve",
            f"Finished turns recognised against unfinished turns taken for finished; area {_said(auc)}.",
        )


def _precision_recall(overall: Report, others: list[Report], share: float) -> str:
    with svg.drawing() as figure:
        axes = figure.add_subplot()
        axes.axhline(share, color=svg.MUTED, linewidth=1, linestyle=(0, (1, 2)))
        for colour, dash, other in zip(svg.OTHERS, svg.DASHES, others, strict=False):
            _curve(axes, other, "precision_recall", "average_precision", color=colour, linestyle=dash)
        _curve(axes, overall, "precision_recall", "average_precision", color=svg.MODEL)
        own = overall["at_thresholds"][0]
        precision, recall = own["figures"]["precision"]["value"], own["figures"]["recall"]["value"]
        if precision is not None and recall is not None:
            _point(axes, recall, precision, f"threshold {own['threshold']:.2f}", left=True)
        _percent(axes, "recall", "precision")
        _legend(axes, "lower left")
        area = overall["metrics"]["average_precision"]["value"]
        return svg.inline_svg(
            figure,
            "precision-recall",
            "Precision against recall",
            f"Average precision {_said(area)}; the dotted line is the share of finished turns, {share:.0%}.",
        )


def _reliability(overall: Report) -> str:
    rows = overall["plots"]["reliability"]
    with svg.drawing() as figure:
        axes, counts = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
        axes.plot([0, 1], [0, 1], color=svg.MUTED, linewidth=1, linestyle=(0, (1, 2)))
        for row in rows:
            low, high = wilson(row["speak_share"], row["n"])
            axes.plot([row["mean_p"]] * 2, [low, high], color=svg.MODEL, linewidth=1.4)
        axes.plot(
            [row["mean_p"] for row in rows],
            [row["speak_share"] for row in rows],
            color=svg.MODEL,
            marker="o",
            markersize=5,
        )
        _percent(axes, "", "turns that were over")
        counts.bar(
            [(row["low"] + row["high"]) / 2 for row in rows],
            [row["n"] for row in rows],
            width=[0.9 * (row["high"] - row["low"]) for row in rows],
            color=svg.MODEL,
            alpha=0.55,
        )
        counts.set_ylabel("items")
        counts.set_xlabel("probability of the end of the turn")
        counts.yaxis.set_major_locator(_ticks(3))
        counts.yaxis.set_major_formatter(_thousands())
        counts.grid(axis="x", visible=False)
        ece = overall["metrics"]["ece"]["value"]
        return svg.inline_svg(
            figure,
            "reliability",
            "Reliability",
            f"How often turns were over, by the probability that was said, with the number of items below; ECE {_said(ece)}.",
        )


def _histogram(overall: Report) -> str:
    bins = overall["plots"]["histogram"]
    edges, threshold = bins["edges"], overall["judge"]["threshold"]
    with svg.drawing() as figure:
        axes = figure.add_subplot()
        for label, sign, colour in (("speak", 1, svg.SPEAK), ("wait", -1, svg.WAIT)):
            axes.bar(
                edges[:-1],
                [sign * n for n in bins[label]],
                width=[0.92 * (high - low) for low, high in pairwise(edges)],
                align="edge",
                color=colour,
                label=f"{label} (up)" if sign > 0 else f"{label} (down)",
            )
        axes.axhline(0, color=svg.MUTED, linewidth=1)
        axes.axvline(threshold, color=svg.INK, linewidth=1.2, linestyle=(0, (4, 2)))
        most = max(*bins["speak"], *bins["wait"])
        axes.set_ylim(-1.18 * most, 1.18 * most)
        axes.annotate(
            f"threshold {threshold:.2f}",
            (threshold, 1.16 * most),
            xytext=(4, 0),
            textcoords="offset points",
            va="top",
            fontsize=9.5,
        )
        axes.set_xlim(0, 1)
        axes.set_xlabel("probability of the end of the turn")
        axes.set_ylabel("items")
        axes.yaxis.set_major_formatter(_thousands())
        axes.grid(axis="x", visible=False)
        axes.legend(loc="lower center", ncols=2, bbox_to_anchor=(0.5, 1.0))
        return svg.inline_svg(
            figure,
            "histogram",
            "Probabilities by label",
            f"Finished turns upwards, unfinished ones downwards; the threshold is {threshold:.2f}.",
        )


def wilson(share: float, n: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a share seen in ``n`` items (Wilson, JASA 1927)."""
    square = _Z_95**2
    middle = (share + square / (2 * n)) / (1 + square / n)
    reach = _Z_95 / (1 + square / n) * math.sqrt(share * (1 - share) / n + square / (4 * n * n))
    return max(0.0, middle - reach), min(1.0, middle + reach)


def _curve(axes: Any, figures: Report, key: str, area: str, **style: Any) -> None:
    rows = figures["plots"][key]
    if rows:
        label = f"{figures['judge']['name']}, {_said(figures['metrics'][area]['value'])}"
        axes.plot([row[0] for row in rows], [row[1] for row in rows], label=label, **style)


def _point(axes: Any, x: float, y: float, text: str, *, left: bool = False) -> None:
    style = {"marker": "o", "color": svg.MODEL, "markeredgecolor": svg.PAPER, "markeredgewidth": 1.5}
    axes.plot([x], [y], markersize=7, zorder=4, **style)
    axes.annotate(
        text,
        (x, y),
        xytext=(-9 if left else 9, -14),
        textcoords="offset points",
        ha="right" if left else "left",
        fontsize=9.5,
    )


def _legend(axes: Any, place: str) -> None:
    """The model was drawn last, over the others; it is named first."""
    handles, labels = axes.get_legend_handles_labels()
    axes.legend([handles[-1], *handles[:-1]], [labels[-1], *labels[:-1]], loc=place)


def _percent(axes: Any, x: str, y: str) -> None:
    axes.set_xlim(-0.01, 1.01)
    axes.set_ylim(0, 1.02)
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.xaxis.set_major_formatter(svg.percent_ticks())
    axes.yaxis.set_major_formatter(svg.percent_ticks())


def _said(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.3f}"


def _thousands() -> Any:
    from matplotlib.ticker import FuncFormatter

    return FuncFormatter(lambda value, _: f"{abs(value):,.0f}")


def _ticks(n: int) -> Any:
    from matplotlib.ticker import MaxNLocator

    return MaxNLocator(n, integer=True)
