"""The examples for telephony, on the loopback."""

from __future__ import annotations

import asyncio
import time
import uuid

from asterisk_audiosocket import AUDIO, FRAME_BYTES, HANGUP, UUID, Bot, packet, read_packet, tone
from scripted import POLICY, ScriptedDetector

VOICE, SILENCE = tone(0.02), bytes(FRAME_BYTES)


class RecogniserOfAmounts:
    """Recognises a word more at every 100 ms of voice; remembers nothing else."""

    def __init__(self) -> None:
        self.words = ["мне", "нужна", "справка"]
        self.n_loud = 0

    def feed(self, audio: bytes) -> tuple[str, bool] | None:
        if audio == SILENCE:
            return None
        self.n_loud += 1
        n_words, rest = divmod(self.n_loud, 5)
        return (" ".join(self.words[:n_words]), n_words == len(self.words)) if rest == 0 else None


def test_a_call_over_audiosocket_gets_its_answer_after_the_delay() -> None:
    async def call() -> tuple[float, list[str]]:
        shown: list[str] = []
        bot = Bot(RecogniserOfAmounts, detector=ScriptedDetector(), show=shown.append)
        server = await asyncio.start_server(bot.take_call, "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname()[:2])
        writer.write(packet(UUID, uuid.uuid4().bytes))
        for _ in range(15):
            writer.write(packet(AUDIO, VOICE))
            await asyncio.sleep(0.02)
        speech_end = time.monotonic()

        async def silence() -> None:
            while True:
                writer.write(packet(AUDIO, SILENCE))
                await asyncio.sleep(0.02)

        silent = asyncio.create_task(silence())
        kind, payload = await asyncio.wait_for(read_packet(reader), 5)
        waited_s = time.monotonic() - speech_end
        assert (kind, len(payload)) == (AUDIO, FRAME_BYTES)
        silent.cancel()
        writer.write(packet(HANGUP))
        await writer.drain()
        while await reader.read(4096):
            pass
        writer.close()
        server.close()
        await server.wait_closed()
        return waited_s, shown

    waited_s, shown = asyncio.run(call())
    assert POLICY.min_delay_s - 0.1 <= waited_s <= POLICY.min_delay_s + 0.4
    assert any("мне нужна справка" in line for line in shown)
    assert "bot: Хорошо, записал." in shown
