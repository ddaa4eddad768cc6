"""The HTTP endpoints."""

from __future__ import annotations

import time
from typing import Any

from fastapi import APIRouter, Request, Response

from .. import __version__
from .limits import check_lengths
from .livekit import messages_of, threshold_for
from .metrics import CONTENT_TYPE
from .problems import TooLongError, problem
from .schemas import (
    BatchRequest,
    BatchResponse,
    EotRequest,
    InferRequest,
    InferResponse,
    InvalidBody,
    Limits,
    PredictItem,
    PredictRequest,
    PredictResponse,
    ProbabilityResponse,
    Problem,
    SettingsResponse,
    Status,
    ThresholdResponse,
    Verdict,
    to_context,
)
from .scoring import Question
from .service import Service, service_of
from .settings import ServeConfig

_ERRORS: dict[int | str, dict[str, Any]] = {
    400: {"model": Problem, "description": "The body is no JSON that can be read."},
    401: {"model": Problem, "description": "The server wants a token."},
    408: {"model": Problem, "description": "The body came too slowly."},
    413: {"model": Problem, "description": "The body is too large."},
    422: {"model": InvalidBody, "description": "A field is missing, of the wrong type or too long; names the field."},
    500: {"model": Problem, "description": "The engine failed."},
    503: {"model": Problem, "description": "Too many questions are waiting; see Retry-After."},
    504: {"model": Problem, "description": "There was no answer within the deadline."},
}
judging = APIRouter(responses=_ERRORS)
probes = APIRouter()


@judging.post("/infer", tags=["original"], summary="Judge one pause, as the original system does")
async def infer(request: Request, body: InferRequest) -> InferResponse:
    """The last bot's words and what the caller has said so far in; the probabilities of ``wait`` and ``speak`` out."""
    service = service_of(request)
    check_lengths(service.config, (), body.message, body.context)
    (prediction,) = await service.judge(request, [Question(body.message, body.context)])
    return InferResponse.model_validate({"probas": prediction.probas})


@judging.post("/v1/predict", tags=["turns"], summary="Judge one pause")
async def predict(request: Request, body: PredictRequest) -> PredictResponse:
    """Probability, verdict and suggested silence for what the caller has said so far."""
    started_s = time.perf_counter()
    service = service_of(request)
    question = _question(body, service.config, (), None)
    (prediction,) = await service.judge(request, [question], deadline_ms=body.deadline_ms)
    return PredictResponse.model_validate(Verdict.fields_of(prediction) | _signature(service, started_s))


@judging.post("/v1/predict/batch", tags=["turns"], summary="Judge many pauses")
async def predict_batch(request: Request, body: BatchRequest) -> BatchResponse:
    """All items or none: one error refuses the whole request. Single questions of other clients are answered first."""
    started_s = time.perf_counter()
    service = service_of(request)
    if len(body.items) > service.config.max_batch_items:
        raise TooLongError(("items",), f"more than {service.config.max_batch_items} items")
    questions = [
        _question(item, service.config, ("items", index), body.threshold) for index, item in enumerate(body.items)
    ]
    predictions = await service.judge(request, questions, deadline_ms=body.deadline_ms, bulk=True)
    return BatchResponse.model_validate(
        {"predictions": [Verdict.fields_of(answer) for answer in predictions]} | _signature(service, started_s)
    )


@judging.get("/v1/settings", tags=["turns"], summary="What verdicts and delays come from")
async def settings(request: Request) -> SettingsResponse:
    """Model, threshold, policy and limits of this server, and the measured trade-off of its model where the bundle carries one."""
    service = service_of(request)
    engine, config = service.engine, service.config
    return SettingsResponse.model_validate(
        {
            "version": __version__,
            "model": {"name": engine.model.name, "version": engine.model.version},
            "threshold": engine.threshold,
            "policy": engine.policy.to_dict(),
            "slots": config.slots,
            "limits": {name: getattr(config, name) for name in Limits.model_fields},
            "curve": service.curve,
        }
    )


@judging.post(
    "/eot/multi",
    tags=["LiveKit"],
    summary="LiveKit's remote end-of-turn protocol",
    response_model=ThresholdResponse | ProbabilityResponse,
)
async def eot_multi(request: Request, body: EotRequest) -> ThresholdResponse | ProbabilityResponse:
    """For an unmodified agent with ``LIVEKIT_REMOTE_EOT_URL``: a language asks for the threshold, a chat context for a probability."""
    service = service_of(request)
    if body.items is None:
        return ThresholdResponse(threshold=threshold_for(body.language, service.engine.threshold))
    config = service.config
    messages = messages_of(body.items, max_messages=config.max_context_messages, max_chars=config.max_context_chars)
    (prediction,) = await service.judge(request, [Question("", messages)])
    return ProbabilityResponse(probability=prediction.eot_probability)


@probes.get("/healthz", tags=["operation"], summary="The process is alive")
async def healthz() -> Status:
    """Never asks the engine."""
    return Status(status="ok")


@probes.get(
    "/readyz",
    tags=["operation"],
    summary="Questions are answered",
    response_model=Status,
    responses={503: {"model": Problem, "description": "The engine is not there; send questions elsewhere."}},
)
async def readyz(request: Request) -> Any:
    """503 while the engine cannot answer."""
    if not await service_of(request).engine.ready():
        return problem(503, "the engine is not ready")
    return Status(status="ready")


@probes.get(
    "/metrics",
    tags=["operation"],
    summary="Metrics for Prometheus",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
async def metrics(request: Request) -> Response:
    """Latency, queue, batches, verdicts; no caller's words. Of all worker processes together."""
    return Response(service_of(request).meter.exposition(), media_type=CONTENT_TYPE)


def _question(item: PredictItem, config: ServeConfig, loc: tuple[str | int, ...], threshold: float | None) -> Question:
    context = to_context(item.context if item.messages is None else item.messages)
    check_lengths(config, loc, item.message, context)
    threshold = threshold if item.threshold is None else item.threshold
    return Question(item.message or "", context, threshold, item.expect)


def _signature(service: Service, started_s: float) -> dict[str, Any]:
    model = service.engine.model
    return {
        "latency_ms": round((time.perf_counter() - started_s) * 1e3, 3),
        "model": {"name": model.name, "version": model.version},
    }
