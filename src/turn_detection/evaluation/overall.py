"""Figures of one judge over a whole set, the arrays that its plots are drawn from, and its wrong verdicts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from .bootstrap import METRICS, VERDICTS, Figures, Resampling, resampled_figures
from .judge import Judge
from .labelled_item import LabelledItem
from .report import AtThreshold, Cases, Category, Counts, JudgeFigures, Missed, Plots

HALF = 0.5
_MAX_POINTS = 201
_N_RELIABILITY, _N_HISTOGRAM = 10, 20
NO_CATEGORY = "(none)"


def judge_figures(
    judge: Judge, is_end: np.ndarray, probabilities: np.ndarray, resampling: Resampling
) -> tuple[JudgeFigures, Figures]:
    """Figures for the report, and with their resamples for comparisons (verdicts at the judge's own threshold).

    Args:
        is_end: ``(n_items,) bool``.
        probabilities: ``(n_items,) float64``.
    """
    own = resampled_figures(is_end, probabilities, resampling, threshold=judge.facts.threshold)
    half = resampled_figures(is_end, probabilities, resampling, threshold=HALF, metrics=VERDICTS)
    at_thresholds = tuple(
        AtThreshold(name, threshold, counts_of(is_end, probabilities >= threshold), figures.bands(VERDICTS))
        for name, threshold, figures in (("own", judge.facts.threshold, own), ("half", HALF, half))
    )
    return JudgeFigures(judge.facts, own.bands(METRICS), at_thresholds, plots_of(is_end, probabilities)), own


def counts_of(is_end: np.ndarray, said: np.ndarray) -> Counts:
    """The confusion matrix of verdicts; both ``(n,) bool``."""
    return Counts(
        true_speak=int((said & is_end).sum()),
        false_speak=int((said & ~is_end).sum()),
        true_wait=int((~said & ~is_end).sum()),
        false_wait=int((~said & is_end).sum()),
    )


def cases_of(
    items: Sequence[LabelledItem], probabilities: np.ndarray, resampling: Resampling, threshold: float
) -> Cases:
    """Accuracy by category (by source, where an item has no category), the largest first, and every wrong verdict."""
    names = np.array([item.category or item.source or NO_CATEGORY for item in items], dtype=object)
    is_end = np.array([item.is_end for item in items])
    said = probabilities >= threshold
    rows = []
    for name, n in Counter(names.tolist()).most_common():
        places = np.flatnonzero(names == name)
        figures = resampled_figures(
            is_end[places], probabilities[places], resampling.part(places), threshold=threshold, metrics=("accuracy",)
        )
        n_right = int((said[places] == is_end[places]).sum())
        rows.append(Category(name, n, n_right, figures.band("accuracy"), counts_of(is_end[places], said[places])))
    wrong = np.flatnonzero(said != is_end)
    surest = wrong[np.argsort(-np.abs(probabilities[wrong] - threshold), kind="stable")]
    misses = tuple(
        Missed(
            item.item_id, item.category, item.source, "speak" if item.is_end else "wait", float(probabilities[index])
        )
        for index in surest.tolist()
        for item in (items[index],)
    )
    return Cases(tuple(rows), misses)


def plots_of(is_end: np.ndarray, probabilities: np.ndarray) -> Plots:
    """Arrays for plots, see :class:`~.report.Plots`."""
    roc, precision_recall = _curves(is_end, probabilities)
    edges = np.linspace(0.0, 1.0, _N_HISTOGRAM + 1)
    counts = {
        name: np.histogram(probabilities[chosen], edges)[0].tolist()
        for name, chosen in (("speak", is_end), ("wait", ~is_end))
    }
    return Plots(
        roc, precision_recall, _reliability(is_end, probabilities), {"edges": edges.round(6).tolist(), **counts}
    )


def _curves(
    is_end: np.ndarray, probabilities: np.ndarray
) -> tuple[tuple[tuple[float, float], ...], tuple[tuple[float, float], ...]]:
    """ROC and precision over recall, a point for every threshold that changes a verdict, then thinned."""
    n_speak = int(is_end.sum())
    n_wait = len(is_end) - n_speak
    if not n_speak or not n_wait:
        return (), ()
    order = np.argsort(-probabilities, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(probabilities[order])), len(order) - 1)
    true_speak = np.cumsum(is_end[order])[ends]
    false_speak = ends + 1 - true_speak
    roc = np.stack([np.append(0, false_speak) / n_wait, np.append(0, true_speak) / n_speak], axis=1)
    precision_recall = np.stack([true_speak / n_speak, true_speak / (ends + 1)], axis=1)
    return _thinned(roc), _thinned(precision_recall)


def _thinned(points: np.ndarray) -> tuple[tuple[float, float], ...]:
    """At most :data:`_MAX_POINTS` rows, evenly along the way that the line goes on paper; the ends stay."""
    steps = np.append(0.0, np.cumsum(np.abs(np.diff(points, axis=0)).sum(axis=1)))
    wanted = np.linspace(0.0, steps[-1], _MAX_POINTS)
    places = np.unique(np.minimum(np.searchsorted(steps, wanted), len(points) - 1))
    return tuple((float(x), float(y)) for x, y in points[places])


def _reliability(is_end: np.ndarray, probabilities: np.ndarray) -> tuple[Mapping[str, float], ...]:
    place = np.minimum((probabilities * _N_RELIABILITY).astype(int), _N_RELIABILITY - 1)
    return tuple(
        {
            "low": number / _N_RELIABILITY,
            "high": (number + 1) / _N_RELIABILITY,
            "n": int(chosen.sum()),
            "mean_p": float(probabilities[chosen].mean()),
            "speak_share": float(is_end[chosen].mean()),
        }
        for number in range(_N_RELIABILITY)
        for chosen in (place == number,)
        if chosen.any()
    )
