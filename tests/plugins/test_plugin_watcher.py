"""The endpointer on an asyncio clock."""

from __future__ import annotations

import asyncio
import time

from scripted import POLICY, SURE, ScriptedDetector, waited

from turn_detection.endpointing import EndOfTurn
from turn_detection.errors import BackendError
from turn_detection.plugins.watcher import TurnWatcher
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
