"""Worker threads that ask the kernel for longer slices."""

from __future__ import annotations

import os
import platform
import re
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from turn_detection.plugins import slices
from turn_detection.plugins.scoring import WorkerPool
from turn_detection.plugins.slices import SLICE_S, slice_of_thread, take_long_slices
from turn_detection.types import TurnPrediction


def kernel_has_slices() -> bool:
    if sys.platform != "linux":
        return False
    version = re.match(r"(\d+)\.(\d+)", platform.release())
    return version is not None and tuple(map(int, version.groups())) >= (6, 12) and slice_of_thread() is not None


needs_slices = pytest.mark.skipif(not kernel_has_slices(), reason="the kernel has no slices of a thread's own")


@needs_slices
def test_a_thread_asks_for_itself_alone_and_keeps_its_place() -> None:
    before = slice_of_thread()

    def ask() -> tuple[bool, float | None, int, int]:
        return take_long_slices(0.05), slice_of_thread(), os.sched_getscheduler(0), os.getpriority(os.PRIO_PROCESS, 0)

    with ThreadPoolExecutor(1) as threads:
        taken = threads.submit(ask).result()
    assert taken == (True, 0.05, os.SCHED_OTHER, os.getpriority(os.PRIO_PROCESS, 0))
    assert slice_of_thread() == before


@needs_slices
def test_the_threads_of_a_pool_have_long_slices() -> None:
    pool = WorkerPool(1)
    found: list[float | None] = []

    def ask() -> TurnPrediction:
        found.append(slice_of_thread())
        raise LookupError

    job = pool.submit(ask)
    assert job is not None
    assert isinstance(job.exception(), LookupError)
    pool.close()
    assert found == [SLICE_S]


def test_where_it_cannot_be_asked_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slices.platform, "machine", lambda: "riscv64")  # type: ignore[attr-defined]
    assert take_long_slices() is False
    assert slice_of_thread() is None
