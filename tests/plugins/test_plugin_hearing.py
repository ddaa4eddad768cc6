"""Finals, interims and VAD of one call in virtual time."""

from __future__ import annotations

import pytest
from scripted import SURE, UNSURE

from turn_detection.endpointing import EndOfTurn, EndpointingPolicy, PredictionNeeded
from turn_detection.errors import InvalidInputError
from turn_detection.plugins.hearing import Events, Hearing

POLICY = EndpointingPolicy(min_delay_s=0.4, max_delay_s=1.2)


def hearing() -> Hearing:
    return Hearing(POLICY, prediction_timeout_s=0.2, final_timeout_s=1.0)


def needed(events: Events) -> PredictionNeeded:
    (event,) = [event for event in events if isinstance(event, PredictionNeeded)]
    return event


def ended(events: Events) -> EndOfTurn | None:
    found = [event for event in events if isinstance(event, EndOfTurn)]
    assert len(found) <= 1
    return found[0] if found else None


def answer(call: Hearing, events: Events, p: float, now_s: float) -> Events:
    return call.prediction(p, now_s, needed(events).revision)


def test_a_turn_ends_after_the_delay_from_the_end_of_speech() -> None:
    call = hearing()
    call.speech_started(1.0)
    answer(call, call.final("да", 1.4), SURE, 1.45)
    call.speech_stopped(1.7, silence_s=0.2)
    assert call.due_s == pytest.approx(1.9)
    assert call.tick(1.89) == ()
    end = ended(call.tick(1.9))
    assert end is not None
    assert (end.text, end.eot_probability) == ("да", SURE)


def test_no_turn_ends_while_an_interim_waits_for_its_final() -> None:
    call = hearing()
    call.speech_started(1.0)
    answer(call, call.interim("да", 1.3), SURE, 1.35)
    call.speech_stopped(1.6, silence_s=0.2)  # end of speech: 1.4
    assert call.tick(2.2) == ()
    end = ended(call.final("Да.", 2.2))  # the same words: the answer is known, the delay is over
    assert end is not None
    assert end.text == "Да."
    assert end.silence_s == pytest.approx(0.8)


def test_a_final_with_other_words_is_scored_again_and_counts_from_the_end_of_speech() -> None:
    call = hearing()
    call.speech_started(1.0)
    answer(call, call.interim("мне нужен билет", 1.3), SURE, 1.35)
    call.speech_stopped(1.6, silence_s=0.2)
    events = call.final("мне нужен билет на", 1.9)
    assert ended(events) is None
    assert needed(events).text == "мне нужен билет на"
    answer(call, events, UNSURE, 1.95)
    assert call.due_s == pytest.approx(1.4 + POLICY.max_delay_s)


def test_a_final_that_never_comes_is_waited_for_no_longer_than_the_limit() -> None:
    call = hearing()
    call.speech_started(1.0)
    answer(call, call.final("завтра", 1.2), SURE, 1.25)
    call.interim("в", 1.4)
    call.speech_stopped(1.7, silence_s=0.2)
    assert call.due_s == pytest.approx(2.5)
    events = call.tick(2.5)
    assert needed(events).text == "завтра"  # scored without the interim
    assert ended(answer(call, events, SURE, 2.51)) is not None


def test_an_interim_without_any_final_leaves_nothing_to_decide() -> None:
    call = hearing()
    call.speech_started(1.0)
    call.interim("эм", 1.2)
    assert call.undecided
    call.speech_stopped(1.5)
    assert call.tick(2.5) == ()
    assert not call.undecided
    assert call.due_s is None


def test_resumed_speech_goes_on_with_the_same_turn() -> None:
    call = hearing()
    call.speech_started(1.0)
    answer(call, call.final("мне нужен", 1.3), UNSURE, 1.35)
    call.speech_stopped(1.5)
    call.speech_started(2.0)
    events = call.final("номер на двоих", 2.6)
    assert needed(events).text == "мне нужен номер на двоих"
    answer(call, events, SURE, 2.65)
    call.speech_stopped(2.7)
    end = ended(call.tick(3.2))
    assert end is not None
    assert end.text == "мне нужен номер на двоих"


def test_a_decision_that_was_not_carried_out_leaves_the_words_in_the_turn() -> None:
    call = hearing()
    answer(call, call.final("мне нужен", 1.0), SURE, 1.05)
    assert ended(call.tick(1.5)) is not None
    assert needed(call.final("номер", 1.8)).text == "мне нужен номер"
    call.turn_over(2.0)
    assert needed(call.final("на двоих", 2.2)).text == "на двоих"


def test_a_new_turn_of_the_owner_does_not_begin_with_what_was_decided_before() -> None:
    call = hearing()
    answer(call, call.final("угу", 1.0), SURE, 1.05)
    assert ended(call.tick(1.5)) is not None  # while the bot spoke: nobody took it up
    call.turn_started()
    assert needed(call.final("давайте", 3.0)).text == "давайте"


def test_without_vad_silence_counts_from_the_final() -> None:
    call = hearing()
    events = call.interim("да", 1.0)
    answer(call, events, SURE, 1.05)
    assert call.due_s is not None  # until the final is given up
    assert ended(call.final("да", 1.3)) is None
    assert call.due_s == pytest.approx(1.3 + POLICY.min_delay_s)


def test_words_long_after_the_last_report_of_vad_are_not_from_that_speech() -> None:
    call = hearing()
    call.speech_started(1.0)
    call.speech_stopped(1.2)  # a cough
    events = call.final("да", 9.0)
    assert ended(events) is None
    answer(call, events, SURE, 9.05)
    assert call.due_s == pytest.approx(9.0 + POLICY.min_delay_s)


def test_no_answer_means_the_longest_delay() -> None:
    call = hearing()
    call.speech_started(1.0)
    call.final("да", 1.3)
    call.speech_stopped(1.4)
    assert call.due_s == pytest.approx(1.4 + POLICY.max_delay_s)
    end = ended(call.tick(2.6))
    assert end is not None
    assert end.eot_probability is None


def test_a_turn_that_somebody_else_ended_is_forgotten() -> None:
    call = hearing()
    call.speech_started(1.0)
    call.interim("мне нужен", 1.2)
    call.speech_stopped(1.4)
    call.turn_over(1.5)
    assert call.due_s is None
    assert not call.undecided
    assert call.silent
    assert call.tick(9.0) == ()


def test_a_limit_for_finals_of_zero_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="final_timeout_s"):
        Hearing(POLICY, prediction_timeout_s=0.2, final_timeout_s=0.0)
