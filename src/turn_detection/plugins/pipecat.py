"""Pipecat: ``UserTurnStrategies(stop=[RussianTurnStopStrategy(context=context)])``. Extra: ``pipecat``.

Tested with pipecat-ai 1.14.0. The rules of waiting are those of :class:`~.hearing.Hearing` and :class:`~turn_detection.Endpointer`;
this module brings them Pipecat's frames, scores in worker threads and ends the turn.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from pathlib import Path
from typing import Any

from ..endpointing import EndOfTurn, EndpointingEvent, EndpointingPolicy, PredictionNeeded
from ..errors import MissingExtraError
from ..language import speaks_russian
from ..policy_file import as_policy
from ..types import AGENT, CLIENT, Message, TurnPrediction
from .hearing import Hearing
from .history import HISTORY_MESSAGES, check_history_messages, split_turn
from .scoring import Detector, PredictionCounters, Scorer, TurnScorer, shared_detector

try:
    from pipecat.frames.frames import (
        Frame,
        InterimTranscriptionFrame,
        MetricsFrame,
        TranscriptionFrame,
        VADUserStartedSpeakingFrame,
        VADUserStoppedSpeakingFrame,
    )
    from pipecat.metrics.metrics import TurnMetricsData
    from pipecat.processors.aggregators.llm_context import LLMContext
    from pipecat.processors.frame_processor import FrameProcessorSetup
    from pipecat.turns.types import ProcessFrameResult
    from pipecat.turns.user_stop import BaseUserTurnStopStrategy
except ImportError as error:
    raise MissingExtraError("the Pipecat turn strategy", "pipecat", error.name) from error

_ROLES = {"assistant": AGENT, "user": CLIENT}


class RussianTurnStopStrategy(BaseUserTurnStopStrategy):
    """Ends the user's turn after a silence that depends on how finished his words sound.

    * All words of the turn are scored together, finals and the interim after them, at every change of words; the answer is usually
      there before the silence begins. Silence counts from the end of speech that VAD reports; without VAD, from the last transcript.
    * The aggregator hands only final transcripts to the language model. A turn is therefore not ended while an interim waits for its
      final: the decision falls when the final is there, over all its words, and counts from the end of speech all the same. A final
      that does not come within ``final_timeout_s`` is waited for no longer.
    * Resumed speech goes on with the same turn.

    **Fallback.** Without an answer (time-out, error, another language) the turn ends after the policy's ``max_delay_s`` of silence.
    The aggregator's own ``user_turn_stop_timeout`` (5 s by default) must be longer than that, or it ends the turn first.

    Several stop strategies act as OR. For text AND audio see :class:`~.pipecat_agreement.StopWhenAllAgree`.

    Args:
        context: the context that the pipeline's aggregators share; gives the bot's last line. Without it the words are scored alone.
        detector: instead of the shipped model, or the bundle that ``TURN_DETECTION_MODEL`` names, which is loaded once per process.
        policy: probability to silence, or the file that ``turn-detection tune`` wrote; instead of the detector's own.
        deadline_s: for one prediction.
        final_timeout_s: from the end of speech or the last interim.
        history_messages: messages before the caller's turn that the model is offered; more than the bot's last one only for a model
            that was trained for it.
        scorer: instead of worker threads of this process with ``detector``.
        **kwargs: for the base class.

    Raises:
        BundleNotFoundError, BundleError, BackendError: the model cannot be loaded.
        InvalidInputError: a number out of range.
        InputFileNotFoundError, ConfigurationError: the policy file cannot be used.
    """

    def __init__(
        self,
        *,
        context: LLMContext | None = None,
        detector: Detector | None = None,
        policy: EndpointingPolicy | str | Path | None = None,
        deadline_s: float = 0.5,
        final_timeout_s: float = 2.0,
        history_messages: int = HISTORY_MESSAGES,
        scorer: TurnScorer | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self._context = context
        self.history_messages = check_history_messages(history_messages)
        self._scorer = scorer or Scorer(detector or shared_detector(), deadline_s=deadline_s)
        self.policy = self._scorer.policy if policy is None else as_policy(policy)
        self._times = {"prediction_timeout_s": deadline_s, "final_timeout_s": final_timeout_s}
        self._hearing = Hearing(self.policy, **self._times)
        self._wake = asyncio.Event()
        self._decisions: deque[EndOfTurn] = deque()
        self._watch_task: asyncio.Task[None] | None = None
        self._prediction_task: asyncio.Task[None] | None = None
        self._unreported: tuple[TurnPrediction, float] | None = (
            None  # newest answer and its time, not yet in the metrics
        )
        self._russian = True
        self._n_user_messages = 0  # in the context before this turn

    @property
    def counters(self) -> PredictionCounters:
        """Predictions, time-outs, errors and the like since construction."""
        return self._scorer.counters

    @property
    def undecided(self) -> bool:
        """True while words of the caller wait for a decision."""
        return self._hearing.undecided

    async def setup(self, setup: FrameProcessorSetup) -> None:
        """Begin to watch the clock."""
        await super().setup(setup)
        self._hearing = Hearing(self.policy, **self._times)
        self._decisions.clear()
        self._watch_task = self.task_manager.create_task(self._watch(), f"{self}::watch")

    async def cleanup(self) -> None:
        """Leave no task behind."""
        await super().cleanup()
        for task in (self._prediction_task, self._watch_task):
            if task is not None:
                await self.task_manager.cancel_task(task)
        self._prediction_task = self._watch_task = None

    async def handle_user_turn_started(self) -> None:
        """Words that made Pipecat open the turn belong to it and stay."""
        self._hearing.turn_started()
        self._n_user_messages = sum(role == CLIENT for role, _ in self._lines())

    async def handle_user_turn_stopped(self) -> None:
        """Forget the turn, whoever ended it."""
        self._decisions.clear()
        self._unreported = None
        self._hearing.turn_over(time.monotonic())
        self._wake.set()

    async def process_frame(self, frame: Frame) -> ProcessFrameResult:
        """Take what VAD and the recogniser report; never waits for the model and never ends the turn itself."""
        now_s = time.monotonic()
        if isinstance(frame, VADUserStartedSpeakingFrame):
            self._obey(self._hearing.speech_started(now_s))
        elif isinstance(frame, VADUserStoppedSpeakingFrame):
            self._obey(self._hearing.speech_stopped(now_s, silence_s=frame.stop_secs))
        elif isinstance(frame, InterimTranscriptionFrame):
            self._russian = speaks_russian(frame.language)
            self._obey(self._hearing.interim(frame.text, now_s))
        elif isinstance(frame, TranscriptionFrame):
            self._russian = speaks_russian(frame.language)
            self._obey(self._hearing.final(frame.text, now_s))
        return ProcessFrameResult.CONTINUE

    def _obey(self, events: tuple[EndpointingEvent, ...]) -> None:
        for event in events:
            if isinstance(event, PredictionNeeded):
                self._unreported = None
                if self._prediction_task is not None:
                    self._prediction_task.cancel()
                if self._russian:
                    self._prediction_task = self.task_manager.create_task(self._predict(event), f"{self}::predict")
            elif isinstance(event, EndOfTurn):
                self._decisions.append(event)
        self._wake.set()

    async def _predict(self, needed: PredictionNeeded) -> None:
        started = time.perf_counter()
        # Words that the caller said before, and got no answer to, are part of what he is saying.
        words, history = split_turn(reversed(self._history()), self.history_messages)
        prediction = await self._scorer.score(f"{words} {needed.text}".strip(), history)
        if prediction is None:
            return  # the endpointer falls back by itself
        self._unreported = (prediction, (time.perf_counter() - started) * 1e3)
        self._obey(self._hearing.prediction(prediction.eot_probability, time.monotonic(), needed.revision))

    async def _watch(self) -> None:
        """The only task that ends turns, so that two causes at once end one turn once."""
        while True:
            due_s = self._hearing.due_s
            timeout_s = None if due_s is None else max(0.0, due_s - time.monotonic())
            try:
                await asyncio.wait_for(self._wake.wait(), timeout_s)
            except TimeoutError:
                self._obey(self._hearing.tick(time.monotonic()))
            self._wake.clear()
            if self._hearing.silent and self._unreported is not None:
                await self._report(*self._unreported)
            while self._decisions:
                self._decisions.popleft()
                # The caller may have gone on since: then his words are kept and the turn stays open.
                if self._hearing.silent:
                    await self.trigger_user_turn_stopped()

    async def _report(self, prediction: TurnPrediction, latency_ms: float) -> None:
        """One metrics frame for the answer that a silence is judged by."""
        self._unreported = None
        data = TurnMetricsData(
            processor=self.name,
            model="turn-detection",
            is_complete=prediction.eot_probability >= prediction.threshold,
            probability=prediction.eot_probability,
            e2e_processing_time_ms=latency_ms,
        )
        await self.push_frame(MetricsFrame(data=[data]))

    def _history(self) -> list[Message]:
        """The lines of the shared context, without what the caller has said in this turn."""
        history, n_user_messages = [], 0
        for role, text in self._lines():
            n_user_messages += role == CLIENT
            # Strategies that defer the end of the turn let the aggregator write its words to the context before it is over.
            if role == AGENT or n_user_messages <= self._n_user_messages:
                history.append(Message(role, text))
        return history

    def _lines(self) -> list[tuple[str, str]]:
        """Role and text of the context's messages that have both; tool calls, system and service messages have not."""
        lines = []
        for message in self._context.messages if self._context is not None else ():
            if not isinstance(message, dict):
                continue
            role, content = _ROLES.get(str(message.get("role"))), message.get("content")
            if isinstance(content, list):
                parts = [part.get("text") for part in content if isinstance(part, dict) and part.get("type") == "text"]
                content = " ".join(part for part in parts if isinstance(part, str))
            if role is not None and isinstance(content, str) and content.strip():
                lines.append((role, content))
        return lines
