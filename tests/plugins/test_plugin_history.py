"""What of a dialogue the model is asked about."""

from __future__ import annotations

import pytest

from turn_detection import Message
from turn_detection.errors import InvalidInputError
from turn_detection.plugins.history import check_history_messages, split_turn

GREETING, QUESTION = Message("agent", "Здравствуйте!"), Message("agent", "Чем могу помочь?")
FIRST, SECOND = Message("client", "мне нужен"), Message("client", "номер на двоих")


def test_the_callers_messages_at_the_end_are_one_turn_after_the_bots_last_message() -> None:
    assert split_turn([SECOND, FIRST, QUESTION, GREETING]) == ("мне нужен номер на двоих", [QUESTION])


@pytest.mark.parametrize(
    ("n", "history"), [(0, []), (1, [QUESTION]), (2, [GREETING, QUESTION]), (9, [FIRST, GREETING, QUESTION])]
)
def test_as_many_messages_as_asked_for_are_kept(n: int, history: list[Message]) -> None:
    assert split_turn([SECOND, QUESTION, GREETING, FIRST], n) == ("номер на двоих", history)


def test_missing_parts_are_empty() -> None:
    assert split_turn([]) == ("", [])
    assert split_turn([QUESTION]) == ("", [QUESTION])
    assert split_turn([FIRST]) == ("мне нужен", [])


@pytest.mark.parametrize("value", [-1, 1.5, "1", True, None])
def test_a_number_of_messages_that_makes_no_sense_is_refused(value: int) -> None:
    with pytest.raises(InvalidInputError, match="history_messages"):
        check_history_messages(value)


def test_a_long_dialogue_is_read_no_further_than_needed() -> None:
    dialogue = iter([SECOND, QUESTION, FIRST, *[GREETING] * 100])
    split_turn(dialogue)
    assert len(list(dialogue)) == 100
