"""The model in a Triton server: texts are read here, in worker threads; the network runs there."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from ..backends.triton import AsyncTritonBackend, TritonBackend, TritonModel
from ..bundle import open_bundle
from ..calibration import Calibration
from ..detector import TurnDetector
from ..encoding import EncodedBatch
from ..errors import BackendError, BackendTimeoutError, BackendUnavailableError
from ..types import TurnPrediction
from .scoring import ModelCard, Question, item_of, with_threshold
from .settings import ServeConfig

logger = logging.getLogger(__name__)

#: Requests under way to Triton: they only wait, and Triton makes batches of what is there.
_PARALLEL = 64
#: Seconds that a probe of readiness may take.
_PROBE_S = 0.5


class TritonEngine:
    """See ``scoring.Engine``. The server may come and go: questions asked meanwhile get an error, later ones an answer.

    Args:
        detector: reads texts and calibrates logits; its own backend is never asked.
        target: which model, where.
        n_readers: threads that read texts.
        n_parallel: requests under way.
    """

    def __init__(
        self, detector: TurnDetector, target: TritonModel, *, n_readers: int = 1, n_parallel: int | None = None
    ) -> None:
        self._detector = detector
        self._backend = AsyncTritonBackend(target)
        self._threads = ThreadPoolExecutor(n_readers, thread_name_prefix="turn-detection")
        self.n_parallel = n_parallel or _PARALLEL
        self.model = ModelCard.of(detector.manifest)
        self.threshold = detector.threshold
        self.policy = detector.policy

    @classmethod
    def load(cls, config: ServeConfig) -> TritonEngine:
        """Open the bundle whose model Triton serves, and ask Triton for it. A Triton that is not there yet is no error.

        Raises:
            BundleNotFoundError, BundleError: the bundle does not fit.
            BackendError: Triton serves another model.
        """
        bundle = open_bundle(config.bundle)
        manifest, encoder = bundle.manifest, bundle.encoder()
        target = TritonModel.of(
            manifest, encoder, url=config.triton_url, name=config.triton_model, timeout_s=config.deadline_ms / 1e3
        )
        first = TritonBackend(target)
        try:
            first.check()
        except (BackendUnavailableError, BackendTimeoutError) as error:
            logger.warning("%s; /readyz says 503 until it is there", error)
        finally:
            first.close()
        detector = TurnDetector(
            _Elsewhere(),
            encoder,
            calibration=Calibration.of(manifest, config.speak_share),
            threshold=manifest.threshold if config.threshold is None else config.threshold,
            policy=config.policy,
            manifest=manifest,
            slots=config.slots,
        )
        return cls(detector, target, n_readers=config.n_parallel, n_parallel=config.parallel_calls)

    async def start(self) -> None:
        """Nothing: the connection is made by the first question."""

    async def answer(self, questions: Sequence[Question]) -> list[TurnPrediction]:
        """See ``scoring.Engine``.

        Raises:
            BackendUnavailableError, BackendTimeoutError: Triton cannot be asked now, or is too slow.
            BackendError: Triton serves another model, or its engine failed.
        """
        started_s = time.perf_counter()
        items = [item_of(question) for question in questions]
        encoded = await asyncio.get_running_loop().run_in_executor(self._threads, self._detector.encode_items, items)
        logits = await self._backend.logits(self._detector.encoder.pad(encoded.rows)) if encoded.rows else None
        latency_ms = (time.perf_counter() - started_s) * 1e3
        predictions = self._detector.conclude(encoded, logits, latency_ms=latency_ms)
        return [with_threshold(*pair) for pair in zip(predictions, questions, strict=True)]

    async def ready(self) -> bool:
        return await self._backend.ready(timeout_s=_PROBE_S)

    async def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)
        await self._backend.close()


class _Elsewhere:
    """Stands where a detector has its engine."""

    def logits(self, batch: EncodedBatch) -> np.ndarray:
        raise BackendError("this detector's model runs in a Triton server")
