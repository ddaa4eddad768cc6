"""The server under load from this separate process, over the loopback: ``python benchmarks/serve_load.py``. Prints Markdown.

Answers a second and waiting times of ``/infer`` at 1, 8 and 64 clients; what HTTP costs over a call in the process; the original system's
way of serving (one synchronous call inside an asynchronous route, every text padded to 512 tokens) with the same model; calls on
``/v1/stream`` with a partial every 200 ms. With ``TURN_DETECTION_TRITON_PYTHON`` (see ``make test-triton``) also the same server in front of
the tests' Triton, whose executor stands in for the production one. ``--windows`` compares settings of the micro-batches instead, ``--workers 1,2,4`` numbers of
processes and their memory. Client and server share the cores: compare figures of one run only; on a busy machine the processor time that
the server spent on an answer still compares. ``SECONDS_EACH`` (4) and ``STREAM_SECONDS`` (20) set how long.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import itertools
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from websockets.asyncio.client import connect

from turn_detection import TurnDetector
from turn_detection.speed.machine import this_machine

ROOT = Path(__file__).parents[1]
SECONDS = float(os.environ.get("SECONDS_EACH", "4"))
STREAM_SECONDS = float(os.environ.get("STREAM_SECONDS", "20"))
N_CALLS, PARTIAL_EVERY_S = 64, 0.2
Question = tuple[str, str]


def questions() -> list[Question]:
    """Single items: the callers' turns of the demo dialogues and their first halves, in the order they were said."""
    found: list[Question] = []
    for line in (ROOT / "data" / "demo_dialogues.jsonl").read_text(encoding="utf-8").splitlines():
        context = ""
        for message in json.loads(line).get("messages", ()):
            if message["role"] == "client":
                words = message["content"].split()
                found += [(context, " ".join(words[:n])) for n in (len(words) // 2 or 1, len(words))]
            context = message["content"]
    return found


class Server:
    """A server in a process of its own."""

    def __init__(self, command: list[str], n_workers: int = 1) -> None:
        self.process = subprocess.Popen([sys.executable, *command], stderr=subprocess.PIPE, text=True)
        assert self.process.stderr is not None
        self.port, n_started = 0, 0
        while n_started < n_workers or not self.port:
            line = self.process.stderr.readline()
            if not line:
                raise SystemExit("the server did not start")
            if found := re.search(r"http://127\.0\.0\.1:(\d+)", line):
                self.port = int(found[1])
            n_started += "startup complete" in line

    def cpu_s(self) -> float:
        """Processor time of the process and its worker processes so far."""
        ticks = 0
        for folder in self._folders():
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
        return ticks / os.sysconf("SC_CLK_TCK")

    def memory_mb(self) -> list[float]:
        """Resident memory of the process and of its worker processes."""
        found = []
        for folder in self._folders():
            n_kb = re.search(r"VmRSS:\s+(\d+)", (folder / "status").read_text())
            found.append(int(n_kb[1]) / 1024 if n_kb else 0.0)
        return found

    def _folders(self) -> list[Path]:
        """In /proc: the process, then its workers."""
        own, workers = Path(f"/proc/{self.process.pid}"), []
        for folder in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                parent = (folder / "stat").read_text().rpartition(")")[2].split()[1]
                if parent == str(self.process.pid) and "spawn_main" in (folder / "cmdline").read_text():
                    workers.append(folder)
        return [own, *workers]


@contextlib.contextmanager
def triton() -> Iterator[str]:
    """Address of a Triton on this machine with the shipped model."""
    from turn_detection.bundle import open_bundle
    from turn_detection.triton_repository import write_repository

    sys.path.insert(0, str(ROOT))
    from tests.triton.server import TritonServer

    with tempfile.TemporaryDirectory() as folder:
        write_repository(open_bundle(), Path(folder) / "models")
        server = TritonServer(Path(os.environ["TURN_DETECTION_TRITON_PYTHON"]), Path(folder) / "models", Path(folder))
        try:
            server.start()
            yield server.url
        finally:
            server.stop()


@contextlib.contextmanager
def served(*settings: str, original: bool = False) -> Iterator[Server]:
    command = [str(Path(__file__).with_name("original_serving.py"))] if original else ["-m", "turn_detection.serve"]
    n_workers = next((int(text.rpartition("=")[2]) for text in settings if text.startswith("serve.workers=")), 1)
    server = Server([*command, *([] if original else ["--port", "0", *settings])], n_workers)
    try:
        yield server
    finally:
        server.process.terminate()
        server.process.wait(30)


async def load(server: Server, items: list[Question], n_clients: int) -> dict[str, float]:
    """Closed loop on kept connections: every client asks again when it has its answer."""
    times: list[float] = []
    statuses: dict[int, int] = {}
    over_s = time.perf_counter() + SECONDS
    bodies = [json.dumps({"context": context, "message": message}).encode() for context, message in items]
    heads = [
        b"POST /infer HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)
        for body in bodies
    ]

    async def client(number: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        for index in itertools.count(number * 37):
            started_s = time.perf_counter()
            if started_s >= over_s:
                break
            writer.write(heads[index % len(items)] + bodies[index % len(items)])
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            length = re.search(rb"content-length: (\d+)", head)
            await reader.readexactly(int(length[1]) if length else 0)
            times.append((time.perf_counter() - started_s) * 1e3)
            status = int(head.split()[1])
            statuses[status] = statuses.get(status, 0) + 1
        writer.close()

    started_s, cpu_s = time.perf_counter(), server.cpu_s()
    await asyncio.gather(*map(client, range(n_clients)))
    took_s, cpu_s = time.perf_counter() - started_s, server.cpu_s() - cpu_s
    cuts = statistics.quantiles(times, n=100)
    return {
        "per_second": len(times) / took_s,
        "p50": cuts[49],
        "p95": cuts[94],
        "p99": cuts[98],
        "cpu": cpu_s / len(times) * 1e3,
        "failed": len(times) - statuses.get(200, 0),
    }


def row(name: str, n_clients: int, figures: dict[str, float]) -> str:
    return (
        f"| {name} | {n_clients} | {figures['per_second']:.0f} | {figures['p50']:.1f} | {figures['p95']:.1f} "
        f"| {figures['p99']:.1f} | {figures['cpu']:.2f} | {figures['failed']:.0f} |"
    )


HEAD = "| server | clients | answers/s | p50 ms | p95 ms | p99 ms | CPU ms/answer | failed |\n|---|---|---|---|---|---|---|---|"


def in_process(items: list[Question]) -> dict[str, float]:
    """One caller, no server."""
    detector, times = TurnDetector.load(), []
    over_s, cpu_s = (started_s := time.perf_counter()) + SECONDS, time.process_time()
    for context, message in itertools.cycle(items):
        if (asked_s := time.perf_counter()) >= over_s:
            break
        detector.predict(message, context)
        times.append((time.perf_counter() - asked_s) * 1e3)
    cuts = statistics.quantiles(times, n=100)
    per_second = len(times) / (time.perf_counter() - started_s)
    cpu_ms = (time.process_time() - cpu_s) / len(times) * 1e3
    return {"per_second": per_second, "p50": cuts[49], "p95": cuts[94], "p99": cuts[98], "cpu": cpu_ms, "failed": 0}


async def stream(server: Server, items: list[Question]) -> None:
    """Many calls at the same time, a partial every 200 ms; every answer must belong to its frame and every frame have one."""
    detector = TurnDetector.load()
    words = sorted({message for _, message in items})
    expected = dict(zip(words, detector.predict_batch([(None, word) for word in words]), strict=True))
    times: list[float] = []
    outcomes = {"prediction": 0, "skipped": 0, "error": 0, "crossed": 0, "lost": 0}
    over_s = time.perf_counter() + STREAM_SECONDS

    async def call(number: int) -> None:
        said: dict[int, tuple[str, float]] = {}

        async def listen() -> None:
            async for frame in connection:
                event = json.loads(frame)
                if event["type"] not in ("prediction", "skipped", "error"):
                    continue
                text, sent_s = said.pop(event["seq"])
                outcomes[event["type"]] += 1
                if event["type"] == "prediction":
                    times.append((time.perf_counter() - sent_s) * 1e3)
                    outcomes["crossed"] += abs(event["eot_probability"] - expected[text].eot_probability) > 1e-3

        async with connect(f"ws://127.0.0.1:{server.port}/v1/stream", compression=None) as connection:
            listening = asyncio.create_task(listen())
            await connection.send('{"type": "speech_started"}')
            await asyncio.sleep(PARTIAL_EVERY_S * number / N_CALLS)
            for seq in itertools.count():
                if time.perf_counter() >= over_s:
                    break
                text = words[(number * 37 + seq) % len(words)]
                said[seq] = text, time.perf_counter()
                await connection.send(json.dumps({"type": "partial", "text": text, "seq": seq}))
                await asyncio.sleep(PARTIAL_EVERY_S)
            while said and time.perf_counter() < over_s + 10.0:
                await asyncio.sleep(0.05)
            outcomes["lost"] += len(said)
            listening.cancel()

    async def watch() -> None:
        for _ in range(4):
            memory.append(server.memory_mb()[-1])
            await asyncio.sleep(STREAM_SECONDS / 4)

    memory: list[float] = []
    await asyncio.gather(watch(), *map(call, range(N_CALLS)))
    memory.append(server.memory_mb()[-1])
    cuts = statistics.quantiles(times, n=100)
    print(f"\n{N_CALLS} calls, a partial every {PARTIAL_EVERY_S * 1e3:.0f} ms each, {STREAM_SECONDS:.0f} s: {outcomes}")
    print(f"answer p50 {cuts[49]:.1f} ms, p95 {cuts[94]:.1f} ms, p99 {cuts[98]:.1f} ms")
    print("memory of the server, MB, from begin to end: " + ", ".join(f"{size:.0f}" for size in memory))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--windows", action="store_true")
    parser.add_argument("--workers", default="")
    options = parser.parse_args()
    items = questions()
    n_cores = len(os.sched_getaffinity(0))
    print(f"{this_machine().cpu}, {n_cores} cores, Python {sys.version.split()[0]}, {SECONDS:g} s each\n\n{HEAD}")
    if options.windows:
        for max_batch, wait_ms in ((1, 0), (4, 0), (8, 0), (16, 0), (4, 1), (4, 2)):
            with served(f"serve.max_batch={max_batch}", f"serve.max_wait_ms={wait_ms}") as server:
                for n_clients in (1, 8, 64):
                    figures = asyncio.run(load(server, items, n_clients))
                    print(row(f"batch {max_batch}, window {wait_ms} ms", n_clients, figures), flush=True)
        return
    if options.workers:
        for n_workers in map(int, options.workers.split(",")):
            with served(f"serve.workers={n_workers}") as server:
                print(row(f"{n_workers} workers", 64, asyncio.run(load(server, items, 64))), flush=True)
                sizes = ", ".join(f"{size:.0f}" for size in server.memory_mb())
                print(f"memory, MB (with several workers the supervisor first): {sizes}", flush=True)
        return
    print(row("none, in process", 1, in_process(items)), flush=True)
    with served() as server:
        for n_clients in (1, 8, 64):
            print(row("ours", n_clients, asyncio.run(load(server, items, n_clients))), flush=True)
    if "TURN_DETECTION_TRITON_PYTHON" in os.environ:
        with triton() as url, served("serve.backend=triton", f"serve.triton_url={url}") as server:
            for n_clients in (1, 8, 64):
                figures = asyncio.run(load(server, items, n_clients))
                print(row("ours, through Triton (CPU without Triton's)", n_clients, figures), flush=True)
    with served(original=True) as server:
        for n_clients in (1, 8):
            print(row("the original's way", n_clients, asyncio.run(load(server, items, n_clients))), flush=True)
    with served() as server:
        asyncio.run(stream(server, items))


if __name__ == "__main__":
    main()
