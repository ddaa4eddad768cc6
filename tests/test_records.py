"""The JSON of the original system: items in, the same items with ``probas`` out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from turn_detection.errors import DataFormatError, InputFileNotFoundError, OutputError
from turn_detection.records import read_records, with_probas, write_records
from turn_detection.types import Message, TurnPrediction


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "items.json"


def read(place: Path, content: Any) -> Any:
    place.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
    return read_records(place)


def test_context_and_message_are_read_and_the_object_is_kept(place: Path) -> None:
    item = {"context": "Алло?", "message": "да", "id": 7, "expected": "speak"}
    (record,) = read(place, [item])
    assert (record.context, record.message, record.original) == ("Алло?", "да", item)


@pytest.mark.parametrize("item", [{"message": "да"}, {"message": "да", "context": None}])
def test_a_context_may_be_absent_or_null(place: Path, item: dict[str, Any]) -> None:
    assert read(place, [item])[0].context is None


def test_a_context_may_be_a_list_of_messages(place: Path) -> None:
    context = [{"role": "assistant", "content": "Алло?", "id": 1}, {"role": "tool", "content": None}, {"role": "user"}]
    (record,) = read(place, [{"message": "да", "context": context}])
    assert record.context == [Message("agent", "Алло?"), Message("tool", ""), Message("client", "")]


def test_an_empty_list_has_no_records(place: Path) -> None:
    assert read(place, []) == []


def test_a_byte_order_mark_is_no_part_of_the_text(place: Path) -> None:
    place.write_bytes(b'\xef\xbb\xbf[{"message": "\xd0\xb4\xd0\xb0"}]')
    assert read_records(str(place))[0].message == "да"


def test_a_file_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputFileNotFoundError, match=r"no such file: .*gone\.json") as caught:
        read_records(tmp_path / "gone.json")
    assert isinstance(caught.value, FileNotFoundError)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is not JSON"),
        (b'[{"message": "a"},]', "is not JSON: .*line 1, column"),
        (b'{"message": "a"}\n{"message": "b"}', "is not JSON"),
        (b"\xcf\xf0\xe8\xe2\xe5\xf2", "is not UTF-8 text"),
        (b"[" * 100_000, "nested too deeply"),
        (b'[{"message": "a", "id": ' + b"1" * 5000 + b"}]", "number that is too long"),
        (b'{"message": "a"}', "must hold a list .* got an object"),
        (b'"a"', "got a string"),
        (b"5", "got a number"),
        (b"true", "got a boolean"),
        (b"null", "got null"),
    ],
)
def test_a_file_of_another_shape_is_refused(place: Path, content: bytes, words: str) -> None:
    place.write_bytes(content)
    with pytest.raises(DataFormatError, match=words) as caught:
        read_records(place)
    assert str(place) in str(caught.value)


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(DataFormatError, match="cannot be read"):
        read_records(tmp_path)


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        ("да", "item 1 must be an object, got a string"),
        ([], "item 1 must be an object, got a list"),
        ({"context": "Алло?"}, "item 1: the key 'message' is missing"),
        ({"message": None}, "item 1: 'message' must be a string, got null"),
        ({"message": 5.5}, "item 1: 'message' must be a string, got a number"),
        (
            {"message": "да", "context": 5},
            "item 1: 'context' must be a string, a list of messages or null, got a number",
        ),
        ({"message": "да", "context": {"role": "agent"}}, "item 1: 'context' must be .* got an object"),
        ({"message": "да", "context": ["Алло?"]}, r"item 1: context\[0\] must be an object with a string 'role'"),
        (
            {"message": "да", "context": [{"content": "да"}]},
            r"item 1: context\[0\] must be an object with a string 'role'",
        ),
        (
            {"message": "да", "context": [{"role": "agent", "content": 5}]},
            r"item 1: context\[0\].content must be a string",
        ),
    ],
)
def test_a_bad_item_is_named_with_its_key(place: Path, bad: object, words: str) -> None:
    with pytest.raises(DataFormatError, match=words):
        read(place, [{"message": "да"}, bad])


def test_probas_are_added_and_every_other_key_is_kept(place: Path) -> None:
    (record,) = read(place, [{"message": "да", "id": 7, "probas": "old"}])
    answer = with_probas(record, TurnPrediction(0.75, 0.5, delay_s=1.0, latency_ms=1.0))
    assert answer == {"message": "да", "id": 7, "probas": {"wait": 0.25, "speak": 0.75}}
    assert record.original["probas"] == "old"


def test_what_is_written_is_readable_for_people_and_can_be_read_again(place: Path) -> None:
    items = [{"context": "Алло?", "message": "да"}, {"message": "нет"}]
    write_records(place, items)
    assert "Алло?" in place.read_text(encoding="utf-8")
    assert [record.original for record in read_records(place)] == items


def test_half_of_a_surrogate_pair_goes_through_as_json_allows_it(place: Path) -> None:
    place.write_text(r'[{"message": "да \ud83d", "note": "\\ud83d \\"}]', encoding="utf-8")
    originals = [record.original for record in read_records(place)]
    write_records(place, originals)
    assert [record.original for record in read_records(place)] == originals


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"cannot write .*out\.json"):
        write_records(tmp_path / "no folder" / "out.json", [])
