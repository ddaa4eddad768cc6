"""An unmodified LiveKit agent with ``LIVEKIT_REMOTE_EOT_URL``: its own detector class against our running server.

The class is taken for its remote client only. No model of LiveKit's is downloaded, loaded or asked.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("livekit.plugins.turn_detector", reason="needs livekit-plugins-turn-detector")
pytest.importorskip("fastapi", reason="needs the extra serve")

from livekit.agents import LanguageCode, llm, utils
from livekit.agents.job import _JobContextVar

from turn_detection import TurnDetector

TOKEN = "sesame"
PROCESS = SimpleNamespace(http_proxy=None)
Play = Callable[[Any], Awaitable[None]]


class Server:
    """``python -m turn_detection.serve`` with the shipped model on a free port."""

    def __init__(self, **environ: str) -> None:
        command = [sys.executable, "-m", "turn_detection.serve", "--port", "0"]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=os.environ | environ)
        self.log = ""
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        deadline_s = time.monotonic() + 60
        while "startup complete" not in self.log:
            assert self.process.poll() is None, self.log
            assert time.monotonic() < deadline_s, self.log
            time.sleep(0.02)
        found = re.search(r"http://(127\.0\.0\.1:\d+)", self.log)
        assert found, self.log
        self.address = found[1]

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.log += line

    def stop(self) -> None:
        self.process.terminate()
        assert self.process.wait(60) == 0


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    server = Server(TURN_DETECTION_SERVE_TOKEN=TOKEN)
    yield server
    server.stop()


@contextlib.asynccontextmanager
async def job() -> AsyncIterator[None]:
    """What the class looks for around itself in an agent's process: its job, and the session it sends requests with."""
    context = SimpleNamespace(job=SimpleNamespace(id="job"), worker_id="worker", inference_executor=None, proc=PROCESS)
    token = _JobContextVar.set(context)  # type: ignore[arg-type]
    try:
        async with utils.http_context.open():
            yield
    finally:
        _JobContextVar.reset(token)


def play(monkeypatch: pytest.MonkeyPatch, url: str, scene: Play) -> None:
    monkeypatch.setenv("LIVEKIT_REMOTE_EOT_URL", url)

    async def run() -> None:
        # Read at import: with the address set, no local model is registered.
        from livekit.plugins.turn_detector.multilingual import MultilingualModel

        async with job():
            await scene(MultilingualModel())

    asyncio.run(run())


def dialogue(question: str, *answer: str) -> llm.ChatContext:
    context = llm.ChatContext.empty()
    context.add_message(role="system", content="Ты бот.")
    context.add_message(role="assistant", content=question)
    context.items.append(llm.FunctionCall(call_id="1", name="look_up", arguments="{}"))
    for words in answer:
        context.add_message(role="user", content=words)
    return context


def test_probabilities_are_those_of_the_detector_in_process(
    monkeypatch: pytest.MonkeyPatch, server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    detector = TurnDetector.load()

    async def scene(model: Any) -> None:
        for question, answer in (
            ("Чем могу помочь?", ("мне нужен билет на",)),
            ("Вам удобно говорить?", ("да",)),
            ("Куда вы едете?", ("я еду", "в москву завтра утром")),
            ("Назовите ваш телефон.", ("восемь девятьсот три",)),
        ):
            probability = await model.predict_end_of_turn(dialogue(question, *answer))
            expected = detector.predict(" ".join(answer), question).eot_probability
            assert probability == pytest.approx(expected, abs=1e-6)

    with caplog.at_level(logging.WARNING):
        play(monkeypatch, f"http://agent:{TOKEN}@{server.address}", scene)
    assert not caplog.records


def test_russian_is_supported_and_english_is_left_to_the_silence(
    monkeypatch: pytest.MonkeyPatch, server: Server
) -> None:
    async def scene(model: Any) -> None:
        for tag in ("ru", "ru-RU", "rus", "russian"):
            assert await model.unlikely_threshold(LanguageCode(tag)) == 0.5
            assert await model.supports_language(LanguageCode(tag))
        assert not await model.supports_language(LanguageCode("en-US"))

    play(monkeypatch, f"http://agent:{TOKEN}@{server.address}", scene)


def test_nothing_said_is_a_probability_of_zero_and_not_one(monkeypatch: pytest.MonkeyPatch, server: Server) -> None:
    """The class takes everything but a float for "no prediction", which it reports as 1: answer at once."""

    async def scene(model: Any) -> None:
        assert await model.predict_end_of_turn(dialogue("Алло?", "…")) == 0.0
        assert await model.predict_end_of_turn(llm.ChatContext.empty()) == 0.0

    play(monkeypatch, f"http://agent:{TOKEN}@{server.address}", scene)


def test_without_the_token_the_agent_learns_that_it_is_missing(monkeypatch: pytest.MonkeyPatch, server: Server) -> None:
    async def scene(model: Any) -> None:
        with pytest.raises(Exception, match="401"):
            await model.predict_end_of_turn(dialogue("Алло?", "да"))

    play(monkeypatch, f"http://{server.address}", scene)
