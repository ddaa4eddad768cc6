"""What Prometheus scrapes: numbers and verdicts, of all processes, never a word."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from fastapi.testclient import TestClient

from turn_detection.serve.metrics import SHARED_FOLDER, forget_the_dead

from .conftest import WORD, HeldEngine

Maker = Callable[..., TestClient]


def samples(client: TestClient) -> dict[str, float]:
    lines = client.get("/metrics").text.splitlines()
    pairs = [line.rsplit(" ", 1) for line in lines if not line.startswith("#")]
    return {name.removeprefix("turn_detection_"): float(value) for name, value in pairs}


def test_requests_batches_verdicts_and_refusals_are_counted(held_client: Maker) -> None:
    client = held_client(HeldEngine(), max_body_bytes=300)
    for number in (100, 900, 950):
        client.post("/infer", json={"message": f"{WORD} {number}"})
    client.post("/infer", json={})
    client.post("/infer", json={"message": WORD * 50})
    client.get(f"/{WORD}?q={WORD}")
    with client.websocket_connect("/v1/stream") as call:
        call.send_json({"type": "partial", "text": f"{WORD} 1"})
        call.receive_json()
        assert samples(client)["ws_connections"] == 1
    counted = samples(client)
    assert counted['request_seconds_count{route="/infer",status="200"}'] == 3
    assert counted['request_seconds_count{route="/infer",status="422"}'] == 1
    assert counted['request_seconds_count{route="/infer",status="413"}'] == 1
    assert counted['request_seconds_count{route="other",status="404"}'] == 1
    assert counted['verdicts_total{label="speak"}'] == 2
    assert counted['verdicts_total{label="wait"}'] == 2
    assert counted["batch_size_count"] == counted["model_call_seconds_count"] == 4
    assert counted['rejected_total{reason="body_too_large"}'] == 1
    assert counted['ws_events_total{type="prediction"}'] == 1
    assert counted["queue_depth"] == counted["ws_connections"] == 0
    assert any(name.startswith("build_info{") for name in counted)
    assert WORD not in client.get("/metrics").text


def test_the_queue_refusals_and_deadlines_are_counted(held_client: Maker) -> None:
    client = held_client(HeldEngine(held=True), deadline_ms=20, max_queue=1, max_batch_items=1)
    assert client.post("/infer", json={"message": "1"}).status_code == 504
    body = {"messages": [], "message": "1"}
    assert client.post("/v1/predict", json=body).status_code == 504
    assert samples(client)["deadline_exceeded_total"] == 2


def test_several_processes_are_counted_together_and_the_gauges_of_the_dead_are_dropped(tmp_path: Path) -> None:
    script = (
        "from turn_detection.serve.metrics import Meter\n"
        "meter = Meter()\n"
        "meter.verdicts.labels('speak').inc()\n"
        "meter.queue_depth.set(5)\n"
        "print(meter.exposition().decode())\n"
    )
    environ = os.environ | {SHARED_FOLDER: str(tmp_path)}
    outputs = [
        subprocess.run([sys.executable, "-c", script], env=environ, capture_output=True, text=True, check=True).stdout
        for _ in range(2)
    ]
    assert 'turn_detection_verdicts_total{label="speak"} 2.0' in outputs[-1]
    assert "turn_detection_queue_depth 10.0" in outputs[-1]
    assert len(list(tmp_path.glob("gauge_livesum_*.db"))) == 2
    environ_before = os.environ.get(SHARED_FOLDER)
    os.environ[SHARED_FOLDER] = str(tmp_path)
    try:
        forget_the_dead()
    finally:
        if environ_before is None:
            del os.environ[SHARED_FOLDER]
        else:
            os.environ[SHARED_FOLDER] = environ_before
    assert not list(tmp_path.glob("gauge_livesum_*.db"))
    assert list(tmp_path.glob("counter_*.db"))
