"""Paired tests of two judges."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom

from turn_detection.evaluation.comparison import mcnemar


def test_mcnemar_counts_and_is_exact() -> None:
    this = np.array([True] * 50 + [True] * 12 + [False] * 3 + [False] * 5)
    other = np.array([True] * 50 + [False] * 12 + [True] * 3 + [False] * 5)
    found = mcnemar(this, other)
    assert (found.both_right, found.only_this_right, found.only_other_right, found.both_wrong) == (50, 12, 3, 5)
    # Two-sided: all outcomes of 15 coins that are no likelier than 12 to 3.
    weights = binom.pmf(np.arange(16), 15, 0.5)
    assert found.p == pytest.approx(weights[weights <= weights[12] * (1 + 1e-9)].sum())


def test_judges_that_agree_do_not_differ() -> None:
    right = np.array([True, False, True])
    assert mcnemar(right, right).p == 1.0


def test_a_tiny_p_is_not_written_as_zero() -> None:
    p = mcnemar(np.ones(200, bool), np.zeros(200, bool)).to_dict()["p"]
    assert 0 < p < 1e-50
