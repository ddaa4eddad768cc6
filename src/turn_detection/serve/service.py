"""What the routes stand on: settings, engine, queue, metrics of one process."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from starlette.requests import HTTPConnection, Request

from ..types import TurnPrediction
from .batching import Batcher
from .metrics import Meter
from .problems import ClientLeftError
from .schemas import Curve
from .scoring import Engine, Question
from .settings import ServeConfig


class Service:
    """Made once per process, before the event loop; :meth:`start` and :meth:`close` run inside it."""

    def __init__(self, config: ServeConfig, engine: Engine, meter: Meter, curve: Curve | None = None) -> None:
        self.config = config
        self.engine = engine
        self.meter = meter
        self.curve = curve  # for people who ask; nothing is decided by it
        self.n_calls = 0  # WebSocket connections
        self.batcher = Batcher(
            engine.answer,
            max_batch=config.max_batch,
            max_queue=config.max_queue,
            max_wait_s=config.max_wait_ms / 1e3,
            n_parallel=engine.n_parallel,
            meter=meter,
        )

    async def start(self) -> None:
        await self.engine.start()
        self.batcher.start()

    async def close(self) -> None:
        await self.batcher.close()
        await self.engine.close()

    async def judge(
        self, request: Request, questions: Sequence[Question], *, deadline_ms: int | None = None, bulk: bool = False
    ) -> list[TurnPrediction]:
        """Answers for one HTTP request, whose body has been read. The questions are withdrawn when the client goes away.

        Raises:
            ClientLeftError: it went away.
            QueueFullError, DeadlineError, ClosedError, BackendError: see ``Batcher.ask``.
        """
        limit_ms = min(deadline_ms or self.config.deadline_ms, self.config.deadline_ms)
        asking = asyncio.ensure_future(self.batcher.ask(questions, timeout_s=limit_ms / 1e3, bulk=bulk))
        leaving = asyncio.ensure_future(_left(request))
        try:
            await asyncio.wait((asking, leaving), return_when=asyncio.FIRST_COMPLETED)
            if not asking.done():
                raise ClientLeftError("the client left before its answer was there")
            return asking.result()
        finally:
            asking.cancel()
            leaving.cancel()


def service_of(connection: HTTPConnection) -> Service:
    """The service behind a request or WebSocket."""
    service = connection.app.state.service
    assert isinstance(service, Service)
    return service


async def _left(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
