"""Intervals by resampling: every vectorised figure against the plain one on the drawn items, written out."""

from __future__ import annotations

import numpy as np
import pytest

from turn_detection.errors import InvalidInputError
from turn_detection.evaluation.bootstrap import METRICS, Resampling, resampled_figures
from turn_detection.evaluation.labelled_item import LabelledItem, group_names, grouping
from turn_detection.evaluation.metrics import binary_metrics

RNG = np.random.default_rng(7)
N = 240
NAMES = [f"call-{index // 6}" for index in range(N)]
IS_END = RNG.random(N) < 0.5
#: Two digits, so that many probabilities are equal.
P = np.round(np.clip(0.35 * IS_END + RNG.random(N) * 0.65, 0, 1), 2)


def drawn(resampling: Resampling, row: int) -> np.ndarray:
    """Places of the items of one resample, each as often as its group was drawn."""
    return np.repeat(np.arange(N), resampling.times[row][resampling.group])


@pytest.mark.parametrize("name", [*METRICS, "f1", "precision", "recall", "accuracy"])
def test_a_resampled_figure_is_the_plain_figure_of_the_drawn_items(name: str) -> None:
    resampling = Resampling.of(NAMES, n=12, seed=3)
    figures = resampled_figures(IS_END, P, resampling, threshold=0.45)
    assert figures.values[name] == pytest.approx(binary_metrics(IS_END, P, threshold=0.45)[name], abs=1e-9)
    for row in range(12):
        chosen = drawn(resampling, row)
        plain = binary_metrics(IS_END[chosen], P[chosen], threshold=0.45)[name]
        assert figures.resampled[name][row] == pytest.approx(plain, abs=1e-9), row


def test_specificity_is_the_share_of_pauses_that_were_recognised() -> None:
    figures = resampled_figures(IS_END, P, Resampling.of(NAMES, n=2), threshold=0.45)
    assert figures.values["specificity"] == pytest.approx(float((P[~IS_END] < 0.45).mean()))


def test_resamples_depend_on_seed_and_names_alone() -> None:
    first, again = Resampling.of(NAMES, n=5, seed=1), Resampling.of(NAMES, n=5, seed=1)
    other, turned = Resampling.of(NAMES, n=5, seed=2), Resampling.of(NAMES[::-1], n=5, seed=1)
    assert (first.times == again.times).all()
    assert (first.times == turned.times).all()
    assert (first.times != other.times).any()
    assert (first.times.sum(axis=1) == first.n_groups).all()


def test_a_band_holds_its_figure_and_grows_when_items_hang_together() -> None:
    together = [f"call-{index // 40}" for index in range(N)]
    alone = [str(index) for index in range(N)]
    correlated = np.where(np.arange(N) // 40 % 2 == 0, P, 1 - P)
    narrow = resampled_figures(IS_END, correlated, Resampling.of(alone, n=300)).band("roc_auc")
    wide = resampled_figures(IS_END, correlated, Resampling.of(together, n=300)).band("roc_auc")
    assert narrow.low < narrow.value < narrow.high
    assert wide.high - wide.low > 2 * (narrow.high - narrow.low)


def test_few_groups_give_no_interval() -> None:
    figures = resampled_figures(IS_END, P, Resampling.of(["a", "b"] * (N // 2), n=50))
    assert np.isnan(figures.band("roc_auc").low)
    band, p = figures.difference(figures, "roc_auc")
    assert band.value == 0
    assert np.isnan(p)


def test_a_judge_does_not_differ_from_itself_and_does_from_a_coin() -> None:
    resampling = Resampling.of(NAMES, n=400)
    judge, coin = resampled_figures(IS_END, P, resampling), resampled_figures(IS_END, RNG.random(N), resampling)
    band, p = judge.difference(judge, "roc_auc")
    assert (band.value, band.low, band.high, p) == (0, 0, 0, 1.0)
    band, p = judge.difference(coin, "roc_auc")
    assert band.low > 0
    assert p < 0.02


def test_nothing_cannot_be_resampled() -> None:
    with pytest.raises(InvalidInputError, match="at least one item"):
        Resampling.of([], n=3)


def item(message: str, context: str | None = None, dialogue: str | None = None) -> LabelledItem:
    return LabelledItem("x", context, message, True, dialogue)


def test_an_item_and_its_own_prefix_stay_together() -> None:
    named = group_names([item("да", dialogue="1"), item("нет", dialogue="1"), item("нет", dialogue="2")])
    assert named[0] == named[1] != named[2]
    asked = group_names([item("в пять", "Когда?"), item("В пять вечера", "когда"), item("в пять", "Сколько вас?")])
    assert asked[0] == asked[1] != asked[2]
    lone = group_names([item("мне нужен билет"), item("алло"), item("мне нужен"), item("мне нужен билет на")])
    assert lone[0] == lone[2] == lone[3] != lone[1]
    half = group_names([item("да"), item("давайте завтра"), item("да завтра")])
    assert half[0] == half[2] != half[1]


def test_what_was_resampled_together_is_said() -> None:
    assert grouping([item("да", dialogue="1")]) == "dialogue"
    assert grouping([item("да")]) == "context"
    assert grouping([item("да"), item("да", dialogue="1")]) == "mixed"
