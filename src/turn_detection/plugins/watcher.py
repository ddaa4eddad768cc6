"""The endpointer on an asyncio clock, for bots without a framework: Asterisk, FreeSWITCH, a recogniser's own stream."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

from ..endpointing import (
    EndOfTurn,
    Endpointer,
    EndpointingEvent,
    EndpointingPolicy,
    PredictionNeeded,
)
from ..policy_file import as_policy
from ..text import normalise
from ..types import TurnPrediction
from .scoring import Detector, PredictionCounters, Scorer, TurnScorer, shared_detector

#: A final that comes later than this after the end of its turn opens a new one.
_OWED_FOR_S = 1.0


class TurnWatcher:
    """One call: report what is heard, await :meth:`end_of_turn`.

    >>> async with TurnWatcher() as watcher:
    ...     watcher.bot_said("Чем могу помочь?")
    ...     watcher.partial("мне нужен билет на")
    ...     watcher.final("мне нужен билет на завтра")
    ...     turn = await watcher.end_of_turn()

    All methods are for the thread of the event loop. Words that come soon after the end of a turn open the next one, apart from the final
    that the ended turn was still owed. Without an answer of the detector the turn ends after the policy's
    ``max_delay_s`` of silence.

    Args:
        detector: instead of the shipped model, or the bundle that ``TURN_DETECTION_MODEL`` names, which is loaded once per process.
        policy: probability to silence, or the file that ``turn-detection tune`` wrote; instead of the detector's own.
        deadline_s: for one prediction.
        scorer: instead of worker threads of this process with ``detector``.
        on_prediction: called with every answer, for display; it gets no words.

    Raises:
        BundleNotFoundError, BundleError, BackendError: the model cannot be loaded.
        InvalidInputError: a number out of range.
        InputFileNotFoundError, ConfigurationError: the policy file cannot be used.
    """

    def __init__(
        self,
        detector: Detector | None = None,
        *,
        policy: EndpointingPolicy | str | Path | None = None,
        deadline_s: float = 0.5,
        scorer: TurnScorer | None = None,
        on_prediction: Callable[[TurnPrediction], None] | None = None,
    ) -> None:
        self._scorer = scorer or Scorer(detector or shared_detector(), deadline_s=deadline_s)
        # No grace: without a speech detector, new words are the only sign that the caller goes on.
        chosen = self._scorer.policy if policy is None else as_policy(policy)
        self._endpointer = Endpointer(chosen, prediction_timeout_s=deadline_s, late_grace_s=0.0)
        self._on_prediction = on_prediction
        self._ended: deque[EndOfTurn] = deque()
        self._wake = asyncio.Event()
        self._interim = ""  # of the turn that is open
        self._owed = ""  # the interim that the last turn ended on: its final is on the way
        self._owed_since_s = 0.0
        self._prediction_task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> TurnWatcher:
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._prediction_task is not None:
            self._prediction_task.cancel()
            await asyncio.gather(self._prediction_task, return_exceptions=True)

    @property
    def counters(self) -> PredictionCounters:
        """Predictions, time-outs, errors and the like since construction."""
        return self._scorer.counters

    @property
    def undecided(self) -> bool:
        """The caller is silent, and his words wait for a decision."""
        return bool(self._ended) or self._endpointer.deadline_s is not None

    def bot_said(self, text: str) -> None:
        """The bot's line: context of the caller's next turn."""
        self._obey(self._endpointer.agent_turn(text, time.monotonic()))

    def speech_started(self) -> None:
        """The caller began or went on to speak."""
        self._obey(self._endpointer.speech_started(time.monotonic()))

    def speech_stopped(self, silence_s: float = 0.0) -> None:
        """The caller fell silent ``silence_s`` seconds ago."""
        self._obey(self._endpointer.speech_stopped(time.monotonic(), silence_s=silence_s))

    def partial(self, text: str) -> None:
        """An interim transcript, in place of the previous one of its segment."""
        if not self._is_owed(text, final=False):
            self._interim = text
            self._obey(self._endpointer.partial(text, time.monotonic()))

    def final(self, text: str) -> None:
        """A final segment, in place of the interim."""
        if not self._is_owed(text, final=True):
            self._interim = ""
            self._obey(self._endpointer.final(text, time.monotonic()))

    async def end_of_turn(self) -> EndOfTurn:
        """Wait until the caller has finished; one waiter at a time."""
        while not self._ended:
            due_s = self._endpointer.deadline_s
            timeout_s = None if due_s is None else max(0.0, due_s - time.monotonic())
            try:
                await asyncio.wait_for(self._wake.wait(), timeout_s)
            except TimeoutError:
                self._obey(self._endpointer.tick(time.monotonic()))
            self._wake.clear()
        return self._ended.popleft()

    def _obey(self, events: tuple[EndpointingEvent, ...]) -> None:
        for event in events:
            if isinstance(event, PredictionNeeded):
                if self._prediction_task is not None:
                    self._prediction_task.cancel()
                self._prediction_task = asyncio.get_running_loop().create_task(self._predict(event))
            elif isinstance(event, EndOfTurn):
                self._ended.append(event)
                self._owed, self._owed_since_s = self._interim, time.monotonic()
                self._interim = ""
        self._wake.set()

    def _is_owed(self, text: str, *, final: bool) -> bool:
        """True for what a recogniser still prints of the turn that has just ended on an interim: that interim again, or its final."""
        owed, age_s = self._owed, time.monotonic() - self._owed_since_s
        if not owed or age_s > _OWED_FOR_S:
            return False
        if final:
            self._owed = ""
            return True
        if normalise(text) == normalise(owed):
            return True
        self._owed = ""  # the recogniser is at new words: no final of the old ones will come
        return False

    async def _predict(self, needed: PredictionNeeded) -> None:
        prediction = await self._scorer.score(needed.text, needed.context)
        if prediction is None:
            return  # the endpointer falls back by itself
        if self._on_prediction is not None:
            self._on_prediction(prediction)
        self._obey(self._endpointer.prediction(prediction.eot_probability, time.monotonic(), needed.revision))
