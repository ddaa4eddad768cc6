"""What the server counts, for Prometheus. Numbers, routes and verdicts; never what anybody said."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
    multiprocess,
)

#: Where the processes of one server leave their counts for each other; prometheus_client reads it when it is imported.
SHARED_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

disable_created_metrics()  # type: ignore[no-untyped-call]  # a time stamp beside every counter, which nobody scrapes
_LATENCY = (0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.03, 0.05, 0.075, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
_SIZES = (1, 2, 3, 4, 6, 8, 16, 32, 64, 128)


class Meter:
    """Every metric of one process, in a registry of its own."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        prefix = "turn_detection"
        self.request_seconds = Histogram(
            f"{prefix}_request_seconds",
            "Time from the head of a request to the end of its answer.",
            ["route", "status"],
            buckets=_LATENCY,
            registry=registry,
        )
        self.model_call_seconds = Histogram(
            f"{prefix}_model_call_seconds",
            "Time of one call of the engine, reading of the texts included.",
            buckets=_LATENCY,
            registry=registry,
        )
        self.batch_size = Histogram(
            f"{prefix}_batch_size", "Questions in one call of the engine.", buckets=_SIZES, registry=registry
        )
        self.queue_depth = Gauge(
            f"{prefix}_queue_depth", "Questions waiting for the engine.", registry=registry, multiprocess_mode="livesum"
        )
        self.rejected = Counter(
            f"{prefix}_rejected",
            "Requests and calls refused before any work: queue_full, body_too_large, body_too_slow, unauthorised, "
            "ws_connections, ws_rate, ws_errors, ws_slow_reader.",
            ["reason"],
            registry=registry,
        )
        self.deadline_exceeded = Counter(
            f"{prefix}_deadline_exceeded", "Questions without an answer in time.", registry=registry
        )
        self.verdicts = Counter(f"{prefix}_verdicts", "Answers by verdict.", ["label"], registry=registry)
        self.ws_connections = Gauge(
            f"{prefix}_ws_connections",
            "Calls that are connected now.",
            registry=registry,
            multiprocess_mode="livesum",
        )
        self.ws_events = Counter(
            f"{prefix}_ws_events", "Events sent to callers' connections, by type.", ["type"], registry=registry
        )
        self.errors = Counter(
            f"{prefix}_errors", "Failures inside the server, by class of the exception.", ["kind"], registry=registry
        )
        self.build_info = Gauge(
            f"{prefix}_build_info",
            "Always 1; what runs is in the labels.",
            ["version", "backend", "model", "model_version"],
            registry=registry,
            multiprocess_mode="max",
        )

    def exposition(self) -> bytes:
        """The text that Prometheus scrapes: of this process, or of all processes when there are several."""
        if SHARED_FOLDER not in os.environ:
            return generate_latest(self.registry)
        registry = CollectorRegistry()
        multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        return generate_latest(registry)


def forget_the_dead() -> None:
    """Drop the gauges of processes that were killed; counters stay, they have counted what happened."""
    folder = os.environ.get(SHARED_FOLDER)
    if folder is None:
        return
    for path in Path(folder).glob("gauge_live*_*.db"):
        process_id = path.stem.rpartition("_")[2]
        if process_id.isdigit() and not Path(f"/proc/{process_id}").exists() and Path("/proc/self").exists():
            with contextlib.suppress(OSError):
                path.unlink()
