"""A Triton server that serves the shipped bundle. ``make test-triton`` names the interpreter of its environment."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from turn_detection.backends.onnx import OnnxBackend
from turn_detection.bundle import Bundle, open_bundle
from turn_detection.encoding import Encoder
from turn_detection.triton_repository import write_repository

from .server import TritonServer

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def bundle() -> Bundle:
    return open_bundle()


@pytest.fixture(scope="session")
def encoder(bundle: Bundle) -> Encoder:
    return bundle.encoder()


@pytest.fixture(scope="session")
def repository(bundle: Bundle, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What ``export_triton`` writes from the shipped bundle."""
    folder = tmp_path_factory.mktemp("repository")
    write_repository(bundle, folder)
    return folder


@pytest.fixture(scope="session")
def server_maker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[Path], TritonServer]]:
    """Makes servers for a repository, not yet started; they end with the session."""
    python = os.environ.get("TURN_DETECTION_TRITON_PYTHON")
    if python is None:
        pytest.skip("TURN_DETECTION_TRITON_PYTHON is not set; run 'make test-triton'")
    made: list[TritonServer] = []

    def make(repository: Path) -> TritonServer:
        made.append(TritonServer(Path(python), repository, tmp_path_factory.mktemp("triton")))
        return made[-1]

    yield make
    for server in made:
        server.stop()


@pytest.fixture(scope="session")
def _server(server_maker: Callable[[Path], TritonServer], repository: Path) -> TritonServer:
    server = server_maker(repository)
    server.start()
    return server


@pytest.fixture
def triton(_server: TritonServer) -> Iterator[TritonServer]:
    """A running server; a test may kill it."""
    yield _server
    if not _server.running:
        _server.start()


@pytest.fixture(scope="session")
def rows(encoder: Encoder) -> list[list[int]]:
    """Token ids of 260 items of 3 to 145 tokens: whole turns and their beginnings, and turns that fill the model's limits."""
    found: list[list[int]] = []
    turns: list[str] = []
    with (ROOT / "data" / "demo_dialogues.jsonl").open(encoding="utf-8") as lines:
        for line in lines:
            context = None
            for message in json.loads(line).get("messages", ()):
                if message["role"] == "client":
                    words = message["content"].split()
                    turns.append(message["content"])
                    found += [encoder.encode(context, " ".join(words[:n])) for n in {len(words), len(words) // 2 or 1}]
                context = message["content"]
    long = [encoder.encode(" ".join(turns[: n % 7]), " ".join(turns[n : n + 1 + n % 13])) for n in range(60)]
    return found[:200] + long


@pytest.fixture(scope="session")
def expected(bundle: Bundle, encoder: Encoder, rows: list[list[int]]) -> np.ndarray:
    """``(n, 2)`` logits of the embedded engine, every item alone and unpadded."""
    backend = OnnxBackend(bundle.model_path)
    return np.concatenate([backend.logits(encoder.pad([row])) for row in rows])
