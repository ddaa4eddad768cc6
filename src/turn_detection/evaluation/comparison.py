"""Two judges on the same items: differences on the same resamples, and an exact test of the verdicts."""

from __future__ import annotations

import numpy as np

from ..errors import MissingExtraError
from .bootstrap import METRICS, VERDICTS, Figures
from .report import Comparison, Difference, JudgeFigures, McNemar


def compare(
    this: Figures, other: Figures, other_figures: JudgeFigures, this_right: np.ndarray, other_right: np.ndarray
) -> Comparison:
    """Every figure of this judge minus the other's.

    Args:
        this, other: with resamples, both of the same resampling.
        other_figures: for the report.
        this_right, other_right: ``(n_items,) bool``, whether each verdict was right.
    """
    differences = []
    for name in (*METRICS, *VERDICTS):
        band, p = this.difference(other, name)
        differences.append(Difference(name, this.values[name], other.values[name], band, p))
    return Comparison(other_figures, tuple(differences), mcnemar(this_right, other_right))


def mcnemar(this_right: np.ndarray, other_right: np.ndarray) -> McNemar:
    """McNemar's test, exact: of the items that only one judge has right, is each judge's share a half? (McNemar 1947)

    It takes the items as independent, which the pauses of one dialogue are not quite; the intervals of the differences do not.

    Raises:
        MissingExtraError: SciPy is not installed.
    """
    try:
        from scipy.stats import binomtest
    except ImportError as error:
        raise MissingExtraError("Comparing two models", "cpu", error.name) from error
    only_this = int((this_right & ~other_right).sum())
    only_other = int((other_right & ~this_right).sum())
    disputed = only_this + only_other
    p = float(binomtest(only_this, disputed, 0.5).pvalue) if disputed else 1.0
    return McNemar(
        int((this_right & other_right).sum()), only_this, only_other, int((~this_right & ~other_right).sum()), p
    )
