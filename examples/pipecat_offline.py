"""A real Pipecat pipeline without a network: a scripted caller, recogniser and language model.

Run: ``python examples/pipecat_offline.py`` (extra: ``pipecat``). It prints what the recogniser reports, the probability and delay that
the strategy works with, and when the bot speaks, in seconds from the end of speech.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

from loguru import logger
from pipecat.frames.frames import (
    CancelFrame,
    EndFrame,
    Frame,
    InterimTranscriptionFrame,
    LLMContextFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    LLMTextFrame,
    MetricsFrame,
    TranscriptionFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.metrics.metrics import TurnMetricsData
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import (
    LLMContextAggregatorPair,
    LLMUserAggregatorParams,
)
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.transcriptions.language import Language
from pipecat.turns.user_stop import BaseUserTurnStopStrategy
from pipecat.turns.user_turn_strategies import UserTurnStrategies
from pipecat.utils.time import time_now_iso8601
from pipecat.workers.runner import WorkerRunner

from turn_detection import TurnDetector
from turn_detection.plugins.pipecat import RussianTurnStopStrategy
from turn_detection.plugins.scoring import Detector
from turn_detection.types import Context, TurnPrediction

GREETING = "Здравствуйте! Чем могу помочь?"


class ScriptedLLM(FrameProcessor):
    """Answers every context with the same words and remembers what the caller had said and which metrics passed by."""

    def __init__(self, answer: str = "Хорошо, записал.") -> None:
        super().__init__()
        self.answer = answer
        self.asked: list[str] = []
        self.metrics: list[TurnMetricsData] = []
        self.on_asked: Callable[[], None] = lambda: None

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if isinstance(frame, LLMContextFrame):
            message: Any = frame.context.messages[-1]
            self.asked.append(str(message["content"]))
            self.on_asked()
            await self.push_frame(LLMFullResponseStartFrame())
            await self.push_frame(LLMTextFrame(self.answer))
            await self.push_frame(LLMFullResponseEndFrame())
            return
        if isinstance(frame, MetricsFrame):
            self.metrics += [data for data in frame.data if isinstance(data, TurnMetricsData)]
        await self.push_frame(frame, direction)


class Stage:
    """One call: a pipeline of the framework, and a caller whose every sound is written down.

    Args:
        make_strategy: given the shared context, the stop strategy.
        vad_silence_s: how long VAD listens before it reports the end of speech.
        recogniser_lag_s: from the end of speech to the final transcript.

    Attributes:
        turns: ended turns: words, and seconds from the end of speech to the request to the language model.
    """

    def __init__(
        self,
        make_strategy: Callable[[LLMContext], BaseUserTurnStopStrategy],
        *,
        vad_silence_s: float = 0.1,
        recogniser_lag_s: float = 0.15,
        user_turn_stop_timeout: float = 5.0,
        show: Callable[[str], None] = lambda line: None,
    ) -> None:
        self.context = LLMContext()
        self.strategy = make_strategy(self.context)
        self.llm = ScriptedLLM()
        self.llm.on_asked = self._note
        params = LLMUserAggregatorParams(
            user_turn_strategies=UserTurnStrategies(stop=[self.strategy]), user_turn_stop_timeout=user_turn_stop_timeout
        )
        self.user, assistant = LLMContextAggregatorPair(self.context, user_params=params)
        self.worker = PipelineWorker(
            Pipeline([self.user, self.llm, assistant]), cancel_on_idle_timeout=False, enable_rtvi=False
        )
        self.turns: list[tuple[str, float]] = []
        self._vad_silence_s, self._recogniser_lag_s, self._show = vad_silence_s, recogniser_lag_s, show
        self._speech_end_s = time.perf_counter()
        self._ended = asyncio.Event()
        self._running: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Stage:
        started = asyncio.Event()

        async def on_started(*_: object) -> None:
            started.set()

        self.worker.add_event_handler("on_pipeline_started", on_started)
        runner = WorkerRunner(handle_sigint=False)
        await runner.add_workers(self.worker)
        self._running = asyncio.create_task(runner.run())
        await asyncio.wait_for(started.wait(), 10)
        self.bot_says(GREETING)
        return self

    async def __aexit__(self, kind: object, *_: object) -> None:
        # A failed test need not wait for what is left in the pipeline.
        await self.worker.queue_frame(EndFrame() if kind is None else CancelFrame())
        assert self._running is not None
        await asyncio.wait_for(self._running, 10)

    def bot_says(self, line: str) -> None:
        """Put a line of the bot into the dialogue."""
        self.context.add_message({"role": "assistant", "content": line})
        self._show(f"bot: {line}")

    def _note(self) -> None:
        silence_s = time.perf_counter() - self._speech_end_s
        self.turns.append((self.llm.asked[-1], silence_s))
        self._show(f"bot speaks {silence_s:.2f} s after the end of speech, in answer to: {self.llm.asked[-1]}")
        self._ended.set()

    async def send(self, frame: Frame) -> None:
        """Put a frame at the head of the pipeline."""
        await self.worker.queue_frame(frame)

    async def transcript(self, text: str, *, final: bool, language: Language | None = Language.RU) -> None:
        """What the recogniser prints."""
        kind = TranscriptionFrame if final else InterimTranscriptionFrame
        await self.send(kind(text=text, user_id="caller", timestamp=time_now_iso8601(), language=language))

    async def caller_says(
        self, words: str, *, language: Language | None = Language.RU, speech_s: float = 0.3, interims: bool = True
    ) -> None:
        """Speech, interims on the way, the end of speech, and the final transcript a little later."""
        self._ended.clear()
        await self.send(VADUserStartedSpeakingFrame(start_secs=0.0))
        spoken = words.split()
        for n_words in range(1, len(spoken) + 1):
            await asyncio.sleep(speech_s / len(spoken))
            if interims:
                await self.transcript(" ".join(spoken[:n_words]), final=False, language=language)
                self._show(f"  … {' '.join(spoken[:n_words])}")
        self._speech_end_s = time.perf_counter()
        await asyncio.sleep(self._vad_silence_s)
        await self.send(VADUserStoppedSpeakingFrame(stop_secs=time.perf_counter() - self._speech_end_s))
        await asyncio.sleep(max(0.0, self._recogniser_lag_s - self._vad_silence_s))
        await self.transcript(words, final=True, language=language)

    async def turn_ends(self, timeout_s: float = 8.0) -> tuple[str, float]:
        """Wait for the end of the turn; words and seconds from the end of speech."""
        await asyncio.wait_for(self._ended.wait(), timeout_s)
        await asyncio.sleep(0.05)  # for the bot's answer
        return self.turns[-1]


class ShowingDetector:
    """Prints what the detector inside answers."""

    def __init__(self, inner: Detector, show: Callable[[str], None] = print) -> None:
        self._inner, self._show = inner, show
        self.threshold, self.policy = inner.threshold, inner.policy

    def predict(self, message: str, context: Context = None) -> TurnPrediction:
        prediction = self._inner.predict(message, context)
        self._show(f"  p={prediction.eot_probability:.3f} -> {prediction.label}, delay {prediction.delay_s:.2f} s")
        return prediction


CALL = (
    ("я бы хотела открыть вклад в банке и",),
    ("да",),
    ("восемь девятьсот три", "сто двадцать", "сорок пять ноль один"),
)


async def run_call(detector: Detector, *, show: Callable[[str], None] = print) -> Stage:
    """Play :data:`CALL`: an unfinished sentence, a short answer, a telephone number in three pieces."""
    showing = ShowingDetector(detector, show)
    questions = ("Какой вопрос вас интересует?", "Вам удобно сейчас говорить?", "Назовите номер телефона.")
    async with Stage(lambda context: RussianTurnStopStrategy(context=context, detector=showing), show=show) as stage:
        for question, pieces in zip(questions, CALL, strict=True):
            stage.bot_says(question)
            await _say_in_pieces(stage, pieces)
            await stage.turn_ends()
        assert isinstance(stage.strategy, RussianTurnStopStrategy)
        show(f"counters: {stage.strategy.counters}")
    return stage


async def _say_in_pieces(stage: Stage, pieces: Sequence[str]) -> None:
    for index, piece in enumerate(pieces):
        if index:
            await asyncio.sleep(0.7)  # a pause inside the turn
        await stage.caller_says(piece)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", help="a bundle instead of the shipped one")
    arguments = parser.parse_args()
    logger.remove()
    logger.add(sys.stderr, level="WARNING")
    asyncio.run(run_call(TurnDetector.load(arguments.model)))


if __name__ == "__main__":
    main()
