"""``WS /v1/stream``: a call's transcripts in, predictions and ends of turns out."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from fastapi.testclient import TestClient
from starlette.testclient import WebSocketDenialResponse, WebSocketTestSession
from starlette.websockets import WebSocketDisconnect

from turn_detection import Message
from turn_detection.errors import BackendError, BackendTimeoutError, BackendUnavailableError

from .conftest import POLICY, WORD, HeldEngine, wait_until

Maker = Callable[..., TestClient]
Event = dict[str, Any]


@contextmanager
def connected(client: TestClient) -> Iterator[WebSocketTestSession]:
    with client.websocket_connect("/v1/stream") as call:
        yield call


def say(call: WebSocketTestSession, type: str, **values: Any) -> None:
    call.send_json({"type": type, **values})


def hear(call: WebSocketTestSession, *types: str) -> list[Event]:
    """The next events, which must be of these types."""
    events = [call.receive_json() for _ in types]
    assert [event["type"] for event in events] == list(types), events
    return events


def test_a_turn_from_the_first_word_to_the_end(held_client: Maker) -> None:
    engine = HeldEngine()
    with connected(held_client(engine)) as call:
        say(call, "start", context="Чем могу помочь?")
        (started,) = hear(call, "started")
        assert started["threshold"] == 0.5
        assert started["policy"]["max_delay_s"] == POLICY.max_delay_s
        assert started["model"] == {"name": "held", "version": "1"}
        say(call, "speech_started")
        say(call, "partial", text="мне нужен", seq=1)
        (first,) = hear(call, "prediction")
        say(call, "final", text="Мне нужен билет 990", seq=2)
        (second,) = hear(call, "prediction")
        assert (first["seq"], second["seq"]) == (1, 2)
        assert second["revision"] > first["revision"]
        assert (second["eot_probability"], second["label"]) == (0.99, "speak")
        assert second["delay_s"] == POLICY.delay_s(0.99)
        assert second["latency_ms"] > 0
        say(call, "speech_stopped", silence_s=0.01)
        (end,) = hear(call, "end_of_turn")
        assert end["text"] == "Мне нужен билет 990"
        assert end["eot_probability"] == 0.99
        assert end["delay_s"] == pytest.approx(POLICY.min_delay_s)
        assert end["silence_s"] >= end["delay_s"] - 1e-5
    asked = [(question.message, question.context) for batch in engine.batches for question in batch]
    assert asked == [(text, [Message("agent", "Чем могу помочь?")]) for text in ("мне нужен", "Мне нужен билет 990")]


def test_the_dialogue_so_far_is_the_context_and_a_slot_lasts_until_the_bot_speaks_again(held_client: Maker) -> None:
    engine = HeldEngine()
    with connected(held_client(engine)) as call:
        say(call, "agent_turn", text="Ваш телефон?", expect="phone")
        say(call, "final", text="девятьсот 950")
        hear(call, "prediction", "end_of_turn")
        say(call, "agent_turn", text="Спасибо. Что ещё?")
        say(call, "speech_started")
        say(call, "partial", text="ещё 1")
        hear(call, "prediction")
        say(call, "reset")
        say(call, "partial", text="алло 2")
        hear(call, "prediction")
    asked = [question for batch in engine.batches for question in batch]
    assert [question.expect for question in asked] == ["phone", None, None]
    assert asked[1].context == [
        Message("agent", "Ваш телефон?"),
        Message("client", "девятьсот 950"),
        Message("agent", "Спасибо. Что ещё?"),
    ]
    assert asked[2].context == []


def test_settings_of_a_call(held_client: Maker) -> None:
    with connected(held_client(HeldEngine())) as call:
        policy = {"min_delay_s": 0.01, "max_delay_s": 0.02, "mode": "binary", "threshold": 0.95}
        say(
            call, "start", threshold=0.95, policy=policy, prediction_timeout_s=1, late_grace_s=0, fallback_delay_s=0.015
        )
        (started,) = hear(call, "started")
        assert started["policy"] == {"gamma": POLICY.gamma, **policy}
        say(call, "partial", text="да 940")
        prediction, end = hear(call, "prediction", "end_of_turn")
        assert (prediction["label"], prediction["delay_s"], end["delay_s"]) == ("wait", 0.02, 0.02)


def test_the_same_words_again_are_not_asked_again(held_client: Maker) -> None:
    engine = HeldEngine()
    with connected(held_client(engine)) as call:
        say(call, "speech_started")
        say(call, "partial", text="мне нужен", seq=1)
        hear(call, "prediction")
        say(call, "partial", text="Мне нужен.", seq=2)
        (skipped,) = hear(call, "skipped")
        assert skipped == {"type": "skipped", "reason": "same_words", "seq": 2}
    assert len(engine.batches) == 1


def test_newer_words_take_the_place_of_those_that_wait(held_client: Maker) -> None:
    """What the engine works on is answered; of what came meanwhile only the newest is asked."""
    engine = HeldEngine(held=True)
    with connected(held_client(engine)) as call:
        say(call, "speech_started")
        say(call, "partial", text="один 100", seq=0)
        wait_until(lambda: engine.batches)
        for seq, text in enumerate(("два 200", "три 300", "четыре 400"), start=1):
            say(call, "partial", text=text, seq=seq)
        one, two = hear(call, "skipped", "skipped")
        assert [(event["seq"], event["reason"]) for event in (one, two)] == [(1, "superseded"), (2, "superseded")]
        engine.let_go()
        first, last = hear(call, "prediction", "prediction")
        assert [(event["seq"], event["eot_probability"]) for event in (first, last)] == [(0, 0.1), (3, 0.4)]
    assert [question.message for batch in engine.batches for question in batch] == ["один 100", "четыре 400"]


def test_newer_words_keep_the_place_in_the_queue(held_client: Maker) -> None:
    engine = HeldEngine(held=True)
    client = held_client(engine, max_batch=1)
    with connected(client) as busy, connected(client) as eager, connected(client) as patient:
        for call in (busy, eager, patient):
            say(call, "speech_started")
        say(busy, "partial", text="0")
        wait_until(lambda: engine.batches)
        say(eager, "partial", text="раз 1", seq=1)
        time.sleep(0.05)
        say(patient, "partial", text="два 2")
        time.sleep(0.05)
        say(eager, "partial", text="три 3", seq=2)
        assert hear(eager, "skipped")[0]["seq"] == 1
        engine.let_go()
        assert hear(eager, "prediction")[0]["eot_probability"] == 0.003
        hear(patient, "prediction")
    assert [question.message for batch in engine.batches for question in batch] == ["0", "три 3", "два 2"]


def test_a_slow_model_stops_nobody_from_being_heard(held_client: Maker) -> None:
    """While a prediction is under way frames are taken, and without an answer the silence decides."""
    engine = HeldEngine(held=True)
    with connected(held_client(engine)) as call:
        say(call, "start", prediction_timeout_s=0.05)
        hear(call, "started")
        say(call, "final", text="мне нужен билет", seq=1)
        say(call, "speech_started")
        say(call, "partial", text="на поезд", seq=2)
        say(call, "speech_stopped")
        *skipped, end = hear(call, "skipped", "skipped", "end_of_turn")
        assert [(event["seq"], event["reason"]) for event in skipped] == [(1, "turn_over"), (2, "turn_over")]
        assert (end["text"], end["eot_probability"]) == ("мне нужен билет на поезд", None)


def test_the_bot_s_line_closes_the_turn_without_an_event(held_client: Maker) -> None:
    engine = HeldEngine(held=True)
    with connected(held_client(engine)) as call:
        say(call, "partial", text="мне", seq=1)
        say(call, "agent_turn", text="Алло?")
        assert hear(call, "skipped")[0]["reason"] == "turn_over"
        say(call, "speech_started")
        say(call, "partial", text="да 10", seq=2)
        engine.let_go()
        assert hear(call, "prediction")[0]["seq"] == 2


def test_words_for_a_turn_that_is_over_come_out_as_late(held_client: Maker) -> None:
    with connected(held_client(HeldEngine())) as call:
        say(call, "start", late_grace_s=30)
        say(call, "partial", text="сорок два 999", seq=1)
        hear(call, "started", "prediction", "end_of_turn")
        say(call, "final", text="Сорок два 999", seq=2)
        assert hear(call, "skipped")[0]["reason"] == "same_words"
        say(call, "final", text="сорок три", seq=3)
        assert hear(call, "late_transcript") == [
            {"type": "late_transcript", "text": "сорок три", "is_final": True, "seq": 3}
        ]


def test_a_malformed_frame_is_told_and_the_call_goes_on(held_client: Maker) -> None:
    with connected(held_client(HeldEngine(), max_message_chars=100)) as call:
        bad: list[tuple[str, str]] = [
            ("{", "no JSON"),
            ('{"type": "partial", "text": "\\ud83d"}', ""),
            ("[]", ""),
            ("null", ""),
            (f'{{"type": "{WORD}"}}', "unknown type"),
            (f'{{"{WORD}": 1}}', "type"),
            (f'{{"type": "partial", "text": ["{WORD}"]}}', "text"),
            (f'{{"type": "partial", "text": "да", "{WORD}": 1}}', "?"),
            ('{"type": "partial", "text": "да", "seq": -1}', "seq"),
            (f'{{"type": "partial", "text": "{WORD * 10}", "seq": 4}}', "text"),
            ('{"type": "speech_stopped", "silence_s": NaN}', ""),
            ('{"type": "speech_stopped", "silence_s": -1}', "silence_s"),
            ('{"type": "agent_turn", "text": "Код?", "expect": "digits:99"}', "expect"),
            ('{"type": "start", "policy": {"min_delay_s": 3, "max_delay_s": 1}}', "min_delay_s"),
            ('{"type": "start", "fallback_delay_s": 3}', "fallback_delay_s"),
        ]
        for frame, told in bad:
            call.send_text(frame)
            (event,) = hear(call, "error")
            assert event["code"] in ("invalid", "too_long")
            assert told in event["message"]
            assert WORD not in json.dumps(event, ensure_ascii=False)
        call.send_bytes(b"\x00\x01")
        assert "text" in hear(call, "error")[0]["message"]
        say(call, "start")
        hear(call, "started")
        say(call, "partial", text="да", seq=1)
        hear(call, "prediction")


def test_start_comes_first_or_not_at_all(held_client: Maker) -> None:
    with connected(held_client(HeldEngine())) as call:
        say(call, "speech_started")
        say(call, "start")
        assert "reset" in hear(call, "error")[0]["message"]


@pytest.mark.parametrize(
    ("failure", "code"),
    [
        (BackendError("no engine"), "engine"),
        (BackendUnavailableError("not there"), "unavailable"),
        (BackendTimeoutError("too slow"), "deadline"),
        (RuntimeError(WORD), "engine"),
    ],
)
def test_a_failing_engine_is_told_and_the_silence_decides(
    held_client: Maker, caplog: pytest.LogCaptureFixture, failure: Exception, code: str
) -> None:
    with connected(held_client(HeldEngine(failure=failure))) as call:
        say(call, "start", prediction_timeout_s=0.01)
        hear(call, "started")
        say(call, "partial", text=WORD, seq=1)
        error, end = hear(call, "error", "end_of_turn")
        assert (error["code"], error["seq"]) == (code, 1)
        assert WORD not in json.dumps(error, ensure_ascii=False) + caplog.text
        assert end["eot_probability"] is None


def test_a_full_queue_and_a_passed_deadline_are_told(held_client: Maker) -> None:
    engine = HeldEngine(held=True)
    client = held_client(engine, deadline_ms=200, max_queue=1, max_batch_items=1, max_batch=1)
    with connected(client) as one, connected(client) as two, connected(client) as three:
        for call in (one, two, three):
            say(call, "speech_started")
        say(one, "partial", text="1")
        wait_until(lambda: engine.batches)
        say(two, "partial", text="2")
        time.sleep(0.05)
        say(three, "partial", text="3")
        assert hear(three, "error")[0]["code"] == "overloaded"
        assert hear(two, "error")[0]["code"] == "deadline"
        assert hear(one, "error")[0]["code"] == "deadline"


def closed_with(call: WebSocketTestSession) -> tuple[int, list[Event]]:
    events = []
    try:
        while True:
            events.append(call.receive_json())
    except WebSocketDisconnect as closed:
        return closed.code, events


def test_too_many_errors_close_the_call(held_client: Maker) -> None:
    with connected(held_client(HeldEngine(), ws_max_errors=3)) as call:
        for _ in range(4):
            call.send_text("{")
        code, events = closed_with(call)
        assert (code, len(events)) == (1008, 4)


def test_too_many_frames_close_the_call(held_client: Maker) -> None:
    with connected(held_client(HeldEngine(), ws_max_messages_per_s=5)) as call:
        for _ in range(20):
            say(call, "speech_started")
        code, events = closed_with(call)
        assert code == 1008
        assert events[-1]["code"] == "rate"


def test_a_frame_that_is_too_big_closes_the_call(held_client: Maker) -> None:
    with connected(held_client(HeldEngine(), ws_max_frame_bytes=100)) as call:
        say(call, "partial", text="да" * 200)
        assert closed_with(call)[0] == 1009


def test_an_idle_call_is_closed(held_client: Maker) -> None:
    with connected(held_client(HeldEngine(), ws_idle_timeout_s=0.05)) as call:
        assert closed_with(call)[0] == 1000


def test_one_call_too_many_is_refused_and_a_place_becomes_free(held_client: Maker) -> None:
    client = held_client(HeldEngine(), ws_max_connections=1)
    with connected(client) as call:
        say(call, "start")
        hear(call, "started")
        with pytest.raises(WebSocketDenialResponse) as refused, connected(client):
            pass
        assert refused.value.status_code == 503
    with connected(client) as call:
        say(call, "start")
        hear(call, "started")


def test_calls_do_not_hear_each_other(held_client: Maker) -> None:
    client = held_client(HeldEngine())
    with connected(client) as one, connected(client) as two:
        for call in (one, two):
            say(call, "speech_started")
        for number in range(20):
            say(one, "partial", text=f"раз {number}", seq=number)
            say(two, "partial", text=f"два {500 + number}", seq=number)
            for call, expected in ((one, number), (two, 500 + number)):
                event = call.receive_json()
                while event["type"] == "skipped":
                    event = call.receive_json()
                assert (event["seq"], event["eot_probability"]) == (number, expected / 1000)
