"""A model in a Triton server, asked over gRPC: for threads (:class:`TritonBackend`) and for an event loop (:class:`AsyncTritonBackend`).

Both keep one connection, which comes back by itself after the server does. Before the first question, after every failure and whenever
the server may have been restarted unseen they ask which bundle its model was made from: another model is refused, not believed.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import numpy as np

from ..encoding import EncodedBatch
from ..errors import BackendError, BackendUnavailableError
from .padding import Part, split_by_length
from .triton_protocol import Deadline, TritonModel, channel_options, check_config, failure, infer_request, read_logits

# After the module above, which says what to install when these are missing.
import grpc  # isort: skip
from tritonclient.grpc import service_pb2, service_pb2_grpc  # isort: skip

__all__ = ["AsyncTritonBackend", "TritonBackend", "TritonModel"]


#: Less than a Triton server needs to end and start again; in an event loop the connection itself tells.
_TRUST_S = 1.0


class TritonBackend:
    """See :class:`~.base.Backend`. Opens its connection with the first question.

    Args:
        model: which one, where, and what it must be.
    """

    def __init__(self, model: TritonModel) -> None:
        self.model = model
        self._channel = grpc.insecure_channel(model.url, channel_options(model.url))
        self._stub = service_pb2_grpc.GRPCInferenceServiceStub(self._channel)
        self._checked: tuple[int, float] | None = None  # rows that a request may have, time of the last answer

    def logits(self, batch: EncodedBatch) -> np.ndarray:
        """See :class:`~.base.Backend`; rows may have any length that the bundle's encoder makes.

        Raises:
            BackendUnavailableError: the server is not reachable, does not hold the model, or its queue is full.
            BackendTimeoutError: no answer within ``model.timeout_s``.
            BackendError: another model, or the engine failed.
        """
        if not len(batch):
            return np.zeros((0, 2), np.float32)
        deadline = Deadline.after(self.model, self.model.timeout_s)
        max_rows = self._max_rows(deadline)
        parts = _parts(batch, self.model, max_rows)
        left_s = deadline.left_s()
        calls = [self._stub.ModelInfer.future(infer_request(self.model, part), timeout=left_s) for part in parts]
        try:
            logits = _joined(parts, [call.result() for call in calls])
        except grpc.RpcError as error:
            self._checked = None
            raise failure(error, deadline) from error
        finally:
            for call in calls:
                call.cancel()  # nothing but a failure leaves one under way
        self._checked = max_rows, time.monotonic()
        return logits

    def check(self) -> None:
        """Ask whether the model is loaded, has the right inputs and outputs, and comes from the right bundle.

        Raises:
            BackendUnavailableError, BackendTimeoutError, BackendError: as :meth:`logits`.
        """
        self._check(Deadline.after(self.model, self.model.timeout_s))

    def ready(self) -> bool:
        """Whether :meth:`check` passes."""
        try:
            self.check()
        except BackendError:
            return False
        return True

    def close(self) -> None:
        """End the connection; the object is of no use afterwards."""
        self._channel.close()

    def _max_rows(self, deadline: Deadline) -> int:
        checked = self._checked
        if checked is not None and time.monotonic() - checked[1] < _TRUST_S:
            return checked[0]
        return self._check(deadline)

    def _check(self, deadline: Deadline) -> int:
        self._checked = None
        ready, config = _questions(self.model)
        try:
            _must_be_ready(self._stub.ModelReady(ready, timeout=deadline.left_s()), self.model)
            answer = self._stub.ModelConfig(config, timeout=deadline.left_s())
        except grpc.RpcError as error:
            raise failure(error, deadline) from error
        max_rows = check_config(self.model, answer.config)
        self._checked = max_rows, time.monotonic()
        return max_rows


class AsyncTritonBackend:
    """The same for one event loop. Opens its connection with the first question, in the loop that asks it.

    Args:
        model: which one, where, and what it must be.
    """

    def __init__(self, model: TritonModel) -> None:
        self.model = model
        self._channel: Any = None
        self._stub: Any = None
        self._checked: int | None = None  # rows that a request may have

    async def logits(self, batch: EncodedBatch, *, timeout_s: float | None = None) -> np.ndarray:
        """``(batch, 2) float32``, columns ordered as ``TurnLabel``. Cancelled, it withdraws its questions from the server's queue.

        Args:
            batch: rows of any length that the bundle's encoder makes.
            timeout_s: instead of ``model.timeout_s``.

        Raises:
            BackendUnavailableError: the server is not reachable, does not hold the model, or its queue is full.
            BackendTimeoutError: no answer in time.
            BackendError: another model, or the engine failed.
        """
        if not len(batch):
            return np.zeros((0, 2), np.float32)
        deadline = self._deadline(timeout_s)
        self._open()
        # A channel without a connection makes one only when it is asked something: nobody can be behind it unseen.
        if self._channel.get_state() is not grpc.ChannelConnectivity.READY:
            self._checked = None
        max_rows = await self._check(deadline) if self._checked is None else self._checked
        parts = _parts(batch, self.model, max_rows)
        calls = [self._ask(self._stub.ModelInfer, infer_request(self.model, part), deadline) for part in parts]
        return _joined(parts, await asyncio.gather(*calls))

    async def check(self, *, timeout_s: float | None = None) -> None:
        """See :meth:`TritonBackend.check`."""
        self._open()
        await self._check(self._deadline(timeout_s))

    async def ready(self, *, timeout_s: float | None = None) -> bool:
        """Whether :meth:`check` passes."""
        try:
            await self.check(timeout_s=timeout_s)
        except BackendError:
            return False
        return True

    async def close(self) -> None:
        """End the connection."""
        if self._channel is not None:
            channel, self._channel, self._stub, self._checked = self._channel, None, None, None
            await channel.close()

    def _open(self) -> None:
        if self._channel is None:
            self._channel = grpc.aio.insecure_channel(self.model.url, channel_options(self.model.url))
            self._stub = service_pb2_grpc.GRPCInferenceServiceStub(self._channel)

    def _deadline(self, timeout_s: float | None) -> Deadline:
        return Deadline.after(self.model, self.model.timeout_s if timeout_s is None else timeout_s)

    async def _check(self, deadline: Deadline) -> int:
        self._checked = None
        ready, config = _questions(self.model)
        _must_be_ready(await self._ask(self._stub.ModelReady, ready, deadline), self.model)
        answer = await self._ask(self._stub.ModelConfig, config, deadline)
        max_rows = check_config(self.model, answer.config)
        self._checked = max_rows
        return max_rows

    async def _ask(self, method: Callable[..., Awaitable[Any]], request: Any, deadline: Deadline) -> Any:
        left_s = deadline.left_s()
        try:
            return await method(request, timeout=left_s)
        except grpc.RpcError as error:
            self._checked = None
            raise failure(error, deadline) from error


def _parts(batch: EncodedBatch, model: TritonModel, max_rows: int) -> list[Part]:
    return split_by_length(batch, model.lengths, model.pad_id, max_rows)


def _joined(parts: Sequence[Part], responses: Sequence[Any]) -> np.ndarray:
    logits = np.empty((sum(len(part.rows) for part in parts), 2), np.float32)
    for part, response in zip(parts, responses, strict=True):
        logits[part.rows] = read_logits(response, len(part.rows))
    return logits


def _questions(model: TritonModel) -> tuple[Any, Any]:
    return service_pb2.ModelReadyRequest(name=model.name), service_pb2.ModelConfigRequest(name=model.name)


def _must_be_ready(answer: Any, model: TritonModel) -> None:
    if not answer.ready:
        raise BackendUnavailableError(f"Triton at {model.url} has not loaded the model '{model.name}'")
