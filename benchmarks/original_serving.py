"""The original system's way of serving, rebuilt for ``serve_load.py``: a synchronous call inside an asynchronous route, 512 tokens always."""

from __future__ import annotations

import logging
import socket
import sys

import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel

from turn_detection.backends.onnx import OnnxBackend
from turn_detection.bundle import open_bundle
from turn_detection.calibration import Calibration

N_TOKENS = 512
bundle = open_bundle()
encoder, backend = bundle.encoder(), OnnxBackend(bundle.model_path)
calibration = Calibration(bundle.manifest.temperature, bundle.manifest.bias)
app = FastAPI()


class Request(BaseModel):
    context: str
    message: str


@app.post("/infer")
async def infer(request: Request) -> dict[str, dict[str, float]]:
    row = encoder.encode(request.context, request.message)
    p = float(calibration.probabilities(backend.logits(encoder.pad([row], N_TOKENS)))[0])
    return {"probas": {"wait": 1.0 - p, "speak": p}}


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, stream=sys.stderr)
    # As uvicorn opens it itself: a socket that does not name its protocol would delay every answer by 40 ms.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    logging.info("http://127.0.0.1:%d", listener.getsockname()[1])
    uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False)).run(sockets=[listener])
