"""Yandex SpeechKit v3: our model says when the utterance ends, SpeechKit does the rest.

    pip install turn-detection yandexcloud grpcio websockets
    export YANDEX_API_KEY=...
    python examples/yandex_eou.py recording.wav        # 16-bit mono PCM

SpeechKit's own end-of-utterance detector is switched off (``external_classifier``); we watch its partial results and send ``Eou`` when the
silence after them has lasted as long as the words ask for. The file is sent at the speed of speech.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import sys
import time
import wave
from collections.abc import AsyncIterable, AsyncIterator, Callable

import grpc
from stream_client import StreamCall
from yandex.cloud.ai.stt.v3 import stt_pb2, stt_service_pb2_grpc

from turn_detection import TurnPrediction
from turn_detection.plugins.watcher import TurnWatcher

ENDPOINT = "stt.api.cloud.yandex.net:443"
CHUNK_S = 0.1


def session_options(sample_rate: int) -> stt_pb2.StreamingRequest:
    """The first message of a stream."""
    return stt_pb2.StreamingRequest(
        session_options=stt_pb2.StreamingOptions(
            recognition_model=stt_pb2.RecognitionModelOptions(
                audio_format=stt_pb2.AudioFormatOptions(
                    raw_audio=stt_pb2.RawAudio(
                        audio_encoding=stt_pb2.RawAudio.LINEAR16_PCM,
                        sample_rate_hertz=sample_rate,
                        audio_channel_count=1,
                    )
                ),
                language_restriction=stt_pb2.LanguageRestrictionOptions(
                    restriction_type=stt_pb2.LanguageRestrictionOptions.WHITELIST, language_code=["ru-RU"]
                ),
                audio_processing_type=stt_pb2.RecognitionModelOptions.REAL_TIME,
            ),
            eou_classifier=stt_pb2.EouClassifierOptions(external_classifier=stt_pb2.ExternalEouClassifier()),
        )
    )


async def turns(
    channel: grpc.aio.Channel,
    audio: AsyncIterable[bytes],
    watcher: TurnWatcher | StreamCall,
    *,
    sample_rate: int,
    metadata: tuple[tuple[str, str], ...] = (),
    show: Callable[[str], None] = lambda line: None,
) -> AsyncIterator[str]:
    """The caller's turns, each as soon as it is over, until the audio ends.

    Tell the watcher what the bot says (``watcher.bot_said``) between two turns: it is the context of the next one.
    """
    requests: asyncio.Queue[stt_pb2.StreamingRequest | None] = asyncio.Queue()
    requests.put_nowait(session_options(sample_rate))
    # Words of the turn that SpeechKit has fixed, and an event when it has confirmed our end of utterance.
    finals: list[str] = []
    confirmed = asyncio.Event()

    async def outgoing() -> AsyncIterator[stt_pb2.StreamingRequest]:
        while (request := await requests.get()) is not None:
            yield request

    async def send_audio() -> None:
        async for chunk in audio:
            requests.put_nowait(stt_pb2.StreamingRequest(chunk=stt_pb2.AudioChunk(data=chunk)))

    async def listen() -> None:
        stub = stt_service_pb2_grpc.RecognizerStub(channel)
        async for response in stub.RecognizeStreaming(outgoing(), metadata=metadata):
            kind = response.WhichOneof("Event")
            update = getattr(response, kind) if kind in ("partial", "final") else None
            text = update.alternatives[0].text if update is not None and update.alternatives else ""
            if kind == "partial" and text:
                show(f"  … {text}")
                watcher.partial(text)
            elif kind == "final" and text:
                finals.append(text)
                watcher.final(text)
            elif kind == "eou_update":
                confirmed.set()

    listening, sending = asyncio.create_task(listen()), asyncio.create_task(send_audio())
    try:
        while True:
            ending = asyncio.create_task(watcher.end_of_turn())
            await asyncio.wait((ending, listening, sending), return_when=asyncio.FIRST_COMPLETED)
            if watcher.undecided and not ending.done():  # the caller hung up: what is open is a turn too
                await asyncio.wait((ending,), timeout=5.0)
            if not ending.done():
                ending.cancel()
                break
            turn = ending.result()
            show(f"  end of utterance after {turn.silence_s:.2f} s of silence")
            confirmed.clear()
            requests.put_nowait(stt_pb2.StreamingRequest(eou=stt_pb2.Eou()))
            # The final wording comes with the confirmation; a service that stays silent must not silence the bot.
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(confirmed.wait(), timeout=1.0)
            yield " ".join(finals) or turn.text
            finals.clear()
    finally:
        requests.put_nowait(None)
        for task in (sending, listening):
            task.cancel()
        await asyncio.gather(sending, listening, return_exceptions=True)


async def wav_audio(path: str) -> AsyncIterator[bytes]:
    """A recording at the speed of speech, then silence, as a line that stays open."""
    with wave.open(path, "rb") as recording:
        n_frames = int(recording.getframerate() * CHUNK_S)
        started, n_chunks = time.monotonic(), 0
        while chunk := recording.readframes(n_frames):
            yield chunk
            n_chunks += 1
            await asyncio.sleep(max(0.0, started + n_chunks * CHUNK_S - time.monotonic()))
        for _ in range(int(4.0 / CHUNK_S)):
            yield bytes(2 * n_frames)
            await asyncio.sleep(CHUNK_S)


async def recognise(path: str, api_key: str, server: str | None = None) -> None:
    """Print the turns of a recording."""
    with wave.open(path, "rb") as recording:
        sample_rate = recording.getframerate()

    def show(prediction: TurnPrediction) -> None:
        print(f"  p={prediction.eot_probability:.3f}, delay {prediction.delay_s:.2f} s")

    watching: TurnWatcher | StreamCall = (
        StreamCall(server, token=os.environ.get("TURN_DETECTION_SERVE_TOKEN"))
        if server
        else TurnWatcher(on_prediction=show)
    )
    metadata = (("authorization", f"Api-Key {api_key}"),)
    async with (
        grpc.aio.secure_channel(ENDPOINT, grpc.ssl_channel_credentials()) as channel,
        watching as watcher,
    ):
        heard = turns(channel, wav_audio(path), watcher, sample_rate=sample_rate, metadata=metadata, show=print)
        async for turn in heard:
            print(f"turn: {turn}")


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recording", help="16-bit mono WAV")
    parser.add_argument("--server", help="ws://127.0.0.1:9090/v1/stream instead of a model in this process")
    arguments = parser.parse_args()
    api_key = os.environ.get("YANDEX_API_KEY")
    if not api_key:
        print("set YANDEX_API_KEY in the environment: an API key with the role ai.speechkit-stt.user", file=sys.stderr)
        return 2
    asyncio.run(recognise(arguments.recording, api_key, arguments.server))
    return 0


if __name__ == "__main__":
    sys.exit(main())
