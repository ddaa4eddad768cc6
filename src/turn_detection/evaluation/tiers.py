"""Two tiers, where the data tells them apart: what the words settle, and what they leave open."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .bootstrap import MIN_GROUPS, Resampling
from .labelled_item import LabelledItem
from .report import Tiers
from .slices import slice_of_items
from .tally import Band


def tiers_of(
    items: Sequence[LabelledItem], probabilities: np.ndarray, resampling: Resampling, *, threshold: float
) -> Tiers | None:
    """Figures of both tiers; ``None`` if no item names one. Items that name none belong to neither.

    Args:
        probabilities: ``(n_items,)``.
    """
    tiers = np.array([item.tier or "" for item in items])
    sure, open_ = np.flatnonzero(tiers == "unambiguous"), np.flatnonzero(tiers == "ambiguous")
    if not len(sure) and not len(open_):
        return None
    is_end = np.array([item.is_end for item in items])
    unambiguous = None
    if len(sure):
        draws = resampling.part(sure)
        unambiguous = slice_of_items("tier", "unambiguous", is_end[sure], probabilities[sure], draws, threshold)
    ambiguous = [items[index] for index in open_.tolist()]
    targets = np.array([item.is_end if item.soft_label is None else item.soft_label for item in ambiguous], dtype=float)
    return Tiers(
        unambiguous,
        len(open_),
        sum(item.soft_label is not None for item in ambiguous),
        _log_loss(targets, probabilities[open_], resampling.part(open_)),
    )


def _log_loss(targets: np.ndarray, probabilities: np.ndarray, resampling: Resampling) -> Band:
    """Cross-entropy against ``targets (n,)`` in 0..1."""
    nan = float("nan")
    if not len(targets):
        return Band(nan, nan, nan)
    tiny = np.finfo(np.float64).eps
    p = np.clip(probabilities, tiny, 1.0 - tiny)
    losses = -(targets * np.log(p) + (1.0 - targets) * np.log(1.0 - p))
    if resampling.n_groups < MIN_GROUPS:
        return Band(float(losses.mean()), nan, nan)
    sums = np.bincount(resampling.group, losses, minlength=resampling.n_groups)
    counts = np.bincount(resampling.group, minlength=resampling.n_groups)
    times = resampling.times.astype(np.float64)
    n_drawn = times @ counts
    resampled = np.divide(times @ sums, n_drawn, out=np.full(len(times), np.nan), where=n_drawn > 0)
    return Band.of(float(losses.mean()), resampled)
