"""Promise 6 of the design: no caller's words in logs, exceptions or what an exception carries along, at default settings."""

from __future__ import annotations

import json
import logging
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from turn_detection import Endpointer, Message, TurnDetectionError, TurnDetector
from turn_detection.backends.onnx import OnnxBackend
from turn_detection.encoding import Encoder
from turn_detection.records import read_records, write_records
from turn_detection.text import normalise
from turn_detection.types import as_messages

WORD = "сосиска"
#: Every form in which the word could turn up: as text, escaped, in the bytes of two encodings, as the model reads it.
SPELLINGS = (WORD, ascii(WORD)[1:-1], repr(WORD.encode())[2:-1], repr(WORD.encode("cp1251"))[2:-1], WORD.upper())


def told(error: BaseException) -> str:
    """All that a log, a crash reporter or a person would see of an exception and of those it came from."""
    texts, link = [], error
    while link is not None:
        texts += [str(link), repr(link)]
        link = link.__cause__ or (None if link.__suppress_context__ else link.__context__)  # type: ignore[assignment]
    # The lines of source that a traceback quotes are those of this file; only what the program said counts.
    texts += traceback.format_exception_only(error)
    return "\n".join(texts)


def assert_silent(text: str) -> None:
    assert not [spelling for spelling in SPELLINGS if spelling.lower() in text.lower()]


def assert_refused_silently(call: Callable[[], object], caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG), pytest.raises(TurnDetectionError) as caught:
        call()
    assert_silent(told(caught.value))
    assert_silent(caplog.text)


@pytest.mark.parametrize(
    ("message", "context"),
    [
        ([WORD], None),
        ({"text": WORD}, None),
        (WORD.encode(), None),
        (("client", WORD), None),
        (Message("client", WORD), None),
        ("да", [WORD]),
        ("да", {"role": "agent", "content": WORD}),
        ("да", [{"role": "agent", "content": WORD}]),
        ("да", [("agent", WORD)]),
        ("да", [Message("agent", WORD), None]),
        ("да", WORD.encode()),
        ("да", Message("agent", WORD)),
        (None, WORD),
        (None, [Message("client", WORD)]),
    ],
)
def test_a_detector_refuses_without_quoting(
    toy_detector: TurnDetector, caplog: pytest.LogCaptureFixture, message: Any, context: Any
) -> None:
    assert_refused_silently(lambda: toy_detector.predict(message, context), caplog)
    assert_refused_silently(lambda: toy_detector.predict_batch([(WORD, WORD), (context, message)]), caplog)


@pytest.mark.parametrize("items", [[WORD], [(WORD,)], [(WORD, WORD, WORD)], [{WORD: WORD}], WORD])
def test_a_batch_of_another_shape_is_refused_without_quoting(
    toy_detector: TurnDetector, caplog: pytest.LogCaptureFixture, items: Any
) -> None:
    assert_refused_silently(lambda: toy_detector.predict_batch(items), caplog)


def test_settings_of_a_call_are_refused_without_quoting_its_words(
    toy_detector: TurnDetector, caplog: pytest.LogCaptureFixture
) -> None:
    assert_refused_silently(lambda: toy_detector.predict(WORD, WORD, threshold=7), caplog)
    assert_refused_silently(lambda: toy_detector.predict_batch([(WORD, WORD)], batch_size=0), caplog)


@pytest.mark.parametrize(
    "call",
    [
        lambda: normalise([WORD]),  # type: ignore[arg-type]
        lambda: normalise(WORD.encode()),  # type: ignore[arg-type]
        lambda: Message("client", [WORD]),  # type: ignore[arg-type]
        lambda: Message(None, WORD),  # type: ignore[arg-type]
        lambda: as_messages([WORD]),  # type: ignore[list-item]
        lambda: as_messages({WORD: WORD}),  # type: ignore[arg-type]
    ],
)
def test_values_are_refused_without_quoting(caplog: pytest.LogCaptureFixture, call: Callable[[], object]) -> None:
    assert_refused_silently(call, caplog)


def test_an_engine_that_fails_does_not_quote(
    toy_encoder: Encoder,
    model_writer: Callable[[np.ndarray], Path],
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    detector = TurnDetector(
        OnnxBackend(model_writer(np.zeros((3, 2), np.float32))), toy_encoder
    )  # a vocabulary of three
    assert_refused_silently(lambda: detector.predict(WORD, WORD), caplog)
    captured = capfd.readouterr()
    assert_silent(captured.out + captured.err)


def test_an_engine_that_answers_nonsense_is_not_explained_by_quoting(
    toy_encoder: Encoder, model_writer: Callable[[np.ndarray], Path], caplog: pytest.LogCaptureFixture
) -> None:
    for table in (np.full((toy_encoder.vocabulary_size, 2), np.nan), np.zeros((toy_encoder.vocabulary_size, 3))):
        detector = TurnDetector(OnnxBackend(model_writer(table.astype(np.float32))), toy_encoder)
        assert_refused_silently(lambda detector=detector: detector.predict(WORD, WORD), caplog)  # type: ignore[misc]


@pytest.mark.parametrize(
    "content",
    [
        f'[{{"message": "{WORD}"}},]',
        f'{{"message": "{WORD}"}}',
        f'"{WORD}"',
        f'["{WORD}"]',
        f"{WORD}",
        f'[{{"context": "{WORD}"}}]',
        f'[{{"{WORD}": "{WORD}"}}]',
        f'[{{"message": ["{WORD}"]}}]',
        f'[{{"message": {{"{WORD}": 1}}}}]',
        f'[{{"message": "да", "context": ["{WORD}"]}}]',
        f'[{{"message": "да", "context": {{"role": "{WORD}"}}}}]',
        f'[{{"message": "да", "context": [{{"role": 1, "content": "{WORD}"}}]}}]',
        f'[{{"message": "да", "context": [{{"role": "agent", "content": ["{WORD}"]}}]}}]',
        f'[{{"message": "{WORD}", "id": {"1" * 5000}}}]',
        f'["{WORD}", ' + "[" * 100_000,
    ],
)  # fmt: skip
def test_a_file_is_refused_without_quoting(tmp_path: Path, caplog: pytest.LogCaptureFixture, content: str) -> None:
    path = tmp_path / "items.json"
    path.write_text(content, encoding="utf-8")
    assert_refused_silently(lambda: read_records(path), caplog)


@pytest.mark.parametrize("content", [f'[{{"message": "{WORD}"}}]'.encode("cp1251"), f'"{WORD}'.encode() + b"\xff"])
def test_a_file_of_another_encoding_is_refused_without_quoting(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, content: bytes
) -> None:
    path = tmp_path / "items.json"
    path.write_bytes(content)
    assert_refused_silently(lambda: read_records(path), caplog)


def test_a_file_that_cannot_be_written_is_refused_without_quoting(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert_refused_silently(lambda: write_records(tmp_path / "gone" / "out.json", [{"message": WORD}]), caplog)


def test_half_a_surrogate_pair_beside_the_words_is_written_not_quoted(tmp_path: Path) -> None:
    write_records(
        tmp_path / "out.json", [{"message": f"{WORD} \ud83d"}]
    )  # UnicodeEncodeError would carry the whole text
    assert json.loads((tmp_path / "out.json").read_text(encoding="utf-8")) == [{"message": f"{WORD} \ud83d"}]


@pytest.mark.parametrize(
    "call",
    [
        lambda endpointer: endpointer.partial([WORD], 1.0),
        lambda endpointer: endpointer.final(WORD.encode(), 1.0),
        lambda endpointer: endpointer.agent_turn({WORD: WORD}, 1.0),
        lambda endpointer: endpointer.partial(WORD, -1.0),
        lambda endpointer: endpointer.partial(WORD, float("nan")),
        lambda endpointer: endpointer.partial(WORD, "now"),
        lambda endpointer: endpointer.prediction(7.0, 1.0, 1),
    ],
)
def test_an_endpointer_refuses_without_quoting(
    caplog: pytest.LogCaptureFixture, call: Callable[[Endpointer], object]
) -> None:
    endpointer = Endpointer()
    endpointer.partial(WORD, 0.5)
    assert_refused_silently(lambda: call(endpointer), caplog)


def test_events_and_the_endpointer_itself_do_not_show_words_when_logged() -> None:
    endpointer = Endpointer()
    endpointer.agent_turn(WORD, 0.0)
    events = [*endpointer.final(WORD, 1.0), *endpointer.tick(9.0), *endpointer.final(f"{WORD} да", 9.1)]
    assert [type(event).__name__ for event in events] == ["PredictionNeeded", "EndOfTurn", "LateTranscript"]
    assert_silent(f"{events!r} {endpointer!r} {vars(endpointer)!r}".replace(repr(endpointer._context), ""))


def test_an_ordinary_call_logs_nothing_of_what_was_said(
    toy_bundle: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    with caplog.at_level(logging.DEBUG):
        detector = TurnDetector.load(toy_bundle)
        prediction = detector.predict(f"{WORD} " * 1000, [Message("agent", WORD), Message("client", WORD)])
        detector.predict_batch([(WORD, WORD)] * 3)
    captured = capfd.readouterr()
    assert_silent(caplog.text + captured.out + captured.err + repr(prediction) + repr(detector))


def test_this_check_would_notice_a_quoted_word(caplog: pytest.LogCaptureFixture) -> None:
    def quote() -> None:
        try:
            WORD.encode("ascii")
        except UnicodeEncodeError as error:
            raise TurnDetectionError("cannot encode") from error

    with pytest.raises(AssertionError):
        assert_refused_silently(quote, caplog)
