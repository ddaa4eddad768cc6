"""Triton's protocol in this process: a gRPC server that remembers what it was asked and answers as a test wants."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Any

import grpc
import numpy as np
from google.protobuf import text_format
from tritonclient.grpc import model_config_pb2, service_pb2, service_pb2_grpc

from turn_detection.backends.base import Backend
from turn_detection.encoding import EncodedBatch


class RecordingTriton(service_pb2_grpc.GRPCInferenceServiceServicer):  # type: ignore[misc]
    """A context manager.

    Attributes:
        config: text of ``config.pbtxt`` that it claims to serve.
        shapes: of ``input_ids`` of every question, in order.
        n_checks: how often its configuration was asked.
        failure: status and words that questions are refused with.
        delay_s: before an answer.
        tamper: changes an answer.
    """

    def __init__(self, engine: Backend, config: str) -> None:
        self.config = config
        self.shapes: list[tuple[int, ...]] = []
        self.n_checks = 0
        self.is_ready = True
        self.failure: tuple[grpc.StatusCode, str] | None = None
        self.delay_s = 0.0
        self.tamper: Callable[[Any], None] = lambda response: None
        self._engine = engine
        self._server: grpc.Server | None = None
        self._port = 0

    @property
    def url(self) -> str:
        return f"127.0.0.1:{self._port}"

    def __enter__(self) -> RecordingTriton:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        self._server = grpc.server(ThreadPoolExecutor(8))
        service_pb2_grpc.add_GRPCInferenceServiceServicer_to_server(self, self._server)
        self._port = self._server.add_insecure_port(f"127.0.0.1:{self._port}")
        self._server.start()

    def stop(self) -> None:
        if self._server is not None:
            self._server.stop(0).wait(5)
            self._server = None

    def ModelReady(self, request: Any, context: Any) -> Any:
        return service_pb2.ModelReadyResponse(ready=self.is_ready)

    def ModelConfig(self, request: Any, context: Any) -> Any:
        self.n_checks += 1
        config = text_format.Parse(self.config, model_config_pb2.ModelConfig())
        if config.name != request.name:
            context.abort(grpc.StatusCode.NOT_FOUND, f"Request for unknown model: '{request.name}' is not found")
        return service_pb2.ModelConfigResponse(config=config)

    def ModelInfer(self, request: Any, context: Any) -> Any:
        arrays = [
            np.frombuffer(raw, "<i8").reshape(tuple(given.shape))
            for given, raw in zip(request.inputs, request.raw_input_contents, strict=True)
        ]
        self.shapes.append(arrays[0].shape)
        time.sleep(self.delay_s)
        if self.failure is not None:
            context.abort(*self.failure)
        logits = self._engine.logits(EncodedBatch(*arrays))
        response = service_pb2.ModelInferResponse(model_name=request.model_name)
        response.outputs.add(name="logits", datatype="FP32", shape=logits.shape)
        response.raw_output_contents.append(logits.astype("<f4").tobytes())
        self.tamper(response)
        return response
