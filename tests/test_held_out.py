"""Files to held-out turns."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from turn_detection.errors import DataFormatError, InputFileNotFoundError
from turn_detection.evaluation.moments import moments_of
from turn_detection.held_out import read_turns, spoken_turns

CHAT = {
    "messages": [
        {"role": "agent", "content": "Чем могу помочь?"},
        {"role": "client", "content": "Запишите меня, пожалуйста."},
        {"role": "agent", "content": "На какой день?"},
        {"role": "client", "content": "на завтра"},
    ]
}


def write(path: Path, content: Any) -> Path:
    path.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
    return path


def test_chats_give_the_clients_turns_with_what_was_said_before(tmp_path: Path) -> None:
    turns = read_turns([write(tmp_path / "chat.json", [CHAT])])
    assert [turn.text for turn in turns] == ["Запишите меня, пожалуйста.", "на завтра"]
    assert [len(turn.context or ()) for turn in turns] == [1, 3]
    assert len({turn.dialogue_id for turn in turns}) == 1
    assert len({turn.turn_id for turn in turns}) == 2


def test_the_place_of_a_file_changes_no_identity(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    first = read_turns([write(tmp_path / "a.json", CHAT)])
    second = read_turns([write(tmp_path / "other" / "b.json", CHAT)])
    assert [turn.turn_id for turn in first] == [turn.turn_id for turn in second]


def test_labelled_moments_keep_measured_pauses(tmp_path: Path) -> None:
    words = [{"start": 0.0, "end": 0.3}, {"start": 0.35, "end": 0.5}, {"start": 1.25, "end": 1.5}]
    items = [
        {
            "context": "Ваш код?",
            "message": "три восемь один",
            "label": "speak",
            "words": words,
            "turn": "t",
            "dialogue": "d",
        },
        {"message": "три", "label": "wait", "pause_s": 0.9, "turn": "t", "dialogue": "d"},
        {"message": "мне нужен", "label": "wait"},
        {"message": "да", "label": "speak"},
        {"message": "да", "label": "speak"},
    ]
    turns = read_turns([write(tmp_path / "moments.json", items)])
    assert [turn.is_whole for turn in turns] == [True, False, False, True, True]
    assert turns[0].points == (len("три восемь"),)
    assert turns[0].lengths_s == pytest.approx((0.75,))
    assert turns[1].lengths_s == (0.9,)
    assert turns[2].lengths_s is not None
    assert math.isnan(turns[2].lengths_s[0])
    scored = moments_of(turns)
    assert scored.scored([0.5] * len(scored.items)).n_turns == 4, (
        "equal answers are two turns, parts of one turn are one"
    )


@pytest.mark.parametrize(
    ("item", "word"),
    [
        ({"message": "да"}, "label"),
        ({"message": "да", "label": "end"}, "label"),
        ({"message": "да нет", "label": "speak", "words": [{"start": 0, "end": 1}]}, "words"),
        ({"message": "да нет", "label": "speak", "words": [{"start": 0, "end": 1}, {"end": 2}]}, "words[1].start"),
        ({"message": "да", "label": "wait", "pause_s": -1}, "pause_s"),
        ({"message": "да", "label": "wait", "pause_s": "1"}, "pause_s"),
        ({"message": 3, "label": "wait"}, "message"),
    ],
)
def test_a_faulty_item_is_named_without_its_words(tmp_path: Path, item: dict[str, Any], word: str) -> None:
    path = write(tmp_path / "moments.json", [{"message": "сосиска", "label": "speak"}, item])
    with pytest.raises(DataFormatError) as caught:
        read_turns([path])
    assert word in str(caught.value)
    assert "item 1" in str(caught.value)
    assert "сосиска" not in str(caught.value)


def test_files_without_a_turn_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputFileNotFoundError):
        read_turns([tmp_path / "none.json"])
    with pytest.raises(DataFormatError, match="no caller's turn"):
        read_turns([write(tmp_path / "chat.json", {"messages": CHAT["messages"][:1]})])
    with pytest.raises(DataFormatError):
        read_turns([write(tmp_path / "broken.json", {"turn": 1})])


def test_made_speech_gives_whole_turns_under_held_out_templates() -> None:
    pytest.importorskip("num2words")
    pytest.importorskip("faker")
    turns = list(spoken_turns(60, 3))
    assert 10 < len(turns) < 50
    assert turns == list(spoken_turns(60, 3))
    assert all(turn.is_whole and turn.points is None for turn in turns)
