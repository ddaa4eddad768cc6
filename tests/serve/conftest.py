"""A server over the toy model, and one over an engine that a test holds in its hand."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest

pytest.importorskip("fastapi", reason="needs the extra serve")

import uvicorn
from fastapi.testclient import TestClient

from turn_detection import EndpointingPolicy, TurnDetector, TurnPrediction
from turn_detection.serve.app import create_app
from turn_detection.serve.scoring import EmbeddedEngine, ModelCard, Question, with_threshold
from turn_detection.serve.settings import ServeConfig

WORD = "сверхсекретно"
POLICY = EndpointingPolicy(min_delay_s=0.05, max_delay_s=0.4)


class HeldEngine:
    """Answers by the number at the end of a message («12» -> 0.12), at once or when it is let go; remembers its batches."""

    def __init__(self, *, held: bool = False, failure: Exception | None = None) -> None:
        self.model = ModelCard("held", "1")
        self.n_parallel = 1
        self.threshold = 0.5
        self.policy = POLICY
        self.batches: list[list[Question]] = []
        self.failure = failure
        self.is_ready = True
        self._gate = threading.Event()
        if not held:
            self._gate.set()

    def let_go(self) -> None:
        self._gate.set()

    def hold(self) -> None:
        self._gate.clear()

    async def start(self) -> None:
        pass

    async def answer(self, questions: Sequence[Question]) -> list[TurnPrediction]:
        self.batches.append(list(questions))
        while not self._gate.is_set():
            await asyncio.sleep(0.002)
        if self.failure is not None:
            raise self.failure
        return [with_threshold(_answer(question.message), question) for question in questions]

    async def ready(self) -> bool:
        return self.is_ready

    async def close(self) -> None:
        pass


def _answer(message: str) -> TurnPrediction:
    p = probability_of(message)
    return TurnPrediction(p, 0.5, POLICY.delay_s(p), 1.0)


def probability_of(message: str) -> float:
    """What :class:`HeldEngine` answers."""
    digits = message.split()[-1] if message.split() else ""
    return int(digits) % 1000 / 1000 if digits.isascii() and digits.isdigit() else 0.9


@contextlib.contextmanager
def running(config: ServeConfig, engine: Any) -> Iterator[int]:
    """A real server on a free port of the loopback, in a thread; gives the port."""
    listener = socket.create_server(("127.0.0.1", 0))
    settings = uvicorn.Config(
        create_app(config, engine),
        log_config=None,
        access_log=False,
        ws_max_size=config.ws_max_frame_bytes,
        ws_per_message_deflate=False,
        timeout_graceful_shutdown=config.shutdown_grace_s,
    )
    server = uvicorn.Server(settings)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        wait_until(lambda: server.started)
        yield listener.getsockname()[1]
    finally:
        server.should_exit = True
        thread.join(20)
        assert not thread.is_alive()


def wait_until(condition: Callable[[], object], timeout_s: float = 10.0) -> None:
    """Wait for something that another thread or process does."""
    deadline_s = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline_s, "waited in vain"
        time.sleep(0.005)


@pytest.fixture
def config() -> ServeConfig:
    return ServeConfig()


@pytest.fixture
def client(toy_detector: TurnDetector, config: ServeConfig) -> Iterator[TestClient]:
    """The whole application over the toy model: «да» finishes, «на» does not."""
    with TestClient(create_app(config, EmbeddedEngine(toy_detector)), raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def held_client() -> Iterator[Callable[..., TestClient]]:
    """Makes clients over a :class:`HeldEngine` and settings of the test's own."""
    with contextlib.ExitStack() as stack:

        def make(engine: HeldEngine, **settings: Any) -> TestClient:
            application = create_app(ServeConfig(**settings), engine)
            return stack.enter_context(TestClient(application, raise_server_exceptions=False))

        yield make
