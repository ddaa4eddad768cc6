"""What ``evaluate`` judges: labelled items, dialogues, and what stands in for them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from turn_detection.errors import DataFormatError, InputFileNotFoundError
from turn_detection.evaluating import labelled_set
from turn_detection.evaluating.labelled_set import made_set, read_set

CHAT = {
    "messages": [
        {"role": "agent", "content": "Чем могу помочь?"},
        {"role": "client", "content": "Хочу записаться к врачу, на завтра."},
    ]
}


def write(folder: Path, name: str, content: Any) -> Path:
    path = folder / name
    path.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
    return path


def item(**values: Any) -> dict[str, Any]:
    return {"context": "Когда?", "message": "завтра", "label": "speak", **values}


def test_labelled_items_keep_their_names(tmp_path: Path) -> None:
    named = item(id="a", dialogue=7, source="calls", category="dates", tier="ambiguous", soft_label=0.25)
    found = read_set(write(tmp_path, "in.json", [named, item(label="wait", family="hold")]))
    first, second = found.items
    assert (first.item_id, first.dialogue, first.source, first.category) == ("a", "7", "calls", "dates")
    assert (first.tier, first.soft_label, first.is_end) == ("ambiguous", 0.25, True)
    assert (second.item_id, second.category, second.is_end) == ("1", "hold", False)
    assert found.written == ((first.context, "завтра"), (second.context, "завтра"))
    assert found.kind == "labelled"
    assert not found.turns_on_data


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"label": "stop"}, "'label' must be one of"),
        ({"label": None}, "'label' must be one of"),
        ({"tier": "clear"}, "'tier' must be one of"),
        ({"soft_label": True}, "'soft_label' must be a number from 0 to 1"),
        ({"soft_label": 1.5}, "'soft_label' must be a number from 0 to 1"),
        ({"soft_label": "0.5"}, "'soft_label' must be a number from 0 to 1"),
        ({"id": 1.5}, "'id' must be a string"),
        ({"dialogue": ["a"]}, "'dialogue' must be a string"),
    ],
)
def test_a_faulty_item_is_named_by_its_place(tmp_path: Path, values: dict[str, Any], words: str) -> None:
    path = write(tmp_path, "in.json", [item(), item(**values)])
    with pytest.raises(DataFormatError, match=words) as caught:
        read_set(path)
    assert "in.json: item 1" in str(caught.value)
    assert "завтра" not in str(caught.value)


def test_a_reply_becomes_an_end_and_a_prefix(tmp_path: Path) -> None:
    found = read_set(write(tmp_path, "chat.json", [CHAT]))
    assert [one.is_end for one in found.items] == [True, False]
    assert found.items[0].dialogue == found.items[1].dialogue
    whole, prefix = (one.message for one in found.items)
    assert whole == "хочу записаться к врачу на завтра"
    assert whole.startswith(f"{prefix} ")
    # As somebody wrote it, for the edits of spelling.
    assert found.written[0][1] == "Хочу записаться к врачу, на завтра."
    assert found.turns_on_data
    assert len(found.turns) == 1


def test_a_folder_may_hold_both(tmp_path: Path) -> None:
    write(tmp_path, "chat.json", [CHAT])
    write(tmp_path, "items.json", [item()])
    found = read_set(tmp_path)
    assert (found.kind, len(found.items), len(found.files)) == ("mixed", 3, 2)


def test_notes_say_what_a_reader_must_know(tmp_path: Path) -> None:
    notes = " ".join(read_set(write(tmp_path, "in.json", [item(), item()])).notes)
    assert "items of one context were resampled together" in notes
    assert "All items carry one label" in notes
    assert "made speech" in notes
    quiet = [item(dialogue="1"), item(dialogue="2", label="wait", pause_s=0.5)]
    notes = " ".join(read_set(write(tmp_path, "quiet.json", quiet)).notes)
    assert "resampled" not in notes
    assert "one label" not in notes


def test_nothing_to_judge_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataFormatError, match="holds no items"):
        read_set(write(tmp_path, "lonely.json", [{"messages": [{"role": "agent", "content": "Алло?"}]}]))
    with pytest.raises(InputFileNotFoundError):
        read_set(tmp_path / "none.json")


def test_without_data_there_is_made_speech(monkeypatch: pytest.MonkeyPatch) -> None:
    both = made_set(n=40)
    assert both.kind == "made"
    assert {one.source for one in both.items} >= {"spoken", "demo_dialogues"}
    assert sum(one.is_end and one.source == "spoken" for one in both.items) == sum(
        turn.turn_id.startswith("spoken:") for turn in both.turns
    )
    monkeypatch.setattr(labelled_set, "demo_dialogues", lambda: None)
    alone = made_set(n=40)
    assert {one.source for one in alone.items} == {"spoken"}
    assert any("not installed" in note for note in alone.notes)
