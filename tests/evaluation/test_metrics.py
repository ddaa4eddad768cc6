"""Figures over whole sets, compared with scikit-learn and with sums done by hand."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as reference

from turn_detection.errors import InvalidInputError
from turn_detection.evaluation.metrics import (
    TPR_BAR,
    best_f1,
    binary_metrics,
    expected_calibration_error,
    roc_auc_loss,
    tnr_at_tpr,
)

NEEDS_BOTH = ("roc_auc", "average_precision", "tnr_at_tpr_993")


def made(n: int = 800, *, decimals: int = 8) -> tuple[np.ndarray, np.ndarray]:
    """Labels and probabilities that know something about them; few decimals make ties."""
    chance = np.random.default_rng(n)
    labels = chance.random(n) < 0.4
    return labels, np.round(np.clip(0.45 * labels + 0.55 * chance.random(n), 0, 1), decimals)


#: Sets with both labels and many ties.
items = (
    st.lists(st.tuples(st.booleans(), st.integers(0, 8)), min_size=2, max_size=60)
    .filter(lambda pairs: len({label for label, _ in pairs}) == 2)
    .map(lambda pairs: (np.array([label for label, _ in pairs]), np.array([score / 8 for _, score in pairs])))
)


@pytest.mark.parametrize("decimals", [8, 1])
@pytest.mark.parametrize("threshold", [0.3, 0.5])
def test_figures_equal_scikit_learns(decimals: int, threshold: float) -> None:
    labels, scores = made(decimals=decimals)
    said = scores >= threshold
    figures = binary_metrics(labels, scores, threshold=threshold)
    expected = {
        "n": 800,
        "speak_share": labels.mean(),
        "roc_auc": reference.roc_auc_score(labels, scores),
        "average_precision": reference.average_precision_score(labels, scores),
        "f1": reference.f1_score(labels, said),
        "precision": reference.precision_score(labels, said),
        "recall": reference.recall_score(labels, said),
        "accuracy": reference.accuracy_score(labels, said),
        "log_loss": reference.log_loss(labels, scores),
        "brier": reference.brier_score_loss(labels, scores),
    }
    assert {name: figures[name] for name in expected} == pytest.approx(expected)
    assert set(figures) == {*expected, "best_f1", "tnr_at_tpr_993", "ece"}


@settings(max_examples=60, deadline=None)
@given(items)
def test_the_best_f1_is_the_best_that_any_threshold_reaches(pair: tuple[np.ndarray, np.ndarray]) -> None:
    labels, scores = pair
    assert best_f1(labels, scores) == pytest.approx(
        max(reference.f1_score(labels, scores >= threshold, zero_division=0) for threshold in set(scores))
    )


@settings(max_examples=60, deadline=None)
@given(items, st.sampled_from([0.25, 0.5, TPR_BAR, 1.0]))
def test_tnr_stands_at_the_highest_threshold_that_keeps_the_tpr(
    pair: tuple[np.ndarray, np.ndarray], tpr: float
) -> None:
    labels, scores = pair
    threshold = max(t for t in set(scores) if (scores[labels] >= t).mean() >= tpr)
    assert tnr_at_tpr(labels, scores, tpr) == pytest.approx((scores[~labels] < threshold).mean())


@settings(max_examples=60, deadline=None)
@given(items, st.randoms(use_true_random=False))
def test_the_order_of_the_items_changes_no_figure(pair: tuple[np.ndarray, np.ndarray], chance: random.Random) -> None:
    labels, scores = pair
    order = list(range(len(labels)))
    chance.shuffle(order)
    assert binary_metrics(labels[order], scores[order]) == pytest.approx(binary_metrics(labels, scores))


def test_figures_by_hand() -> None:
    figures = binary_metrics(np.array([1, 1, 0, 1, 0]), np.array([0.9, 0.8, 0.7, 0.4, 0.2]))
    assert figures["roc_auc"] == pytest.approx(5 / 6)  # of 6 pairs only (.4, .7) stands wrong
    assert (figures["precision"], figures["recall"]) == pytest.approx((2 / 3, 2 / 3))
    assert figures["best_f1"] == pytest.approx(6 / 7)  # from .4 on: 3 right of 4 said, 3 of 3 found
    assert figures["tnr_at_tpr_993"] == pytest.approx(1 / 2)
    assert figures["brier"] == pytest.approx((0.1**2 + 0.2**2 + 0.7**2 + 0.6**2 + 0.2**2) / 5)
    assert figures["ece"] == pytest.approx((0.1 + 0.2 + 0.7 + 0.6 + 0.2) / 5)  # fewer items than bins: one each


def test_a_perfect_detector_is_perfect_and_a_reversed_one_is_not() -> None:
    labels = np.array([True] * 30 + [False] * 30)
    perfect = binary_metrics(labels, labels.astype(float))
    assert all(perfect[name] == 1 for name in ("roc_auc", "average_precision", "f1", "best_f1", "tnr_at_tpr_993"))
    assert perfect["ece"] == perfect["brier"] == 0
    assert perfect["log_loss"] == pytest.approx(0, abs=1e-6)  # finite at probabilities of exactly 0 and 1
    reversed_one = binary_metrics(labels, 1 - labels.astype(float))
    assert reversed_one["roc_auc"] == reversed_one["tnr_at_tpr_993"] == reversed_one["f1"] == 0
    assert math.isfinite(reversed_one["log_loss"])


def test_a_detector_that_always_says_the_same_ranks_by_chance_and_is_calibrated() -> None:
    labels = np.array([True] * 50 + [False] * 50)
    figures = binary_metrics(labels, np.full(100, 0.5))
    assert figures["roc_auc"] == 0.5
    assert figures["tnr_at_tpr_993"] == 0
    assert figures["best_f1"] == pytest.approx(2 / 3)
    assert figures["ece"] == pytest.approx(0)  # whatever the order the items came in


def test_the_threshold_itself_is_speak() -> None:
    figures = binary_metrics(np.array([True, False]), np.array([0.5, 0.49]), threshold=0.5)
    assert figures["accuracy"] == 1


def test_ece_is_the_mean_gap_over_bins_of_equal_mass() -> None:
    scores = np.array([0.1, 0.2, 0.3, 0.6, 0.7, 0.8])
    labels = np.array([0, 0, 1, 1, 1, 0])
    assert expected_calibration_error(labels, scores, n_bins=2) == pytest.approx((abs(0.6 - 1) + abs(2.1 - 2)) / 6)
    assert expected_calibration_error(labels, scores, n_bins=1) == pytest.approx(abs(2.7 - 3) / 6)


def test_ece_tells_an_overconfident_detector_from_a_calibrated_one() -> None:
    chance = np.random.default_rng(0)
    scores = chance.random(20_000)
    labels = chance.random(20_000) < scores
    assert expected_calibration_error(labels, scores) < 0.02
    assert expected_calibration_error(labels, scores**3 / (scores**3 + (1 - scores) ** 3)) > 0.1


@pytest.mark.parametrize("label", [True, False])
def test_a_set_of_one_label_has_no_figures_that_need_both(label: bool) -> None:
    figures = binary_metrics(np.full(4, label), np.array([0.9, 0.6, 0.4, 0.1]))
    assert all(math.isnan(figures[name]) for name in NEEDS_BOTH)
    assert all(math.isfinite(value) for name, value in figures.items() if name not in NEEDS_BOTH)
    assert figures["accuracy"] == 0.5
    assert figures["recall"] == (0.5 if label else 0)


def test_one_item_is_enough() -> None:
    assert binary_metrics(np.array([True]), np.array([0.75]))["ece"] == pytest.approx(0.25)


@pytest.mark.parametrize(
    ("labels", "scores"),
    [
        ([], []),
        ([True], [0.5, 0.5]),
        ([[True, False]], [[0.5, 0.5]]),
        ([True, False], [0.5, 1.01]),
        ([True, False], [-0.01, 0.5]),
        ([True, False], [float("nan"), 0.5]),
        (["speak", "wait"], [0.5, 0.5]),
        ([2, 0], [0.5, 0.5]),
        ([float("nan"), 0], [0.5, 0.5]),
    ],
)
def test_bad_input_is_refused(labels: list[object], scores: list[object]) -> None:
    with pytest.raises(InvalidInputError):
        binary_metrics(np.array(labels), np.array(scores))


def test_the_loss_of_roc_auc_and_its_error_are_those_of_repeated_samples() -> None:
    chance = np.random.default_rng(0)

    def draw(n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        is_end = chance.random(n) < 0.5
        before = is_end + chance.normal(size=n)
        return is_end, before, before + 0.5 * chance.normal(size=n)

    found = np.array([roc_auc_loss(*draw(300)) for _ in range(400)])
    losses, errors = found.T
    assert errors.mean() == pytest.approx(losses.std(), rel=0.1)
    is_end, before, after = draw(300)
    expected = reference.roc_auc_score(is_end, before) - reference.roc_auc_score(is_end, after)
    assert roc_auc_loss(is_end, before, after)[0] == pytest.approx(expected)
    assert roc_auc_loss(is_end, before, before) == (0.0, 0.0)
