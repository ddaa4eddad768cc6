"""The clients of the guides against the real server, a second process with the shipped model."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
import time
import urllib.request
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("uvicorn", reason="needs the extra serve")
pytest.importorskip("fastapi", reason="needs the extra serve")
pytest.importorskip("websockets", reason="needs the extra serve")

from asterisk_audiosocket import AUDIO, FRAME_BYTES, HANGUP, UUID, Bot, packet, read_packet, tone
from stream_client import StreamCall

ROOT = Path(__file__).resolve().parents[2]
TOKEN = "a-token-for-tests"


def start() -> tuple[subprocess.Popen[str], str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "TURN_DETECTION_SERVE_TOKEN": TOKEN}
    process = subprocess.Popen(
        [sys.executable, "-m", "turn_detection.serve", "--port", "0"],
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    for line in process.stderr:
        if found := re.search(r"serving on http://(\S+),", line):
            return process, found[1]
    raise AssertionError(f"the server ended with {process.wait(10)}")


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    process, found = start()
    yield found
    process.terminate()
    process.communicate(timeout=20)


@pytest.fixture(autouse=True)
def token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TURN_DETECTION_SERVE_TOKEN", TOKEN)


def test_the_request_of_the_voximplant_guide_is_answered(address: str) -> None:
    guide = (ROOT / "docs/integrations/voximplant.md").read_text()
    (body,) = re.findall(r"```json\n(.*?)```", guide, re.DOTALL)
    path = re.search(r'"https://your\.host(/\S+)"', guide)
    assert path is not None
    assert '"Authorization: Bearer " + TOKEN' in guide
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {TOKEN}"}
    request = urllib.request.Request(f"http://{address}{path[1]}", body.encode(), headers)
    with urllib.request.urlopen(request, timeout=10) as response:
        answer = json.load(response)
    assert answer["label"] == "wait"
    assert answer["delay_s"] > 1.0
    assert 0.0 <= answer["eot_probability"] < 0.5


class Recogniser:
    """The whole turn after 300 ms of voice."""

    def __init__(self, text: str) -> None:
        self._text, self._n_loud = text, 0

    def feed(self, audio: bytes) -> tuple[str, bool] | None:
        self._n_loud += any(audio)
        return (self._text, True) if any(audio) and self._n_loud == 15 else None


async def waited_for_answer(server: str, text: str) -> float:
    bot = Bot(lambda: Recogniser(text), server=server, show=lambda line: None)
    listener = await asyncio.start_server(bot.take_call, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*listener.sockets[0].getsockname()[:2])
    writer.write(packet(UUID, uuid.uuid4().bytes))
    for _ in range(15):
        writer.write(packet(AUDIO, tone(0.02)))
        await asyncio.sleep(0.02)
    speech_end_s = time.monotonic()

    async def silence() -> None:
        while True:
            writer.write(packet(AUDIO, bytes(FRAME_BYTES)))
            await asyncio.sleep(0.02)

    silent = asyncio.create_task(silence())
    kind, _ = await asyncio.wait_for(read_packet(reader), 8)
    waited_s = time.monotonic() - speech_end_s
    assert kind == AUDIO
    silent.cancel()
    writer.write(packet(HANGUP))
    await writer.drain()
    while await asyncio.wait_for(reader.read(4096), 5):
        pass
    writer.close()
    listener.close()
    return waited_s


def test_a_call_over_audiosocket_waits_as_the_server_says(address: str) -> None:
    url = f"ws://{address}/v1/stream"
    finished_s = asyncio.run(waited_for_answer(url, "мне нужен билет на завтра"))
    open_s = asyncio.run(waited_for_answer(url, "мне нужна справка о счетах в банке и"))
    assert finished_s < 1.5
    assert open_s > finished_s + 0.7


def test_a_recogniser_of_speechkit_ends_its_turns_by_the_server(address: str) -> None:
    pytest.importorskip("grpc", reason="needs grpcio")
    pytest.importorskip("yandex.cloud.ai.stt.v3", reason="needs yandexcloud")
    import grpc
    from test_plugin_yandex import ScriptedRecogniser, audio
    from yandex.cloud.ai.stt.v3 import stt_service_pb2_grpc
    from yandex_eou import turns

    async def call() -> tuple[list[str], int, int]:
        recogniser, server = ScriptedRecogniser(), grpc.aio.server()
        stt_service_pb2_grpc.add_RecognizerServicer_to_server(recogniser, server)
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        heard = []
        watching = StreamCall(f"ws://{address}/v1/stream", token=TOKEN)
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel, watching as call:
            call.bot_said("Вам удобно говорить?")
            async for turn in turns(channel, audio(), call, sample_rate=8000):
                heard.append(turn)
                call.bot_said("Что вам нужно?")
        await server.stop(None)
        return heard, len(recogniser.eou_at), call.fallback_turns

    heard, n_eou, n_fallback = asyncio.run(asyncio.wait_for(call(), 20))
    assert n_fallback == 0
    assert n_eou == len(heard)
    assert heard[-1] == "Мне нужна справка и выписка"


def test_a_lost_server_leaves_the_longest_delay() -> None:
    process, address = start()

    async def call() -> tuple[StreamCall, float]:
        url = f"ws://{address}/v1/stream"
        async with StreamCall(url, token=TOKEN, max_delay_s=1.0) as call:
            call.bot_said("Чем могу помочь?")
            call.partial("мне нужен билет на")
            process.kill()
            since_s = time.monotonic()
            turn = await asyncio.wait_for(call.end_of_turn(), 6)
            assert (turn.text, turn.eot_probability) == ("мне нужен билет на", None)
            return call, time.monotonic() - since_s

    try:
        lost, waited_s = asyncio.run(call())
    finally:
        process.kill()
        process.communicate(timeout=10)
    assert lost.lost
    assert lost.fallback_turns == 1
    assert 0.8 <= waited_s <= 3.0
