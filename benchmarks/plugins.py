"""What the plugins cost: lag of the event loop, delays of real sessions, memory of a job process.

``python benchmarks/plugins.py heartbeat|delays|memory [--model BUNDLE] [--rounds 8]`` (extras ``livekit`` and ``pipecat``). Prints one
JSON object a line, with the machine and the versions in the first. ``heartbeat`` plays whole sessions in rounds, all kinds in turn, and sums up.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import multiprocessing
import os
import platform
import statistics
import sys
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "examples"))

from turn_detection import TurnDetector, TurnPrediction

N_SESSIONS = 32
BEAT_S = 0.001
QUESTION = "Какой вопрос вас интересует?"
TURNS = (
    "да",
    "я бы хотела открыть вклад в банке и",
    "мне нужно перенести запись на четверг на половину третьего если это возможно",
    "восемь девятьсот три сто двадцать сорок пять ноль один",
)


def environment() -> dict[str, Any]:
    """CPU, cores, load and versions."""
    names = [
        line.split(":", 1)[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line
    ]
    versions: dict[str, str | None] = {}
    for package in ("livekit-agents", "pipecat-ai", "onnxruntime", "numpy", "tokenizers"):
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            versions[package] = None
    return {
        "cpu": names[0] if names else platform.processor(),
        "cores": len(os.sched_getaffinity(0)),
        "load": os.getloadavg()[0],
        "python": platform.python_version(),
        "versions": versions,
    }


@dataclass
class Lags:
    """By how much each beat of a :class:`Heart` was late, in milliseconds.

    Attributes:
        lags_ms: one a beat.
        kept_ms: of it, what the loop's own thread did not compute itself: what others kept it from running, threads on its core or with the
            interpreter's lock, other processes, the host. The sleep may hide some of the loop's work, so these are upper bounds.
        longest_collection_ms: of Python's garbage.
    """

    lags_ms: list[float] = field(default_factory=list)
    kept_ms: list[float] = field(default_factory=list)
    longest_collection_ms: float = 0.0

    @classmethod
    def of(cls, runs: Iterable[Lags]) -> Lags:
        """All beats of several runs."""
        found = cls()
        for run in runs:
            found.lags_ms += run.lags_ms
            found.kept_ms += run.kept_ms
            found.longest_collection_ms = max(found.longest_collection_ms, run.longest_collection_ms)
        return found

    def summary(self) -> dict[str, float]:
        """Quantiles of the lag in milliseconds."""
        lags = sorted(self.lags_ms)
        return {
            "beats": len(lags),
            "p50_ms": round(statistics.median(lags), 3),
            "p99_ms": round(lags[int(0.99 * len(lags))], 3),
            "p999_ms": round(lags[int(0.999 * len(lags))], 3),
            "max_ms": round(lags[-1], 3),
            "over_5_ms": sum(lag > 5 for lag in lags),
            "kept_by_others_max_ms": round(max(self.kept_ms), 3),
            "kept_by_others_over_5_ms": sum(kept > 5 for kept in self.kept_ms),
            "longest_garbage_collection_ms": round(self.longest_collection_ms, 3),
        }


class Heart:
    """Measures by how much a task that sleeps for ``beat_s`` seconds oversleeps: for so long nobody else could run either."""

    def __init__(self, beat_s: float = BEAT_S) -> None:
        self.lags = Lags()
        self._beat_s = beat_s

    def _watch_collector(self, phase: str, _: object) -> None:
        if phase == "start":
            self._collection_started = time.perf_counter()
        else:
            took_ms = (time.perf_counter() - self._collection_started) * 1e3
            self.lags.longest_collection_ms = max(self.lags.longest_collection_ms, took_ms)

    async def __aenter__(self) -> Heart:
        # What was imported and what earlier runs left is none of this run's garbage; LiveKit's job processes are frozen, too.
        gc.collect()
        gc.freeze()
        gc.callbacks.append(self._watch_collector)
        self._task = asyncio.create_task(self._beat())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        gc.callbacks.remove(self._watch_collector)

    async def _beat(self) -> None:
        while True:
            started, computed = time.perf_counter(), time.thread_time()
            await asyncio.sleep(self._beat_s)
            took_s, computed_s = time.perf_counter() - started, time.thread_time() - computed
            self.lags.lags_ms.append((took_s - self._beat_s) * 1e3)
            self.lags.kept_ms.append((took_s - max(self._beat_s, computed_s)) * 1e3)


async def heartbeat(
    ask: Callable[[int, str], Awaitable[object]] | None, *, seconds: float = 3.0, pause_s: float = 0.2
) -> dict[str, float]:
    """Lag while :data:`N_SESSIONS` callers ask, each once every ``pause_s`` seconds; nobody asks if ``ask`` is ``None``."""

    async def caller(index: int) -> None:
        until = time.perf_counter() + seconds
        await asyncio.sleep(pause_s * index / N_SESSIONS)
        n = index
        while time.perf_counter() < until:
            if ask is not None:
                await ask(index, TURNS[n % len(TURNS)])
            n += 1
            await asyncio.sleep(pause_s)

    async with Heart() as heart:
        await asyncio.gather(*(caller(index) for index in range(N_SESSIONS)))
    return heart.lags.summary()


def run_heartbeat(detector: TurnDetector, *, rounds: int = 1) -> list[dict[str, Any]]:
    """Lag of the loop: idle, with predictions, and with whole sessions of both frameworks."""
    from livekit.agents.llm import ChatContext

    from turn_detection.plugins.livekit import RussianTurnDetector
    from turn_detection.plugins.scoring import shared_pool

    turn_detectors = [RussianTurnDetector(detector) for _ in range(N_SESSIONS)]

    async def ask(index: int, words: str) -> None:
        chat_ctx = ChatContext.empty()
        chat_ctx.add_message(role="assistant", content=QUESTION)
        chat_ctx.add_message(role="user", content=words)
        await turn_detectors[index].predict_end_of_turn(chat_ctx)

    async def ask_in_loop(_: int, words: str) -> None:
        detector.predict(words, QUESTION)

    # The very first question of a process starts threads and compiles the framework's messages, 10 to 30 ms once; no call is on the line then.
    asyncio.run(ask(0, TURNS[0]))
    rows: list[dict[str, Any]] = [{"what": "nobody asks", **asyncio.run(heartbeat(None))}]
    rows.append(
        {"what": "32 callers, worker threads", "workers": shared_pool().n_workers, **asyncio.run(heartbeat(ask))}
    )
    rows[-1]["counters"] = {
        name: sum(getattr(one.counters, name) for one in turn_detectors)
        for name in ("predictions", "timeouts", "errors")
    }
    rows.append({"what": "32 callers, all at once", **asyncio.run(heartbeat(ask, pause_s=0.0, seconds=2.0))})
    rows.append({"what": "32 callers, in the loop itself", **asyncio.run(heartbeat(ask_in_loop))})
    judges = {
        "without predictions": None,
        "with ready-made answers": ReadyMade(detector),
        "with predictions in a worker thread": detector,
    }
    stages = {(framework, what): judge for framework in ("livekit", "pipecat") for what, judge in judges.items()}
    stages["livekit", "with predictions in the inference process"] = "process"
    lags: dict[tuple[str, str], list[Lags]] = {key: [] for key in stages}
    for _ in range(rounds):
        for (framework, what), judge in stages.items():
            lags[framework, what].append(asyncio.run(sessions_heartbeat(framework, judge)))
    rows += [
        {"what": f"32 sessions of {framework} {what}", **Lags.of(found).summary()}
        for (framework, what), found in lags.items()
    ]
    return rows


class ReadyMade:
    """Knows the answers beforehand: what is left of the lag is the framework's, not the model's."""

    def __init__(self, detector: TurnDetector) -> None:
        self.threshold = detector.threshold
        self.policy = detector.policy
        self._answers = {words: detector.predict(words, QUESTION) for words in TURNS}

    def predict(self, message: str, context: Any = None) -> TurnPrediction:
        return self._answers.get(message, self._answers[TURNS[0]])


def make_stage(framework: str, detector: Any, **options: Any) -> Any:
    """A stage of the offline examples; without a detector the framework is left to its timers."""
    if framework == "livekit":
        import livekit_offline

        from turn_detection.plugins.livekit import RussianTurnDetector

        if isinstance(detector, Executor):
            from turn_detection.plugins.livekit_process import ProcessScorer

            judge: Any = RussianTurnDetector(scorer=ProcessScorer(executor=detector.executor))
        else:
            judge = RussianTurnDetector(detector) if detector else "vad"
        return livekit_offline.Stage(judge, **options)
    import pipecat_offline
    from loguru import logger
    from pipecat.turns.user_stop import SpeechTimeoutUserTurnStopStrategy

    from turn_detection.plugins.pipecat import RussianTurnStopStrategy

    logger.remove()

    def strategy(context: Any) -> Any:
        if detector is None:
            return SpeechTimeoutUserTurnStopStrategy(user_speech_timeout=0.3)
        return RussianTurnStopStrategy(context=context, detector=detector)

    return pipecat_offline.Stage(strategy, **options)


async def sessions_heartbeat(framework: str, detector: Any) -> Lags:
    """Lag during three turns of 32 calls of one process; starting and closing the calls is not measured."""
    process = await Executor.start() if detector == "process" else None
    stages = [make_stage(framework, process or detector) for _ in range(N_SESSIONS)]
    for stage in stages:
        await stage.__aenter__()

    async def call(index: int) -> None:
        await asyncio.sleep(index / N_SESSIONS)
        for words in TURNS[:3]:
            await stages[index].caller_says(words, speech_s=0.6)
            await stages[index].turn_ends()

    async with Heart() as heart:
        await asyncio.gather(*map(call, range(N_SESSIONS)))
    await asyncio.gather(*(stage.__aexit__(None, None, None) for stage in stages))
    if process is not None:
        await process.executor.aclose()
    return heart.lags


def run_delays(detector: TurnDetector, *, n_calls: int = 10) -> list[dict[str, Any]]:
    """Seconds from the end of speech to the bot's turn, for a finished and an unfinished turn, one call at a time."""
    rows = []
    for framework in ("livekit", "pipecat"):
        for words in (TURNS[2], TURNS[1]):
            delays = asyncio.run(_delays(framework, detector, words, n_calls))
            rows.append({
                "what": framework, "words": words, "p": round(detector.predict(words, QUESTION).eot_probability, 3),
                "suggested_s": round(detector.predict(words, QUESTION).delay_s, 3),
                "min_s": round(min(delays), 3), "median_s": round(statistics.median(delays), 3), "max_s": round(max(delays), 3),
            })  # fmt: skip
    return rows


async def _delays(framework: str, detector: TurnDetector, words: str, n_calls: int) -> Sequence[float]:
    async def call() -> float:
        async with make_stage(framework, detector) as stage:
            said = stage.bot_says(QUESTION)
            if said is not None:
                await said
            await stage.caller_says(words)
            return float((await stage.turn_ends())[1])

    return [await call() for _ in range(n_calls)]


def memory_mb(pid: int | str = "self") -> dict[str, float]:
    """Resident and proportional memory of a process, in MB."""
    fields = {}
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]:
        name, value = line.split(":")
        fields[name] = int(value.split()[0]) / 1024
    return {
        "rss_mb": round(fields["Rss"], 1),
        "pss_mb": round(fields["Pss"], 1),
        "private_mb": round(fields["Private_Dirty"] + fields["Private_Clean"], 1),
    }


def _job(model: str | None, what: str, ready: Any, done: Any) -> None:
    """Stands for one job process of a LiveKit worker, as far as memory is concerned."""
    if what != "no detector":
        from turn_detection.plugins.livekit_process import ProcessScorer
        from turn_detection.plugins.scoring import Scorer, shared_detector

        if what == "inference process":
            scorer: Any = ProcessScorer(executor=SomebodyElse(), deadline_s=5.0)
        else:
            scorer = Scorer(TurnDetector.load(model) if what == "own model" else shared_detector(), deadline_s=5.0)
        for words in TURNS:
            assert asyncio.run(scorer.score(words, QUESTION)) is not None
    ready.put(what)
    done.wait()


class SomebodyElse:
    """Stands for the framework's channel to its inference process: what is measured is the job's side."""

    async def do_inference(self, method: str, data: bytes) -> bytes:
        return b'{"eot_probability": 0.5}'


def run_memory(model: str | None, *, n_jobs: int = 4) -> list[dict[str, Any]]:
    """Memory of job processes, forked from a server that has imported the framework, as LiveKit does on Linux: without a detector, asking
    the framework's inference process, with a model each, with a model that the server has preloaded; and the inference process itself.
    """
    context = multiprocessing.get_context("forkserver")
    preload = ["livekit.plugins.ru_turn_detector", "livekit.agents.ipc._preload", "livekit.agents.ipc._preload_freeze"]
    rows = []
    for what in ("no detector", "inference process", "own model", "preloaded model"):
        if what == "preloaded model":
            preload.insert(1, "turn_detection.plugins.preload")
        _restart_forkserver(context, preload)
        ready: Any = context.Queue()
        done = context.Event()
        jobs = [context.Process(target=_job, args=(model, what, ready, done)) for _ in range(n_jobs)]
        for job in jobs:
            job.start()
        for _ in jobs:
            ready.get(timeout=60)
        per_job = [memory_mb(job.pid or "self") for job in jobs]  # all alive: shared pages are shared
        mean = {key: round(statistics.mean(row[key] for row in per_job), 1) for key in per_job[0]}
        rows.append({"what": f"job process, {what}", "processes": n_jobs, **mean})
        done.set()
        for job in jobs:
            job.join()
    preload.remove("turn_detection.plugins.preload")
    _restart_forkserver(context, preload)
    rows.append(asyncio.run(_inference_process()))
    detector = TurnDetector.load(model)
    rows.append({"what": "latency, worker thread of the job", **asyncio.run(_latency(_threads(detector)))})
    return rows


def _restart_forkserver(context: Any, preload: list[str]) -> None:
    from multiprocessing import forkserver

    forkserver._forkserver._stop()  # type: ignore[attr-defined]
    context.set_forkserver_preload(list(preload))


def _threads(detector: TurnDetector) -> Any:
    from turn_detection.plugins.scoring import Scorer

    return Scorer(detector, deadline_s=5.0)


async def _latency(scorer: Any, n: int = 300) -> dict[str, float]:
    latencies = []
    for index in range(n):
        started = time.perf_counter()
        assert await scorer.score(TURNS[index % len(TURNS)], QUESTION) is not None
        latencies.append((time.perf_counter() - started) * 1e3)
    latencies.sort()
    return {"p50_ms": round(statistics.median(latencies), 2), "p99_ms": round(latencies[int(0.99 * n)], 2)}


@dataclass(frozen=True)
class Executor:
    """The framework's inference process with our runner in it, unmodified, without a worker around it."""

    executor: Any

    @classmethod
    async def start(cls) -> Executor:
        from livekit.agents.ipc.inference_proc_executor import InferenceProcExecutor

        from turn_detection.plugins.livekit_process import METHOD, TurnRunner

        executor = InferenceProcExecutor(
            runners={METHOD: TurnRunner},
            initialize_timeout=60,
            close_timeout=5,
            memory_warn_mb=0,
            memory_limit_mb=0,
            ping_interval=5,
            ping_timeout=60,
            high_ping_threshold=2.5,
            mp_ctx=multiprocessing.get_context("forkserver"),
            loop=asyncio.get_running_loop(),
            http_proxy=None,
        )
        await executor.start()
        await executor.initialize()
        return cls(executor)


async def _inference_process() -> dict[str, Any]:
    from turn_detection.plugins.livekit_process import ProcessScorer

    executor = (await Executor.start()).executor
    latency = await _latency(ProcessScorer(executor=executor, deadline_s=5.0))
    memory = memory_mb(executor.pid or "self")
    await executor.aclose()
    return {"what": "inference process, one for all jobs", "processes": 1, **memory, **latency}


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["heartbeat", "delays", "memory"])
    parser.add_argument("--model", help="a bundle instead of the shipped one")
    parser.add_argument("--rounds", type=int, default=1, help="of whole sessions, for heartbeat")
    arguments = parser.parse_args()
    print(json.dumps(environment()))
    if arguments.what == "memory":
        rows = run_memory(arguments.model)
    elif arguments.what == "heartbeat":
        rows = run_heartbeat(TurnDetector.load(arguments.model), rounds=arguments.rounds)
    else:
        rows = run_delays(TurnDetector.load(arguments.model))
    for row in rows:
        print(json.dumps(row, ensure_ascii=False))


if __name__ == "__main__":
    main()
