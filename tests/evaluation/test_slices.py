"""Which items a slice holds."""

from __future__ import annotations

import numpy as np
import pytest

from turn_detection import Message
from turn_detection.evaluation.bootstrap import Resampling
from turn_detection.evaluation.labelled_item import LabelledItem
from turn_detection.evaluation.slices import members, slice_figures, slices_of
from turn_detection.evaluation.tiers import tiers_of


def item(message: str, context: object = "Что?", *, is_end: bool = True, **names: object) -> LabelledItem:
    return LabelledItem("x", context, message, is_end, **names)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("message", "slices"),
    [
        ("да", {("reply length", "1 word"), ("content", "short answers"), ("case", "without capitals")}),
        ("Да, конечно.", {("reply length", "2 words"), ("punctuation", "with marks"), ("case", "with capitals")}),
        ("восемь девятьсот три", {("content", "digits"), ("numbers", "as words"), ("reply length", "3+ words")}),
        ("8 903", {("content", "digits"), ("numbers", "as figures")}),
        ("иван собака почта точка ру", {("content", "e-mail")}),
        ("улица Чехова", {("content", "address")}),
        ("в четверг после обеда", {("content", "dates")}),
        ("ну это самое", {("content", "fillers")}),
        ("подождите минутку", {("content", "hold requests")}),
        ("мне на на завтра", {("content", "recogniser noise")}),
        ("мне эээ билет", {("content", "recogniser noise")}),
        ("мне нужно восста-", {("content", "recogniser noise")}),
        ("киньте инвайт в zoom", {("content", "code-switching"), ("punctuation", "without marks")}),
    ],
)
def test_words_decide_the_slices(message: str, slices: set[tuple[str, str]]) -> None:
    assert slices <= set(slices_of(item(message)))


def test_a_plain_answer_is_in_no_content_slice() -> None:
    assert not [name for group, name in slices_of(item("мне бы узнать остаток")) if group == "content"]


def test_an_address_of_mail_is_no_code_switching() -> None:
    assert ("content", "code-switching") not in set(slices_of(item("ivan собака mail точка ru")))


def test_names_of_the_data_count_too() -> None:
    assert ("content", "hold requests") in set(slices_of(item("я мигом", category="hold-request")))
    found = members([item("да", source="a"), item("да", source="b", category="c"), item("да", source="a")])
    assert found["source", "a"].tolist() == [0, 2]
    assert found["category", "c"].tolist() == [1]


def test_turns_of_context_are_counted() -> None:
    two = [Message("agent", "Алло?"), Message("client", "да"), Message("agent", "")]
    assert [dict(slices_of(item("да", context)))["context"] for context in (None, "Что?", two)] == [
        "none",
        "1 turn",
        "2+ turns",
    ]


def test_figures_of_a_slice_are_those_of_its_items() -> None:
    items = [item("да", is_end=index % 2 == 0, source="ab"[index % 3 == 0]) for index in range(30)]
    p = np.linspace(0.05, 0.95, 30)
    draws = Resampling.of([str(index) for index in range(30)], n=20)
    found = {(one.group, one.name): one for one in slice_figures(items, p, draws, threshold=0.5)}
    chosen = [index for index in range(30) if items[index].source == "b"]
    right = [(p[index] >= 0.5) == items[index].is_end for index in chosen]
    one = found["source", "b"]
    assert (one.n, one.n_speak) == (len(chosen), sum(items[index].is_end for index in chosen))
    assert one.metrics["accuracy"].value == pytest.approx(np.mean(right))


def test_ambiguous_items_are_scored_by_soft_labels_alone() -> None:
    items = [
        item("да", tier="unambiguous"),
        item("мне на", is_end=False, tier="unambiguous"),
        item("хочу билет", tier="ambiguous", soft_label=0.25),
        item("хочу билет", is_end=False, tier="ambiguous"),
    ]
    p = np.array([0.9, 0.6, 0.5, 0.2])
    draws = Resampling.of([str(index) for index in range(4)], n=20)
    found = tiers_of(items, p, draws, threshold=0.5)
    assert found is not None
    assert found.unambiguous is not None
    assert found.unambiguous.metrics["accuracy"].value == 0.5
    assert (found.n_ambiguous, found.n_soft) == (2, 1)
    expected = -np.mean([0.25 * np.log(0.5) + 0.75 * np.log(0.5), np.log(0.8)])
    assert found.ambiguous_log_loss.value == pytest.approx(expected)
    assert tiers_of([item("да")], p[:1], Resampling.of(["0"], n=2), threshold=0.5) is None
