"""A real AgentSession, unmodified, with a scripted caller. Times are measured from the end of speech."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

pytest.importorskip(
    "livekit.agents", reason="needs the extra 'livekit' (tests of plugins have an environment of their own)"
)

from livekit_offline import Stage
from scripted import POLICY, ScriptedDetector, waited

from turn_detection.errors import BackendError
from turn_detection.plugins.livekit import RussianTurnDetector

pytestmark = pytest.mark.slow  # in real time

MIN_S, MAX_S = 0.3, 1.0
ENDPOINTING = {"mode": "fixed", "min_delay": MIN_S, "max_delay": MAX_S}


def play(
    scene: Callable[[Stage], Awaitable[Any]], detector: RussianTurnDetector, *, continuous: bool = False, **options: Any
) -> Stage:
    """Play a scene on a stage of its own; afterwards no task of the call is left."""

    async def call() -> Stage:
        async with Stage(detector, endpointing=ENDPOINTING, **options) as stage:
            if continuous:
                detector.use_continuous_delays(stage.session)
            await scene(stage)
        await asyncio.sleep(0.1)
        left = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        assert left == []
        return stage

    return asyncio.run(call())


async def one_turn(stage: Stage, words: str, **options: Any) -> tuple[str, float]:
    await stage.caller_says(words, **options)
    return await stage.turn_ends()


def test_a_finished_turn_commits_at_min_delay() -> None:
    detector = RussianTurnDetector(ScriptedDetector())
    stage = play(lambda stage: one_turn(stage, "мне нужна справка"), detector)
    ((words, silence_s),) = stage.turns
    assert words == "мне нужна справка"
    assert waited(silence_s, MIN_S)
    assert stage.llm.asked == ["мне нужна справка"]


def test_an_unfinished_turn_waits_for_max_delay() -> None:
    stage = play(
        lambda stage: one_turn(stage, "я бы хотела открыть вклад в банке и"), RussianTurnDetector(ScriptedDetector())
    )
    ((_, silence_s),) = stage.turns
    assert waited(silence_s, MAX_S)


def test_a_short_answer_after_a_question_is_fast_and_the_question_is_seen() -> None:
    scripted = ScriptedDetector()

    async def scene(stage: Stage) -> None:
        await stage.bot_says("Вам удобно сейчас говорить?")
        await one_turn(stage, "да")

    ((_, silence_s),) = play(scene, RussianTurnDetector(scripted)).turns
    assert waited(silence_s, MIN_S)
    message, context = scripted.asked[-1]
    assert message == "да"
    assert context[-1].text.endswith("Вам удобно сейчас говорить?")


def test_resumed_speech_becomes_one_turn() -> None:
    async def scene(stage: Stage) -> None:
        await stage.caller_says("мне нужен")
        await asyncio.sleep(0.5)
        await one_turn(stage, "номер на двоих")

    ((words, silence_s),) = play(scene, RussianTurnDetector(ScriptedDetector())).turns
    assert words == "мне нужен номер на двоих"
    assert waited(silence_s, MIN_S)


def test_a_telephone_number_in_three_pieces_is_one_turn() -> None:
    scripted = ScriptedDetector()

    async def scene(stage: Stage) -> None:
        await stage.bot_says("Назовите номер телефона.")
        for piece in ("восемь девятьсот три", "сто двадцать"):
            await stage.caller_says(piece)
            await asyncio.sleep(0.6)
        await one_turn(stage, "сорок пять ноль один")

    ((words, _),) = play(scene, RussianTurnDetector(scripted)).turns
    assert words == "восемь девятьсот три сто двадцать сорок пять ноль один"
    assert scripted.messages[-1] == words


def test_the_second_turn_sees_the_first_and_the_answer_to_it() -> None:
    scripted = ScriptedDetector()

    async def scene(stage: Stage) -> None:
        await one_turn(stage, "запишите меня")
        await one_turn(stage, "спасибо")

    play(scene, RussianTurnDetector(scripted, history_messages=2))
    message, context = scripted.asked[-1]
    assert message == "спасибо"
    assert [entry.text for entry in context] == ["запишите меня", "Хорошо, записал."]


def test_another_language_is_not_scored_and_gets_min_delay() -> None:
    scripted = ScriptedDetector()
    stage = play(lambda stage: one_turn(stage, "i would like to", language="en"), RussianTurnDetector(scripted))
    ((_, silence_s),) = stage.turns
    assert scripted.asked == []
    assert waited(silence_s, MIN_S)


@pytest.mark.parametrize("language", ["", "multi", "rus"])
def test_vague_language_tags_do_not_switch_it_off(language: str) -> None:
    scripted = ScriptedDetector()
    stage = play(lambda stage: one_turn(stage, "вклад в банке и", language=language), RussianTurnDetector(scripted))
    ((_, silence_s),) = stage.turns
    assert waited(silence_s, MAX_S)


@pytest.mark.parametrize(("fallback", "delay_s"), [(0.0, MAX_S), (1.0, MIN_S)])
def test_an_error_falls_back_as_documented(fallback: float, delay_s: float) -> None:
    detector = RussianTurnDetector(ScriptedDetector(error=BackendError("broken")), fallback_probability=fallback)
    ((_, silence_s),) = play(lambda stage: one_turn(stage, "да"), detector).turns
    assert waited(silence_s, delay_s)
    assert detector.counters.errors >= 1


def test_a_timeout_falls_back_to_max_delay() -> None:
    detector = RussianTurnDetector(ScriptedDetector(takes_s=0.4), deadline_s=0.1)
    ((_, silence_s),) = play(lambda stage: one_turn(stage, "да"), detector).turns
    assert waited(silence_s, MAX_S)
    assert detector.counters.timeouts >= 1


def test_speech_that_resumes_during_a_prediction_cancels_it_and_leaves_nothing_behind() -> None:
    detector = RussianTurnDetector(ScriptedDetector(takes_s=0.25), deadline_s=2.0)

    async def scene(stage: Stage) -> None:
        await stage.caller_says("мне нужна")
        await asyncio.sleep(0.1)  # the answer is on its way
        await one_turn(stage, "справка")

    ((words, _),) = play(scene, detector).turns
    assert words == "мне нужна справка"
    assert detector.counters.cancelled >= 1


def test_continuous_delays_follow_the_probability() -> None:
    class Hesitant(ScriptedDetector):
        def probability(self, words: Any) -> float:
            return {"да": 0.97, "наверное": 0.5}.get(words[-1], 0.02)

    async def scene(stage: Stage) -> None:
        for words in ("да", "наверное", "в банк и"):
            await one_turn(stage, words)

    stage = play(scene, RussianTurnDetector(Hesitant()), continuous=True)
    for (_, silence_s), p in zip(stage.turns, (0.97, 0.5, 0.02), strict=True):
        assert waited(silence_s, POLICY.delay_s(p))
    assert POLICY.min_delay_s < POLICY.delay_s(0.5) < POLICY.max_delay_s


def test_closing_the_session_during_a_wait_leaves_nothing_behind() -> None:
    detector = RussianTurnDetector(ScriptedDetector(takes_s=0.2), deadline_s=2.0)

    async def scene(stage: Stage) -> None:
        await stage.caller_says("вклад в банке и")

    assert play(scene, detector).turns in ([], [("вклад в банке и", pytest.approx(0.3, abs=1.0))])
