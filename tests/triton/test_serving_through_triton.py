"""The whole way: HTTP, our server, gRPC, Triton, and back. Our server is a process of its own, started once and never restarted."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from turn_detection import TurnDetector

from .conftest import ROOT
from .server import TritonServer

pytestmark = pytest.mark.slow

#: Of a probability that went through JSON.
TOLERANCE = 1e-6


class OurServer:
    """``python -m turn_detection.serve`` on a free port."""

    def __init__(self, *settings: str) -> None:
        self.lines: list[str] = []
        self._process = subprocess.Popen(
            [sys.executable, "-m", "turn_detection.serve", "--port", "0", "serve.backend=triton", *settings],
            stderr=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        )  # fmt: skip
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        self.url = wait_for(self._address, 60)

    def _read(self) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            self.lines.append(line)

    def _address(self) -> str | None:
        assert self._process.poll() is None, "".join(self.lines)
        for line in self.lines:
            if found := re.search(r"http://127\.0\.0\.1:\d+", line):
                return found[0]
        return None

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    def stop(self) -> int:
        if self.running:
            self._process.send_signal(signal.SIGTERM)
        try:
            return self._process.wait(20)
        finally:
            self._process.kill()
            self._process.wait()
            self._reader.join()


def wait_for(condition: Callable[[], Any], timeout_s: float) -> Any:
    limit_s = time.monotonic() + timeout_s
    while not (value := condition()):
        assert time.monotonic() < limit_s, "waited in vain"
        time.sleep(0.05)
    return value


def status(url: str) -> int:
    return httpx2.get(url, timeout=10).status_code


def is_ready(server: OurServer) -> Callable[[], bool]:
    def ask() -> bool:
        try:
            return status(f"{server.url}/readyz") == 200
        except httpx2.TransportError:
            return False

    return ask


@pytest.fixture(scope="module")
def _ours(_server: TritonServer) -> Iterator[OurServer]:
    server = OurServer(f"serve.triton_url={_server.url}", "serve.deadline_ms=5000")
    wait_for(is_ready(server), 30)
    yield server
    assert server.running, "our server must outlive everything that happens to Triton"
    assert server.stop() == 0


@pytest.fixture
def ours(_ours: OurServer, triton: TritonServer) -> Iterator[OurServer]:
    yield _ours
    if not triton.running:
        triton.start()
    wait_for(is_ready(_ours), 20)


@pytest.fixture(scope="module")
def items() -> list[dict[str, str]]:
    """160 questions as callers send them."""
    found: list[dict[str, str]] = []
    with (ROOT / "data" / "demo_dialogues.jsonl").open(encoding="utf-8") as lines:
        for line in lines:
            context = ""
            for message in json.loads(line).get("messages", ()):
                if message["role"] == "client":
                    words = message["content"].split()
                    found += [
                        {"context": context, "message": " ".join(words[:n])} for n in (len(words), len(words) // 2)
                    ]
                context = message["content"]
    return found[:160]


@pytest.fixture(scope="module")
def expected(items: list[dict[str, str]]) -> list[float]:
    answers = TurnDetector.load().predict_batch([(item["context"], item["message"]) for item in items])
    return [answer.eot_probability for answer in answers]


def test_answers_are_those_of_the_embedded_engine_and_triton_joins_the_questions(
    ours: OurServer, triton: TritonServer, items: list[dict[str, str]], expected: list[float]
) -> None:
    before = triton.statistics()

    async def ask_all() -> list[httpx2.Response]:
        async with httpx2.AsyncClient(base_url=ours.url, timeout=30) as client:
            return await asyncio.gather(*(client.post("/infer", json=item) for item in items))

    answers = asyncio.run(ask_all())
    assert {answer.status_code for answer in answers} == {200}
    for answer, p in zip(answers, expected, strict=True):
        probas = answer.json()["probas"]
        assert probas["speak"] == pytest.approx(p, abs=TOLERANCE)
        assert probas["wait"] == pytest.approx(1 - p, abs=TOLERANCE)
    after = triton.statistics()
    n_rows = after["inference_count"] - before["inference_count"]
    assert 0 < n_rows <= len(items)  # an item without a readable word needs no model
    assert after["execution_count"] - before["execution_count"] < n_rows, "Triton put nothing together"


def test_a_batch_is_answered_in_order(ours: OurServer, items: list[dict[str, str]], expected: list[float]) -> None:
    answer = httpx2.post(f"{ours.url}/v1/predict/batch", json={"items": items[:100]}, timeout=30)
    assert answer.status_code == 200
    found = [prediction["eot_probability"] for prediction in answer.json()["predictions"]]
    assert found == pytest.approx(expected[:100], abs=TOLERANCE)


def test_a_dead_triton_is_a_503_until_it_is_back(
    ours: OurServer, triton: TritonServer, items: list[dict[str, str]]
) -> None:
    triton.kill()
    refused = httpx2.post(f"{ours.url}/infer", json=items[0], timeout=10)
    assert refused.status_code == 503
    assert int(refused.headers["Retry-After"]) >= 1
    assert status(f"{ours.url}/readyz") == 503
    assert status(f"{ours.url}/healthz") == 200, "our own process is well and need not be restarted"
    triton.start()
    took_s = time.monotonic()
    wait_for(is_ready(ours), 10)
    assert time.monotonic() - took_s < 5
    assert httpx2.post(f"{ours.url}/infer", json=items[0], timeout=10).status_code == 200
    told = "".join(ours.lines)
    assert not any(item["message"] in told for item in items if len(item["message"]) > 12)


def test_a_frozen_triton_is_a_504(ours: OurServer, triton: TritonServer, items: list[dict[str, str]]) -> None:
    with triton.frozen():
        started = time.monotonic()
        answer = httpx2.post(f"{ours.url}/v1/predict", json={**items[0], "deadline_ms": 300}, timeout=10)
        assert answer.status_code == 504
        assert time.monotonic() - started < 3
        assert status(f"{ours.url}/readyz") == 503
    wait_for(is_ready(ours), 10)


@pytest.mark.parametrize("end", ["kill", "stop"])
def test_a_restart_of_triton_under_load_gives_no_wrong_answer(
    end: str, ours: OurServer, triton: TritonServer, items: list[dict[str, str]], expected: list[float]
) -> None:
    outcomes: Counter[str] = Counter()
    back: dict[str, float] = {}

    async def caller(client: httpx2.AsyncClient, number: int, over: asyncio.Event) -> None:
        index = number
        while not over.is_set():
            index = (index + 11) % len(items)
            answer = await client.post("/infer", json=items[index])
            if answer.status_code != 200:
                outcomes[str(answer.status_code)] += 1
                await asyncio.sleep(0.02)
                continue
            right = abs(answer.json()["probas"]["speak"] - expected[index]) < TOLERANCE
            outcomes["right" if right else "wrong"] += 1
            if "ready" in back and expected[index] > 0:
                back.setdefault("answered", time.monotonic())

    async def scene() -> None:
        over = asyncio.Event()
        async with httpx2.AsyncClient(base_url=ours.url, timeout=30) as client:
            callers = [asyncio.create_task(caller(client, number, over)) for number in range(8)]
            await asyncio.sleep(1)
            assert outcomes["right"] > 0
            await asyncio.to_thread(getattr(triton, end))
            await asyncio.sleep(0.3)
            await asyncio.to_thread(triton.start)
            back["ready"] = time.monotonic()
            while "answered" not in back and time.monotonic() - back["ready"] < 15:
                await asyncio.sleep(0.05)
            await asyncio.sleep(0.5)
            over.set()
            await asyncio.gather(*callers)

    asyncio.run(scene())
    assert outcomes["wrong"] == 0
    assert set(outcomes) <= {"right", "wrong", "503", "504"}, [line for line in ours.lines if " BackendError" in line]
    assert outcomes["503"] > 0
    assert back["answered"] - back["ready"] < 5


def test_our_server_may_start_before_triton_does(triton: TritonServer, items: list[dict[str, str]]) -> None:
    triton.kill()
    server = OurServer(f"serve.triton_url={triton.url}")
    try:
        assert status(f"{server.url}/healthz") == 200
        assert status(f"{server.url}/readyz") == 503
        triton.start()
        wait_for(is_ready(server), 10)
        assert httpx2.post(f"{server.url}/infer", json=items[0], timeout=10).status_code == 200
    finally:
        assert server.stop() == 0


def test_a_triton_with_another_bundle_gets_no_question(triton: TritonServer, toy_bundle: Path) -> None:
    """Refused at the start in one line, or never ready: both are fine, an answer is not."""
    process = subprocess.Popen(
        [sys.executable, "-m", "turn_detection.serve", "--port", "0", "serve.backend=triton",
         f"serve.triton_url={triton.url}", f"serve.bundle={toy_bundle}"],
        stderr=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
    )  # fmt: skip
    try:
        _, told = process.communicate(timeout=30)
    finally:
        process.kill()
        process.wait()
    assert process.returncode not in (0, -signal.SIGKILL)
    assert "comes from bundle" in told
    assert "Traceback" not in told
