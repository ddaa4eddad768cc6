"""An optional bearer token in front of everything but the probes."""

from __future__ import annotations

import base64
import binascii
import hmac

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from .limits import refuse
from .metrics import Meter
from .problems import problem

#: Probes of an orchestrator carry no token and tell nothing.
OPEN_PATHS = frozenset({"/healthz", "/readyz"})


class TokenGate:
    """ASGI middleware: 401 without ``Authorization: Bearer TOKEN``.

    ``Basic`` with the token as password is taken as well, for clients that can be given only an address
    (``http://any:TOKEN@host:9090``), such as LiveKit's remote client.
    """

    def __init__(self, app: ASGIApp, *, token: str, meter: Meter) -> None:
        self._app = app
        self._token = token.encode()
        self._meter = meter

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket") or own_path(scope) in OPEN_PATHS:
            return await self._app(scope, receive, send)
        if hmac.compare_digest(_presented(Headers(scope=scope).get("authorization", "")), self._token):
            return await self._app(scope, receive, send)
        self._meter.rejected.labels("unauthorised").inc()
        response = problem(401, "a valid bearer token is needed", {"WWW-Authenticate": "Bearer", "Connection": "close"})
        return await refuse(response, scope, receive, send)


def own_path(scope: Scope) -> str:
    """The path without the prefix that a proxy may or may not have stripped."""
    path: str = scope["path"]
    return path.removeprefix(scope.get("root_path", "")) or "/"


def _presented(header: str) -> bytes:
    scheme, _, value = header.partition(" ")
    value = value.strip()
    if scheme.lower() == "bearer":
        return value.encode("latin-1")  # the bytes as they came
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(value, validate=True).partition(b":")[2]
        except (binascii.Error, ValueError):
            return b""
    return b""
