"""A detector behind an event loop: threads, deadline, counters."""

from __future__ import annotations

import asyncio
import gc
import logging
import time

import pytest
from scripted import SURE, ScriptedDetector

from turn_detection.errors import BackendError, InvalidInputError
from turn_detection.plugins.scoring import Scorer, WorkerPool, shared_pool


def test_an_answer_in_time_is_returned_and_counted() -> None:
    scorer = Scorer(ScriptedDetector(), deadline_s=1.0)
    prediction = asyncio.run(scorer.score("да", "Вам удобно?"))
    assert prediction is not None
    assert prediction.eot_probability == SURE
    assert (scorer.counters.predictions, scorer.counters.timeouts, scorer.counters.errors) == (1, 0, 0)


def test_the_loop_runs_on_while_the_detector_works() -> None:
    async def ticks() -> int:
        scorer = Scorer(ScriptedDetector(takes_s=0.3), deadline_s=1.0)
        asked = asyncio.create_task(scorer.score("да"))
        n_ticks = 0
        while not asked.done():
            await asyncio.sleep(0.01)
            n_ticks += 1
        return n_ticks

    assert asyncio.run(ticks()) > 10


def test_a_late_answer_counts_as_timeout_and_as_late(caplog: pytest.LogCaptureFixture) -> None:
    async def scenario() -> Scorer:
        scorer = Scorer(ScriptedDetector(takes_s=0.2), deadline_s=0.05)
        with caplog.at_level(logging.DEBUG):
            assert await scorer.score("мой телефон восемь девятьсот") is None
        assert (scorer.counters.timeouts, scorer.counters.late) == (1, 0)
        await asyncio.sleep(0.3)
        return scorer

    counters = asyncio.run(scenario()).counters
    assert (counters.timeouts, counters.late, counters.predictions) == (1, 1, 0)
    assert "timed out" in caplog.text
    assert "девятьсот" not in caplog.text


def test_an_answer_after_the_loop_is_gone_harms_nothing(caplog: pytest.LogCaptureFixture) -> None:
    scorer = Scorer(ScriptedDetector(takes_s=0.2), deadline_s=0.02, pool=WorkerPool(1))
    assert asyncio.run(scorer.score("да")) is None
    time.sleep(0.3)
    gc.collect()
    assert scorer.counters.late == 1
    assert "exception" not in caplog.text.lower()


def test_an_error_counts_and_the_log_has_its_class_only(caplog: pytest.LogCaptureFixture) -> None:
    error = BackendError("cannot score «мой адрес»")
    scorer = Scorer(ScriptedDetector(error=error), deadline_s=1.0)
    assert asyncio.run(scorer.score("мой адрес")) is None
    assert scorer.counters.errors == 1
    assert "BackendError" in caplog.text
    assert "адрес" not in caplog.text


def test_a_question_that_is_cancelled_while_it_waits_is_never_worked_on() -> None:
    async def scenario() -> ScriptedDetector:
        detector = ScriptedDetector(takes_s=0.1)
        scorer = Scorer(detector, deadline_s=5.0, pool=WorkerPool(1))
        tasks = [asyncio.create_task(scorer.score(f"слово {index}")) for index in range(20)]
        await asyncio.sleep(0.05)
        for task in tasks[1:]:
            task.cancel()
        answers = await asyncio.gather(*tasks, return_exceptions=True)
        assert answers[0] is not None
        assert all(isinstance(answer, asyncio.CancelledError) for answer in answers[1:])
        assert scorer.counters.cancelled == 19
        await asyncio.sleep(0.15)
        return detector

    assert len(asyncio.run(scenario()).asked) == 1


def test_questions_beyond_the_limit_are_refused_at_once() -> None:
    async def scenario() -> Scorer:
        scorer = Scorer(ScriptedDetector(takes_s=0.05), deadline_s=1.0, pool=WorkerPool(1, max_pending=2))
        answers = await asyncio.gather(*(scorer.score("да") for _ in range(5)))
        assert sum(answer is None for answer in answers) == 3
        assert await scorer.score("да") is not None  # there is room again
        return scorer

    counters = asyncio.run(scenario()).counters
    assert (counters.refused, counters.predictions) == (3, 3)


def test_no_more_threads_work_than_the_pool_has() -> None:
    async def scenario() -> ScriptedDetector:
        detector = ScriptedDetector(takes_s=0.01)
        scorer = Scorer(detector, deadline_s=5.0, pool=WorkerPool(2))
        await asyncio.gather(*(scorer.score("да") for _ in range(32)))
        return detector

    detector = asyncio.run(scenario())
    assert len(detector.asked) == 32
    assert detector.most_busy <= 2


def test_the_shared_pool_is_small_and_one() -> None:
    assert shared_pool() is shared_pool()
    assert 1 <= shared_pool().n_workers <= 4


@pytest.mark.parametrize("deadline_s", [0, -1, float("inf"), float("nan"), "1", True])
def test_a_deadline_that_makes_no_sense_is_refused(deadline_s: float) -> None:
    with pytest.raises(InvalidInputError, match="deadline_s"):
        Scorer(ScriptedDetector(), deadline_s=deadline_s)


def test_a_pool_without_workers_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="n_workers"):
        WorkerPool(0)
