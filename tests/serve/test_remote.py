"""The backend ``triton`` over Triton's protocol in this process; tests/triton asks a real server."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import grpc
import pytest
from fastapi.testclient import TestClient

from turn_detection import TurnDetector
from turn_detection.backends.onnx import OnnxBackend
from turn_detection.bundle import Bundle, open_bundle
from turn_detection.errors import BackendError
from turn_detection.serve.app import create_app
from turn_detection.serve.scoring import load_engine
from turn_detection.serve.settings import ServeConfig
from turn_detection.triton_repository import config_text

from ..backends.recording_triton import RecordingTriton
from ..conftest import write_bundle
from .conftest import wait_until

MESSAGES = ["да", "мне нужен билет на", "", "!!!", "мне нужен билет в москву " * 8, "381"]


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return open_bundle(write_bundle(tmp_path_factory.mktemp("remote") / "bundle"))


@pytest.fixture
def triton(bundle: Bundle) -> Iterator[RecordingTriton]:
    with RecordingTriton(OnnxBackend(bundle.model_path), config_text(bundle)) as triton:
        yield triton


@pytest.fixture
def config(bundle: Bundle, triton: RecordingTriton) -> ServeConfig:
    return ServeConfig(backend="triton", bundle=str(bundle.folder), triton_url=triton.url, deadline_ms=10_000)


@pytest.fixture
def client(config: ServeConfig) -> Iterator[TestClient]:
    with TestClient(create_app(config), raise_server_exceptions=False) as client:
        yield client


def test_answers_are_those_of_the_embedded_engine(client: TestClient, bundle: Bundle, triton: RecordingTriton) -> None:
    items = [{"message": message, "context": "Назовите код.", "expect": "digits:6"} for message in MESSAGES]
    answer = client.post("/v1/predict/batch", json={"items": items, "threshold": 0.7}).json()
    detector = TurnDetector.load(bundle.folder)
    expected = [detector.predict(message, "Назовите код.", expect="digits:6", threshold=0.7) for message in MESSAGES]
    got = [(item["eot_probability"], item["label"], item["delay_s"]) for item in answer["predictions"]]
    for (p, label, delay_s), prediction in zip(got, expected, strict=True):
        assert p == pytest.approx(prediction.eot_probability, abs=1e-6)
        assert (label, delay_s) == (prediction.label, pytest.approx(prediction.delay_s, abs=1e-5))
    assert answer["model"]["name"] == "toy"
    assert sum(n_rows for n_rows, _ in triton.shapes) == 4, "what holds nothing readable is answered here"


def test_nothing_readable_needs_no_triton(client: TestClient, triton: RecordingTriton) -> None:
    triton.stop()
    assert client.post("/infer", json={"message": "…"}).json()["probas"]["speak"] == 0.0


def test_a_triton_that_goes_is_503_until_it_comes_back(client: TestClient, triton: RecordingTriton) -> None:
    assert (client.get("/readyz").status_code, client.post("/infer", json={"message": "да"}).status_code) == (200, 200)
    triton.stop()
    answer = client.post("/infer", json={"message": "да"})
    assert (answer.status_code, "retry-after" in answer.headers) == (503, True)
    assert client.get("/readyz").status_code == 503
    assert client.get("/healthz").status_code == 200
    triton.start()
    wait_until(lambda: client.get("/readyz").status_code == 200, 20)
    assert client.post("/infer", json={"message": "да"}).status_code == 200


@pytest.mark.parametrize(
    ("code", "status"),
    [
        (grpc.StatusCode.DEADLINE_EXCEEDED, 504),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, 503),
        (grpc.StatusCode.INTERNAL, 500),
    ],
)
def test_refusals_of_triton_have_their_status(
    client: TestClient, triton: RecordingTriton, code: grpc.StatusCode, status: int
) -> None:
    triton.failure = (code, "no")
    assert client.post("/infer", json={"message": "да"}).status_code == status


def test_a_triton_that_is_not_there_yet_does_not_stop_the_start(
    config: ServeConfig, triton: RecordingTriton, caplog: pytest.LogCaptureFixture
) -> None:
    triton.stop()
    with caplog.at_level(logging.WARNING), TestClient(create_app(config)) as client:
        assert "/readyz says 503" in caplog.text
        assert client.get("/readyz").status_code == 503
        triton.start()
        wait_until(lambda: client.get("/readyz").status_code == 200, 20)


def test_a_triton_with_another_model_stops_the_start(config: ServeConfig, triton: RecordingTriton) -> None:
    triton.config = triton.config.replace("bundle_sha256", "other_key")
    with pytest.raises(BackendError):
        load_engine(config)


def test_the_detector_s_own_engine_is_never_asked(config: ServeConfig) -> None:
    engine = load_engine(config)
    with pytest.raises(BackendError, match="Triton"):
        engine._detector.predict("да")  # type: ignore[attr-defined]
