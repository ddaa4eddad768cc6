"""Errors as clients see them: JSON, a status that fits, what to do, never the caller's words and never a stack trace."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from ..errors import BackendError, BackendTimeoutError, BackendUnavailableError, TurnDetectionError
from .batching import ClosedError, DeadlineError, QueueFullError
from .metrics import Meter

logger = logging.getLogger(__name__)

#: Seconds after which a refused client may try again: a full queue is worked off in less.
RETRY_AFTER_S = 1
#: Names that may stand in the place of a fault; others are keys that the client made up, and keys can hold words.
_KNOWN_PLACES = frozenset(
    "body path query header str context message messages items item role content threshold deadline_ms language expect "
    "type text seq policy min_delay_s max_delay_s gamma mode silence_s prediction_timeout_s fallback_delay_s late_grace_s".split()
)


class TooLongError(TurnDetectionError, ValueError):
    """A field is longer than the server allows; ``loc`` is its place."""

    def __init__(self, loc: Sequence[str | int], message: str) -> None:
        super().__init__(message)
        self.loc = tuple(loc)


class ClientLeftError(TurnDetectionError, ConnectionError):
    """The client closed the connection before its answer was there."""


def fault(loc: Sequence[str | int], message: str, kind: str) -> dict[str, Any]:
    """One entry of ``detail`` of a 422."""
    return {"loc": [place(step) for step in loc], "msg": message, "type": kind}


def place(step: str | int) -> str | int:
    """A step of a fault's place as it may be told: our own names and indices."""
    return step if isinstance(step, int) or step in _KNOWN_PLACES else "?"


def faults_of(errors: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Pydantic's errors without their input; of its messages only one kind quotes the input, and that one is replaced."""
    return [
        fault(
            error["loc"],
            "unknown type" if error["type"] == "union_tag_invalid" else str(error["msg"]),
            str(error["type"]),
        )
        for error in errors
    ]


def status_of(error: Exception) -> tuple[int, str]:
    """HTTP status and text for an error that answering may raise."""
    if isinstance(error, QueueFullError | ClosedError):
        return 503, str(error)
    if isinstance(error, BackendUnavailableError):
        return 503, "the engine is not reachable; ask again later"
    if isinstance(error, DeadlineError):
        return 504, str(error)
    if isinstance(error, BackendTimeoutError):
        return 504, "the engine did not answer in time"
    if isinstance(error, ClientLeftError):
        return 499, "the client left"
    return 500, "the engine failed; see the server's log" if isinstance(error, BackendError) else "internal error"


def problem(status: int, detail: Any, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """The one form of an error."""
    headers = dict(headers or {})
    if status == 503:
        headers.setdefault("Retry-After", str(RETRY_AFTER_S))
    return JSONResponse({"detail": detail}, status_code=status, headers=headers)


def log_failure(error: BaseException, where: str) -> None:
    """Class and code lines of an unexpected error; its text may hold what a caller said."""
    lines = "".join(traceback.format_tb(error.__traceback__)).rstrip()
    logger.error("%s in %s\n%s", type(error).__name__, where, lines)


def install_handlers(app: FastAPI, meter: Meter) -> None:
    """Every error of a route becomes a :func:`problem`."""

    async def invalid(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, RequestValidationError)
        return problem(422, faults_of(error.errors()))

    async def too_long(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, TooLongError)
        return problem(422, [fault(("body", *error.loc), str(error), "too_long")])

    async def refused(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException)
        return problem(error.status_code, error.detail, error.headers)

    async def failed(request: Request, error: Exception) -> JSONResponse:
        status, detail = status_of(error)
        if isinstance(error, BackendError) or status == 500:
            meter.errors.labels(type(error).__name__).inc()
            if isinstance(error, BackendError):
                logger.warning("%s: %s", type(error).__name__, error)  # what failed, and no words: see errors.py
            else:
                log_failure(error, request.scope["path"] if request.scope["path"] in _paths(app) else "a route")
        return problem(status, detail)

    handlers: Mapping[type[Exception], Callable[[Request, Exception], Awaitable[JSONResponse]]] = {
        RequestValidationError: invalid,
        TooLongError: too_long,
        HTTPException: refused,
        TurnDetectionError: failed,
    }
    for kind, handler in handlers.items():
        app.add_exception_handler(kind, handler)


def _paths(app: FastAPI) -> set[str]:
    return {getattr(route, "path", "") for route in app.routes}
