"""A detector behind an event loop: worker threads, a deadline, counters. Every adapter asks through this module."""

from __future__ import annotations

import asyncio
import functools
import logging
import math
import os
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

from ..detector import TurnDetector
from ..endpointing import EndpointingPolicy
from ..errors import InvalidInputError
from ..types import Context, TurnPrediction
from .slices import take_long_slices

logger = logging.getLogger(__name__)

#: Environment variable: the bundle that plugins take instead of the shipped one, as :meth:`TurnDetector.load` names it.
MODEL_VARIABLE = "TURN_DETECTION_MODEL"


class Detector(Protocol):
    """What the adapters ask of a :class:`~turn_detection.TurnDetector`; a test or another engine may stand in for it."""

    threshold: float
    policy: EndpointingPolicy

    def predict(self, message: str, context: Context = None) -> TurnPrediction:
        """Judge one pause; called from worker threads, several at a time."""
        ...


@dataclass(slots=True)
class PredictionCounters:
    """What became of the questions to the detector since its adapter was made.

    Attributes:
        predictions: answered in time.
        timeouts: not answered within the deadline; the fallback decided.
        errors: the detector raised; the fallback decided.
        refused: too many questions were waiting already; the fallback decided.
        cancelled: the framework lost interest first, because the caller went on.
        late: came after the deadline and were thrown away; each is a time-out too.
    """

    predictions: int = 0
    timeouts: int = 0
    errors: int = 0
    refused: int = 0
    cancelled: int = 0
    late: int = 0


class WorkerPool:
    """A few threads with a limit on what may wait for them, out of the way of the event loop, see :mod:`.slices`.

    Args:
        n_workers: threads.
        max_pending: questions running and waiting; one more is refused.
    """

    def __init__(self, n_workers: int, max_pending: int = 256) -> None:
        if n_workers < 1 or max_pending < n_workers:
            raise InvalidInputError(f"need n_workers >= 1 and max_pending >= n_workers, got {n_workers}, {max_pending}")
        self.n_workers = n_workers
        self._threads = ThreadPoolExecutor(n_workers, thread_name_prefix="turn-detection", initializer=take_long_slices)
        self._room = threading.BoundedSemaphore(max_pending)

    def submit(self, call: Callable[[], TurnPrediction]) -> Future[TurnPrediction] | None:
        """Queue a call; ``None`` if there is no room."""
        if not self._room.acquire(blocking=False):
            return None
        job = self._threads.submit(call)
        job.add_done_callback(lambda _: self._room.release())
        return job

    def close(self) -> None:
        """Drop what waits; what runs may finish."""
        self._threads.shutdown(wait=False, cancel_futures=True)


@functools.cache
def shared_pool() -> WorkerPool:
    """The pool of this process. It leaves a core to the event loop: a model call that takes the loop's core delays every call."""
    n_cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return WorkerPool(max(1, min(4, n_cores - 1)))


def usual_model() -> str | None:
    """What :data:`MODEL_VARIABLE` names; ``None`` for the shipped model."""
    return os.environ.get(MODEL_VARIABLE) or None


@functools.cache
def shared_detector() -> TurnDetector:
    """The :func:`usual_model`, loaded once per process; see :meth:`TurnDetector.load` for what it raises."""
    return TurnDetector.load(usual_model())


def check_deadline(deadline_s: float) -> float:
    """A positive, finite number of seconds.

    Raises:
        InvalidInputError: anything else.
    """
    if isinstance(deadline_s, bool) or not isinstance(deadline_s, int | float) or not 0.0 < deadline_s < math.inf:
        raise InvalidInputError(f"deadline_s must be a positive number of seconds, got {deadline_s!r}")
    return float(deadline_s)


class TurnScorer(Protocol):
    """A way to ask for a probability without blocking an event loop."""

    @property
    def threshold(self) -> float: ...

    @property
    def policy(self) -> EndpointingPolicy: ...

    @property
    def counters(self) -> PredictionCounters: ...

    async def score(
        self, message: str, context: Context = None, *, deadline_s: float | None = None
    ) -> TurnPrediction | None:
        """The prediction, or ``None`` when there is none in time: then the adapter's documented fallback decides.

        Raises nothing but ``CancelledError``.
        """
        ...


class Scorer:
    """A :class:`TurnScorer` by worker threads of this process.

    Args:
        detector: thread-safe; one may serve many scorers.
        deadline_s: an answer that takes longer counts for nothing.
        pool: threads of its own instead of the process's shared ones.
    """

    def __init__(self, detector: Detector, *, deadline_s: float, pool: WorkerPool | None = None) -> None:
        self.detector = detector
        self.deadline_s = check_deadline(deadline_s)
        self.counters = PredictionCounters()
        self._pool = pool

    @property
    def threshold(self) -> float:
        return self.detector.threshold

    @property
    def policy(self) -> EndpointingPolicy:
        return self.detector.policy

    async def score(
        self, message: str, context: Context = None, *, deadline_s: float | None = None
    ) -> TurnPrediction | None:
        """See :class:`TurnScorer`. A question that still waits when its asker gives up is never worked on."""
        limit_s = self.deadline_s if deadline_s is None else deadline_s
        job = (self._pool or shared_pool()).submit(functools.partial(self.detector.predict, message, context))
        if job is None:
            self.counters.refused += 1
            logger.warning("turn prediction refused: too many are waiting")
            return None
        answer = asyncio.wrap_future(job)
        try:
            await asyncio.wait((answer,), timeout=limit_s)
        except asyncio.CancelledError:
            self.counters.cancelled += 1
            answer.cancel()
            raise
        if not answer.done():
            self.counters.timeouts += 1
            if not job.cancel():
                job.add_done_callback(self._count_late)
            answer.cancel()
            logger.warning("turn prediction timed out after %.3f s", limit_s)
            return None
        if (error := answer.exception()) is not None:
            self.counters.errors += 1
            # The text of a foreign exception may hold what the caller said.
            logger.warning("turn prediction failed: %s", type(error).__name__)
            return None
        self.counters.predictions += 1
        return answer.result()

    def _count_late(self, _: Future[TurnPrediction]) -> None:
        self.counters.late += 1
