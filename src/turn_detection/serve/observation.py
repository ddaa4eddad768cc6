"""The outermost layer: times every request, and turns what nothing else caught into an answer without a stack trace."""

from __future__ import annotations

import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .auth import own_path
from .metrics import Meter
from .problems import log_failure, problem


class Observer:
    """ASGI middleware.

    Args:
        root_path: prefix that a proxy in front may or may not have stripped; told to the layers below.
        routes: the paths that get a label of their own; all others share one, because a path can hold words.
        meter: where requests are counted.
    """

    def __init__(self, app: ASGIApp, *, root_path: str, routes: frozenset[str], meter: Meter) -> None:
        self._app = app
        self._root_path = root_path
        self._routes = routes
        self._meter = meter

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            return await self._app(scope, receive, send)
        if self._root_path:
            scope["root_path"] = self._root_path
        started_s = time.perf_counter()
        status = 0

        async def note(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        path = own_path(scope)
        route = path if path in self._routes else "other"
        try:
            await self._app(scope, receive, note)
        except Exception as error:
            self._meter.errors.labels(type(error).__name__).inc()
            log_failure(error, route)
            if scope["type"] == "http" and not status:
                await problem(500, "internal error")(scope, receive, note)
            elif scope["type"] == "websocket":
                raise ConnectionError from None  # the server closes with 1011; nothing of the error goes with it
        finally:
            if scope["type"] == "http":
                took_s = time.perf_counter() - started_s
                self._meter.request_seconds.labels(route, str(status or "none")).observe(took_s)
