"""Which version may take an alias from another one."""

from __future__ import annotations

import math

import pytest

from turn_detection.errors import InvalidInputError, PromotionRefusedError
from turn_detection.registry.promotion import Gate


@pytest.mark.parametrize(("new", "present"), [(0.9, 0.9), (0.95, 0.9), (0.898, 0.9), (0.1, 0.1)])
def test_equal_better_and_worse_within_the_tolerance_pass(new: float, present: float) -> None:
    Gate(0.002).check(new, present)


@pytest.mark.parametrize(("new", "present"), [(0.8979, 0.9), (math.nan, 0.9), (0.9, math.nan)])
def test_worse_by_more_and_what_is_no_number_is_refused(new: float, present: float) -> None:
    with pytest.raises(PromotionRefusedError, match=r"validation/roc_auc .* nothing was changed"):
        Gate(0.002).check(new, present)


@pytest.mark.parametrize("metric", ["validation/log_loss", "validation/ece", "calls/brier", "parity_error"])
def test_of_losses_less_is_better(metric: str) -> None:
    Gate(0.0, metric).check(0.1, 0.2)
    with pytest.raises(PromotionRefusedError):
        Gate(0.0, metric).check(0.2, 0.1)


@pytest.mark.parametrize("tolerance", [-0.1, math.nan, math.inf])
def test_a_tolerance_is_a_number_from_zero(tolerance: float) -> None:
    with pytest.raises(InvalidInputError, match="not-worse-than"):
        Gate(tolerance)
