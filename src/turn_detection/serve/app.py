"""The web application of one process, put together."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from .. import __version__
from .auth import OPEN_PATHS, TokenGate
from .curve import load_curve
from .limits import BodyLimit
from .metrics import Meter, forget_the_dead
from .observation import Observer
from .page import load_assets, page_router, paths_of
from .problems import install_handlers
from .routes import judging, probes
from .scoring import Engine, load_engine
from .service import Service
from .settings import ServeConfig
from .stream import calls

_DESCRIPTION = """At every pause of a caller: speak or wait? Russian telephone and voice bots.

The calls' WebSocket is `/v1/stream`; OpenAPI cannot describe it, `docs/serving.md` does."""
#: Paths with a label of their own in the metrics.
_PATHS = (
    "/", "/infer", "/v1/predict", "/v1/predict/batch", "/v1/settings", "/v1/stream", "/eot/multi", "/healthz", "/readyz",
    "/metrics", "/docs", "/openapi.json",
)  # fmt: skip
#: FastAPI from 0.165 on hands requests to OpenTelemetry if somebody set it up; older releases ignore the argument.
_NO_TELEMETRY = {"tracing": False, "metrics": False, "logs": False, "auto_configure": False}


def create_app(config: ServeConfig, engine: Engine | None = None) -> FastAPI:
    """The application; also the factory that every worker process calls.

    Args:
        config: the settings.
        engine: instead of the one that the settings name.

    Raises:
        BundleNotFoundError, BundleError, BackendError: the bundle does not fit.
    """
    meter = Meter()
    service = Service(config, load_engine(config) if engine is None else engine, meter, load_curve(config.bundle))
    model = service.engine.model
    meter.build_info.labels(__version__, config.backend, model.name, model.version).set(1)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        forget_the_dead()
        await service.start()
        try:
            yield
        finally:
            await service.close()

    app = FastAPI(
        title="Turn detection",
        version=__version__,
        description=_DESCRIPTION,
        lifespan=lifespan,
        telemetry=_NO_TELEMETRY,  # type: ignore[arg-type]
    )
    app.state.service = service
    app.include_router(judging)
    app.include_router(probes)
    app.include_router(calls)
    assets = load_assets() if config.page else {}
    if assets:
        app.include_router(page_router(assets))
    install_handlers(app, meter)
    # The last one added is the outermost.
    app.add_middleware(BodyLimit, max_bytes=config.max_body_bytes, timeout_s=config.body_timeout_s, meter=meter)
    if config.token is not None:
        app.add_middleware(TokenGate, token=config.token, open_paths=OPEN_PATHS | paths_of(assets), meter=meter)
    app.add_middleware(Observer, root_path=config.root_path, routes=frozenset(_PATHS), meter=meter)
    return app
