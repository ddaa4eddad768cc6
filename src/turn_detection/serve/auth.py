"""An optional bearer token in front of everything but the probes and the live page."""

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
#: The subprotocol of ``/v1/stream``. A client need not name one; a browser that names any must be answered with one of them.
SUBPROTOCOL = "turn-detection.v1"
_TOKEN_PROTOCOL = "bearer."


class TokenGate:
    """ASGI middleware: 401 without ``Authorization: Bearer TOKEN``.

    ``Basic`` with the token as password is taken as well, for clients that can be given only an address
    (``http://any:TOKEN@host:9090``), such as LiveKit's remote client. Browsers let no script set a header of a WebSocket: there the
    offered subprotocol ``bearer.TOKEN`` counts too, TOKEN in UTF-8 and base64url without padding. Unlike a query it is in no log of a proxy.
    """

    def __init__(self, app: ASGIApp, *, token: str, meter: Meter, open_paths: frozenset[str] = OPEN_PATHS) -> None:
        self._app = app
        self._token = token.encode()
        self._meter = meter
        self._open_paths = open_paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket") or own_path(scope) in self._open_paths:
            return await self._app(scope, receive, send)
        if hmac.compare_digest(_presented(scope), self._token):
            return await self._app(scope, receive, send)
        self._meter.rejected.labels("unauthorised").inc()
        response = problem(401, "a valid bearer token is needed", {"WWW-Authenticate": "Bearer", "Connection": "close"})
        return await refuse(response, scope, receive, send)


def own_path(scope: Scope) -> str:
    """The path without the prefix that a proxy may or may not have stripped."""
    path: str = scope["path"]
    return path.removeprefix(scope.get("root_path", "")) or "/"


def _presented(scope: Scope) -> bytes:
    """The token that a request or WebSocket brings; a header goes before a subprotocol."""
    header = Headers(scope=scope).get("authorization")
    if header is not None:
        return _of_header(header)
    for protocol in scope.get("subprotocols", ()):
        if protocol.startswith(_TOKEN_PROTOCOL):
            value = protocol.removeprefix(_TOKEN_PROTOCOL)
            try:
                return base64.b64decode(value + "=" * (-len(value) % 4), altchars=b"-_", validate=True)
            except (binascii.Error, ValueError):
                return b""
    return b""


def _of_header(header: str) -> bytes:
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
