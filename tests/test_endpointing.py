"""The endpointer: one call in virtual time. Defaults: 0.3 s of silence when sure, 2.5 s at most, 1 s of grace."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from turn_detection.endpointing import (
    EndOfTurn,
    Endpointer,
    EndpointingEvent,
    EndpointingPolicy,
    LateTranscript,
    PredictionNeeded,
)
from turn_detection.errors import InvalidInputError, InvalidTypeError

POLICY = EndpointingPolicy()
SURE, UNSURE = 0.99, 0.01  # 0.3 s and 2.5 s of silence


def asked(events: tuple[EndpointingEvent, ...]) -> PredictionNeeded:
    (event,) = events
    assert isinstance(event, PredictionNeeded)
    return event


def ended(events: tuple[EndpointingEvent, ...]) -> EndOfTurn:
    (event,) = events
    assert isinstance(event, EndOfTurn)
    return event


def said(endpointer: Endpointer, text: str, p: float, *, until_s: float, final: bool = True) -> None:
    """The caller speaks for 0.5 s up to ``until_s``, and the model has answered by then."""
    endpointer.speech_started(until_s - 0.5)
    request = asked((endpointer.final if final else endpointer.partial)(text, until_s - 0.1))
    endpointer.prediction(p, until_s - 0.05, request.revision)
    endpointer.speech_stopped(until_s)


def test_a_finished_turn_ends_after_the_suggested_silence() -> None:
    endpointer = Endpointer()
    endpointer.agent_turn("Чем могу помочь?", 0.0)
    endpointer.speech_started(1.0)
    request = asked(endpointer.final("Мне нужен билет", 2.0))
    assert (request.context, request.text) == ("Чем могу помочь?", "Мне нужен билет")
    endpointer.prediction(0.8, 2.1, request.revision)
    assert endpointer.deadline_s is None  # still speaking
    endpointer.speech_stopped(2.2)
    assert endpointer.deadline_s == pytest.approx(2.2 + POLICY.delay_s(0.8))
    assert endpointer.tick(2.6) == ()
    event = ended(endpointer.tick(2.75))
    assert (event.text, event.eot_probability, event.delay_s) == ("Мне нужен билет", 0.8, POLICY.delay_s(0.8))
    assert event.silence_s == pytest.approx(0.55)
    assert endpointer.deadline_s is None
    assert endpointer.tick(99.0) == ()


def test_silence_that_the_detector_has_already_heard_is_not_waited_for_again() -> None:
    endpointer = Endpointer()
    endpointer.speech_started(1.0)
    endpointer.prediction(SURE, 2.0, asked(endpointer.final("да", 1.9)).revision)
    event = ended(endpointer.speech_stopped(2.5, silence_s=0.4))
    assert event.silence_s == pytest.approx(0.4)


def test_speech_cannot_have_ended_before_it_began() -> None:
    endpointer = Endpointer()
    endpointer.speech_started(10.0)
    endpointer.partial("да", 10.4)
    endpointer.speech_stopped(10.5, silence_s=9.0)
    assert endpointer.deadline_s == pytest.approx(12.5)


def test_speech_that_resumes_before_the_deadline_makes_one_turn_of_two_segments() -> None:
    endpointer = Endpointer()
    said(endpointer, "мне нужен", UNSURE, until_s=1.0)
    endpointer.speech_started(3.0)
    assert endpointer.tick(3.6) == ()  # the old deadline was 3.5
    request = asked(endpointer.final("номер на двоих", 4.0))
    assert request.text == "мне нужен номер на двоих"
    endpointer.prediction(SURE, 4.0, request.revision)
    endpointer.speech_stopped(4.2)
    assert ended(endpointer.tick(4.51)).text == "мне нужен номер на двоих"


def test_resumed_speech_wins_over_a_tick_that_is_overdue() -> None:
    endpointer = Endpointer()
    said(endpointer, "мне нужен", SURE, until_s=1.0)
    assert endpointer.speech_started(1.4) == ()
    assert endpointer.tick(1.5) == ()


def test_a_repeated_report_of_the_detector_changes_nothing() -> None:
    endpointer = Endpointer()
    said(endpointer, "да", UNSURE, until_s=1.0)
    endpointer.speech_stopped(2.0)
    assert endpointer.deadline_s == 3.5
    endpointer.speech_started(2.5)
    endpointer.speech_started(2.8)
    endpointer.speech_stopped(3.0, silence_s=0.4)
    assert endpointer.deadline_s == pytest.approx(5.1)


def test_a_final_that_comes_after_the_end_of_speech_is_scored_again_but_the_silence_still_counts_from_there() -> None:
    endpointer = Endpointer()
    said(endpointer, "мне нужен", UNSURE, until_s=1.0, final=False)
    request = asked(endpointer.final("мне нужен билет", 1.8))
    event = ended(endpointer.prediction(SURE, 1.85, request.revision))
    assert event.text == "мне нужен билет"
    assert event.silence_s == pytest.approx(0.85)


def test_words_that_arrive_with_an_overdue_tick_belong_to_the_turn_that_ends() -> None:
    endpointer = Endpointer()
    said(endpointer, "мне нужен", UNSURE, until_s=1.0, final=False)
    event = ended(endpointer.final("мне нужен билет", 4.0))
    assert (event.text, event.eot_probability) == ("мне нужен билет", None)


def test_a_partial_replaces_the_one_before_even_when_it_is_shorter() -> None:
    endpointer = Endpointer()
    first = asked(endpointer.partial("от рынка до", 1.0))
    second = asked(endpointer.partial("до рынка", 1.1))
    third = asked(endpointer.partial("до", 1.2))
    assert [r.text for r in (first, second, third)] == ["от рынка до", "до рынка", "до"]
    assert first.revision < second.revision < third.revision


def test_a_withdrawn_partial_leaves_nothing_to_wait_for() -> None:
    endpointer = Endpointer()
    request = asked(endpointer.partial("эм", 1.0))
    assert endpointer.partial("", 1.1) == ()
    assert endpointer.deadline_s is None
    assert endpointer.prediction(SURE, 1.2, request.revision) == ()
    assert endpointer.tick(9.0) == ()


def test_the_same_words_are_not_predicted_twice_and_the_final_spelling_is_what_comes_out() -> None:
    endpointer = Endpointer()
    endpointer.prediction(SURE, 1.0, asked(endpointer.partial("еще  раз", 1.0)).revision)
    assert endpointer.partial("еще раз", 1.1) == ()
    assert endpointer.final("Ещё ра́з.", 1.2) == ()
    event = ended(endpointer.tick(1.31))
    assert (event.text, event.eot_probability) == ("Ещё ра́з.", SURE)


def test_a_final_and_a_partial_of_the_next_segment_are_scored_together() -> None:
    endpointer = Endpointer()
    endpointer.final("восемь девятьсот", 1.0)
    assert asked(endpointer.partial("три", 1.2)).text == "восемь девятьсот три"
    assert asked(endpointer.final("три два", 1.4)).text == "восемь девятьсот три два"


def test_without_a_speech_detector_silence_counts_from_the_last_change_of_words() -> None:
    endpointer = Endpointer()
    endpointer.partial("до", 1.0)
    request = asked(endpointer.partial("до рынка", 1.5))
    endpointer.prediction(SURE, 1.55, request.revision)
    endpointer.partial("до рынка", 1.7)
    assert endpointer.deadline_s == 1.8
    assert ended(endpointer.tick(1.8)).silence_s == pytest.approx(0.3)


def test_first_words_long_after_a_cough_are_not_timed_from_the_cough() -> None:
    endpointer = Endpointer()
    endpointer.speech_started(1.0)
    endpointer.speech_stopped(1.2)
    assert asked(endpointer.partial("мне", 10.0)).text == "мне"
    assert endpointer.deadline_s == 12.5


def test_without_an_answer_the_fallback_is_the_longest_silence() -> None:
    endpointer = Endpointer()
    endpointer.speech_started(0.5)
    endpointer.final("да", 1.0)
    endpointer.speech_stopped(1.0)
    assert endpointer.tick(3.4) == ()
    event = ended(endpointer.tick(3.5))
    assert (event.eot_probability, event.delay_s, event.silence_s) == (None, 2.5, 2.5)


def test_a_shorter_fallback_still_leaves_the_model_its_time() -> None:
    endpointer = Endpointer(fallback_delay_s=1.0, prediction_timeout_s=0.5)
    endpointer.speech_started(0.5)
    endpointer.partial("да", 1.0)
    endpointer.speech_stopped(1.0)
    assert endpointer.deadline_s == 2.0
    request = asked(endpointer.final("да нет", 1.9))
    assert endpointer.deadline_s == 2.4
    endpointer.prediction(UNSURE, 2.39, request.revision)
    assert endpointer.deadline_s == 3.5


def test_a_slow_model_cannot_stretch_the_longest_silence() -> None:
    endpointer = Endpointer(prediction_timeout_s=60.0)
    endpointer.speech_started(0.5)
    endpointer.partial("да", 1.0)
    endpointer.speech_stopped(1.0)
    endpointer.partial("да нет", 3.4)
    assert endpointer.deadline_s == 3.5


def test_an_answer_for_words_that_have_changed_is_ignored() -> None:
    endpointer = Endpointer()
    old = asked(endpointer.partial("да", 1.0))
    endpointer.partial("да но", 1.1)
    assert endpointer.prediction(SURE, 1.6, old.revision) == ()
    assert endpointer.deadline_s == 1.1 + 2.5


@pytest.mark.parametrize("forget", [lambda e: e.reset(), lambda e: e.agent_turn("Алло?", 1.1)], ids=["reset", "bot"])
def test_an_answer_from_before_a_reset_or_the_bots_line_is_ignored(forget: Callable[[Endpointer], Any]) -> None:
    endpointer = Endpointer(late_grace_s=0.0)
    old = asked(endpointer.partial("да", 1.0))
    forget(endpointer)
    new = asked(endpointer.partial("нет", 1.2))
    endpointer.prediction(SURE, 1.3, old.revision)
    assert endpointer.deadline_s == 1.2 + 2.5
    assert new.revision > old.revision


def test_silence_in_which_nothing_was_said_is_not_a_turn() -> None:
    endpointer = Endpointer()
    endpointer.speech_started(1.0)
    endpointer.speech_stopped(1.5)
    assert endpointer.final("", 1.6) == ()
    assert endpointer.final(" … ", 1.7) == ()
    assert endpointer.deadline_s is None
    assert endpointer.tick(60.0) == ()


def test_a_final_of_nothing_but_punctuation_leaves_no_trace() -> None:
    endpointer = Endpointer()
    endpointer.final("?", 1.0)
    assert asked(endpointer.final("да", 1.1)).text == "да"


def test_the_bots_line_drops_the_open_turn_and_becomes_the_context() -> None:
    endpointer = Endpointer()
    said(endpointer, "алло", UNSURE, until_s=1.0)
    assert endpointer.agent_turn("Ваш телефон?", 1.5) == ()
    assert endpointer.tick(9.0) == ()
    request = asked(endpointer.partial("восемь", 10.0))
    assert (request.context, request.text) == ("Ваш телефон?", "восемь")


def test_a_caller_who_talks_over_the_bot_is_still_speaking() -> None:
    endpointer = Endpointer()
    endpointer.speech_started(1.0)
    endpointer.agent_turn("Чем могу помочь?", 1.2)
    request = asked(endpointer.final("девушка подождите", 1.5))
    endpointer.prediction(SURE, 1.5, request.revision)
    assert endpointer.tick(9.0) == ()
    assert ended(endpointer.speech_stopped(9.5, silence_s=0.4)).text == "девушка подождите"


def test_words_that_go_on_over_the_bots_line_are_a_new_turn_and_not_late() -> None:
    endpointer = Endpointer()
    endpointer.speech_started(1.0)
    endpointer.partial("алло", 1.3)
    endpointer.agent_turn("Чем могу помочь?", 1.4)
    assert endpointer.partial("Алло", 1.5) == ()
    assert asked(endpointer.partial("алло девушка", 1.6)).text == "алло девушка"


def test_a_reset_endpointer_serves_another_call_with_an_earlier_clock() -> None:
    endpointer = Endpointer()
    endpointer.agent_turn("Алло?", 100.0)
    endpointer.speech_started(100.5)
    endpointer.reset()
    request = asked(endpointer.partial("да", 1.0))
    assert request.context == ""
    assert ended(endpointer.tick(3.5)).text == "да"


def after_end_of_turn(*, final: bool) -> Endpointer:
    """«мне нужен билет» ended at 1.3 s; its last segment was final or was not."""
    endpointer = Endpointer()
    said(endpointer, "мне нужен билет", SURE, until_s=1.0, final=final)
    ended(endpointer.tick(1.3))
    return endpointer


@pytest.mark.parametrize("bot_speaks", [False, True])
def test_a_late_final_with_the_same_words_is_not_a_new_turn(bot_speaks: bool) -> None:
    endpointer = after_end_of_turn(final=False)
    if bot_speaks:
        endpointer.agent_turn("Куда едем?", 1.4)
    assert endpointer.final("Мне нужен билет.", 2.2) == ()
    assert endpointer.tick(9.0) == ()


def test_late_words_that_differ_are_reported_once_and_open_no_turn() -> None:
    endpointer = after_end_of_turn(final=False)
    assert endpointer.partial("мне нужен билет на", 1.4) == (LateTranscript("мне нужен билет на", False),)
    assert endpointer.partial("мне нужен билет на", 1.5) == ()
    assert endpointer.final("Мне нужен билет на завтра", 1.6) == (LateTranscript("Мне нужен билет на завтра", True),)
    assert endpointer.tick(9.0) == ()


def test_after_the_grace_even_the_same_words_are_a_new_turn() -> None:
    endpointer = after_end_of_turn(final=False)
    assert asked(endpointer.final("мне нужен билет", 2.31)).text == "мне нужен билет"


def test_new_speech_ends_the_grace() -> None:
    endpointer = after_end_of_turn(final=True)
    endpointer.speech_started(1.5)
    assert asked(endpointer.partial("мне нужен билет", 1.8)).text == "мне нужен билет"


def test_the_final_that_a_turn_still_owes_does_not_open_the_next_one() -> None:
    endpointer = after_end_of_turn(final=False)
    endpointer.speech_started(1.5)
    assert endpointer.final("Мне нужен билет.", 1.6) == ()
    assert asked(endpointer.partial("мне нужен билет", 1.9)).text == "мне нужен билет"  # owed once


def test_other_words_after_new_speech_are_a_turn_even_while_a_final_is_owed() -> None:
    endpointer = after_end_of_turn(final=False)
    endpointer.speech_started(1.5)
    assert asked(endpointer.partial("мне нужен билет на", 1.6)).text == "мне нужен билет на"
    assert asked(endpointer.partial("мне нужен билет", 1.7)).text == "мне нужен билет"  # a correction, no longer late


@pytest.mark.parametrize("final", [False, True])
def test_a_late_or_repeated_final_of_the_second_segment_is_recognised(final: bool) -> None:
    endpointer = Endpointer()
    said(endpointer, "мне нужен", UNSURE, until_s=1.0)
    said(endpointer, "билет", SURE, until_s=2.0, final=final)
    assert ended(endpointer.tick(2.3)).text == "мне нужен билет"
    assert endpointer.final("Билет.", 2.4) == ()


def test_time_that_goes_back_a_little_counts_as_now_and_a_lot_is_an_error() -> None:
    endpointer = Endpointer()
    endpointer.tick(10.0)
    endpointer.partial("да", 9.5)
    assert endpointer.deadline_s == 12.5
    with pytest.raises(InvalidInputError, match="monotonic"):
        endpointer.tick(8.9)
    assert endpointer.deadline_s == 12.5


@pytest.mark.parametrize("now_s", [math.nan, math.inf, -1.0, None, True, "1"])
def test_a_time_that_is_no_time_is_refused(now_s: Any) -> None:
    with pytest.raises(InvalidInputError, match="now_s"):
        Endpointer().tick(now_s)


@pytest.mark.parametrize(
    "call",
    [
        lambda e: e.prediction(math.nan, 1.0, 0),
        lambda e: e.prediction(1.5, 1.0, 0),
        lambda e: e.speech_stopped(1.0, silence_s=-0.1),
        lambda e: e.partial(None, 1.0),
        lambda e: e.final(b"da", 1.0),
        lambda e: e.agent_turn(None, 1.0),
        lambda _: Endpointer(fallback_delay_s=9.0),
        lambda _: Endpointer(fallback_delay_s=0.1),
        lambda _: Endpointer(fallback_delay_s=math.nan),
        lambda _: Endpointer(late_grace_s=math.inf),
        lambda _: Endpointer(prediction_timeout_s=-1.0),
    ],
)
def test_bad_input_is_refused_and_changes_nothing(call: Callable[[Endpointer], Any]) -> None:
    endpointer = Endpointer()
    endpointer.partial("да", 0.5)
    with pytest.raises(InvalidInputError):
        call(endpointer)
    assert endpointer.deadline_s == 3.0


def test_words_of_the_caller_show_in_no_repr_and_no_error() -> None:
    endpointer = Endpointer()
    events: list[object] = [endpointer, PredictionNeeded("тайна", "тайна", 1), LateTranscript("тайна", True)]
    events += [EndOfTurn("тайна", 0.5, 1.0, 1.0), *vars(endpointer).values()]
    endpointer.partial("тайна", 5.0)
    assert "тайна" not in repr(events) + repr(vars(endpointer))
    with pytest.raises(InvalidInputError) as caught:
        endpointer.partial("тайна", 1.0)
    assert "тайна" not in str(caught.value)
    with pytest.raises(InvalidTypeError) as caught:
        endpointer.partial(["тайна"], 5.0)  # type: ignore[arg-type]
    assert "тайна" not in str(caught.value)


class Owner:
    """An event loop in virtual time: ticks at every deadline and checks each event as it comes."""

    def __init__(self, endpointer: Endpointer) -> None:
        self.endpointer, self.policy = endpointer, endpointer.policy
        self.now_s = 0.0
        self.speaking = False
        self.stop_s: float | None = None  # the detector's last report in this turn
        self.first_words_s: float | None = None
        self.heard_s = 0.0  # the last transcript
        self.request: PredictionNeeded | None = None
        self.answers: dict[int, float] = {}
        self.last_revision = 0

    def pass_time(self, seconds: float) -> None:
        until_s = self.now_s + seconds
        while (due_s := self.endpointer.deadline_s) is not None and due_s <= until_s:
            self.now_s = max(self.now_s, due_s)
            self.take(self.endpointer.tick(self.now_s))
        self.now_s = until_s
        self.take(self.endpointer.tick(until_s))

    def start(self) -> None:
        self.take(self.endpointer.speech_started(self.now_s))
        self.speaking, self.stop_s = True, None

    def stop(self, silence_s: float) -> None:
        if self.speaking:
            self.speaking, self.stop_s = False, self.now_s  # an upper bound of the end of speech
        self.take(self.endpointer.speech_stopped(self.now_s, silence_s=silence_s))

    def hear(self, text: str, final: bool) -> None:
        self.heard_s = self.now_s
        self.take((self.endpointer.final if final else self.endpointer.partial)(text, self.now_s))

    def answer(self, p: float, age: int) -> None:
        """Answer the newest request or, with age, an older revision."""
        revision = self.last_revision - age
        if age == 0:
            self.answers[revision] = p
        self.take(self.endpointer.prediction(p, self.now_s, revision))

    def bot(self) -> None:
        self.take(self.endpointer.agent_turn("Слушаю вас", self.now_s))
        self.forget_turn()

    def forget_turn(self) -> None:
        self.request = self.stop_s = self.first_words_s = None

    def take(self, events: tuple[EndpointingEvent, ...]) -> None:
        for event in events:
            if isinstance(event, PredictionNeeded):
                assert event.text
                assert event.revision > self.last_revision
                self.request, self.last_revision = event, event.revision
                self.first_words_s = self.now_s if self.first_words_s is None else self.first_words_s
            elif isinstance(event, EndOfTurn):
                self.check_end(event)
                self.forget_turn()

    def check_end(self, event: EndOfTurn) -> None:
        assert not self.speaking
        assert self.request is not None, "a turn ended twice, or without words"
        p = event.eot_probability
        assert p is None or p == self.answers[self.request.revision], "a stale answer was used"
        assert event.delay_s == (self.endpointer.fallback_delay_s if p is None else self.policy.delay_s(p))
        assert event.silence_s >= event.delay_s - 1e-9
        end_s = self.heard_s
        if self.stop_s is not None and self.first_words_s is not None:
            in_time = self.first_words_s <= self.stop_s + self.policy.max_delay_s
            end_s = self.stop_s if in_time else self.heard_s
        assert self.now_s <= end_s + self.policy.max_delay_s + 1e-9, "the bot waited too long"


#: Only words, so that every withdrawal of a text is left to the tests above.
texts = st.lists(st.sampled_from(["да", "нет", "два", "Два.", "мне нужен"]), min_size=1, max_size=3).map(" ".join)
steps = st.one_of(
    st.tuples(st.just("pass_time"), st.sampled_from([0.0, 0.1, 0.25, 0.6, 1.1, 2.6])),
    st.tuples(st.just("start")),
    st.tuples(st.just("stop"), st.sampled_from([0.0, 0.2, 0.8])),
    st.tuples(st.just("hear"), texts, st.booleans()),
    st.tuples(st.just("answer"), st.sampled_from([0.0, 0.1, 0.5, 0.9, 1.0]), st.sampled_from([0, 0, 0, 1, 2])),
    st.tuples(st.just("bot")),
)


@settings(max_examples=200, deadline=None)
@given(st.lists(steps, max_size=30), st.sampled_from([0.3, 1.0, 2.5]), st.sampled_from([0.5, 9.0]))
def test_whatever_happens_a_turn_ends_once_in_silence_in_time_and_by_a_fresh_answer(
    story: list[tuple[Any, ...]], fallback_delay_s: float, timeout_s: float
) -> None:
    owner = Owner(Endpointer(fallback_delay_s=fallback_delay_s, prediction_timeout_s=timeout_s))
    for name, *arguments in story:
        getattr(owner, name)(*arguments)
    owner.stop(0.0)
    owner.pass_time(POLICY.max_delay_s)
    assert owner.endpointer.deadline_s is None
    assert owner.request is None, "words were said and the turn never ended"
