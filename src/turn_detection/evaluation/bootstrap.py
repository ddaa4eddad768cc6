"""Intervals by resampling dialogues: every figure of a thousand resamples at once.

A resample draws whole groups (dialogues), so its items come with weights 0, 1, 2, ... Items are sorted once; every figure is then a
function of weights along that order (Efron and Tibshirani, "An Introduction to the Bootstrap", 1993, chapters 6 and 13).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import InvalidInputError
from .metrics import TPR_BAR
from .tally import Band

RANKING = ("roc_auc", "average_precision", "tnr_at_tpr_993")
PROPER = ("log_loss", "brier")
VERDICTS = ("f1", "precision", "recall", "specificity", "accuracy")
#: Figures that know no threshold.
METRICS = (*RANKING, *PROPER, "ece")
N_BINS = 15
#: From fewer groups than this an interval is no honest one.
MIN_GROUPS = 5
#: So many weights fit the processor's cache.
_WEIGHTS_AT_ONCE = 2**16


@dataclass(frozen=True, slots=True)
class Resampling:
    """Which groups were drawn how often.

    Attributes:
        group: ``(n_items,) int64``, the group of each item; groups are numbered in the order of their names.
        times: ``(n_resamples, n_groups) uint16``.
    """

    group: np.ndarray
    times: np.ndarray

    @property
    def n_groups(self) -> int:
        return int(self.times.shape[1])

    @classmethod
    def of(cls, names: Sequence[str], *, n: int, seed: int = 0) -> Resampling:
        """``n`` resamples of the groups that ``names (n_items,)`` tell; neither the order of the items nor the labels change them.

        Raises:
            InvalidInputError: no items, or fewer than one resample.
        """
        if not len(names) or n < 1:
            raise InvalidInputError("resampling takes at least one item and one resample")
        unique, group = np.unique(np.asarray(names, dtype=object).astype(str), return_inverse=True)
        rng = np.random.default_rng(seed)
        times = np.empty((n, len(unique)), dtype=np.uint16)
        for row in times:
            row[:] = np.bincount(rng.integers(len(unique), size=len(unique)), minlength=len(unique))
        return cls(group, times)

    def part(self, chosen: np.ndarray) -> Resampling:
        """The same draws, seen by some of the items; ``chosen`` is their places or ``(n_items,) bool``."""
        kept, group = np.unique(self.group[chosen], return_inverse=True)
        return Resampling(group, self.times[:, kept])


@dataclass(frozen=True, slots=True)
class Figures:
    """Figures on the items as they are, and on every resample: ``(n_resamples,) float64`` by name; NaN where labels lack."""

    values: Mapping[str, float]
    resampled: Mapping[str, np.ndarray]
    n_groups: int

    def band(self, name: str) -> Band:
        """The figure with its interval, which is NaN for fewer than :data:`MIN_GROUPS` groups."""
        return self._band(self.values[name], self.resampled[name])

    def bands(self, names: Sequence[str]) -> dict[str, Band]:
        return {name: self.band(name) for name in names}

    def difference(self, other: Figures, name: str) -> tuple[Band, float]:
        """This minus the other on the same resamples, and a two-sided p that the difference is zero.

        The p is twice the smaller share of resamples on one side of zero, counting the set itself as one more resample (Davison and
        Hinkley, "Bootstrap Methods and their Application", 1997, section 4.4); NaN without an interval.
        """
        deltas = self.resampled[name] - other.resampled[name]
        band = self._band(self.values[name] - other.values[name], deltas)
        if np.isnan(band.low):
            return band, float("nan")
        reached = deltas[~np.isnan(deltas)]
        rarer = min(int((reached <= 0).sum()), int((reached >= 0).sum()))
        return band, min(1.0, 2 * (rarer + 1) / (len(reached) + 1))

    def _band(self, value: float, resampled: np.ndarray) -> Band:
        if self.n_groups < MIN_GROUPS:
            return Band(value, float("nan"), float("nan"))
        return Band.of(value, resampled)


def resampled_figures(
    is_end: np.ndarray,
    probabilities: np.ndarray,
    resampling: Resampling,
    *,
    threshold: float = 0.5,
    metrics: Sequence[str] = (*METRICS, *VERDICTS),
) -> Figures:
    """Figures of one judge.

    Args:
        is_end: ``(n_items,) bool``.
        probabilities: ``(n_items,) float`` in 0..1, P(end of turn).
        threshold: of the verdicts.
        metrics: which of :data:`METRICS` and :data:`VERDICTS`.
    """
    labels = np.asarray(is_end, dtype=bool)
    scores = np.asarray(probabilities, dtype=np.float64)
    summed = _Sums.of(labels, scores, resampling, threshold)
    ordered = _Order.of(labels, scores, resampling) if set(metrics) & {*RANKING, "ece"} else None
    once = np.ones((1, resampling.n_groups))
    rows = max(1, _WEIGHTS_AT_ONCE // max(1, len(labels)))
    chunks = [once] + [resampling.times[start : start + rows] for start in range(0, len(resampling.times), rows)]
    parts: dict[str, list[np.ndarray]] = {name: [] for name in metrics}
    for chunk in chunks:
        times = chunk.astype(np.float64)
        found = summed.figures(times) | (ordered.figures(times, metrics) if ordered else {})
        for name in metrics:
            parts[name].append(found[name])
    values = {name: float(arrays[0][0]) for name, arrays in parts.items()}
    return Figures(values, {name: np.concatenate(arrays[1:]) for name, arrays in parts.items()}, resampling.n_groups)


@dataclass(frozen=True, slots=True)
class _Sums:
    """What adds up over items, by group: ``(n_groups, 6)``, columns true speak, false speak, true wait, false wait, log-loss, square."""

    by_group: np.ndarray

    @classmethod
    def of(cls, labels: np.ndarray, scores: np.ndarray, resampling: Resampling, threshold: float) -> _Sums:
        said = scores >= threshold
        tiny = np.finfo(np.float64).eps  # as scikit-learn clips
        given = np.clip(np.where(labels, scores, 1.0 - scores), tiny, 1.0 - tiny)
        columns = (
            *(said & labels, said & ~labels, ~said & ~labels, ~said & labels),
            *(-np.log(given), (scores - labels) ** 2),
        )
        sums = [np.bincount(resampling.group, column, minlength=resampling.n_groups) for column in columns]
        return cls(np.stack(sums, axis=1))

    def figures(self, times: np.ndarray) -> dict[str, np.ndarray]:
        """``times`` is ``(n_rows, n_groups)``."""
        tp, fp, tn, fn, loss, square = (times @ self.by_group).T
        n = tp + fp + tn + fn
        # Without a finished turn F1 and precision mean nothing; a judge that never says speak has precision 0, as in scikit-learn.
        some = np.where(tp + fn > 0, 1.0, np.nan)
        return {
            "f1": some * _share(2 * tp, 2 * tp + fp + fn),
            "precision": some * np.nan_to_num(_share(tp, tp + fp)),
            "recall": _share(tp, tp + fn),
            "specificity": _share(tn, tn + fp),
            "accuracy": _share(tp + tn, n),
            "log_loss": _share(loss, n),
            "brier": _share(square, n),
        }


@dataclass(frozen=True, slots=True)
class _Order:
    """Items by falling probability, equal ones in runs."""

    group: np.ndarray  # (n_items,)
    labels: np.ndarray  # (n_items,) float64
    starts: np.ndarray  # (n_runs,) where each run begins
    scores: np.ndarray  # (n_runs,)

    @classmethod
    def of(cls, labels: np.ndarray, scores: np.ndarray, resampling: Resampling) -> _Order:
        order = np.argsort(-scores, kind="stable")
        falling = scores[order]
        starts = np.flatnonzero(np.append(True, np.diff(falling) != 0))
        return cls(resampling.group[order], labels[order].astype(np.float64), starts, falling[starts])

    def figures(self, times: np.ndarray, metrics: Sequence[str]) -> dict[str, np.ndarray]:
        both = np.take(times, self.group, axis=1)  # (n_rows, n_items)
        speak = both * self.labels
        if len(self.starts) < len(self.group):
            both, speak = (
                np.add.reduceat(weights, self.starts, axis=1) for weights in (both, speak)
            )  # (n_rows, n_runs)
        wait = both - speak
        above = np.cumsum(speak, axis=1)
        n_speak, n_wait = above[:, -1], wait.sum(axis=1)
        found: dict[str, np.ndarray] = {}
        if "roc_auc" in metrics:
            # A wait is outranked by the speaks of earlier runs and by half of those of its own.
            wins = np.einsum("ij,ij->i", wait, above) - np.einsum("ij,ij->i", wait, speak) / 2
            found["roc_auc"] = _share(wins, n_speak * n_wait)
        if "average_precision" in metrics:
            precision = _share(above, np.cumsum(both, axis=1))
            found["average_precision"] = np.where(
                n_wait > 0, _share(np.einsum("ij,ij->i", speak, np.nan_to_num(precision)), n_speak), np.nan
            )
        if "tnr_at_tpr_993" in metrics:
            first = np.argmax(_share(above, n_speak[:, None]) >= TPR_BAR, axis=1)
            falsely = np.cumsum(wait, axis=1)[np.arange(len(times)), first]
            found["tnr_at_tpr_993"] = np.where(n_speak > 0, 1.0 - _share(falsely, n_wait), np.nan)
        if "ece" in metrics:
            found["ece"] = np.array([self._ece(*row) for row in zip(both, speak, strict=True)])
        return found

    def _ece(self, weights: np.ndarray, speak: np.ndarray) -> float:
        """``metrics.expected_calibration_error`` with weights ``(n_runs,)``: bins of equal mass cut runs where they must."""
        present = weights > 0
        if not present.any():
            return float("nan")
        mass = np.append(0.0, np.cumsum(weights[present][::-1]))  # by rising probability
        gap = np.append(0.0, np.cumsum((weights * self.scores - speak)[present][::-1]))
        total = round(mass[-1])
        sizes = np.full(N_BINS, total // N_BINS) + (np.arange(N_BINS) < total % N_BINS)
        at = np.interp(np.append(0, np.cumsum(sizes)), mass, gap)
        return float(np.abs(np.diff(at)).sum() / total)


def _share(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """``part / whole``, NaN where the whole is zero."""
    whole = np.broadcast_to(whole, part.shape)
    share: np.ndarray = np.divide(part, whole, out=np.full(part.shape, np.nan), where=whole > 0)
    return share
