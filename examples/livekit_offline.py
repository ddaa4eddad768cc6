"""A real ``AgentSession`` of LiveKit Agents without a network: a scripted caller, recogniser and language model.

Run: ``python examples/livekit_offline.py`` (extra: ``livekit``). It prints what the recogniser reports, the probability and delay that
the detector gives, and when the bot speaks, in seconds from the end of speech. ``--continuous`` lets the delay follow the probability.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from typing import Any

from livekit.agents import Agent, AgentSession, TurnHandlingOptions, llm, stt, vad
from livekit.agents.language import LanguageCode
from livekit.agents.types import DEFAULT_API_CONNECT_OPTIONS, NOT_GIVEN
from livekit.agents.voice.io import AudioInput

from livekit import rtc
from turn_detection import TurnDetector
from turn_detection.plugins.livekit import RussianTurnDetector
from turn_detection.plugins.scoring import Detector
from turn_detection.types import Context, TurnPrediction

GREETING = "Здравствуйте! Чем могу помочь?"
MIN_DELAY_S, MAX_DELAY_S = 0.4, 2.0


class ScriptedVAD(vad.VAD):
    """Reports speech when it is told to."""

    def __init__(self) -> None:
        super().__init__(capabilities=vad.VADCapabilities(update_interval=0.05))
        self.events: asyncio.Queue[vad.VADEvent] = asyncio.Queue()

    def stream(self) -> vad.VADStream:
        return _ScriptedVADStream(self)

    def report(self, kind: vad.VADEventType, *, silence_s: float = 0.0) -> None:
        event = vad.VADEvent(
            type=kind, samples_index=0, timestamp=time.time(), speech_duration=0.5, silence_duration=silence_s
        )
        self.events.put_nowait(event)


class _ScriptedVADStream(vad.VADStream):
    async def _main_task(self) -> None:
        assert isinstance(self._vad, ScriptedVAD)
        while True:
            self._event_ch.send_nowait(await self._vad.events.get())


class ScriptedSTT(stt.STT[Any]):
    """Prints what it is told to have heard."""

    def __init__(self) -> None:
        super().__init__(capabilities=stt.STTCapabilities(streaming=True, interim_results=True))
        self.events: asyncio.Queue[stt.SpeechEvent] = asyncio.Queue()

    async def _recognize_impl(self, buffer: Any, **_: Any) -> stt.SpeechEvent:
        raise NotImplementedError("this recogniser only streams")

    def stream(
        self, *, language: Any = NOT_GIVEN, conn_options: Any = DEFAULT_API_CONNECT_OPTIONS
    ) -> stt.RecognizeStream:
        return _ScriptedSTTStream(stt=self, conn_options=conn_options)

    def report(self, text: str, *, final: bool, language: str = "ru") -> None:
        kind = stt.SpeechEventType.FINAL_TRANSCRIPT if final else stt.SpeechEventType.INTERIM_TRANSCRIPT
        data = stt.SpeechData(language=LanguageCode(language), text=text, confidence=0.9)
        self.events.put_nowait(stt.SpeechEvent(type=kind, alternatives=[data]))


class _ScriptedSTTStream(stt.RecognizeStream):
    async def _run(self) -> None:
        assert isinstance(self._stt, ScriptedSTT)
        while True:
            self._event_ch.send_nowait(await self._stt.events.get())


class ScriptedLLM(llm.LLM[Any]):
    """Answers every turn with the same words and remembers what it was asked."""

    def __init__(self, answer: str = "Хорошо, записал.") -> None:
        super().__init__()
        self.answer = answer
        self.asked: list[str] = []

    def chat(
        self, *, chat_ctx: llm.ChatContext, tools: Any = None, conn_options: Any = None, **_: Any
    ) -> llm.LLMStream:
        self.asked.append(chat_ctx.messages()[-1].text_content or "")
        return _ScriptedLLMStream(
            self, chat_ctx=chat_ctx, tools=tools or [], conn_options=conn_options or DEFAULT_API_CONNECT_OPTIONS
        )


class _ScriptedLLMStream(llm.LLMStream):
    async def _run(self) -> None:
        assert isinstance(self._llm, ScriptedLLM)
        delta = llm.ChoiceDelta(role="assistant", content=self._llm.answer)
        self._event_ch.send_nowait(llm.ChatChunk(id="scripted", delta=delta))


class SilentMicrophone(AudioInput):
    """20 ms of silence at a time: the session wants audio, nobody here listens to it."""

    def __init__(self) -> None:
        super().__init__(label="silence")

    async def __anext__(self) -> rtc.AudioFrame:
        await asyncio.sleep(0.02)
        return rtc.AudioFrame.create(sample_rate=16000, num_channels=1, samples_per_channel=320)


class Stage:
    """One call: a session of the framework, and a caller whose every sound is written down.

    Args:
        detector: what the session uses for turn detection.
        endpointing: options of the framework.
        vad_silence_s: how long VAD listens before it reports the end of speech.
        recogniser_lag_s: from the end of speech to the final transcript.

    Attributes:
        turns: committed turns: words, and seconds from the end of speech to the commit.
    """

    def __init__(
        self,
        detector: RussianTurnDetector,
        *,
        endpointing: Any = None,
        vad_silence_s: float = 0.1,
        recogniser_lag_s: float = 0.15,
        show: Callable[[str], None] = lambda line: None,
    ) -> None:
        self.vad, self.stt, self.llm = ScriptedVAD(), ScriptedSTT(), ScriptedLLM()
        options: Any = endpointing or {"mode": "fixed", "min_delay": MIN_DELAY_S, "max_delay": MAX_DELAY_S}
        self.session: AgentSession[None] = AgentSession(
            vad=self.vad,
            stt=self.stt,
            llm=self.llm,
            turn_handling=TurnHandlingOptions(turn_detection=detector, endpointing=options),
        )
        self.turns: list[tuple[str, float]] = []
        self._vad_silence_s, self._recogniser_lag_s, self._show = vad_silence_s, recogniser_lag_s, show
        self._speech_end_s = time.perf_counter()
        self._committed = asyncio.Event()
        self.session.on("conversation_item_added", self._note)

    async def __aenter__(self) -> Stage:
        self.session.input.audio = SilentMicrophone()
        agent = Agent(instructions="Отвечай кратко.")
        await self.session.start(agent, record=False)
        await self.bot_says(GREETING)
        return self

    async def __aexit__(self, *_: object) -> None:
        closing = asyncio.create_task(self.session.aclose())
        await asyncio.sleep(0.05)
        # A session that closes waits up to two seconds for the last words; a recogniser that has none says so.
        self.stt.report("", final=True)
        await closing

    async def bot_says(self, line: str) -> None:
        """Put a line of the bot into the dialogue."""
        chat_ctx = self.session.current_agent.chat_ctx.copy()
        chat_ctx.add_message(role="assistant", content=line)
        await self.session.current_agent.update_chat_ctx(chat_ctx)
        self._show(f"bot: {line}")

    def _note(self, event: Any) -> None:
        item = event.item
        silence_s = time.perf_counter() - self._speech_end_s
        if item.type == "message" and item.role == "user":
            self.turns.append((item.text_content or "", silence_s))
            self._show(f"  turn committed {silence_s:.2f} s after the end of speech: {item.text_content}")
            self._committed.set()
        elif item.type == "message" and item.role == "assistant":
            self._show(f"bot speaks {silence_s:.2f} s after the end of speech: {item.text_content}")

    async def caller_says(self, words: str, *, language: str = "ru", speech_s: float = 0.3) -> None:
        """Speech, interims on the way, the end of speech, and the final transcript a little later."""
        self._committed.clear()
        self.vad.report(vad.VADEventType.START_OF_SPEECH)
        spoken = words.split()
        for n_words in range(1, len(spoken) + 1):
            await asyncio.sleep(speech_s / len(spoken))
            self.stt.report(" ".join(spoken[:n_words]), final=False, language=language)
            self._show(f"  … {' '.join(spoken[:n_words])}")
        self._speech_end_s = time.perf_counter()
        await asyncio.sleep(self._vad_silence_s)
        self.vad.report(vad.VADEventType.END_OF_SPEECH, silence_s=time.perf_counter() - self._speech_end_s)
        await asyncio.sleep(max(0.0, self._recogniser_lag_s - self._vad_silence_s))
        self.stt.report(words, final=True, language=language)

    async def turn_ends(self, timeout_s: float = 6.0) -> tuple[str, float]:
        """Wait for the commit; words and seconds from the end of speech."""
        await asyncio.wait_for(self._committed.wait(), timeout_s)
        await asyncio.sleep(0.05)  # for the bot's answer
        return self.turns[-1]


class ShowingDetector:
    """Prints what the detector inside answers."""

    def __init__(self, inner: Detector, show: Callable[[str], None] = print) -> None:
        self._inner, self._show = inner, show
        self.threshold, self.policy = inner.threshold, inner.policy

    def predict(self, message: str, context: Context = None) -> TurnPrediction:
        prediction = self._inner.predict(message, context)
        self._show(f"  p={prediction.eot_probability:.3f} -> {prediction.label}, suggests {prediction.delay_s:.2f} s")
        return prediction


CALL = (
    ("я бы хотела открыть вклад в банке и",),
    ("да",),
    ("восемь девятьсот три", "сто двадцать", "сорок пять ноль один"),
)


async def run_call(detector: Detector, *, continuous: bool = False, show: Callable[[str], None] = print) -> Stage:
    """Play :data:`CALL`: an unfinished sentence, a short answer, a telephone number in three pieces."""
    turn_detector = RussianTurnDetector(ShowingDetector(detector, show))
    questions = ("Какой вопрос вас интересует?", "Вам удобно сейчас говорить?", "Назовите номер телефона.")
    async with Stage(turn_detector, show=show) as stage:
        if continuous:
            turn_detector.use_continuous_delays(stage.session)
        for question, pieces in zip(questions, CALL, strict=True):
            await stage.bot_says(question)
            await _say_in_pieces(stage, pieces)
            await stage.turn_ends()
        show(f"counters: {turn_detector.counters}")
        return stage


async def _say_in_pieces(stage: Stage, pieces: Sequence[str]) -> None:
    for index, piece in enumerate(pieces):
        if index:
            await asyncio.sleep(0.7)  # a pause inside the turn
        await stage.caller_says(piece)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--continuous", action="store_true", help="the delay follows the probability")
    parser.add_argument("--model", help="a bundle instead of the shipped one")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.WARNING)
    asyncio.run(run_call(TurnDetector.load(arguments.model), continuous=arguments.continuous))


if __name__ == "__main__":
    main()
