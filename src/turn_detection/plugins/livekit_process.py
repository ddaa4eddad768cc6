"""One model for all jobs of a LiveKit worker: it lives in the framework's inference process. Extra: ``livekit``.

Importing ``livekit.plugins.ru_turn_detector`` where the worker is made calls :func:`register`, and ``RussianTurnDetector()`` in a job's
entrypoint then asks the inference process by :func:`job_scorer`: a job has no model of its own and its event loop no model call beside it.

This rests on ``livekit.agents.inference_runner._InferenceRunner``, which the framework keeps private "until we stabilize the API";
checked with livekit-agents 1.8.9 and 1.8.0. Without it, predictions run in worker threads of the job, as they do from the first failure
of the inference process on. docs/integrations/livekit.md has memory and time of both, and of :mod:`.preload`.
"""

from __future__ import annotations

import asyncio
import functools
import json
import logging
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from ..bundle import Manifest, default_bundle, open_bundle, read_manifest
from ..detector import TurnDetector
from ..endpointing import EndpointingPolicy
from ..errors import ConfigurationError, MissingExtraError
from ..policy_file import as_policy
from ..types import Context, Message, TurnPrediction, as_messages
from .scoring import Detector, PredictionCounters, check_deadline, shared_detector, shared_pool, usual_model

try:
    from livekit.agents import get_job_context
    from livekit.agents.inference_runner import _InferenceRunner
    from livekit.agents.ipc.inference_executor import InferenceExecutor
except ImportError as error:
    raise MissingExtraError("the LiveKit inference process", "livekit", error.name) from error

logger = logging.getLogger(__name__)

METHOD = "ru_turn_detector"


class TurnRunner(_InferenceRunner):
    """Runs inside the inference process, which makes one and calls it from as many threads as there are cores."""

    INFERENCE_METHOD = METHOD

    def initialize(self) -> None:
        self._detector = TurnDetector.load(usual_model())

    def run(self, data: bytes) -> bytes:
        """``{"message": str, "context": [[role, text], ...]}`` to ``{"eot_probability": float, "latency_ms": float}``."""
        request = json.loads(data)
        context = [Message(role, text) for role, text in request["context"]]
        prediction = self._detector.predict(request["message"], context)
        answer = {"eot_probability": prediction.eot_probability, "latency_ms": prediction.latency_ms}
        return json.dumps(answer).encode()


def register() -> None:
    """Make the worker start its inference process with our model in it. Harmless when called twice.

    Raises:
        RuntimeError: not on the main thread (raised by the framework).
    """
    if METHOD not in _InferenceRunner.registered_runners:
        _InferenceRunner.register_runner(TurnRunner)


def job_scorer(deadline_s: float) -> ProcessScorer | None:
    """What ``RussianTurnDetector()`` asks through in a job; fails over to worker threads.

    Returns:
        ``None`` outside a job, where :func:`register` was not called, and where this process holds the model already, from
        :mod:`.preload` or a ``prewarm``: worker threads then cost no memory.

    Raises:
        InvalidInputError: ``deadline_s`` is no positive number.
        BundleNotFoundError, BundleError: the model's manifest is missing or damaged.
    """
    job = get_job_context(required=False)
    if job is None or METHOD not in _InferenceRunner.registered_runners or shared_detector.cache_info().currsize:
        return None
    return ProcessScorer(deadline_s=deadline_s, executor=job.inference_executor, spare=shared_detector)


class ProcessScorer:
    """A :class:`~.scoring.TurnScorer` that asks the inference process; for use inside a job.

    Args:
        deadline_s: an answer that takes longer counts for nothing.
        policy: for continuous delays: a policy, or the file that ``turn-detection tune`` wrote.
        executor: instead of the current job's.
        spare: makes a detector for worker threads of this process, which are asked from the first failure of the inference process on, in
            the time that the deadline leaves. Without it every failure is an error and the adapter's fallback decides.

    Raises:
        ConfigurationError: there is no current job.
        BundleNotFoundError, BundleError: the model's manifest is missing or damaged; its files are checked where they are loaded.
    """

    def __init__(
        self,
        *,
        deadline_s: float = 0.5,
        policy: EndpointingPolicy | str | Path | None = None,
        executor: InferenceExecutor | None = None,
        spare: Callable[[], Detector] | None = None,
    ) -> None:
        if executor is None:
            job = get_job_context(required=False)
            if job is None:
                raise ConfigurationError("ProcessScorer works inside a LiveKit job: construct it in the entrypoint")
            executor = job.inference_executor
        self.deadline_s = check_deadline(deadline_s)
        self.policy = EndpointingPolicy() if policy is None else as_policy(policy)
        self.threshold = _manifest().threshold
        self.counters = PredictionCounters()
        self._executor = executor
        self._spare = spare
        self._detector: Detector | None = None

    async def score(
        self, message: str, context: Context = None, *, deadline_s: float | None = None
    ) -> TurnPrediction | None:
        """See :class:`~.scoring.TurnScorer`."""
        started = time.perf_counter()
        limit_s = self.deadline_s if deadline_s is None else deadline_s
        try:
            async with asyncio.timeout(limit_s):
                p = await self._ask(message, context)
        except TimeoutError:
            self.counters.timeouts += 1
            logger.warning("turn prediction timed out after %.3f s", limit_s)
            return None
        except asyncio.CancelledError:
            self.counters.cancelled += 1
            raise
        except Exception as error:  # of the framework's channel, of the runner, as text, or of the spare detector
            self.counters.errors += 1
            logger.warning("turn prediction failed: %s", type(error).__name__)
            return None
        self.counters.predictions += 1
        return TurnPrediction(p, self.threshold, self.policy.delay_s(p), (time.perf_counter() - started) * 1e3)

    async def _ask(self, message: str, context: Context) -> float:
        if self._detector is None:
            try:
                return await self._ask_process(message, context)
            except Exception as error:
                if self._spare is None:
                    raise
                logger.warning(
                    "the inference process failed (%s); from now on worker threads of this job predict",
                    type(error).__name__,
                )
            self._detector = await asyncio.to_thread(self._spare)
        job = shared_pool().submit(functools.partial(self._detector.predict, message, context))
        if job is None:
            raise RuntimeError("too many predictions are waiting")
        return (await asyncio.wrap_future(job)).eot_probability

    async def _ask_process(self, message: str, context: Context) -> float:
        request = {"message": message, "context": _pairs(as_messages(context))}
        data = await self._executor.do_inference(METHOD, json.dumps(request).encode())
        return float(json.loads(data or b"{}")["eot_probability"])


def _manifest() -> Manifest:
    """Of the :func:`~.scoring.usual_model`; a job does not read the weights for it."""
    model = usual_model()
    if model is not None and not Path(model).is_dir():
        return open_bundle(model).manifest
    return read_manifest(default_bundle() if model is None else Path(model))


def _pairs(messages: Sequence[Message]) -> list[tuple[str, str]]:
    return [(message.role, message.text) for message in messages]
