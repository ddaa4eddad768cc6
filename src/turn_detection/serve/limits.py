"""Limits on what comes in: size and time of a body, length of fields, rate of frames."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..types import Context
from .metrics import Meter
from .problems import TooLongError, problem
from .settings import ServeConfig

#: How much of a refused body is read and thrown away, and for how long.
_DRAIN_BYTES = 8_000_000
_DRAIN_S = 1.0


class BodyLimit:
    """ASGI middleware: takes the whole body before the application starts, or refuses it.

    A body over ``max_bytes`` is refused by its ``Content-Length``, and a chunked one as soon as it has sent too much (413). One that
    takes longer than ``timeout_s`` is refused too (408). The connection is closed: what is still on the way belongs to nobody.
    """

    def __init__(self, app: ASGIApp, *, max_bytes: int, timeout_s: float, meter: Meter) -> None:
        self._app = app
        self._max_bytes = max_bytes
        self._timeout_s = timeout_s
        self._meter = meter

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        length = Headers(scope=scope).get("content-length", "0")
        if not length.isdigit() or int(length[:20]) > self._max_bytes:
            return await self._refuse(413, "body_too_large", scope, receive, send)
        chunks: list[bytes] = []
        n_bytes = 0
        try:
            async with asyncio.timeout(self._timeout_s):
                while True:
                    message = await receive()
                    if message["type"] != "http.request":
                        return None  # the client has gone
                    chunks.append(message.get("body", b""))
                    n_bytes += len(chunks[-1])
                    if n_bytes > self._max_bytes:
                        return await self._refuse(413, "body_too_large", scope, receive, send)
                    if not message.get("more_body", False):
                        break
        except TimeoutError:
            return await self._refuse(408, "body_too_slow", scope, receive, send)
        whole: Message | None = {"type": "http.request", "body": b"".join(chunks), "more_body": False}

        async def replay() -> Message:
            nonlocal whole
            if whole is None:
                return await receive()
            message, whole = whole, None
            return message

        return await self._app(scope, replay, send)

    async def _refuse(self, status: int, reason: str, scope: Scope, receive: Receive, send: Send) -> None:
        self._meter.rejected.labels(reason).inc()
        detail = (
            f"the body is larger than {self._max_bytes} bytes"
            if status == 413
            else f"the body took longer than {self._timeout_s:g} s"
        )
        await refuse(problem(status, detail, {"Connection": "close"}), scope, receive, send)


async def refuse(response: Response, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer before the body is read, and read on for a moment.

    A connection that is closed while bytes are on their way is reset, and the reset overtakes the answer: the client would see a
    broken pipe instead of the reason.
    """
    if scope["type"] == "websocket":
        return await response(scope, receive, send)
    await send({"type": "http.response.start", "status": response.status_code, "headers": response.raw_headers})
    await send({"type": "http.response.body", "body": response.body, "more_body": True})
    n_bytes = 0
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_DRAIN_S):
            while n_bytes < _DRAIN_BYTES:
                message = await receive()
                n_bytes += len(message.get("body", b""))
                if message["type"] != "http.request" or not message.get("more_body", False):
                    break
    await send({"type": "http.response.body", "body": b"", "more_body": False})


class RateLimit:
    """A leaky bucket: ``rate_per_s`` on average, twice that at once."""

    def __init__(self, rate_per_s: float, now_s: float) -> None:
        self._rate_per_s = rate_per_s
        self._room = self._capacity = max(1.0, 2.0 * rate_per_s)
        self._now_s = now_s

    def allows(self, now_s: float) -> bool:
        """Count one event at ``now_s`` of a monotonic clock."""
        self._room = min(self._capacity, self._room + (now_s - self._now_s) * self._rate_per_s)
        self._now_s = now_s
        if self._room < 1.0:
            return False
        self._room -= 1.0
        return True


def check_lengths(config: ServeConfig, loc: Sequence[str | int], message: str | None, context: Context) -> None:
    """Refuse longer fields than the settings allow.

    Raises:
        TooLongError: names the field.
    """
    if message is not None and len(message) > config.max_message_chars:
        raise TooLongError((*loc, "message"), f"longer than {config.max_message_chars} characters")
    if isinstance(context, str):
        n_chars = len(context)
    elif context is None:
        return
    else:
        if len(context) > config.max_context_messages:
            raise TooLongError((*loc, "context"), f"more than {config.max_context_messages} messages")
        n_chars = sum(len(entry.text) for entry in context)
    if n_chars > config.max_context_chars:
        raise TooLongError((*loc, "context"), f"longer than {config.max_context_chars} characters")
