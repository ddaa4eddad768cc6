"""One call on a WebSocket: frames into the state machine, its events and the model's answers out. Knows no socket."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..endpointing import (
    EndOfTurn,
    Endpointer,
    EndpointingEvent,
    EndpointingPolicy,
    LateTranscript,
    PredictionNeeded,
)
from ..errors import BackendError, InvalidInputError
from ..types import AGENT, CLIENT, Message, TurnPrediction, as_messages
from .batching import ClosedError, DeadlineError, QueueFullError, Ticket
from .events import (
    AgentTurn,
    ClientFrame,
    Final,
    Partial,
    Reset,
    ServerEvent,
    SpeechStarted,
    SpeechStopped,
    Start,
    error_event,
)
from .limits import check_lengths
from .problems import TooLongError, log_failure, status_of
from .schemas import to_context
from .scoring import Question
from .service import Service

#: Messages of a call that are kept as context; no bundle reads further back.
_HISTORY = 16


@dataclass(slots=True)
class _Asking:
    """What is asked for the transcript frame ``seq``."""

    question: Question
    revision: int
    seq: int | None


@dataclass(slots=True)
class _UnderWay:
    """The question that the engine, or its queue, has."""

    asking: _Asking
    ticket: Ticket
    asked_s: float
    task: asyncio.Task[None] | None = None


class Call:
    """State of one call. Every ``partial`` and ``final`` gets exactly one reply: ``prediction``, ``skipped``, ``late_transcript`` or ``error``.

    At most one question is under way. While it waits in the queue newer words take its place; while the engine works on it they wait for
    its answer. So a busy server answers less often, and never only to throw the answer away.

    Args:
        service: whose model answers.
        send: takes an event for the client; must not block.
    """

    def __init__(self, service: Service, send: Callable[[ServerEvent], None]) -> None:
        self._service = service
        self._send = send
        self._loop = asyncio.get_running_loop()
        self._threshold = service.engine.threshold
        self._endpointer = Endpointer(service.engine.policy)
        self._first_context: list[Message] = []
        self._first_expect: str | None = None
        self._expect: str | None = None
        self._history: deque[Message] = deque(maxlen=_HISTORY)
        self._under_way: _UnderWay | None = None
        self._next: _Asking | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._begun = False

    def handle(self, frame: ClientFrame) -> None:
        """Take one frame; replies go to ``send``.

        Raises:
            InvalidInputError, TooLongError: the frame cannot be used; nothing has changed.
        """
        now_s = self._loop.time()
        match frame:
            case Start():
                self._start(frame)
            case Partial() | Final():
                self._transcript(frame, now_s)
            case SpeechStarted():
                self._process(self._endpointer.speech_started(now_s))
            case SpeechStopped():
                self._process(self._endpointer.speech_stopped(now_s, silence_s=frame.silence_s))
            case AgentTurn():
                self._check(frame.text)
                self._process(self._endpointer.agent_turn(frame.text, now_s))
                self._withdraw()
                self._history.append(Message(AGENT, frame.text))
                self._expect = frame.expect
            case Reset():
                self._withdraw()
                self._endpointer.reset()
                self._history = deque(self._first_context, _HISTORY)
                self._expect = self._first_expect
        self._begun = True
        self._arm()

    def close(self) -> None:
        """The client has gone."""
        if self._under_way is not None and self._under_way.task is not None:
            self._under_way.task.cancel()
        if self._timer is not None:
            self._timer.cancel()

    def _start(self, frame: Start) -> None:
        if self._begun:
            raise InvalidInputError("start must be the first frame; send reset for another call")
        context = to_context(frame.context)
        check_lengths(self._service.config, (), None, context)
        overrides = frame.policy.model_dump(exclude_none=True)
        policy = EndpointingPolicy.from_dict(self._service.engine.policy.to_dict() | overrides)
        timings = {
            name: value
            for name in ("prediction_timeout_s", "fallback_delay_s", "late_grace_s")
            if (value := getattr(frame, name)) is not None
        }
        self._endpointer = Endpointer(policy, **timings)
        if frame.threshold is not None:
            self._threshold = frame.threshold
        self._first_context = list(as_messages(context))[-_HISTORY:]
        self._history.extend(self._first_context)
        self._first_expect = self._expect = frame.expect
        model = self._service.engine.model
        self._send(
            ServerEvent(
                "started",
                {
                    "threshold": self._threshold,
                    "policy": policy.to_dict(),
                    "model": {"name": model.name, "version": model.version},
                },
            )
        )

    def _transcript(self, frame: Partial | Final, now_s: float) -> None:
        self._check(frame.text)
        take = self._endpointer.final if isinstance(frame, Final) else self._endpointer.partial
        events = take(frame.text, now_s)
        self._process(events, frame.seq)
        if not any(isinstance(event, PredictionNeeded | LateTranscript) for event in events):
            reason = "turn_over" if events else "same_words"
            self._send(ServerEvent("skipped", {"reason": reason, "seq": frame.seq}))

    def _check(self, text: str) -> None:
        if len(text) > (limit := self._service.config.max_message_chars):
            raise TooLongError(("text",), f"longer than {limit} characters")

    def _process(self, events: Sequence[EndpointingEvent], seq: int | None = None) -> None:
        for event in events:
            match event:
                case PredictionNeeded():
                    question = Question(event.text, list(self._history), self._threshold, self._expect)
                    self._want(_Asking(question, event.revision, seq))
                case EndOfTurn():
                    self._withdraw()
                    self._history.append(Message(CLIENT, event.text))
                    values = {
                        "text": event.text,
                        "eot_probability": event.eot_probability,
                        "delay_s": event.delay_s,
                        "silence_s": round(event.silence_s, 6),
                    }
                    self._send(ServerEvent("end_of_turn", values))
                case LateTranscript():
                    values = {"text": event.text, "is_final": event.is_final, "seq": seq}
                    self._send(ServerEvent("late_transcript", values))

    def _want(self, asking: _Asking) -> None:
        under_way, timeout_s = self._under_way, self._service.config.deadline_ms / 1e3
        now_s = self._loop.time()
        if under_way is None:
            self._ask(asking, now_s, timeout_s)
        elif under_way.ticket.replace(asking.question, now_s + timeout_s):
            self._skip("superseded", under_way.asking)
            under_way.asking, under_way.asked_s = asking, now_s
        else:
            if self._next is not None:
                self._skip("superseded", self._next)
            self._next = asking

    def _ask(self, asking: _Asking, now_s: float, timeout_s: float) -> None:
        try:
            (ticket,) = self._service.batcher.submit([asking.question], timeout_s=timeout_s)
        except (QueueFullError, ClosedError) as error:
            self._fail(asking, error)
            return
        self._under_way = under_way = _UnderWay(asking, ticket, now_s)
        under_way.task = asyncio.create_task(self._answer(under_way))

    async def _answer(self, under_way: _UnderWay) -> None:
        failure: Exception | None = None
        try:
            (prediction,) = await self._service.batcher.settled([under_way.ticket])
        except Exception as error:
            failure = error
        now_s, asking = self._loop.time(), under_way.asking
        self._under_way = None
        if failure is not None:
            self._fail(asking, failure)
        else:
            self._send(self._prediction(prediction, asking, now_s - under_way.asked_s))
            self._process(self._endpointer.prediction(prediction.eot_probability, now_s, asking.revision))
        if self._next is not None:
            asking, self._next = self._next, None
            self._want(asking)
        self._arm()

    def _fail(self, asking: _Asking, error: Exception) -> None:
        code, message = _code_of(error)
        self._send(error_event(code, message, seq=asking.seq, revision=asking.revision))

    def _prediction(self, answer: TurnPrediction, asking: _Asking, latency_s: float) -> ServerEvent:
        values = {
            "seq": asking.seq,
            "revision": asking.revision,
            "eot_probability": answer.eot_probability,
            "label": answer.label,
            "delay_s": self._endpointer.policy.delay_s(answer.eot_probability),
            "latency_ms": round(latency_s * 1e3, 3),
        }
        return ServerEvent("prediction", values)

    def _withdraw(self) -> None:
        """The turn is over: nobody needs an answer any more."""
        under_way, self._under_way = self._under_way, None
        waiting, self._next = self._next, None
        if under_way is not None:
            if under_way.task is not None:
                under_way.task.cancel()
            self._skip("turn_over", under_way.asking)
        if waiting is not None:
            self._skip("turn_over", waiting)

    def _skip(self, reason: str, asking: _Asking) -> None:
        self._send(ServerEvent("skipped", {"reason": reason, "seq": asking.seq, "revision": asking.revision}))

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        deadline_s = self._endpointer.deadline_s
        self._timer = None if deadline_s is None else self._loop.call_at(deadline_s, self._tick)

    def _tick(self) -> None:
        self._process(self._endpointer.tick(self._loop.time()))
        self._arm()


def _code_of(error: Exception) -> tuple[str, str]:
    if isinstance(error, QueueFullError):
        return "overloaded", str(error)
    if isinstance(error, DeadlineError):
        return "deadline", str(error)
    if isinstance(error, ClosedError):
        return "closing", str(error)
    if not isinstance(error, BackendError):
        log_failure(error, "/v1/stream")
    status, message = status_of(error)
    return {503: "unavailable", 504: "deadline"}.get(status, "engine"), message
