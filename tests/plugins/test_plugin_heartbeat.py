"""The event loop runs on while 32 callers are judged by a real model in worker threads."""

from __future__ import annotations

import asyncio
import importlib.util
import sys
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from turn_detection import TurnDetector
from turn_detection.plugins.scoring import Scorer

#: The promise. Only a quiet machine can keep it: what a loop without any work oversleeps is added.
LIMIT_MS = 5.0


@pytest.fixture(scope="module")
def bench() -> ModuleType:
    path = Path(__file__).resolve().parents[2] / "benchmarks" / "plugins.py"
    spec = importlib.util.spec_from_file_location("plugins_benchmark", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["plugins_benchmark"] = module
    spec.loader.exec_module(module)
    return module


def lag_of_predictions(bench: ModuleType, detector: TurnDetector) -> tuple[float, float, int]:
    """Milliseconds that 999 beats of 1000 stay below, without and with predictions; and how many were answered."""
    scorers = [Scorer(detector, deadline_s=5.0) for _ in range(bench.N_SESSIONS)]

    async def ask(index: int, words: str) -> None:
        await scorers[index].score(words, bench.QUESTION)

    idle = asyncio.run(bench.heartbeat(None, seconds=1.0))
    busy = asyncio.run(bench.heartbeat(ask, seconds=1.0))
    return idle["p999_ms"], busy["p999_ms"], sum(scorer.counters.predictions for scorer in scorers)


@pytest.mark.parametrize("own_work", [True, False])
def test_what_the_loop_computes_itself_is_not_what_others_keep_it_from(bench: ModuleType, own_work: bool) -> None:
    async def scene() -> Any:
        async with bench.Heart() as heart:
            await asyncio.sleep(0.01)
            until = time.thread_time() + 0.05
            while own_work and time.thread_time() < until:
                pass
            if not own_work:
                time.sleep(0.05)  # as if somebody else had the core
            await asyncio.sleep(0.01)
        return heart.lags.summary()

    found = asyncio.run(scene())
    assert found["max_ms"] > 45
    assert (found["kept_by_others_max_ms"] > 45) is not own_work


@pytest.mark.slow
def test_predictions_do_not_block_the_loop(bench: ModuleType, toy_bundle: Path) -> None:
    attempts = [lag_of_predictions(bench, TurnDetector.load(toy_bundle)) for _ in range(3)]
    assert all(answered >= 32 for _, _, answered in attempts)
    # The best of three: somebody else's burst of work is no fault of ours.
    assert min(busy - idle for idle, busy, _ in attempts) <= LIMIT_MS
