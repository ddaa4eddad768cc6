"""``WS /v1/stream``: one call per connection. Reading, answering and writing never wait for each other."""

from __future__ import annotations

import asyncio
import contextlib

from fastapi import APIRouter, WebSocket
from starlette.websockets import WebSocketDisconnect

from ..errors import InvalidInputError
from .auth import SUBPROTOCOL
from .call import Call
from .events import ServerEvent, error_event, read_frame
from .limits import RateLimit
from .metrics import Meter
from .problems import TooLongError, problem
from .service import Service, service_of

calls = APIRouter()

NORMAL, POLICY_VIOLATION, TOO_BIG = 1000, 1008, 1009
#: Events that wait for a client who does not read; one more and the call is closed.
_OUTBOX = 256
#: Seconds that a client gets to read the last events before the connection is closed.
_FLUSH_S = 1.0

Ending = tuple[int, str]


class _Outbox:
    """Events on their way to a client."""

    def __init__(self, meter: Meter) -> None:
        self._queue: asyncio.Queue[ServerEvent] = asyncio.Queue(_OUTBOX)
        self._meter = meter
        self.overflowed = asyncio.Event()

    def put(self, event: ServerEvent) -> None:
        try:
            self._queue.put_nowait(event)
        except asyncio.QueueFull:
            self.overflowed.set()
        else:
            self._meter.ws_events.labels(event.type).inc()

    async def send_to(self, websocket: WebSocket) -> None:
        """Until the client goes."""
        with contextlib.suppress(WebSocketDisconnect, RuntimeError):
            while True:
                event = await self._queue.get()
                await websocket.send_text(event.to_json())
                self._queue.task_done()

    async def flush(self) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._queue.join(), _FLUSH_S)

    async def overflow(self) -> Ending:
        await self.overflowed.wait()
        self._meter.rejected.labels("ws_slow_reader").inc()
        return POLICY_VIOLATION, "events are not read"


@calls.websocket("/v1/stream")
async def stream(websocket: WebSocket) -> None:
    """See ``docs/serving.md`` for the protocol."""
    service = service_of(websocket)
    if service.n_calls >= service.config.ws_max_connections:
        service.meter.rejected.labels("ws_connections").inc()
        await websocket.send_denial_response(problem(503, "too many calls; connect to another server or later"))
        return
    service.n_calls += 1
    service.meter.ws_connections.set(service.n_calls)
    try:
        await websocket.accept(SUBPROTOCOL if SUBPROTOCOL in websocket.scope.get("subprotocols", ()) else None)
        ending = await _converse(websocket, service)
        if ending is not None:
            with contextlib.suppress(WebSocketDisconnect, RuntimeError, TimeoutError):
                await asyncio.wait_for(websocket.close(*ending), _FLUSH_S)
    finally:
        service.n_calls -= 1
        service.meter.ws_connections.set(service.n_calls)


async def _converse(websocket: WebSocket, service: Service) -> Ending | None:
    """How to close the connection; ``None`` if the client, or the shutdown of the server, has closed it."""
    outbox = _Outbox(service.meter)
    call = Call(service, outbox.put)
    reader = asyncio.create_task(_read(websocket, service, call, outbox))
    writer = asyncio.create_task(outbox.send_to(websocket))
    overflow = asyncio.create_task(outbox.overflow())
    try:
        await asyncio.wait((reader, writer, overflow), return_when=asyncio.FIRST_COMPLETED)
        if reader.done():
            ending = reader.result()
            if ending is not None and not writer.done():
                await outbox.flush()
            return ending
        return overflow.result() if overflow.done() else None
    finally:
        call.close()
        for task in (reader, writer, overflow):
            task.cancel()


async def _read(websocket: WebSocket, service: Service, call: Call, outbox: _Outbox) -> Ending | None:
    """Frames in, until the client goes, is idle for too long, or abuses the connection."""
    config, rejected = service.config, service.meter.rejected
    loop = asyncio.get_running_loop()
    rate = RateLimit(config.ws_max_messages_per_s, loop.time())
    n_errors = 0
    while True:
        try:
            async with asyncio.timeout(config.ws_idle_timeout_s):
                message = await websocket.receive()
        except TimeoutError:
            return NORMAL, "idle for too long"
        if message["type"] == "websocket.disconnect":
            return None
        if not rate.allows(loop.time()):
            # Left out, a frame would change what was said; so the call ends and its owner learns why.
            rejected.labels("ws_rate").inc()
            outbox.put(error_event("rate", f"more than {config.ws_max_messages_per_s:g} frames per second"))
            return POLICY_VIOLATION, "too many frames"
        text = message.get("text")
        if len(text or message.get("bytes") or "") > config.ws_max_frame_bytes:
            return TOO_BIG, "frame too big"
        if (fault := _handle(text, call)) is not None:
            n_errors += 1
            outbox.put(fault)
            if n_errors > config.ws_max_errors:
                rejected.labels("ws_errors").inc()
                return POLICY_VIOLATION, "too many errors"


def _handle(text: str | None, call: Call) -> ServerEvent | None:
    """The error to report, if any."""
    seq = None
    try:
        if text is None:
            raise InvalidInputError("frames are text: one JSON object each")
        frame = read_frame(text)
        seq = getattr(frame, "seq", None)
        call.handle(frame)
    except TooLongError as error:
        return error_event("too_long", f"{'.'.join(map(str, error.loc))}: {error}", seq=seq)
    except InvalidInputError as error:
        return error_event("invalid", str(error), seq=seq)
    return None
