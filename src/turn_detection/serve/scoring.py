"""What the server asks of an engine, and the engine inside this process."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Protocol

from .. import __version__
from ..bundle import Manifest
from ..detector import Item, TurnDetector
from ..endpointing import EndpointingPolicy
from ..types import Context, TurnPrediction
from .settings import ServeConfig


@dataclass(frozen=True, slots=True)
class Question:
    """One pause to judge; ``threshold`` instead of the server's own, ``expect`` as :meth:`TurnDetector.predict` takes it."""

    message: str = field(repr=False)
    context: Context = field(default=None, repr=False)
    threshold: float | None = None
    expect: str | None = None


@dataclass(frozen=True, slots=True)
class ModelCard:
    """Which model answers: the manifest's name, and the first twelve digits of the weights' SHA-256."""

    name: str
    version: str

    @classmethod
    def of(cls, manifest: Manifest | None) -> ModelCard:
        if manifest is None:
            return cls("unnamed", __version__)
        return cls(manifest.name, manifest.files[manifest.model_file].sha256[:12])


class Engine(Protocol):
    """Answers questions without blocking the event loop; so many ``answer`` calls at the same time are of use."""

    @property
    def n_parallel(self) -> int: ...

    @property
    def model(self) -> ModelCard: ...

    @property
    def threshold(self) -> float: ...

    @property
    def policy(self) -> EndpointingPolicy: ...

    async def start(self) -> None:
        """Called once, in the event loop that will ask."""
        ...

    async def answer(self, questions: Sequence[Question]) -> list[TurnPrediction]:
        """One answer per question, in order.

        Raises:
            BackendError: the engine failed.
        """
        ...

    async def ready(self) -> bool:
        """Whether a question asked now would be answered."""
        ...

    async def close(self) -> None: ...


class EmbeddedEngine:
    """The model in this process; texts are read and the model is run in worker threads.

    Args:
        detector: thread-safe.
        n_parallel: threads.
    """

    def __init__(self, detector: TurnDetector, *, n_parallel: int = 1) -> None:
        self._detector = detector
        self._threads = ThreadPoolExecutor(n_parallel, thread_name_prefix="turn-detection")
        self._open = True
        self.n_parallel = n_parallel
        self.model = ModelCard.of(detector.manifest)
        self.threshold = detector.threshold
        self.policy = detector.policy

    @classmethod
    def load(cls, config: ServeConfig) -> EmbeddedEngine:
        """See :meth:`TurnDetector.load` for what it raises."""
        detector = TurnDetector.load(
            config.bundle,
            threshold=config.threshold,
            policy=config.policy,
            n_threads=config.n_threads,
            slots=config.slots,
            speak_share=config.speak_share,
        )
        return cls(detector, n_parallel=config.n_parallel)

    async def start(self) -> None:
        """The first call of a model is slower than the rest: no caller shall wait for it."""
        await self.answer([Question("да", "Вам удобно говорить?")])

    async def answer(self, questions: Sequence[Question]) -> list[TurnPrediction]:
        """See :class:`Engine`."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._predict, questions)

    def _predict(self, questions: Sequence[Question]) -> list[TurnPrediction]:
        predictions = self._detector.predict_batch([item_of(question) for question in questions])
        return [with_threshold(*pair) for pair in zip(predictions, questions, strict=True)]

    async def ready(self) -> bool:
        return self._open

    async def close(self) -> None:
        self._open = False
        self._threads.shutdown(wait=False, cancel_futures=True)


def item_of(question: Question) -> Item:
    """The question as a detector takes it."""
    return question.context, question.message, question.expect


def with_threshold(prediction: TurnPrediction, question: Question) -> TurnPrediction:
    """The prediction under the threshold that its question asked for."""
    if question.threshold is None:
        return prediction
    return dataclasses.replace(prediction, threshold=question.threshold)


def load_engine(config: ServeConfig) -> Engine:
    """The engine that ``serve.backend`` names.

    Raises:
        BundleNotFoundError, BundleError, BackendError: the bundle does not fit.
        MissingExtraError: the extra ``triton`` is not installed.
    """
    if config.backend == "onnx":
        return EmbeddedEngine.load(config)
    from .remote import TritonEngine

    return TritonEngine.load(config)
