"""Start and stop: settings, a socket, one process or several. Whatever is wrong is said in one line before anything is served."""

from __future__ import annotations

import functools
import logging
import os
import signal
import socket
import sys
import tempfile
from collections.abc import Sequence
from typing import Any

from ..bundle import open_bundle
from ..errors import BackendError, ConfigurationError, MissingExtraError, TurnDetectionError
from .settings import ServeConfig, load_settings

logger = logging.getLogger(__name__)

#: Exit code of a worker process upon which uvicorn's supervisor gives up instead of starting it again.
_STARTUP_FAILURE = 3
_LOOPBACK = ("127.", "localhost", "::1")


def serve(overrides: Sequence[str] = ()) -> None:
    """Serve until SIGTERM or SIGINT.

    Args:
        overrides: of the settings, such as ``serve.port=8000``.

    Raises:
        ConfigurationError: a setting is wrong, or the port is taken.
        BundleNotFoundError, BundleError, BackendError: the model does not fit.
        MissingExtraError: the extra ``serve`` (or ``triton``) is not installed.
    """
    config = load_settings(overrides)
    _set_up_logging(config.log_level)
    if config.workers > 1:
        _serve_many(config)
    else:
        _serve_one(config)


def _serve_one(config: ServeConfig) -> None:
    uvicorn, app = _web_parts()
    # The model first: a server that cannot answer must not take the port.
    application = app.create_app(config)
    listener = _listen(config)
    _announce(config, listener)
    # uvicorn repeats the signal that stopped it; with its own default a clean stop would look like a crash.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    uvicorn.Server(_uvicorn_config(config, application)).run(sockets=[listener])


def _serve_many(config: ServeConfig) -> None:
    """A supervisor that starts ``workers`` processes on one socket and replaces those that die."""
    open_bundle(config.bundle)  # refuse it here, not in every process
    with tempfile.TemporaryDirectory(prefix="turn-detection-metrics-") as folder:
        # prometheus_client looks at it when it is imported, in the worker processes.
        os.environ.setdefault("PROMETHEUS_MULTIPROC_DIR", folder)
        _web_parts()
        from uvicorn.supervisors import Multiprocess

        listener = _listen(config)
        _announce(config, listener)
        factory = functools.partial(_worker_app, config)
        uvicorn_config = _uvicorn_config(config, factory, workers=config.workers, factory=True)
        supervisor = Multiprocess(uvicorn_config, sockets=[listener])
        supervisor.run()
    if any(process.exitcode == _STARTUP_FAILURE for process in supervisor.processes):
        raise BackendError("a worker process could not start; the log says why")


def _worker_app(config: ServeConfig) -> Any:
    """The application of a worker process; one line and the exit code that stops the supervisor when it cannot be made."""
    _set_up_logging(config.log_level)
    _, app = _web_parts()
    try:
        return app.create_app(config)
    except TurnDetectionError as error:
        logger.error("%s", error)
        sys.exit(_STARTUP_FAILURE)


def _web_parts() -> tuple[Any, Any]:
    try:
        import uvicorn

        from . import app
    except MissingExtraError:
        raise
    except ImportError as error:
        raise MissingExtraError("Serving", "serve", error.name) from error
    return uvicorn, app


def _uvicorn_config(config: ServeConfig, application: Any, **more: Any) -> Any:
    import uvicorn

    return uvicorn.Config(
        application,
        host=config.host,
        port=config.port,
        log_config=None,
        access_log=False,  # an access log quotes addresses, and whatever a client writes into them
        server_header=False,
        ws_max_size=config.ws_max_frame_bytes,
        ws_per_message_deflate=False,  # costs memory per call, gains nothing on frames of a hundred bytes
        timeout_graceful_shutdown=config.shutdown_grace_s,
        **more,
    )


def _listen(config: ServeConfig) -> socket.socket:
    """A bound socket, or one line that says why not."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            config.host, config.port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP, flags=socket.AI_PASSIVE
        )[0]
        # asyncio sends at once (TCP_NODELAY) only where the socket names its protocol. Else the second packet of an answer waits for the
        # client's delayed acknowledgement of the first, 40 ms.
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        # A port is taken only by a listener: two sockets may be bound to it until one of them listens.
        listener.listen(2048)
    except OSError as error:
        raise ConfigurationError(
            f"cannot listen on {config.host} port {config.port}: {error.strerror or error}; set serve.host or serve.port"
        ) from error
    listener.set_inheritable(True)
    return listener


def _announce(config: ServeConfig, listener: socket.socket) -> None:
    host, port = listener.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    logger.info("serving on http://%s:%d, backend %s", shown, port, config.backend)
    if config.token is None and not config.host.startswith(_LOOPBACK):
        logger.warning("serving on %s without a token: whoever reaches the port may ask", config.host)


def _set_up_logging(level: str) -> None:
    logging.basicConfig(
        level=level.upper(), stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s", force=True
    )
