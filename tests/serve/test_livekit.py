"""LiveKit's remote protocol: a language asks for a threshold, a chat context for a probability."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st

from turn_detection import Message
from turn_detection.serve.livekit import messages_of

from .conftest import HeldEngine

Maker = Callable[..., TestClient]


def messages(*items: Any, max_messages: int = 100, max_chars: int = 1000) -> list[tuple[str, str]]:
    found = messages_of(items, max_messages=max_messages, max_chars=max_chars)
    return [(message.role, message.text) for message in found]


@pytest.mark.parametrize(
    ("language", "threshold"), [("ru", 0.5), ("ru-RU", 0.5), ("multi", 0.5), (None, 0.5), ("en", None), ("uk", None)]
)
def test_a_language_asks_for_the_threshold(client: TestClient, language: str | None, threshold: float | None) -> None:
    assert client.post("/eot/multi", json={"language": language}).json() == {"threshold": threshold}


def test_a_context_asks_for_the_probability(held_client: Maker) -> None:
    engine = HeldEngine()
    items = [
        {"id": "1", "type": "message", "role": "system", "content": ["Ты бот."]},
        {"id": "2", "type": "message", "role": "assistant", "content": ["Сколько", " билетов?"], "interrupted": False},
        {"id": "3", "type": "function_call", "name": "book", "arguments": "{}"},
        {"id": "4", "type": "message", "role": "user", "content": ["номер 125"]},
    ]
    answer = held_client(engine).post("/eot/multi", json={"items": items, "jobId": "j", "workerId": "w"})
    assert answer.json() == {
        "probability": 0.9
    }  # the words are context's end, where the engine of this test does not look
    assert engine.batches[0][0].context == [Message("agent", "Сколько  билетов?"), Message("client", "номер 125")]


def test_zero_and_one_stay_numbers_with_a_point(client: TestClient) -> None:
    """The client takes an integer for no answer and answers 1 in its place."""
    answer = client.post("/eot/multi", json={"items": [{"role": "user", "content": ["…"]}]})
    assert answer.text == '{"probability":0.0}'
    assert client.post("/eot/multi", json={"items": []}).text == '{"probability":0.0}'


def test_odd_items_are_passed_over() -> None:
    assert messages(
        None, 7, "да", [], {}, {"role": "user"}, {"role": None, "content": "да"}, {"role": "user", "content": None},
        {"role": "user", "content": [{"type": "image_content"}, {"type": "audio_content", "transcript": "алло"}, 5]},
        {"type": "agent_handoff", "role": "user", "content": "да"}, {"role": " User ", "content": "да"},
        {"role": "user", "content": [{"text": ["да"]}, {"text": "ага"}]},
    ) == [("client", "алло"), ("client", "да"), ("client", "ага")]  # fmt: skip


def test_the_end_of_a_long_context_is_kept() -> None:
    items = [{"role": "user", "content": f"слово{number}"} for number in range(9)]
    assert [text for _, text in messages(*items, max_messages=2)] == ["слово7", "слово8"]
    assert [text for _, text in messages(*items, max_chars=9)] == ["во7", "слово8"]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["type", "role", "content", "text", "transcript", "x"]), inner, max_size=4)
    ),
    max_leaves=10,
)


@given(st.lists(json_values, max_size=5))
def test_no_context_is_refused(items: list[Any]) -> None:
    assert all(isinstance(text, str) and text for _, text in messages(*items))
