"""Random calls on ``/v1/stream``: whatever a client sends, the server lives, and every reply belongs to its frame."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from turn_detection.errors import InvalidInputError
from turn_detection.serve.events import read_frame
from turn_detection.serve.settings import ServeConfig

from .conftest import HeldEngine, probability_of, running

pytestmark = pytest.mark.slow

words = st.lists(st.sampled_from(["да", "мне", "Нужен", "билет.", "ёж", "", "😀"]), max_size=3).map(" ".join)
texts = st.builds(lambda text, number: f"{text} {number}", words, st.integers(0, 999)) | words
times = st.floats(0, 0.2)
frames = st.one_of(
    st.builds(lambda text: {"type": "partial", "text": text}, texts),
    st.builds(lambda text: {"type": "partial", "text": text}, texts),
    st.builds(lambda text: {"type": "final", "text": text}, texts),
    st.just({"type": "speech_started"}),
    st.builds(lambda silence_s: {"type": "speech_stopped", "silence_s": silence_s}, times),
    st.builds(lambda text: {"type": "agent_turn", "text": text}, texts),
    st.just({"type": "reset"}),
)
pauses = st.sampled_from([0.0, 0.0, 0.0, 0.001, 0.06])
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
keys = st.sampled_from(["type", "text", "seq", "context", "policy", "silence_s", "expect", "threshold", "x"])
types = st.sampled_from(["start", "partial", "final", "speech_stopped", "agent_turn", "reset", "nothing"])
junk = st.one_of(
    st.text(max_size=30),
    json_values.map(json.dumps),
    st.dictionaries(keys, json_values | types, max_size=4).map(json.dumps),
    st.tuples(types, st.dictionaries(keys, json_values, max_size=3)).map(lambda pair: json.dumps({**pair[1], "type": pair[0]})),
    st.binary(max_size=20),
)  # fmt: skip


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with running(ServeConfig(ws_max_errors=1000, ws_max_messages_per_s=1e6), HeldEngine()) as port:
        yield port


@settings(max_examples=40)
@given(calls=st.lists(st.lists(st.tuples(frames, pauses), max_size=20), min_size=1, max_size=3))
def test_every_transcript_gets_one_reply_and_every_answer_fits_its_words(
    port: int, calls: list[list[tuple[dict[str, Any], float]]]
) -> None:
    """Several calls at the same time, with pauses that let turns end."""

    async def call(script: Sequence[tuple[dict[str, Any], float]]) -> None:
        said: dict[int, str] = {}
        async with connect(f"ws://127.0.0.1:{port}/v1/stream", compression=None) as connection:
            await connection.send('{"type": "start", "policy": {"min_delay_s": 0.02, "max_delay_s": 0.05}}')
            for number, (frame, pause_s) in enumerate(script):
                if "text" in frame and frame["type"] != "agent_turn":
                    said[number] = " ".join(frame["text"].split())
                    frame = {**frame, "seq": number}
                await connection.send(json.dumps(frame))
                await asyncio.sleep(pause_s)
            events = await drain(connection, len(said))
        replies = [event for event in events if event["type"] in ("prediction", "skipped", "late_transcript", "error")]
        assert sorted(event["seq"] for event in replies) == sorted(said)
        revisions = [event["revision"] for event in replies if event["type"] == "prediction"]
        assert revisions == sorted(set(revisions))
        for event in replies:
            assert event["type"] != "error"
            if event["type"] == "late_transcript":
                assert event["text"] == said[event["seq"]]
            if event["type"] == "prediction":
                # The question was the words of the whole turn, which end with those of this frame.
                text = said[event["seq"]]
                if any(letter.isalnum() for letter in text):
                    assert event["eot_probability"] == probability_of(text)
        for event in events:
            if event["type"] == "end_of_turn":
                assert any(event["text"].endswith(text) for text in said.values() if text)
                assert event["silence_s"] >= event["delay_s"] - 1e-5

    async def drain(connection: Any, n_replies: int) -> list[dict[str, Any]]:
        events: list[dict[str, Any]] = []
        while sum("seq" in event for event in events) < n_replies:
            events.append(json.loads(await asyncio.wait_for(connection.recv(), 10)))
        with contextlib.suppress(TimeoutError):
            while True:
                events.append(json.loads(await asyncio.wait_for(connection.recv(), 0.08)))
        return events

    async def all_calls() -> None:
        await asyncio.gather(*(call(script) for script in calls))

    asyncio.run(all_calls())


@settings(max_examples=80)
@given(sent=st.lists(junk, max_size=20))
def test_junk_gets_an_error_and_the_call_goes_on(port: int, sent: list[str | bytes]) -> None:
    async def call() -> None:
        async with connect(f"ws://127.0.0.1:{port}/v1/stream", compression=None) as connection:
            for frame in sent:
                await connection.send(frame.encode("utf-8", "replace").decode() if isinstance(frame, str) else frame)
            await connection.send('{"type": "agent_turn", "text": ""}')
            await connection.send('{"type": "speech_started"}')
            await connection.send('{"type": "partial", "text": "конец 123", "seq": 9007199254740991}')
            with contextlib.suppress(ConnectionClosed):
                while True:
                    event = json.loads(await asyncio.wait_for(connection.recv(), 10))
                    if event.get("seq") == 9007199254740991:
                        assert event["type"] == "prediction"
                        assert event["eot_probability"] == 0.123
                        return
        pytest.fail("the connection was closed")

    asyncio.run(call())


@given(st.text() | junk.filter(lambda frame: isinstance(frame, str)))
def test_a_frame_is_read_or_refused_and_never_quoted(frame: str) -> None:
    told = ""
    try:
        read_frame(frame)
    except InvalidInputError as error:
        told = str(error)
    assert not [word for word in frame.split() if len(word) > 6 and not word.isascii() and word in told]
