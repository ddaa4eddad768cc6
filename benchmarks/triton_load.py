"""Requests per second and waiting times through Triton, beside the embedded engine: ``python benchmarks/triton_load.py [HOST:PORT]``.

Prints Markdown. Without an address it starts the Triton of the tests on this machine (``TURN_DETECTION_TRITON_PYTHON`` names its
environment, see ``make test-triton``): a real server whose executor is onnxruntime in Triton's python backend, slower than the C++ one of
the production image. Client and server then share the cores; compare figures of one run only.
"""

from __future__ import annotations

import asyncio
import dataclasses
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from turn_detection.backends.onnx import OnnxBackend
from turn_detection.backends.triton import AsyncTritonBackend, TritonModel
from turn_detection.bundle import Bundle, open_bundle
from turn_detection.encoding import EncodedBatch, Encoder
from turn_detection.speed.machine import this_machine
from turn_detection.triton_repository import write_repository

ROOT = Path(__file__).parents[1]
SECONDS, CLIENTS = float(os.environ.get("SECONDS_EACH", "4")), (1, 8, 64)
Ask = Callable[[EncodedBatch], Awaitable[np.ndarray]]


def questions(encoder: Encoder) -> list[EncodedBatch]:
    """Single items: the callers' turns of the demo dialogues and their first halves, in the order they were said."""
    rows = []
    for line in (ROOT / "data" / "demo_dialogues.jsonl").read_text(encoding="utf-8").splitlines():
        context = None
        for message in json.loads(line).get("messages", ()):
            if message["role"] == "client":
                words = message["content"].split()
                rows += [encoder.encode(context, " ".join(words[:n])) for n in (len(words) // 2 or 1, len(words))]
            context = message["content"]
    return [encoder.pad([row]) for row in rows]


async def load(ask: Ask, items: list[EncodedBatch], n_clients: int) -> tuple[float, float, float, float]:
    """Closed loop: every client asks again when it has its answer. Answers a second; p50, p95, p99 in ms."""
    times: list[float] = []
    over_s = time.perf_counter() + SECONDS

    async def client(number: int) -> None:
        index = number * 37
        while (started := time.perf_counter()) < over_s:
            await ask(items[index % len(items)])
            times.append((time.perf_counter() - started) * 1e3)
            index += 1

    started = time.perf_counter()
    await asyncio.gather(*(client(number) for number in range(n_clients)))
    cuts = statistics.quantiles(times, n=100)
    return len(times) / (time.perf_counter() - started), cuts[49], cuts[94], cuts[98]


async def measure(bundle: Bundle, url: str) -> None:
    encoder = bundle.encoder()
    items = questions(encoder)
    model = TritonModel.of(bundle.manifest, encoder, url=url, timeout_s=60)
    engine, threads = OnnxBackend(bundle.model_path), ThreadPoolExecutor(2)
    remote = AsyncTritonBackend(model)
    wide = AsyncTritonBackend(dataclasses.replace(model, lengths=(512,)))

    async def embedded(item: EncodedBatch) -> np.ndarray:
        return await asyncio.get_running_loop().run_in_executor(threads, engine.logits, item)

    ways: list[tuple[str, Ask, tuple[int, ...]]] = [
        ("embedded, 2 threads, unpadded", embedded, CLIENTS),
        (f"Triton, padded to {', '.join(map(str, model.lengths))}", remote.logits, CLIENTS),
        ("Triton, all padded to 512", wide.logits, (1,)),  # with more clients a CPU only collects timeouts
    ]
    print("| way | clients | answers/s | p50 ms | p95 ms | p99 ms |\n|---|---|---|---|---|---|")
    for name, ask, clients in ways:
        await ask(items[0])
        for n_clients in clients:
            rate, p50, p95, p99 = await load(ask, items, n_clients)
            print(f"| {name} | {n_clients} | {rate:.0f} | {p50:.1f} | {p95:.1f} | {p99:.1f} |", flush=True)
    await remote.close()
    await wide.close()


def report(statistics_: dict[str, Any]) -> None:
    rows, runs = statistics_["inference_count"], statistics_["execution_count"]
    print(f"\nTriton's own count: {rows} items in {runs} executions, {rows / runs:.2f} an execution.")


def main() -> None:
    bundle = open_bundle()
    print(
        f"{this_machine().cpu}, {len(os.sched_getaffinity(0))} cores, {SECONDS:g} s each, load {os.getloadavg()[0]:.1f} at the start\n"
    )
    if len(sys.argv) > 1:
        asyncio.run(measure(bundle, sys.argv[1]))
        return
    sys.path.insert(0, str(ROOT))
    from tests.triton.server import TritonServer

    with tempfile.TemporaryDirectory() as folder:
        write_repository(bundle, Path(folder) / "models")
        server = TritonServer(Path(os.environ["TURN_DETECTION_TRITON_PYTHON"]), Path(folder) / "models", Path(folder))
        try:
            print(f"Triton ready after {server.start():.1f} s\n")
            asyncio.run(measure(bundle, server.url))
            report(server.statistics())
        finally:
            server.stop()


if __name__ == "__main__":
    main()
