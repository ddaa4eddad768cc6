"""Stability counts what it says it counts."""

from __future__ import annotations

import pytest

pytest.importorskip("num2words")

from turn_detection.detector import TurnDetector
from turn_detection.evaluation.stability import EDITS, surface_stability
from turn_detection.types import Context, TurnPrediction


@pytest.mark.parametrize(
    ("edit", "before", "after"),
    [
        ("upper case", "да, Ёлка", "ДА, ЁЛКА"),
        ("no punctuation", "Да, в 7-м доме... кто-нибудь?", "Да в 7-м доме кто-нибудь"),
        ("false full stop", "мне нужен билет на", "мне нужен билет на."),
        ("false full stop", "Правда?!", "Правда."),
        ("yo lost", "ещё Ёж", "еще Еж"),
        ("figures as words", "код 42 и 007, в 18:30", "код сорок два и 007, в 18:30"),
        ("words as figures", "двадцать пять, семь.", "25, 7."),
        ("words as figures", "сорок два один ноль пятьсот", "42 один 0 500"),
        ("words as figures", "четыреста семьдесят два рубля", "472 рубля"),
    ],
)
def test_an_edit_changes_the_spelling_only(edit: str, before: str, after: str) -> None:
    assert EDITS[edit](before) == after


class CaseSensitive:
    """Speaks if the message begins with a capital letter; stands in for a detector that was trained on written text."""

    threshold = 0.5

    def predict_batch(self, items: list[tuple[Context, str]]) -> list[TurnPrediction]:
        return [TurnPrediction(0.9 if message[:1].isupper() else 0.2, 0.5, 0.3, 0.0) for _, message in items]


def test_changed_verdicts_are_counted_among_the_items_that_the_edit_touched() -> None:
    items: list[tuple[Context, str]] = [(None, "Да."), (None, "нет."), (None, "НЕТ.")]

    figures = surface_stability(CaseSensitive(), items)  # type: ignore[arg-type]

    assert figures["upper case"].n == 2
    assert figures["upper case"].changed_verdicts == 0.5
    assert figures["upper case"].mean_delta == pytest.approx(0.35)
    assert figures["lower case"].n == 2
    assert figures["lower case"].changed_verdicts == 1.0
    assert figures["no punctuation"].changed_verdicts == 0.0
    assert "yo lost" not in figures
    assert figures["all"].n == 7
    assert figures["all"].largest_delta == pytest.approx(0.7)


def test_the_detector_of_this_project_does_not_notice(toy_bundle) -> None:  # type: ignore[no-untyped-def]
    detector = TurnDetector.load(toy_bundle)
    items: list[tuple[Context, str]] = [
        ("Ваш код?", "Сорок два, семь"),
        ("Сколько?", "ещё 15 штук"),
        (None, "Да, конечно."),
    ]

    figures = surface_stability(detector, items)

    assert figures["all"].n > 10
    assert figures["all"].largest_delta < 1e-6
