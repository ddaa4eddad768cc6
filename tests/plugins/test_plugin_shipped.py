"""The adapters with the model that ships, in real sessions."""

from __future__ import annotations

import asyncio
import importlib
import multiprocessing
from typing import Any

import pytest
from scripted import waited

from turn_detection import TurnDetector
from turn_detection.bundle import MANIFEST, default_bundle

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not (default_bundle() / MANIFEST).is_file(), reason="the shipped model is not in this tree"),
]

QUESTION = "Какой вопрос вас интересует?"
UNFINISHED = "я бы хотела открыть вклад в банке и"
FINISHED = "я бы хотела открыть вклад в банке"
PHONE = ("восемь девятьсот три", "сто двадцать", "сорок пять ноль один")


@pytest.fixture(scope="module")
def detector() -> TurnDetector:
    return TurnDetector.load()


def call(framework: str, detector: TurnDetector, *turns: tuple[str, tuple[str, ...]]) -> list[tuple[str, float]]:
    """Play turns, each the bot's line and the pieces of the answer to it; words and silences."""
    if framework == "livekit":
        pytest.importorskip("livekit.agents", reason="needs the extra 'livekit'")
        stage_module = importlib.import_module("livekit_offline")
        adapter: Any = importlib.import_module("turn_detection.plugins.livekit").RussianTurnDetector(detector)
    else:
        pytest.importorskip("pipecat", reason="needs the extra 'pipecat'")
        stage_module = importlib.import_module("pipecat_offline")
        strategy = importlib.import_module("turn_detection.plugins.pipecat").RussianTurnStopStrategy

        def adapter(context: Any) -> Any:
            return strategy(context=context, detector=detector)

    async def play() -> list[tuple[str, float]]:
        async with stage_module.Stage(adapter) as stage:
            if framework == "livekit":
                stage.session.update_options(
                    endpointing_opts={
                        "min_delay": detector.policy.min_delay_s,
                        "max_delay": detector.policy.max_delay_s,
                    }
                )
            for question, pieces in turns:
                said = stage.bot_says(question)
                if said is not None:
                    await said
                for index, piece in enumerate(pieces):
                    if index:
                        await asyncio.sleep(0.6)
                    await stage.caller_says(piece)
                await stage.turn_ends()
        return list(stage.turns)

    return asyncio.run(play())


def expected(framework: str, detector: TurnDetector, question: str, words: str) -> float:
    prediction = detector.predict(words, question)
    if framework == "pipecat":
        return prediction.delay_s
    return detector.policy.min_delay_s if prediction.label == "speak" else detector.policy.max_delay_s


@pytest.mark.parametrize("framework", ["livekit", "pipecat"])
def test_the_shipped_model_decides_the_delay(framework: str, detector: TurnDetector) -> None:
    turns = ((QUESTION, (UNFINISHED,)), (QUESTION, (FINISHED,)), ("Вам удобно сейчас говорить?", ("да",)))
    heard = call(framework, detector, *turns)
    assert [words for words, _ in heard] == [UNFINISHED, FINISHED, "да"]
    for (_, silence_s), (question, (words,)) in zip(heard, turns, strict=True):
        assert waited(silence_s, expected(framework, detector, question, words))
    unfinished_s, finished_s, yes_s = (silence_s for _, silence_s in heard)
    assert unfinished_s > 2 * finished_s
    assert unfinished_s > 2 * yes_s


@pytest.mark.parametrize("framework", ["livekit", "pipecat"])
def test_a_dictated_number_is_one_turn(framework: str, detector: TurnDetector) -> None:
    ((words, silence_s),) = call(framework, detector, ("Назовите номер телефона.", PHONE))
    assert words == " ".join(PHONE)
    assert silence_s < 1.0  # all eleven digits are there


def test_eot_bench_scores_with_the_shipped_model(detector: TurnDetector) -> None:
    from turn_detection.plugins.eot_bench import RussianTurnAdapter

    batch = [
        {"messages": [{"role": "assistant", "content": QUESTION}, {"role": "user", "content": words}]}
        for words in (FINISHED, UNFINISHED)
    ]
    finished, unfinished = RussianTurnAdapter().predict_batch(batch)
    assert finished > 0.5 > unfinished


def test_the_livekit_plugin_finds_the_shipped_model_whole() -> None:
    pytest.importorskip("livekit.agents", reason="needs the extra 'livekit'")
    importlib.import_module("livekit.plugins.ru_turn_detector").RussianTurnPlugin().download_files()


def _job(answers: Any) -> None:
    """In a forked process: ask in threads, as a job does."""
    from turn_detection.plugins.scoring import Scorer, shared_detector

    before = shared_detector.cache_info().currsize  # 1: it came with the fork
    prediction = asyncio.run(Scorer(shared_detector(), deadline_s=5.0).score(UNFINISHED, QUESTION))
    answers.put((before, None if prediction is None else prediction.eot_probability))


def test_forked_processes_share_the_preloaded_model(detector: TurnDetector) -> None:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["turn_detection.plugins.preload"])
    answers = context.Queue()
    jobs = [context.Process(target=_job, args=(answers,)) for _ in range(3)]
    for job in jobs:
        job.start()
    got = [answers.get(timeout=60) for _ in jobs]
    for job in jobs:
        job.join(timeout=30)
    assert got == [(1, detector.predict(UNFINISHED, QUESTION).eot_probability)] * 3
    assert [job.exitcode for job in jobs] == [0, 0, 0]
