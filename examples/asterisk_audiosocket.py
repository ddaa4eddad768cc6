"""Asterisk: a bot behind ``AudioSocket()`` that waits for the caller to finish.

    pip install turn-detection vosk websockets
    python examples/asterisk_audiosocket.py --vosk-model vosk-model-small-ru-0.22

    ; extensions.conf
    exten => 100,1,Answer()
     same => n,AudioSocket(${SHELL(uuidgen | tr -d '\\n')},127.0.0.1:9019)

Asterisk sends the caller's voice (16-bit, 8 kHz, mono) over TCP; a recogniser turns it into words, :class:`TurnWatcher` says when the caller
has finished, and then the bot's answer goes back the same way. The bot of this example says a tone: put your language model and voice
there. FreeSWITCH works the same from the recogniser on; there the audio comes over a WebSocket (``mod_audio_stream`` and others).
"""

from __future__ import annotations

import argparse
import array
import asyncio
import json
import math
import os
import struct
import sys
import uuid
from collections.abc import Callable
from typing import Protocol

from stream_client import StreamCall

from turn_detection.plugins.scoring import Detector
from turn_detection.plugins.watcher import TurnWatcher

HANGUP, UUID, AUDIO, ERROR = 0x00, 0x01, 0x10, 0xFF
SAMPLE_RATE, FRAME_BYTES, FRAME_S = 8000, 320, 0.02
GREETING = "Здравствуйте! Чем могу помочь?"


async def read_packet(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """One packet of AudioSocket: a byte of type, two of length (big-endian), the payload."""
    kind, n_bytes = struct.unpack(">BH", await reader.readexactly(3))
    return kind, await reader.readexactly(n_bytes)


def packet(kind: int, payload: bytes = b"") -> bytes:
    """The same, to be sent."""
    return struct.pack(">BH", kind, len(payload)) + payload


class Recogniser(Protocol):
    """Streaming recognition of one call."""

    def feed(self, audio: bytes) -> tuple[str, bool] | None:
        """Words so far and whether they are final, or ``None`` if nothing changed; called from a worker thread."""
        ...


class VoskRecogniser:
    """Vosk with a Russian model, which works offline."""

    def __init__(self, model: object) -> None:
        from vosk import KaldiRecognizer

        self._recogniser = KaldiRecognizer(model, SAMPLE_RATE)

    def feed(self, audio: bytes) -> tuple[str, bool] | None:
        """See :class:`Recogniser`."""
        if self._recogniser.AcceptWaveform(audio):
            text = str(json.loads(self._recogniser.Result())["text"])
            return (text, True) if text else None
        text = str(json.loads(self._recogniser.PartialResult())["partial"])
        return (text, False) if text else None


class LoudnessDetector:
    """Speech is what is louder than ``threshold``; silence is believed after ``silence_s``. A stand-in for a real VAD."""

    def __init__(self, threshold: float = 300.0, silence_s: float = 0.2) -> None:
        self._threshold, self.silence_s = threshold, silence_s
        self._speaking, self._quiet_s = False, 0.0

    def hear(self, audio: bytes) -> str | None:
        """``"started"``, ``"stopped"`` or ``None``."""
        samples = array.array("h", audio)
        loud = math.sqrt(sum(sample * sample for sample in samples) / max(1, len(samples))) > self._threshold
        self._quiet_s = 0.0 if loud else self._quiet_s + len(samples) / SAMPLE_RATE
        if loud and not self._speaking:
            self._speaking = True
            return "started"
        if self._speaking and self._quiet_s >= self.silence_s:
            self._speaking = False
            return "stopped"
        return None


def tone(seconds: float = 0.3) -> bytes:
    """Stands for speech synthesis."""
    n_samples = int(SAMPLE_RATE * seconds)
    return array.array(
        "h", (int(8000 * math.sin(2 * math.pi * 440 * n / SAMPLE_RATE)) for n in range(n_samples))
    ).tobytes()


class Bot:
    """Answers calls.

    Args:
        make_recogniser: one for every call.
        detector: instead of the shipped model.
        server: address of ``/v1/stream``, instead of a model in this process.
        answer: the caller's turn to the bot's line.
        synthesise: the bot's line to 16-bit 8 kHz audio.
    """

    def __init__(
        self,
        make_recogniser: Callable[[], Recogniser],
        *,
        detector: Detector | None = None,
        server: str | None = None,
        answer: Callable[[str], str] = lambda turn: "Хорошо, записал.",
        synthesise: Callable[[str], bytes] = lambda line: tone(),
        show: Callable[[str], None] = print,
    ) -> None:
        self._make_recogniser, self._detector, self._server = make_recogniser, detector, server
        self._answer, self._synthesise, self._show = answer, synthesise, show

    async def take_call(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Talk until one side hangs up."""
        try:
            async with self._watcher() as watcher:
                watcher.bot_said(GREETING)
                listening = asyncio.create_task(self._listen(reader, watcher))
                talking = asyncio.create_task(self._talk(writer, watcher))
                await asyncio.wait((listening, talking), return_when=asyncio.FIRST_COMPLETED)
                for task in (listening, talking):
                    task.cancel()
                await asyncio.gather(listening, talking, return_exceptions=True)
        finally:
            writer.close()

    def _watcher(self) -> TurnWatcher | StreamCall:
        if self._server is None:
            return TurnWatcher(self._detector)
        return StreamCall(self._server, token=os.environ.get("TURN_DETECTION_SERVE_TOKEN"))

    async def _listen(self, reader: asyncio.StreamReader, watcher: TurnWatcher | StreamCall) -> None:
        recogniser, voice = self._make_recogniser(), LoudnessDetector()
        while True:
            try:
                kind, payload = await read_packet(reader)
            except (asyncio.IncompleteReadError, ConnectionError):
                return
            if kind in (HANGUP, ERROR):
                return
            if kind == UUID:
                self._show(f"call {uuid.UUID(bytes=payload)}")
            if kind != AUDIO:
                continue
            change = voice.hear(payload)
            if change == "started":
                watcher.speech_started()
            heard = await asyncio.to_thread(recogniser.feed, payload)
            if heard is not None:
                text, is_final = heard
                self._show(f"  {'=' if is_final else '…'} {text}")
                (watcher.final if is_final else watcher.partial)(text)
            if change == "stopped":
                watcher.speech_stopped(voice.silence_s)

    async def _talk(self, writer: asyncio.StreamWriter, watcher: TurnWatcher | StreamCall) -> None:
        while True:
            turn = await watcher.end_of_turn()
            p = "none" if turn.eot_probability is None else f"{turn.eot_probability:.3f}"
            self._show(f"  end of turn: p={p}, {turn.silence_s:.2f} s of silence")
            line = self._answer(turn.text)
            self._show(f"bot: {line}")
            watcher.bot_said(line)
            audio = self._synthesise(line)
            for start in range(0, len(audio), FRAME_BYTES):
                writer.write(packet(AUDIO, audio[start : start + FRAME_BYTES].ljust(FRAME_BYTES, b"\0")))
                await writer.drain()
                await asyncio.sleep(FRAME_S)


async def serve(bot: Bot, host: str, port: int) -> None:
    """Take calls until the process is stopped."""
    server = await asyncio.start_server(bot.take_call, host, port)
    async with server:
        await server.serve_forever()


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--vosk-model", required=True, help="folder of a Russian Vosk model")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=9019)
    parser.add_argument("--server", help="ws://127.0.0.1:9090/v1/stream instead of a model in this process")
    arguments = parser.parse_args()
    try:
        from vosk import Model
    except ImportError:
        print("pip install vosk, or write a class like VoskRecogniser for your recogniser", file=sys.stderr)
        return 2
    model = Model(arguments.vosk_model)
    bot = Bot(lambda: VoskRecogniser(model), server=arguments.server)
    asyncio.run(serve(bot, arguments.host, arguments.port))
    return 0


if __name__ == "__main__":
    sys.exit(main())
