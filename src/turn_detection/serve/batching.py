"""Questions of many clients, answered a few at a time: a bounded queue in front of an engine.

Lives in one event loop and needs no lock. A question leaves the queue before it costs anything when its asker has gone, or when its
deadline has passed or is closer than an answer takes.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from ..errors import BackendError, TurnDetectionError
from ..types import TurnPrediction
from .metrics import Meter
from .scoring import Question


class QueueFullError(TurnDetectionError, RuntimeError):
    """Too many questions are waiting already; ask again later."""


class DeadlineError(TurnDetectionError, TimeoutError):
    """There was no answer in time."""


class ClosedError(TurnDetectionError, RuntimeError):
    """The server is shutting down."""


@dataclass(slots=True, eq=False)
class Ticket:
    """A question's place in the queue, and the place for its answer."""

    question: Question
    answer: asyncio.Future[TurnPrediction]
    deadline_s: float  # when the answer is worthless, in the time of the event loop
    is_taken: bool = False  # the engine has it

    def replace(self, question: Question, deadline_s: float) -> bool:
        """Ask something else from the same place in the queue; false when it is too late for that.

        Who asks anew ten times a second would otherwise go to the end ten times a second, and on a busy server never be answered.
        """
        if self.is_taken or self.answer.done():
            return False
        self.question, self.deadline_s = question, deadline_s
        return True


class Batcher:
    """Collects questions and hands them to ``answer``, ``n_parallel`` batches at the same time.

    Single questions come before those of bulk requests, so that a caller who waits in silence never waits for somebody's file.

    Args:
        answer: one answer per question, in order; see ``scoring.Engine``.
        max_batch: questions in one batch.
        max_queue: questions waiting; those in a batch under way do not count.
        max_wait_s: how long a batch that is not full waits for more.
        n_parallel: batches under way at the same time.
        meter: where queue depth and batch sizes are counted.
    """

    def __init__(
        self,
        answer: Callable[[Sequence[Question]], Awaitable[list[TurnPrediction]]],
        *,
        max_batch: int,
        max_queue: int,
        max_wait_s: float = 0.0,
        n_parallel: int = 1,
        meter: Meter,
    ) -> None:
        self._answer = answer
        self._max_batch = max_batch
        self._max_queue = max_queue
        self._max_wait_s = max_wait_s
        self._n_parallel = n_parallel
        self._meter = meter
        self._lanes: tuple[deque[Ticket], deque[Ticket]] = (deque(), deque())  # single, bulk
        self._filled = asyncio.Event()
        self._workers: list[asyncio.Task[None]] = []
        self._closed = False
        self._seconds_each = 0.0  # smoothed time of a model call per question

    @property
    def n_waiting(self) -> int:
        return sum(map(len, self._lanes))

    def start(self) -> None:
        """Call in the event loop that will ask."""
        self._workers = [asyncio.create_task(self._work()) for _ in range(self._n_parallel)]

    async def close(self) -> None:
        """Stop; whoever still waits gets ClosedError."""
        self._closed = True
        for worker in self._workers:
            worker.cancel()
        await asyncio.gather(*self._workers, return_exceptions=True)
        for lane in self._lanes:
            for ticket in lane:
                if not ticket.answer.done():
                    ticket.answer.set_exception(ClosedError("the server is shutting down; ask another one"))
            lane.clear()

    async def ask(self, questions: Sequence[Question], *, timeout_s: float, bulk: bool = False) -> list[TurnPrediction]:
        """Answers in the order of the questions: all of them, or an error. Cancel it to withdraw the questions.

        Raises:
            QueueFullError: there is no room for all of them; none was taken.
            DeadlineError: not all were answered within ``timeout_s``.
            ClosedError: the server is shutting down.
            BackendError: the engine failed.
        """
        tickets = self.submit(questions, timeout_s=timeout_s, bulk=bulk)
        try:
            return await self.settled(tickets)
        except DeadlineError as error:
            raise DeadlineError(f"there was no answer within {timeout_s * 1e3:.0f} ms") from error

    def submit(self, questions: Sequence[Question], *, timeout_s: float, bulk: bool = False) -> list[Ticket]:
        """The first half of :meth:`ask`, which waits for nothing.

        Raises:
            QueueFullError, ClosedError: see :meth:`ask`.
        """
        if self._closed:
            raise ClosedError("the server is shutting down; ask another one")
        if self.n_waiting + len(questions) > self._max_queue:
            self._drop_dead()
        if self.n_waiting + len(questions) > self._max_queue:
            self._meter.rejected.labels("queue_full").inc()
            raise QueueFullError(f"{self.n_waiting} questions are waiting already; ask again later")
        loop = asyncio.get_running_loop()
        deadline_s = loop.time() + timeout_s
        tickets = [Ticket(question, loop.create_future(), deadline_s) for question in questions]
        if tickets:
            self._lanes[bulk].extend(tickets)
            self._meter.queue_depth.set(self.n_waiting)
            self._filled.set()
        return tickets

    async def settled(self, tickets: Sequence[Ticket]) -> list[TurnPrediction]:
        """The second half of :meth:`ask`: the answers. Cancel it to withdraw the questions.

        Raises:
            DeadlineError, ClosedError, BackendError: see :meth:`ask`.
        """
        loop = asyncio.get_running_loop()
        waiting: set[asyncio.Future[TurnPrediction]] = {ticket.answer for ticket in tickets}
        try:
            while waiting:
                left_s = max(ticket.deadline_s for ticket in tickets) - loop.time()
                done, waiting = await asyncio.wait(
                    waiting, timeout=max(0.0, left_s), return_when=asyncio.FIRST_EXCEPTION
                )
                for answer in done:
                    answer.result()
                if waiting and left_s <= 0.0:
                    raise DeadlineError("there was no answer in time")
            answers = [ticket.answer.result() for ticket in tickets]
        except DeadlineError:
            self._meter.deadline_exceeded.inc()
            raise
        finally:
            for ticket in tickets:
                ticket.answer.cancel()  # when one failed, or the asker gave up, nobody waits for the others
        for prediction in answers:
            self._meter.verdicts.labels(prediction.label).inc()
        return answers

    async def _work(self) -> None:
        while True:
            await self._filled.wait()
            if self._max_wait_s and self.n_waiting < self._max_batch:
                await asyncio.sleep(self._max_wait_s)
            if batch := self._take():
                await self._settle(batch)

    def _take(self) -> list[Ticket]:
        """The next questions that still matter."""
        soonest_s = asyncio.get_running_loop().time() + self._seconds_each
        batch: list[Ticket] = []
        for lane in self._lanes:
            while lane and len(batch) < self._max_batch:
                ticket = lane.popleft()
                if ticket.answer.done():
                    continue
                if ticket.deadline_s <= soonest_s:
                    ticket.answer.set_exception(DeadlineError("there was no answer in time"))
                    # A batch of these gets worse with every question that was answered too late; and an estimate that
                    # one slow call drove up must be able to fall again.
                    self._seconds_each *= 0.9
                    continue
                ticket.is_taken = True
                batch.append(ticket)
        if not self.n_waiting:
            self._filled.clear()
        self._meter.queue_depth.set(self.n_waiting)
        return batch

    async def _settle(self, batch: list[Ticket]) -> None:
        """Answer a batch; when it fails, each question alone, so that nobody fails for a stranger's question."""
        loop = asyncio.get_running_loop()
        started_s = loop.time()
        self._meter.batch_size.observe(len(batch))
        try:
            answers = await self._answer([ticket.question for ticket in batch])
            if len(answers) != len(batch):
                raise BackendError(f"the engine gave {len(answers)} answers to {len(batch)} questions")
        except Exception as error:
            if len(batch) > 1 and not isinstance(error, BackendError):
                for ticket in batch:
                    if not ticket.answer.done():
                        await self._settle([ticket])
                return
            for ticket in batch:
                if not ticket.answer.done():
                    ticket.answer.set_exception(error)
            return
        finally:
            took_s = loop.time() - started_s
            self._meter.model_call_seconds.observe(took_s)
        self._seconds_each += 0.2 * (took_s / len(batch) - self._seconds_each)
        for ticket, answer in zip(batch, answers, strict=True):
            if not ticket.answer.done():
                ticket.answer.set_result(answer)

    def _drop_dead(self) -> None:
        """Make room: questions whose askers have gone stand in the queue until their turn comes."""
        for lane in self._lanes:
            alive = [ticket for ticket in lane if not ticket.answer.done()]
            lane.clear()
            lane.extend(alive)
