"""One model for all jobs of a LiveKit worker: it lives in the framework's inference process. Extra: ``livekit``.

Call :func:`register` on the main thread of the agent's module, before the worker starts; in the job's entrypoint construct the
detector with ``RussianTurnDetector(scorer=ProcessScorer())``.

This rests on ``livekit.agents.inference_runner._InferenceRunner``, which the framework keeps private "until we stabilize the API";
checked with livekit-agents 1.8.9 and 1.8.0. :mod:`.preload` saves more memory by a public option; docs/integrations/livekit.md has the figures.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Sequence
from pathlib import Path

from ..bundle import open_bundle
from ..detector import TurnDetector
from ..endpointing import EndpointingPolicy
from ..errors import ConfigurationError, MissingExtraError
from ..policy_file import as_policy
from ..types import Context, Message, TurnPrediction, as_messages
from .scoring import PredictionCounters, check_deadline

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
        self._detector = TurnDetector.load()

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


class ProcessScorer:
    """A :class:`~.scoring.TurnScorer` that asks the inference process; for use inside a job.

    Args:
        deadline_s: an answer that takes longer counts for nothing.
        policy: for continuous delays: a policy, or the file that ``turn-detection tune`` wrote.
        executor: instead of the current job's.

    Raises:
        ConfigurationError: there is no current job.
        BundleNotFoundError, BundleError: the shipped model is missing or damaged.
    """

    def __init__(
        self,
        *,
        deadline_s: float = 0.5,
        policy: EndpointingPolicy | str | Path | None = None,
        executor: InferenceExecutor | None = None,
    ) -> None:
        if executor is None:
            job = get_job_context(required=False)
            if job is None:
                raise ConfigurationError("ProcessScorer works inside a LiveKit job: construct it in the entrypoint")
            executor = job.inference_executor
        self.deadline_s = check_deadline(deadline_s)
        self.policy = EndpointingPolicy() if policy is None else as_policy(policy)
        self.threshold = open_bundle().manifest.threshold
        self.counters = PredictionCounters()
        self._executor = executor

    async def score(
        self, message: str, context: Context = None, *, deadline_s: float | None = None
    ) -> TurnPrediction | None:
        """See :class:`~.scoring.TurnScorer`."""
        started = time.perf_counter()
        limit_s = self.deadline_s if deadline_s is None else deadline_s
        request = {"message": message, "context": _pairs(as_messages(context))}
        try:
            async with asyncio.timeout(limit_s):
                data = await self._executor.do_inference(METHOD, json.dumps(request).encode())
            p = float(json.loads(data or b"{}")["eot_probability"])
        except TimeoutError:
            self.counters.timeouts += 1
            logger.warning("turn prediction timed out after %.3f s", limit_s)
            return None
        except asyncio.CancelledError:
            self.counters.cancelled += 1
            raise
        except Exception as error:  # of the framework's channel, or of the runner, as text
            self.counters.errors += 1
            logger.warning("turn prediction failed: %s", type(error).__name__)
            return None
        self.counters.predictions += 1
        return TurnPrediction(p, self.threshold, self.policy.delay_s(p), (time.perf_counter() - started) * 1e3)


def _pairs(messages: Sequence[Message]) -> list[tuple[str, str]]:
    return [(message.role, message.text) for message in messages]
