"""The queue in front of the engine: batches, bounds, deadlines, cancellation; nobody gets another's answer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from turn_detection import TurnPrediction
from turn_detection.errors import BackendError
from turn_detection.serve.batching import Batcher, ClosedError, DeadlineError, QueueFullError
from turn_detection.serve.metrics import Meter
from turn_detection.serve.scoring import Question

from .conftest import HeldEngine, probability_of

Scene = Callable[[Batcher, HeldEngine], Awaitable[None]]


def play(scene: Scene, engine: HeldEngine | None = None, **options: float) -> HeldEngine:
    engine = engine or HeldEngine()
    settings = {"max_batch": 4, "max_queue": 8, **options}

    async def run() -> None:
        batcher = Batcher(engine.answer, meter=Meter(), **settings)  # type: ignore[arg-type]
        batcher.start()
        try:
            await asyncio.wait_for(scene(batcher, engine), 20)
        finally:
            await batcher.close()

    asyncio.run(run())
    return engine


async def ask(batcher: Batcher, *messages: str, timeout_s: float = 10.0, bulk: bool = False) -> list[float]:
    answers = await batcher.ask([Question(message) for message in messages], timeout_s=timeout_s, bulk=bulk)
    return [answer.eot_probability for answer in answers]


async def until(condition: Callable[[], object]) -> None:
    while not condition():
        await asyncio.sleep(0.001)


def sizes(engine: HeldEngine) -> list[int]:
    return [len(batch) for batch in engine.batches]


def test_what_waits_is_answered_together_and_in_order() -> None:
    async def scene(batcher: Batcher, engine: HeldEngine) -> None:
        first = asyncio.create_task(ask(batcher, "1"))
        await until(lambda: engine.batches)
        rest = [asyncio.create_task(ask(batcher, str(number))) for number in range(2, 8)]
        await until(lambda: batcher.n_waiting == 6)
        engine.let_go()
        assert [await task for task in [first, *rest]] == [[number / 1000] for number in range(1, 8)]

    assert sizes(play(scene, HeldEngine(held=True))) == [1, 4, 2]


def test_a_window_collects_what_comes_one_by_one() -> None:
    async def scene(batcher: Batcher, engine: HeldEngine) -> None:
        tasks = []
        for number in range(3):
            tasks.append(asyncio.create_task(ask(batcher, str(number))))
            await asyncio.sleep(0.005)
        await asyncio.gather(*tasks)

    assert sizes(play(scene, max_wait_s=0.2)) == [3]


def test_a_full_queue_refuses_and_keeps_what_it_accepted() -> None:
    async def scene(batcher: Batcher, engine: HeldEngine) -> None:
        running = asyncio.create_task(ask(batcher, "1"))
        await until(lambda: engine.batches)
        accepted = [asyncio.create_task(ask(batcher, str(number))) for number in range(2, 10)]
        await until(lambda: batcher.n_waiting == 8)
        with pytest.raises(QueueFullError):
            await ask(batcher, "10")
        with pytest.raises(QueueFullError):
            await ask(batcher, "10", "11")
        accepted[0].cancel()
        await asyncio.sleep(0.01)
        room = asyncio.create_task(ask(batcher, "12"))  # who has gone takes no place
        await asyncio.sleep(0.01)
        engine.let_go()
        await asyncio.gather(running, room, *accepted[1:])

    asked = [question.message for batch in play(scene, HeldEngine(held=True)).batches for question in batch]
    assert asked == ["1", "3", "4", "5", "6", "7", "8", "9", "12"]


def test_single_questions_come_before_bulk_ones() -> None:
    async def scene(batcher: Batcher, engine: HeldEngine) -> None:
        running = asyncio.create_task(ask(batcher, "1"))
        await until(lambda: engine.batches)
        bulk = asyncio.create_task(ask(batcher, "2", "3", "4", bulk=True))
        await until(lambda: batcher.n_waiting == 3)
        single = asyncio.create_task(ask(batcher, "5"))
        await until(lambda: batcher.n_waiting == 4)
        engine.let_go()
        await asyncio.gather(running, bulk, single)

    asked = [question.message for batch in play(scene, HeldEngine(held=True)).batches for question in batch]
    assert asked == ["1", "5", "2", "3", "4"]


def test_a_deadline_ends_the_waiting_and_what_is_too_late_is_never_computed() -> None:
    async def scene(batcher: Batcher, engine: HeldEngine) -> None:
        running = asyncio.create_task(ask(batcher, "1"))
        await until(lambda: engine.batches)
        with pytest.raises(DeadlineError):
            await ask(batcher, "2", "3", timeout_s=0.02)
        engine.let_go()
        await running
        assert await ask(batcher, "4") == [0.004]

    asked = [question.message for batch in play(scene, HeldEngine(held=True)).batches for question in batch]
    assert asked == ["1", "4"]


def test_an_estimate_that_one_slow_call_drove_up_falls_again() -> None:
    async def scene(batcher: Batcher, engine: HeldEngine) -> None:
        slow = asyncio.create_task(ask(batcher, "1"))
        await asyncio.sleep(0.5)
        engine.let_go()
        await slow
        for _ in range(50):
            try:
                assert await ask(batcher, "2", timeout_s=0.05) == [0.002]
                break
            except DeadlineError:
                continue
        else:
            pytest.fail("every question was dropped")

    play(scene, HeldEngine(held=True))


def test_who_is_cancelled_is_withdrawn() -> None:
    async def scene(batcher: Batcher, engine: HeldEngine) -> None:
        running = asyncio.create_task(ask(batcher, "1"))
        await until(lambda: engine.batches)
        gone = asyncio.create_task(ask(batcher, "2"))
        stays = asyncio.create_task(ask(batcher, "3"))
        await until(lambda: batcher.n_waiting == 2)
        gone.cancel()
        await asyncio.sleep(0.01)
        engine.let_go()
        assert await stays == [0.003]
        await running
        with pytest.raises(asyncio.CancelledError):
            await gone

    asked = [question.message for batch in play(scene, HeldEngine(held=True)).batches for question in batch]
    assert asked == ["1", "3"]


def test_a_question_can_be_replaced_in_its_place_until_the_engine_has_it() -> None:
    async def scene(batcher: Batcher, engine: HeldEngine) -> None:
        loop = asyncio.get_running_loop()
        (running,) = batcher.submit([Question("1")], timeout_s=10)
        await until(lambda: engine.batches)
        (eager,) = batcher.submit([Question("2")], timeout_s=0.001)
        (patient,) = batcher.submit([Question("3")], timeout_s=10)
        assert not running.replace(Question("4"), loop.time() + 10)
        assert eager.replace(Question("5"), loop.time() + 10)
        await asyncio.sleep(0.01)
        engine.let_go()
        answers = await batcher.settled([running, eager, patient])
        assert [answer.eot_probability for answer in answers] == [0.001, 0.005, 0.003]
        assert not eager.replace(Question("6"), loop.time() + 10)

    play(scene, HeldEngine(held=True), max_batch=1)


def test_a_failed_engine_fails_its_batch_and_the_next_one_is_answered() -> None:
    async def scene(batcher: Batcher, engine: HeldEngine) -> None:
        with pytest.raises(BackendError):
            await ask(batcher, "1", "2")
        engine.failure = None
        assert await ask(batcher, "3") == [0.003]

    assert sizes(play(scene, HeldEngine(failure=BackendError("no engine")))) == [2, 1]


def test_one_bad_question_fails_alone() -> None:
    async def picky(questions: Sequence[Question]) -> list[TurnPrediction]:
        if any(question.message == "bad" for question in questions):
            raise ValueError("bad")
        return await HeldEngine().answer(questions)

    async def run() -> list[object]:
        batcher = Batcher(picky, max_batch=4, max_queue=8, meter=Meter())
        batcher.start()
        asking = [ask(batcher, message) for message in ("1", "bad", "3")]
        answers: list[object] = await asyncio.gather(*asking, return_exceptions=True)
        await batcher.close()
        return answers

    first, second, third = asyncio.run(run())
    assert (first, third) == ([0.001], [0.003])
    assert isinstance(second, ValueError)


def test_an_engine_that_miscounts_is_not_believed() -> None:
    async def short(questions: Sequence[Question]) -> list[TurnPrediction]:
        return []

    async def run() -> None:
        batcher = Batcher(short, max_batch=4, max_queue=8, meter=Meter())
        batcher.start()
        with pytest.raises(BackendError, match="0 answers"):
            await ask(batcher, "1")
        await batcher.close()

    asyncio.run(run())


def test_closing_tells_those_who_wait() -> None:
    async def scene(batcher: Batcher, engine: HeldEngine) -> None:
        running = asyncio.create_task(ask(batcher, "1"))
        await until(lambda: engine.batches)
        waiting = asyncio.create_task(ask(batcher, "2"))
        await until(lambda: batcher.n_waiting == 1)
        await batcher.close()
        with pytest.raises(ClosedError):
            await waiting
        with pytest.raises(ClosedError):
            await ask(batcher, "3")
        running.cancel()

    play(scene, HeldEngine(held=True))


def test_nothing_asked_is_nothing_answered() -> None:
    async def scene(batcher: Batcher, engine: HeldEngine) -> None:
        assert await ask(batcher) == []

    play(scene)


@settings(max_examples=25)
@given(
    requests=st.lists(
        st.tuples(st.lists(st.integers(0, 999), min_size=1, max_size=5), st.booleans(), st.booleans()), max_size=30
    ),
    n_parallel=st.integers(1, 3),
)
def test_answers_are_never_crossed(requests: list[tuple[list[int], bool, bool]], n_parallel: int) -> None:
    """Random requests from many clients, some of which give up at once: each gets its own answers, in its own order."""

    async def scene(batcher: Batcher, engine: HeldEngine) -> None:
        async def client(numbers: list[int], bulk: bool, impatient: bool) -> None:
            messages = [str(number) for number in numbers]
            task = asyncio.create_task(ask(batcher, *messages, bulk=bulk))
            if impatient:
                await asyncio.sleep(0)
                task.cancel()
            try:
                assert await task == [probability_of(message) for message in messages]
            except asyncio.CancelledError:
                assert impatient

        await asyncio.gather(*(client(*request) for request in requests))

    play(scene, max_queue=10_000, n_parallel=n_parallel)
