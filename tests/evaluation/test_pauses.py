"""Where pauses may fall, and how long they last."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from turn_detection.errors import InvalidInputError
from turn_detection.evaluation.pause_lengths import DEFAULT_PAUSES, EOT_BENCH_KNOTS, STRESS_PAUSES, PauseLengths
from turn_detection.evaluation.pauses import pause_points, spoken_part


def said(text: str) -> list[tuple[str, str]]:
    return [(spoken_part(text, point.offset), point.kind.value) for point in pause_points(text)]


@pytest.mark.parametrize(
    ("text", "pauses"),
    [
        ("Да, запишите. Я подожду.", [("Да", "clause"), ("Да, запишите", "sentence")]),
        ("я приду но не сегодня", [("я приду", "conjunction")]),
        ("Не сегодня — завтра.", [("Не сегодня", "clause")]),
        ("мне э нужен ну вот билет", [("мне э", "filler"), ("мне э нужен ну", "filler"), ("мне э нужен ну вот", "filler")]),
        ("это как бы вопрос", [("это как бы", "filler")]),
        ("код 381 924", [("код 381", "dictation")]),
        ("8-903 12", [("8", "dictation"), ("8-903", "dictation")]),
        ("девятьсот три сто двадцать", [("девятьсот три", "dictation")]),
        ("иван собака мэйл точка ру", [("иван", "dictation"), ("иван собака", "dictation"), ("иван собака мэйл", "dictation")]),
    ],
)  # fmt: skip
def test_pauses_fall_at_plausible_boundaries(text: str, pauses: list[tuple[str, str]]) -> None:
    assert said(text) == pauses


@pytest.mark.parametrize(
    "text",
    [
        "двадцать пять тысяч триста",
        "ни за что",
        "потому что дорого",
        "моя собака спит",
        "да",
        "",
        "— ?!",
        "билет на завтра.",
    ],
)
def test_no_pause_inside_a_number_after_a_preposition_or_at_the_end(text: str) -> None:
    assert pause_points(text) == ()


@given(st.text(alphabet="аби но, .!-«» 12эну", max_size=40))
def test_every_pause_leaves_something_said_and_something_to_say(text: str) -> None:
    heard = [spoken_part(text, point.offset) for point in pause_points(text)]
    assert len(set(heard)) == len(heard)
    for words in heard:
        assert text.startswith(words)
        assert any(character.isalnum() for character in words)
        assert any(character.isalnum() for character in text[len(words) :])


def test_marks_at_the_end_tell_nothing() -> None:
    assert spoken_part("Да, конечно...") == "Да, конечно"
    assert spoken_part("Да, конечно...", 3) == "Да"


def test_the_survival_curve_goes_through_the_figures_of_the_timer_and_falls_on() -> None:
    for seconds, share in EOT_BENCH_KNOTS:
        assert DEFAULT_PAUSES.survival(seconds) == pytest.approx(share)
    assert DEFAULT_PAUSES.survival(0.1) == 1.0
    assert 0.0 < DEFAULT_PAUSES.survival(3.5) < 0.01
    # Straight in the logarithm: halfway between two knots stands their geometric mean.
    assert DEFAULT_PAUSES.survival(0.8) == pytest.approx((0.217 * 0.10) ** 0.5)


@given(st.floats(0.0, 0.999999), st.sampled_from([DEFAULT_PAUSES, *STRESS_PAUSES]))
def test_drawn_lengths_have_the_survival_they_were_drawn_for(quantile: float, lengths: PauseLengths) -> None:
    seconds = lengths.seconds(np.array([quantile]))
    assert seconds[0] >= 0.2
    assert lengths.survival(seconds)[0] == pytest.approx(1.0 - quantile, rel=1e-6)


def test_stress_runs_have_their_p95() -> None:
    assert [lengths.name for lengths in STRESS_PAUSES] == ["p95=1.4", "p95=2.5"]
    assert PauseLengths.parse("p95=2.5").survival(2.5) == pytest.approx(0.05)
    assert PauseLengths.parse("eot-bench") == DEFAULT_PAUSES


@pytest.mark.parametrize("text", ["p95=0.2", "p95=61", "p95=", "p95=x", "p90=1", ""])
def test_other_pauses_are_refused(text: str) -> None:
    with pytest.raises(InvalidInputError):
        PauseLengths.parse(text)
