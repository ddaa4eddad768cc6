"""The protocol of LiveKit Agents, without a session."""

from __future__ import annotations

import asyncio
import json
import logging
import shutil
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip(
    "livekit.agents", reason="needs the extra 'livekit' (tests of plugins have an environment of their own)"
)

from livekit.agents.language import LanguageCode
from livekit.agents.llm import AgentHandoff, ChatContext, FunctionCall, FunctionCallOutput, ImageContent
from livekit.agents.voice.turn import _StreamingTurnDetector
from scripted import POLICY, SURE, ScriptedDetector

from turn_detection import EndpointingPolicy, Message
from turn_detection.errors import (
    BackendError,
    BundleNotFoundError,
    ConfigurationError,
    InputFileNotFoundError,
    InvalidInputError,
)
from turn_detection.plugins.livekit import RussianTurnDetector, spoken_messages
from turn_detection.policy_file import save_policy


def predict(detector: RussianTurnDetector, chat_ctx: ChatContext, **options: Any) -> float:
    return asyncio.run(detector.predict_end_of_turn(chat_ctx, **options))


def chat(*lines: tuple[str, str]) -> ChatContext:
    context = ChatContext.empty()
    for role, text in lines:
        context.add_message(role=role, content=text)  # type: ignore[arg-type]
    return context


def test_the_framework_takes_it_for_a_text_detector() -> None:
    detector = RussianTurnDetector(ScriptedDetector())
    assert not hasattr(detector, "stream")
    assert not isinstance(detector, _StreamingTurnDetector)
    assert detector.model
    assert detector.provider


def test_the_whole_turn_is_scored_after_the_history() -> None:
    scripted = ScriptedDetector()
    p = predict(
        RussianTurnDetector(scripted),
        chat(
            ("system", "Ты бот."), ("assistant", "Чем могу помочь?"), ("user", "мне нужен"), ("user", "номер на двоих")
        ),
    )
    assert p == SURE
    assert scripted.asked == [("мне нужен номер на двоих", (Message("agent", "Чем могу помочь?"),))]


def test_tool_calls_handovers_images_and_empty_items_are_skipped() -> None:
    context = chat(("user", "какая погода"))
    context.insert(FunctionCall(call_id="1", name="weather", arguments="{}"))
    context.insert(FunctionCallOutput(call_id="1", name="weather", output="тепло", is_error=False))
    context.insert(AgentHandoff(new_agent_id="other"))
    context.add_message(role="assistant", content="")
    context.add_message(role="assistant", content="   ")
    context.add_message(role="assistant", content=[ImageContent(image="data:image/png;base64,AA==")])
    context.add_message(role="developer", content="будь вежлив")
    context.add_message(role="assistant", content=["Сегодня", "тепло."])
    context.add_message(role="assistant", content="Что ещё?")
    context.add_message(role="user", content="спасибо")
    assert [*spoken_messages(context)][::-1] == [
        Message("client", "какая погода"),
        Message("agent", "Сегодня\nтепло."),
        Message("agent", "Что ещё?"),
        Message("client", "спасибо"),
    ]


@pytest.mark.parametrize("context", [ChatContext.empty(), chat(("assistant", "Алло?")), chat(("system", "Ты бот."))])
def test_a_context_without_words_of_the_caller_is_no_error(context: ChatContext) -> None:
    assert 0.0 <= predict(RussianTurnDetector(ScriptedDetector()), context) <= 1.0


def test_the_bots_last_message_is_the_context_unless_more_is_asked_for() -> None:
    lines = [line for index in range(5) for line in (("assistant", f"вопрос {index}"), ("user", f"ответ {index}"))]
    for options, texts in (({}, ["вопрос 4"]), ({"history_messages": 3}, ["вопрос 3", "ответ 3", "вопрос 4"])):
        scripted = ScriptedDetector()
        predict(RussianTurnDetector(scripted, **options), chat(*lines))
        ((message, context),) = scripted.asked
        assert message == "ответ 4"
        assert [entry.text for entry in context] == texts


@pytest.mark.parametrize("tag", ["ru", "ru-RU", "rus", "russian", "RU_ru", "", "multi", "auto"])
def test_russian_is_supported_in_every_spelling(tag: str) -> None:
    detector = RussianTurnDetector(ScriptedDetector())
    for language in (LanguageCode(tag), tag, None):
        assert asyncio.run(detector.supports_language(language))
        assert asyncio.run(detector.unlikely_threshold(language)) == 0.5


@pytest.mark.parametrize("tag", ["en", "en-US", "ukrainian", "kk"])
def test_other_languages_are_declined(tag: str) -> None:
    detector = RussianTurnDetector(ScriptedDetector())
    assert not asyncio.run(detector.supports_language(LanguageCode(tag)))
    assert asyncio.run(detector.unlikely_threshold(LanguageCode(tag))) is None


def test_the_threshold_is_the_detectors_unless_given() -> None:
    assert asyncio.run(RussianTurnDetector(ScriptedDetector(), threshold=0.7).unlikely_threshold("ru")) == 0.7
    with pytest.raises(InvalidInputError, match="threshold"):
        RussianTurnDetector(ScriptedDetector(), threshold=7)


@pytest.mark.parametrize("fallback", [0.0, 1.0])
def test_a_failing_detector_gives_the_fallback(fallback: float, caplog: pytest.LogCaptureFixture) -> None:
    scripted = ScriptedDetector(error=BackendError("broken on «мой секрет»"))
    detector = RussianTurnDetector(scripted, fallback_probability=fallback)
    with caplog.at_level(logging.DEBUG):
        assert predict(detector, chat(("user", "мой секрет"))) == fallback
    assert detector.counters.errors == 1
    assert "секрет" not in caplog.text


def test_a_slow_detector_gives_the_fallback_after_the_deadline() -> None:
    detector = RussianTurnDetector(ScriptedDetector(takes_s=0.3), deadline_s=0.05)
    assert predict(detector, chat(("user", "да"))) == 0.0
    assert detector.counters.timeouts == 1


def test_a_timeout_of_the_framework_replaces_the_deadline() -> None:
    detector = RussianTurnDetector(ScriptedDetector(takes_s=0.2), deadline_s=0.05)
    assert predict(detector, chat(("user", "да")), timeout=2.0) == SURE


class SessionThatRemembers:
    def __init__(self) -> None:
        self.options: list[Any] = []

    def update_options(self, *, endpointing_opts: Any) -> None:
        self.options.append(endpointing_opts)


def test_continuous_delays_are_set_before_the_answer() -> None:
    session: Any = SessionThatRemembers()
    detector = RussianTurnDetector(ScriptedDetector())
    detector.use_continuous_delays(session)
    assert session.options == [{"mode": "fixed", "min_delay": POLICY.min_delay_s, "max_delay": POLICY.max_delay_s}]
    assert predict(detector, chat(("user", "да"))) == SURE
    assert session.options[-1] == {"max_delay": pytest.approx(POLICY.delay_s(SURE))}
    assert asyncio.run(detector.unlikely_threshold("ru")) == 1.0


def test_a_failure_with_continuous_delays_waits_the_longest() -> None:
    session: Any = SessionThatRemembers()
    detector = RussianTurnDetector(ScriptedDetector(error=BackendError("broken")), fallback_probability=1.0)
    detector.use_continuous_delays(session)
    predict(detector, chat(("user", "да")))
    assert session.options[-1] == {"max_delay": POLICY.max_delay_s}


def test_a_tuned_policy_gives_delays_and_threshold(tmp_path: Path) -> None:
    tuned = EndpointingPolicy(min_delay_s=0.2, max_delay_s=1.5, threshold=0.7, mode="binary")
    save_policy(tmp_path / "policy.json", tuned)
    detector = RussianTurnDetector(ScriptedDetector(), policy=tmp_path / "policy.json")
    assert asyncio.run(detector.unlikely_threshold("ru")) == 0.7
    assert RussianTurnDetector(ScriptedDetector(), policy=tuned, threshold=0.6).threshold == 0.6
    session: Any = SessionThatRemembers()
    detector.use_continuous_delays(session)
    assert session.options == [{"mode": "fixed", "min_delay": 0.2, "max_delay": 1.5}]


def test_the_threshold_of_a_continuous_policy_is_no_verdict() -> None:
    detector = RussianTurnDetector(ScriptedDetector(), policy=EndpointingPolicy(threshold=0.9))
    assert detector.threshold == 0.5


def test_a_missing_policy_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputFileNotFoundError, match="turn-detection tune"):
        RussianTurnDetector(ScriptedDetector(), policy=tmp_path / "none.json")


def test_one_detector_cannot_set_the_delays_of_two_sessions() -> None:
    first: Any = SessionThatRemembers()
    second: Any = SessionThatRemembers()
    detector = RussianTurnDetector(ScriptedDetector())
    detector.use_continuous_delays(first)
    with pytest.raises(ConfigurationError, match="one per session"):
        detector.use_continuous_delays(second)


def test_the_plugin_is_registered_and_has_nothing_to_download(toy_bundle: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from livekit.agents import Plugin

    import turn_detection.bundle
    from livekit.plugins import ru_turn_detector

    monkeypatch.setattr(turn_detection.bundle, "default_bundle", lambda: toy_bundle)
    (plugin,) = [plugin for plugin in Plugin.registered_plugins if plugin.package == "livekit.plugins.ru_turn_detector"]
    assert plugin.version == ru_turn_detector.__version__
    plugin.download_files()
    assert ru_turn_detector.RussianTurnDetector is RussianTurnDetector


@pytest.fixture
def shipped_toy(toy_bundle: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The toy bundle in the place of the shipped one, with nothing loaded yet."""
    import turn_detection.bundle
    from turn_detection.plugins import livekit_process
    from turn_detection.plugins.scoring import shared_detector

    monkeypatch.setattr(turn_detection.bundle, "default_bundle", lambda: toy_bundle)
    monkeypatch.setattr(livekit_process, "default_bundle", lambda: toy_bundle)
    shared_detector.cache_clear()
    yield toy_bundle
    shared_detector.cache_clear()


class ExecutorThatRemembers:
    """Stands for the framework's inference process: the runner is called as the process calls it."""

    def __init__(self, runner: Any) -> None:
        self.runner, self.methods = runner, []

    async def do_inference(self, method: str, data: bytes) -> bytes | None:
        self.methods.append(method)
        return await asyncio.to_thread(self.runner.run, data)


def test_the_inference_process_answers_like_the_detector(shipped_toy: Path) -> None:
    from turn_detection import TurnDetector
    from turn_detection.plugins.livekit_process import METHOD, ProcessScorer, TurnRunner

    runner = TurnRunner()
    runner.initialize()
    executor = ExecutorThatRemembers(runner)
    scorer = ProcessScorer(executor=executor)
    context = chat(("assistant", "Куда едем?"), ("user", "мне нужен билет в москву"))
    in_process = RussianTurnDetector(TurnDetector.load(shipped_toy))
    assert predict(RussianTurnDetector(scorer=scorer), context) == predict(in_process, context)
    assert executor.methods == [METHOD]
    assert scorer.counters.predictions == 1


class DeadExecutor:
    """Stands for the framework's channel to an inference process that is gone."""

    async def do_inference(self, method: str, data: bytes) -> bytes | None:
        raise RuntimeError("process not started")


def test_a_dead_inference_process_without_a_spare_gives_the_fallback() -> None:
    from turn_detection.plugins.livekit_process import ProcessScorer

    scorer = ProcessScorer(executor=DeadExecutor())
    assert predict(RussianTurnDetector(scorer=scorer), chat(("user", "да"))) == 0.0
    assert scorer.counters.errors == 1


def test_from_the_first_failure_on_the_spare_detector_is_asked(caplog: pytest.LogCaptureFixture) -> None:
    from turn_detection.plugins.livekit_process import ProcessScorer

    made = []

    def spare() -> ScriptedDetector:
        made.append(threading.current_thread())
        return ScriptedDetector()

    detector = RussianTurnDetector(scorer=ProcessScorer(executor=DeadExecutor(), spare=spare))
    assert [predict(detector, chat(("user", "да"))) for _ in range(2)] == [SURE, SURE]
    assert (detector.counters.predictions, detector.counters.errors) == (2, 0)
    assert len(made) == 1
    assert made[0] is not threading.main_thread()  # loading a model blocks
    assert "да" not in caplog.text
    assert len(caplog.records) == 1


def test_a_spare_detector_that_fails_too_gives_the_fallback() -> None:
    from turn_detection.plugins.livekit_process import ProcessScorer

    def spare() -> ScriptedDetector:
        raise BackendError("cannot load")

    detector = RussianTurnDetector(scorer=ProcessScorer(executor=DeadExecutor(), spare=spare))
    assert predict(detector, chat(("user", "да"))) == 0.0
    assert detector.counters.errors == 1


def in_a_job(construct: Callable[[], RussianTurnDetector], executor: Any = None) -> tuple[RussianTurnDetector, float]:
    """Construct a detector in the framework's own stand-in for a job, and ask it."""
    from livekit.agents.testing import fake_job_context

    async def job() -> tuple[RussianTurnDetector, float]:
        with fake_job_context(inference_executor=executor):
            detector = construct()
        return detector, await detector.predict_end_of_turn(chat(("user", "мне нужен билет в")))

    return asyncio.run(job())


def test_in_a_job_the_inference_process_is_asked_unless_there_is_a_detector_or_a_loaded_model(
    shipped_toy: Path,
) -> None:
    from turn_detection.plugins import livekit_process, scoring

    livekit_process.register()
    runner = livekit_process.TurnRunner()
    runner.initialize()
    executor = ExecutorThatRemembers(runner)
    detector, p = in_a_job(RussianTurnDetector, executor)
    assert isinstance(detector._scorer, livekit_process.ProcessScorer)
    in_a_job(lambda: RussianTurnDetector(ScriptedDetector()), executor)
    assert executor.methods == [livekit_process.METHOD]
    scoring.shared_detector()
    assert in_a_job(RussianTurnDetector, executor)[1] == p
    assert executor.methods == [livekit_process.METHOD]


def test_the_environment_names_a_model_for_plugins_and_inference_process(
    toy_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from turn_detection import TurnDetector
    from turn_detection.plugins import livekit_process, scoring

    mine = tmp_path / "mine"
    shutil.copytree(toy_bundle, mine)
    values = json.loads((mine / "manifest.json").read_text())
    (mine / "manifest.json").write_text(json.dumps(values | {"threshold": 0.71, "bias": 0.3}))
    monkeypatch.setenv(scoring.MODEL_VARIABLE, str(mine))
    livekit_process.register()
    runner = livekit_process.TurnRunner()
    runner.initialize()
    scoring.shared_detector.cache_clear()
    try:
        detector, p = in_a_job(RussianTurnDetector, ExecutorThatRemembers(runner))
        assert (detector.threshold, p) == (0.71, TurnDetector.load(mine).predict("мне нужен билет в").eot_probability)
        assert predict(RussianTurnDetector(), chat(("user", "мне нужен билет в"))) == p
        assert scoring.shared_detector().threshold == 0.71
        monkeypatch.setenv(scoring.MODEL_VARIABLE, str(tmp_path / "nothing"))
        scoring.shared_detector.cache_clear()
        with pytest.raises(BundleNotFoundError, match="nothing"):
            in_a_job(RussianTurnDetector, ExecutorThatRemembers(runner))
        with pytest.raises(BundleNotFoundError, match="nothing"):
            RussianTurnDetector()
    finally:
        scoring.shared_detector.cache_clear()


def test_a_job_without_an_inference_process_answers_too(shipped_toy: Path) -> None:
    from turn_detection.plugins import livekit_process

    livekit_process.register()
    detector, p = in_a_job(RussianTurnDetector)
    assert p == predict(RussianTurnDetector(), chat(("user", "мне нужен билет в")))
    assert (detector.counters.predictions, detector.counters.errors) == (1, 0)


def test_without_the_frameworks_private_class_there_are_worker_threads(
    shipped_toy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from turn_detection.plugins.scoring import Scorer

    monkeypatch.setitem(sys.modules, "livekit.agents.inference_runner", None)
    monkeypatch.delitem(sys.modules, "turn_detection.plugins.livekit_process")
    assert isinstance(in_a_job(RussianTurnDetector)[0]._scorer, Scorer)


def test_a_process_scorer_outside_a_job_says_where_to_construct_it() -> None:
    from turn_detection.plugins.livekit_process import ProcessScorer

    with pytest.raises(ConfigurationError, match="entrypoint"):
        ProcessScorer()
