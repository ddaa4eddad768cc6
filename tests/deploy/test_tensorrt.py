"""TensorRT takes the exporter's plain graphs, in the shapes of the Triton configuration: parsed and built for real, without a GPU.

``make test`` names the interpreter that has tensorrt-rtx in TURN_DETECTION_TENSORRT_PYTHON. What it builds cannot be run here.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from turn_detection.bundle import open_bundle
from turn_detection.encoding import Encoder
from turn_detection.quantisation import quantise
from turn_detection.triton_repository import ShapeProfile

from .graphs import NETWORKS, write_graphs

PYTHON = os.environ.get("TURN_DETECTION_TENSORRT_PYTHON")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(PYTHON is None, reason="TURN_DETECTION_TENSORRT_PYTHON is not set; run 'make test-tensorrt'"),
]


@pytest.fixture(scope="module", params=NETWORKS)
def graphs(request: pytest.FixtureRequest, toy_encoder: Encoder, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_graphs(request.param, toy_encoder, tmp_path_factory.mktemp("graphs"))


@pytest.fixture(scope="module")
def profile() -> ShapeProfile:
    """Of the shipped model."""
    return ShapeProfile.of(open_bundle().manifest.encoding)


def build(graph: Path, *shapes: tuple[int, int]) -> dict[str, Any]:
    assert PYTHON is not None
    script = Path(__file__).parent / "build_engine.py"
    texts = [f"{rows}x{tokens}" for rows, tokens in shapes]
    result = subprocess.run([PYTHON, script, graph, *texts], capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stderr
    found: dict[str, Any] = json.loads(result.stdout.splitlines()[-1])  # above it the library reports errors
    return found


@pytest.mark.parametrize("name", ["model.onnx", "model.fp16.onnx"])
def test_a_plain_graph_becomes_an_engine_for_the_whole_profile(graphs: Path, profile: ShapeProfile, name: str) -> None:
    found = build(graphs / name, profile.least, profile.usual, profile.most)
    assert found["parsed"], found["errors"]
    assert found["inputs"] == {
        "input_ids": ["DataType.INT64", [-1, -1]],
        "attention_mask": ["DataType.INT64", [-1, -1]],
    }
    assert found["outputs"] == {"logits": ["DataType.FLOAT", [-1, 2]]}
    assert found["profile"] >= 0
    assert found["engine_bytes"] > 100_000


def test_the_build_notices_an_impossible_profile(graphs: Path) -> None:
    assert build(graphs / "model.onnx", (2, 16), (1, 16), (4, 16))["profile"] < 0


def test_the_int8_graph_is_not_taken(graphs: Path, profile: ShapeProfile, tmp_path: Path) -> None:
    quantise(graphs / "model.onnx", tmp_path / "int8.onnx")
    found = build(tmp_path / "int8.onnx", profile.least, profile.usual, profile.most)
    assert not found["parsed"]
    assert found["errors"]
