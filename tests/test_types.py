"""Values and errors that every room shares."""

from __future__ import annotations

import dataclasses
import inspect

import pytest

from turn_detection import errors
from turn_detection.errors import InvalidInputError, InvalidTypeError, MissingExtraError, TurnDetectionError
from turn_detection.types import LABELS, Message, TurnLabel, TurnPrediction, as_messages, check_probability


def test_wait_is_the_first_column_and_speak_the_second() -> None:
    assert LABELS == ("wait", "speak")
    assert [TurnLabel.WAIT.column, TurnLabel.SPEAK.column] == [0, 1]


@pytest.mark.parametrize("role", ["agent", "Assistant", " bot ", "OPERATOR"])
def test_every_name_of_the_bot_becomes_agent(role: str) -> None:
    assert Message(role, "Алло").role == "agent"


@pytest.mark.parametrize("role", ["client", "User", " caller ", "CUSTOMER"])
def test_every_name_of_the_caller_becomes_client(role: str) -> None:
    assert Message(role, "Алло").role == "client"


def test_other_roles_keep_their_name() -> None:
    assert Message("System", "Ты бот").role == "system"


def test_a_message_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Message("agent", "Алло").text = "Да"  # type: ignore[misc]


@pytest.mark.parametrize(("role", "text"), [(None, "да"), ("agent", None), ("agent", 5), (b"agent", "да")])
def test_a_message_takes_two_strings(role: object, text: object) -> None:
    with pytest.raises(InvalidTypeError, match="takes two strings"):
        Message(role, text)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("probability", "threshold", "label"),
    [(0.5, 0.5, "speak"), (0.49, 0.5, "wait"), (0.0, 0.0, "speak"), (1.0, 1.0, "speak")],
)
def test_the_verdict_is_speak_from_the_threshold_on(probability: float, threshold: float, label: str) -> None:
    assert TurnPrediction(probability, threshold, delay_s=1.0, latency_ms=1.0).label == label


def test_probabilities_of_both_labels_sum_to_one() -> None:
    probas = TurnPrediction(0.3, 0.5, delay_s=1.0, latency_ms=1.0).probas
    assert probas == {"wait": pytest.approx(0.7), "speak": 0.3}


@pytest.mark.parametrize("value", [0, 1, 0.5, 1.0])
def test_a_probability_comes_back_as_a_float(value: float) -> None:
    checked = check_probability("p", value)
    assert checked == value
    assert isinstance(checked, float)


@pytest.mark.parametrize("value", [-0.1, 1.1, 7, float("nan"), float("inf")])
def test_a_probability_out_of_range_is_refused_by_name(value: float) -> None:
    with pytest.raises(InvalidInputError, match="threshold must be a number from 0 to 1"):
        check_probability("threshold", value)


@pytest.mark.parametrize("value", ["0.5", None, True, [0.5]])
def test_a_probability_that_is_no_number_is_refused_by_its_type(value: object) -> None:
    with pytest.raises(InvalidTypeError, match=f"got {type(value).__name__}"):
        check_probability("threshold", value)  # type: ignore[arg-type]


def test_no_context_is_no_messages() -> None:
    assert as_messages(None) == as_messages("") == as_messages([]) == ()


def test_a_string_is_the_bots_last_words() -> None:
    assert as_messages("Алло?") == (Message("agent", "Алло?"),)


def test_a_list_a_tuple_and_a_generator_of_messages_are_the_same_context() -> None:
    messages = [Message("agent", "Алло?"), Message("client", "да")]
    assert as_messages(messages) == as_messages(tuple(messages)) == as_messages(m for m in messages) == tuple(messages)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "context", [5, b"bytes", {"role": "agent"}, ["Алло?"], [{"role": "agent", "text": "Алло?"}], [None]]
)
def test_any_other_context_is_refused(context: object) -> None:
    with pytest.raises(InvalidTypeError, match=r"context must be a string, a list of turn_detection\.Message or None"):
        as_messages(context)  # type: ignore[arg-type]


def _errors() -> list[type[TurnDetectionError]]:
    return [
        value
        for _, value in inspect.getmembers(errors, inspect.isclass)
        if value.__module__ == errors.__name__ and value is not TurnDetectionError
    ]


@pytest.mark.parametrize("error", _errors())
def test_every_error_is_ours_and_a_built_in_one(error: type[TurnDetectionError]) -> None:
    assert issubclass(error, TurnDetectionError)
    assert any(base.__module__ == "builtins" and base not in (Exception, BaseException, object) for base in error.mro())
    assert error.__doc__


def test_a_wrong_type_is_a_value_error_and_a_type_error() -> None:
    assert issubclass(InvalidTypeError, ValueError)
    assert issubclass(InvalidTypeError, TypeError)


def test_a_missing_extra_says_how_to_install_it() -> None:
    error = MissingExtraError("Training", "cpu", "torch")
    assert "pip install 'turn-detection[cpu]'" in str(error)
    assert "torch is not installed" in str(error)
    assert error.extra == "cpu"
    assert "None" not in str(MissingExtraError("Training", "cpu"))
