"""The endpointer on an asyncio clock."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from scripted import POLICY, SURE, ScriptedDetector, waited

from turn_detection.endpointing import EndOfTurn, EndpointingPolicy
from turn_detection.errors import BackendError
from turn_detection.plugins.watcher import TurnWatcher
from turn_detection.policy_file import save_policy
from turn_detection.types import TurnPrediction


async def heard(watcher: TurnWatcher, *finals: str) -> tuple[EndOfTurn, float]:
    watcher.speech_started()
    for words in finals:
        watcher.partial(words)
        await asyncio.sleep(0.05)
        watcher.final(words)
    watcher.speech_stopped()
    started = time.monotonic()
    turn = await asyncio.wait_for(watcher.end_of_turn(), 5)
    return turn, time.monotonic() - started


def test_finished_and_unfinished_turns_wait_differently() -> None:
    async def call() -> None:
        scripted = ScriptedDetector()
        answers: list[TurnPrediction] = []
        async with TurnWatcher(scripted, on_prediction=answers.append) as watcher:
            watcher.bot_said("Чем могу помочь?")
            turn, silence_s = await heard(watcher, "да")
            assert turn.eot_probability == SURE
            assert waited(silence_s, POLICY.delay_s(SURE))
            turn, silence_s = await heard(watcher, "мне нужна справка", "и")
            assert turn.text == "мне нужна справка и"
            assert waited(silence_s, POLICY.max_delay_s)
        assert scripted.asked[0][1][0].text == "Чем могу помочь?"
        assert len(answers) == watcher.counters.predictions >= 3
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(call())


def test_a_failing_detector_waits_the_longest() -> None:
    async def call() -> None:
        async with TurnWatcher(ScriptedDetector(error=BackendError("broken"))) as watcher:
            turn, silence_s = await heard(watcher, "да")
        assert turn.eot_probability is None
        assert waited(silence_s, POLICY.max_delay_s)

    asyncio.run(call())


def test_words_soon_after_a_turn_open_the_next_and_the_final_that_was_owed_does_not() -> None:
    async def call() -> None:
        async with TurnWatcher(ScriptedDetector()) as watcher:
            watcher.partial("да")  # no speech detector: silence counts from the words
            turn = await asyncio.wait_for(watcher.end_of_turn(), 5)
            assert turn.text == "да"
            watcher.final("Да!")  # the same words
            assert not watcher.undecided
            watcher.partial("мне")
            watcher.partial("мне нужна справка")
            assert watcher.undecided
            watcher.final("Мне нужна справка.")
            turn = await asyncio.wait_for(watcher.end_of_turn(), 5)
            assert turn.text == "Мне нужна справка."
            watcher.final("И выписка.")
            turn = await asyncio.wait_for(watcher.end_of_turn(), 5)
            assert turn.text == "И выписка."

    asyncio.run(call())


def test_another_wording_of_the_final_that_was_owed_is_no_new_turn() -> None:
    async def call() -> None:
        async with TurnWatcher(ScriptedDetector()) as watcher:
            watcher.partial("запишите меня пожалуста")
            await asyncio.wait_for(watcher.end_of_turn(), 5)
            watcher.final("Запишите меня, пожалуйста.")
            assert not watcher.undecided

    asyncio.run(call())


def test_new_words_before_the_owed_final_keep_their_own_final() -> None:
    async def call() -> None:
        async with TurnWatcher(ScriptedDetector()) as watcher:
            watcher.partial("да")
            await asyncio.wait_for(watcher.end_of_turn(), 5)
            watcher.partial("да")  # the same interim again
            assert not watcher.undecided
            watcher.partial("мне нужна справка")
            watcher.final("Мне нужна справка и выписка.")
            turn = await asyncio.wait_for(watcher.end_of_turn(), 5)
            assert turn.text == "Мне нужна справка и выписка."

    asyncio.run(call())


def test_the_policy_may_be_a_file(tmp_path: Path) -> None:
    slow = EndpointingPolicy(min_delay_s=0.6, max_delay_s=0.6)
    save_policy(tmp_path / "policy.json", slow)

    async def call() -> None:
        async with TurnWatcher(ScriptedDetector(), policy=tmp_path / "policy.json") as watcher:
            _, silence_s = await heard(watcher, "да")
            assert waited(silence_s, 0.6)

    asyncio.run(call())
