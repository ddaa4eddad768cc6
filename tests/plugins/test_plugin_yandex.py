"""The SpeechKit example against a recogniser on the loopback that speaks the published protocol."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest

pytest.importorskip("grpc", reason="needs grpcio")
pytest.importorskip("yandex.cloud.ai.stt.v3", reason="needs yandexcloud")

import grpc
from scripted import POLICY, ScriptedDetector
from yandex.cloud.ai.stt.v3 import stt_pb2, stt_service_pb2_grpc
from yandex_eou import turns

from turn_detection.plugins.watcher import TurnWatcher

#: Chunks of audio heard so far -> what is recognised by then.
SCRIPT = {2: "да", 12: "мне нужна", 14: "мне нужна справка и", 18: "мне нужна справка и выписка"}


class ScriptedRecogniser(stt_service_pb2_grpc.RecognizerServicer):
    """Prints partials by the amount of audio, a final and a confirmation when it gets ``Eou``; remembers the requests."""

    def __init__(self) -> None:
        self.options: Any = None
        self.eou_at: list[float] = []
        self.partial_at: dict[str, float] = {}

    async def RecognizeStreaming(self, requests: Any, context: Any) -> AsyncIterator[Any]:
        n_chunks, text = 0, ""
        async for request in requests:
            kind = request.WhichOneof("Event")
            if kind == "session_options":
                self.options = request.session_options
            elif kind == "chunk":
                n_chunks += 1
                if n_chunks in SCRIPT:
                    text = SCRIPT[n_chunks]
                    self.partial_at[text] = time.monotonic()
                    yield stt_pb2.StreamingResponse(partial=_update(text))
            elif kind == "eou":
                self.eou_at.append(time.monotonic())
                yield stt_pb2.StreamingResponse(final=_update(text.capitalize()))
                yield stt_pb2.StreamingResponse(eou_update=stt_pb2.EouUpdate())


def _update(text: str) -> Any:
    return stt_pb2.AlternativeUpdate(alternatives=[stt_pb2.Alternative(text=text)])


async def audio() -> AsyncIterator[bytes]:
    for _ in range(36):
        yield bytes(1600)
        await asyncio.sleep(0.05)


def test_the_end_of_utterance_is_ours_and_the_words_are_theirs() -> None:
    async def call() -> tuple[list[str], ScriptedRecogniser, ScriptedDetector]:
        recogniser, detector = ScriptedRecogniser(), ScriptedDetector()
        server = grpc.aio.server()
        stt_service_pb2_grpc.add_RecognizerServicer_to_server(recogniser, server)
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        heard = []
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel, TurnWatcher(detector) as watcher:
            watcher.bot_said("Вам удобно говорить?")
            async for turn in turns(channel, audio(), watcher, sample_rate=8000):
                heard.append(turn)
                watcher.bot_said("Что вам нужно?")
        await server.stop(None)
        return heard, recogniser, detector

    heard, recogniser, detector = asyncio.run(call())
    assert heard == ["Да", "Мне нужна справка и выписка"]
    assert recogniser.options.eou_classifier.WhichOneof("Classifier") == "external_classifier"
    assert len(recogniser.eou_at) == 2
    silences = [
        at - recogniser.partial_at[text] for at, text in zip(recogniser.eou_at, ("да", SCRIPT[18]), strict=True)
    ]
    assert silences == pytest.approx([POLICY.min_delay_s] * 2, abs=0.2)
    assert detector.asked[-1][1][-1].text == "Что вам нужно?"
