"""A real pipeline of Pipecat, unmodified, with a scripted caller. Times are measured from the end of speech."""

from __future__ import annotations

import array
import asyncio
import math
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pipecat", reason="needs the extra 'pipecat' (tests of plugins have an environment of their own)")

from loguru import logger
from pipecat.frames.frames import InputAudioRawFrame, VADUserStartedSpeakingFrame, VADUserStoppedSpeakingFrame
from pipecat.processors.aggregators.llm_context import LLMContext, LLMSpecificMessage
from pipecat.transcriptions.language import Language
from pipecat_offline import Stage
from scripted import POLICY, SURE, ScriptedDetector, waited

from turn_detection.endpointing import EndOfTurn, EndpointingPolicy
from turn_detection.errors import BackendError
from turn_detection.plugins.pipecat import RussianTurnStopStrategy
from turn_detection.plugins.pipecat_agreement import StopWhenAllAgree
from turn_detection.policy_file import save_policy

pytestmark = pytest.mark.slow  # in real time

MIN_S, MAX_S = POLICY.min_delay_s, POLICY.max_delay_s


@pytest.fixture(autouse=True)
def quiet() -> None:
    logger.remove()


def play(
    scene: Callable[[Stage], Awaitable[Any]],
    detector: ScriptedDetector,
    *,
    make: Callable[[RussianTurnStopStrategy], Any] = lambda strategy: strategy,
    stage_options: dict[str, Any] | None = None,
    **options: Any,
) -> tuple[Stage, RussianTurnStopStrategy]:
    """Play a scene on a stage of its own; afterwards no task of the call is left."""
    made: list[RussianTurnStopStrategy] = []

    def make_strategy(context: LLMContext) -> Any:
        made.append(RussianTurnStopStrategy(context=context, detector=detector, **options))
        return make(made[0])

    async def call() -> Stage:
        async with Stage(make_strategy, **(stage_options or {})) as stage:
            await scene(stage)
        await asyncio.sleep(0.05)
        assert [task for task in asyncio.all_tasks() if task is not asyncio.current_task()] == []
        return stage

    stage = asyncio.run(call())
    return stage, made[0]


async def one_turn(stage: Stage, words: str, **options: Any) -> tuple[str, float]:
    await stage.caller_says(words, **options)
    return await stage.turn_ends()


def test_a_finished_turn_ends_after_min_delay() -> None:
    stage, strategy = play(lambda stage: one_turn(stage, "мне нужна справка"), ScriptedDetector())
    ((words, silence_s),) = stage.turns
    assert words == "мне нужна справка"
    assert waited(silence_s, POLICY.delay_s(SURE))
    assert strategy.counters.predictions >= 1


def test_an_unfinished_turn_waits_for_max_delay() -> None:
    stage, _ = play(lambda stage: one_turn(stage, "я бы хотела открыть вклад в банке и"), ScriptedDetector())
    ((_, silence_s),) = stage.turns
    assert waited(silence_s, MAX_S)


def test_the_delay_between_the_two_follows_the_probability() -> None:
    class Hesitant(ScriptedDetector):
        def probability(self, words: Any) -> float:
            return 0.5

    stage, _ = play(lambda stage: one_turn(stage, "наверное"), Hesitant())
    ((_, silence_s),) = stage.turns
    assert waited(silence_s, POLICY.delay_s(0.5))


def test_a_short_answer_is_fast_and_the_bots_question_is_seen() -> None:
    scripted = ScriptedDetector()

    async def scene(stage: Stage) -> None:
        stage.bot_says("Вам удобно сейчас говорить?")
        await one_turn(stage, "да")

    stage, _ = play(scene, scripted)
    assert waited(stage.turns[0][1], MIN_S)
    message, context = scripted.asked[-1]
    assert message == "да"
    assert [entry.text for entry in context] == ["Вам удобно сейчас говорить?"]


def test_resumed_speech_becomes_one_turn_and_is_scored_as_one() -> None:
    scripted = ScriptedDetector()

    async def scene(stage: Stage) -> None:
        await stage.caller_says("мне нужен")
        await asyncio.sleep(0.5)
        await one_turn(stage, "номер на двоих")

    stage, _ = play(scene, scripted)
    ((words, silence_s),) = stage.turns
    assert words == scripted.messages[-1] == "мне нужен номер на двоих"
    assert waited(silence_s, MIN_S)


def test_a_telephone_number_in_three_pieces_is_one_turn() -> None:
    async def scene(stage: Stage) -> None:
        stage.bot_says("Назовите номер телефона.")
        for piece in ("восемь девятьсот три", "сто двадцать"):
            await stage.caller_says(piece)
            await asyncio.sleep(0.6)
        await one_turn(stage, "сорок пять ноль один")

    stage, _ = play(scene, ScriptedDetector())
    ((words, _),) = stage.turns
    assert words == "восемь девятьсот три сто двадцать сорок пять ноль один"


def test_a_late_final_is_waited_for_and_then_the_turn_ends_at_once() -> None:
    stage, _ = play(
        lambda stage: one_turn(stage, "мне нужна справка"), ScriptedDetector(), stage_options={"recogniser_lag_s": 0.9}
    )
    ((words, silence_s),) = stage.turns
    assert words == "мне нужна справка"
    assert waited(silence_s, 0.9)


def test_finals_without_interims_or_vad_end_turns_too() -> None:
    async def scene(stage: Stage) -> None:
        await stage.transcript("мне нужна справка", final=True)
        await stage.turn_ends()

    stage, _ = play(scene, ScriptedDetector())
    assert [words for words, _ in stage.turns] == ["мне нужна справка"]


def test_the_second_turn_sees_the_first_and_the_answer_to_it() -> None:
    scripted = ScriptedDetector()

    async def scene(stage: Stage) -> None:
        await one_turn(stage, "запишите меня")
        await one_turn(stage, "спасибо")

    play(scene, scripted, history_messages=2)
    message, context = scripted.asked[-1]
    assert message == "спасибо"
    assert [entry.text for entry in context] == ["запишите меня", "Хорошо, записал."]


def test_another_language_is_not_scored_and_waits_max_delay() -> None:
    scripted = ScriptedDetector()
    stage, _ = play(lambda stage: one_turn(stage, "i would like to", language=Language.EN), scripted)
    ((_, silence_s),) = stage.turns
    assert scripted.asked == []
    assert waited(silence_s, MAX_S)


@pytest.mark.parametrize("language", [None, Language.RU_RU])
def test_missing_and_regional_language_tags_do_not_switch_it_off(language: Language | None) -> None:
    stage, _ = play(lambda stage: one_turn(stage, "да", language=language), ScriptedDetector())
    assert waited(stage.turns[0][1], MIN_S)


def test_an_error_waits_max_delay() -> None:
    stage, strategy = play(lambda stage: one_turn(stage, "да"), ScriptedDetector(error=BackendError("broken")))
    assert waited(stage.turns[0][1], MAX_S)
    assert strategy.counters.errors >= 1


def test_a_timeout_waits_max_delay() -> None:
    stage, strategy = play(lambda stage: one_turn(stage, "да"), ScriptedDetector(takes_s=0.5), deadline_s=0.1)
    assert waited(stage.turns[0][1], MAX_S)
    assert strategy.counters.timeouts >= 1


def test_metrics_report_the_answer_that_the_silence_was_judged_by() -> None:
    stage, _ = play(lambda stage: one_turn(stage, "вклад в банке"), ScriptedDetector())
    (metrics,) = stage.llm.metrics
    assert (metrics.is_complete, metrics.probability) == (True, SURE)
    assert metrics.e2e_processing_time_ms > 0


def test_noise_without_words_leaves_the_turn_to_the_framework() -> None:
    async def scene(stage: Stage) -> None:
        await stage.send(VADUserStartedSpeakingFrame())
        await asyncio.sleep(0.1)
        await stage.send(VADUserStoppedSpeakingFrame(stop_secs=0.05))
        await asyncio.sleep(0.6)
        await one_turn(stage, "да")

    stage, _ = play(scene, ScriptedDetector(), stage_options={"user_turn_stop_timeout": 0.4})
    assert [words for words, _ in stage.turns][-1] == "да"


def test_ending_the_call_during_a_wait_leaves_nothing_behind() -> None:
    async def scene(stage: Stage) -> None:
        await stage.caller_says("вклад в банке и")

    play(scene, ScriptedDetector(takes_s=0.2), deadline_s=2.0)


def test_odd_messages_of_the_context_are_skipped() -> None:
    context = LLMContext(
        [
            {"role": "system", "content": "Ты бот."},
            {"role": "assistant", "content": None},
            {"role": "assistant", "content": "  "},
            {"role": "assistant", "tool_calls": [], "content": ""},
            {"role": "tool", "content": "тепло", "tool_call_id": "1"},
            LLMSpecificMessage(llm="google", message={"role": "user"}),
            {
                "role": "assistant",
                "content": [{"type": "text", "text": "Чем"}, {"type": "image"}, {"type": "text", "text": "помочь?"}],
            },
        ]
    )
    strategy = RussianTurnStopStrategy(context=context, detector=ScriptedDetector())
    assert [(message.role, message.text) for message in strategy._history()] == [("agent", "Чем помочь?")]


def test_words_of_this_turn_that_are_in_the_context_already_are_not_history() -> None:
    """As with ``deferred()`` strategies, which let the aggregator write a turn down before it is over."""
    context = LLMContext([{"role": "user", "content": "алло"}, {"role": "assistant", "content": "Чем помочь?"}])
    strategy = RussianTurnStopStrategy(context=context, detector=ScriptedDetector())
    asyncio.run(strategy.handle_user_turn_started())
    context.add_message({"role": "assistant", "content": "Слушаю."})  # what was left of an interrupted answer
    context.add_message({"role": "user", "content": "мне нужен"})
    assert [message.text for message in strategy._history()] == ["алло", "Чем помочь?", "Слушаю."]


def test_speech_between_a_decision_and_its_execution_keeps_the_turn_open() -> None:
    async def scene(stage: Stage) -> None:
        strategy = stage.strategy
        assert isinstance(strategy, RussianTurnStopStrategy)
        await stage.caller_says("вклад в банке и")
        strategy._obey((EndOfTurn("вклад в банке и", SURE, 0.4, 0.4),))
        await stage.send(VADUserStartedSpeakingFrame())
        await strategy.process_frame(VADUserStartedSpeakingFrame())
        await asyncio.sleep(0.2)
        assert stage.turns == []
        await one_turn(stage, "счёт")

    stage, _ = play(scene, ScriptedDetector())
    assert [words for words, _ in stage.turns] == ["вклад в банке и счёт"]


@pytest.mark.slow
def test_text_and_smart_turn_end_a_turn_together() -> None:
    """With Pipecat's real audio model; the caller hums."""
    smart_turn = pytest.importorskip("pipecat.audio.turn.smart_turn.local_smart_turn_v3", reason="needs Smart Turn")
    from pipecat.turns.user_stop import TurnAnalyzerUserTurnStopStrategy

    audio_strategy = TurnAnalyzerUserTurnStopStrategy(turn_analyzer=smart_turn.LocalSmartTurnAnalyzerV3())

    async def scene(stage: Stage) -> None:
        loud = True

        async def hum() -> None:
            for n in range(500):
                samples = (
                    int(4000 * loud * math.sin(2 * math.pi * 160 * k / 16000)) for k in range(n * 320, n * 320 + 320)
                )
                audio = array.array("h", samples).tobytes()
                await stage.send(InputAudioRawFrame(audio=audio, sample_rate=16000, num_channels=1))
                await asyncio.sleep(0.02)

        humming = asyncio.create_task(hum())
        speaking = asyncio.create_task(stage.caller_says("мне нужна справка", speech_s=0.6))
        await asyncio.sleep(0.6)
        loud = False
        await speaking
        await stage.turn_ends()
        humming.cancel()

    stage, _ = play(scene, ScriptedDetector(), make=lambda strategy: StopWhenAllAgree(strategy, audio_strategy))
    ((words, silence_s),) = stage.turns
    assert words == "мне нужна справка"
    assert silence_s >= MIN_S - 0.03
    assert {metrics.processor.split("#")[0] for metrics in stage.llm.metrics} == {
        "BaseSmartTurn",
        "RussianTurnStopStrategy",
    }


class Opinion:
    """Makes a second strategy that ends the turn a given time after VAD's stop, unless it is told to disagree."""

    @staticmethod
    def speech_timeout(seconds: float) -> Any:
        from pipecat.turns.user_stop import SpeechTimeoutUserTurnStopStrategy

        return SpeechTimeoutUserTurnStopStrategy(user_speech_timeout=seconds)


def test_two_strategies_that_must_agree_end_the_turn_with_the_later_one() -> None:
    stage, _ = play(
        lambda stage: one_turn(stage, "мне нужна справка"),
        ScriptedDetector(),
        make=lambda strategy: StopWhenAllAgree(strategy, Opinion.speech_timeout(0.8)),
    )
    ((_, silence_s),) = stage.turns
    assert waited(silence_s, 0.8 + 0.1)  # that strategy counts from VAD's report


def test_words_after_an_agreement_of_one_are_scored_with_those_before() -> None:
    scripted = ScriptedDetector()

    async def scene(stage: Stage) -> None:
        await stage.caller_says("мне нужна справка")
        await asyncio.sleep(0.5)  # text has agreed, the other has not
        await one_turn(stage, "на завтра")

    stage, _ = play(scene, scripted, make=lambda strategy: StopWhenAllAgree(strategy, Opinion.speech_timeout(0.8)))
    ((words, _),) = stage.turns
    assert words == scripted.messages[-1] == "мне нужна справка на завтра"


def test_the_policy_may_be_a_file(tmp_path: Path) -> None:
    tuned = EndpointingPolicy(min_delay_s=0.2, max_delay_s=1.5)
    save_policy(tmp_path / "policy.json", tuned)
    strategy = RussianTurnStopStrategy(detector=ScriptedDetector(), policy=str(tmp_path / "policy.json"))
    assert strategy.policy == tuned
