"""Foreign formats to dialogues: every format that is read, and what happens to what cannot be."""

from __future__ import annotations

import gzip
import json
import lzma
from pathlib import Path
from typing import Any

import pytest

from turn_detection.data.sources import ReadReport, dialogue_from_record, find_files, read_dialogues
from turn_detection.errors import DataFormatError, InputFileNotFoundError
from turn_detection.records import read_records
from turn_detection.types import Dialogue

ROOT = Path(__file__).resolve().parents[2]


def packed(content: bytes, suffix: str) -> bytes:
    if suffix == ".gz":
        return gzip.compress(content)
    return lzma.compress(content) if suffix == ".xz" else content


def written(path: Path, *records: Any) -> Path:
    """A file of records, one a line, packed as its name says."""
    lines = "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records).encode()
    content = packed(lines, path.suffix)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def read(*paths: Path) -> list[Dialogue]:
    return list(read_dialogues(paths, on_malformed="refuse"))


def texts(dialogue: Dialogue) -> list[str]:
    return [turn.text for turn in dialogue.turns]


def turns_of(record: Any) -> list[tuple[str | None, str]]:
    return [(turn.role, turn.text) for turn in dialogue_from_record(record, dialogue_id="d", source="s").turns]


def test_a_conversation_is_split_at_its_lines_and_loses_the_leading_dashes() -> None:
    told = "— Ты где?\n- Дома.\n–  А Петя?\n―Тоже — с утра.\n\n−Ясно"
    assert turns_of({"conversation": told}) == [
        (None, text) for text in ("Ты где?", "Дома.", "А Петя?", "Тоже — с утра.", "Ясно")
    ]


def test_a_list_of_turns_is_taken_as_it_is_but_for_dashes_and_blank_turns() -> None:
    assert turns_of({"turns": ["— Алло", "  ", "Слушаю вас "]}) == [(None, "Алло"), (None, "Слушаю вас")]


@pytest.mark.parametrize(
    ("agent", "client"), [("agent", "client"), ("assistant", "user"), ("bot", "caller"), ("Operator", " CUSTOMER ")]
)
def test_roles_have_the_spellings_of_the_wild(agent: str, client: str) -> None:
    messages = [{"role": agent, "content": "Куда едем?"}, {"role": client, "content": "На вокзал"}]
    assert turns_of({"messages": messages}) == [("agent", "Куда едем?"), ("client", "На вокзал")]


def test_system_and_tool_messages_and_calls_without_content_are_left_out() -> None:
    messages = [
        {"role": "system", "content": "Ты вежливый оператор."},
        {"role": "assistant", "content": "Назовите номер"},
        {"role": "user", "content": "Сорок два"},
        {"role": "assistant", "content": None, "tool_calls": [{"id": "1"}]},
        {"role": "tool", "content": "{}"},
        {"role": "assistant", "content": "Заказ едет"},
    ]
    assert turns_of({"messages": messages}) == [
        ("agent", "Назовите номер"),
        ("client", "Сорок два"),
        ("agent", "Заказ едет"),
    ]


def test_two_messages_of_one_speaker_in_a_row_are_one_turn() -> None:
    messages = [
        {"role": "agent", "content": "Слушаю"},
        {"role": "client", "content": "мне нужен"},
        {"role": "tool", "content": "поиск"},
        {"role": "client", "content": "билет"},
    ]
    assert turns_of({"messages": messages}) == [("agent", "Слушаю"), ("client", "мне нужен билет")]


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz", "a.jsonl.xz"])
def test_lines_are_read_plain_and_packed(tmp_path: Path, name: str) -> None:
    file = written(tmp_path / name, {"turns": ["Раз", "Два"]}, {"conversation": "— Три\n— Четыре"})
    first, second = read(file)
    assert (texts(first), texts(second)) == (["Раз", "Два"], ["Три", "Четыре"])
    assert (first.dialogue_id, second.dialogue_id, first.source) == ("a:1", "a:2", "a")


@pytest.mark.parametrize("name", ["a.json", "a.jsonl", "a.jsonl.gz", "a.jsonl.xz"])
def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path: Path, name: str) -> None:
    content = b"\xef\xbb\xbf" + json.dumps({"turns": ["Раз", "Два"]}).encode()
    file = tmp_path / name
    file.write_bytes(packed(content, file.suffix))
    assert texts(*read(file)) == ["Раз", "Два"]


def test_a_json_file_holds_one_chat_or_a_list_of_them(tmp_path: Path) -> None:
    chat = {"messages": [{"role": "agent", "content": "Да?"}, {"role": "client", "content": "Нет"}]}
    one = tmp_path / "one.json"
    one.write_text(json.dumps(chat, indent=2), encoding="utf-8")
    many = tmp_path / "many.json"
    many.write_text(json.dumps([chat, {"turns": ["А", "Б"]}]), encoding="utf-8")
    assert [len(read(file)) for file in (one, many)] == [1, 2]


def test_blank_lines_count_for_line_numbers_but_are_no_dialogues(tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    file.write_text('\n{"turns": ["А", "Б"]}\n\n\n{"turns": ["В", "Г"]}', encoding="utf-8")
    assert [dialogue.dialogue_id for dialogue in read(file)] == ["a:2", "a:5"]


def test_a_folder_is_searched_to_any_depth_in_an_order_that_names_alone_decide(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for place in ("b/2.jsonl", "a.jsonl.gz", "b/1.jsonl", "b/c/d.jsonl.xz"):
        written(tmp_path / place, {"turns": [place, "и"]})
    (tmp_path / "readme.md").write_text("не диалог", encoding="utf-8")
    found = sorted(tmp_path.rglob("*"), reverse=True)  # a file system may list a folder in any order
    monkeypatch.setattr(Path, "rglob", lambda *_: iter(found))
    assert [texts(dialogue)[0] for dialogue in read(tmp_path)] == [
        "a.jsonl.gz",
        "b/1.jsonl",
        "b/2.jsonl",
        "b/c/d.jsonl.xz",
    ]


def test_a_folder_of_chat_files_is_one_source_and_its_dialogues_have_ids_of_their_own(tmp_path: Path) -> None:
    for place in ("shop/1.json", "shop/2.json", "bank/1.json"):
        written(tmp_path / place, {"turns": [place, "и"]})
    dialogues = read(tmp_path)
    assert [dialogue.source for dialogue in dialogues] == ["bank", "shop", "shop"]
    assert len({dialogue.dialogue_id for dialogue in dialogues}) == 3


def test_a_records_own_source_wins() -> None:
    record = {"source": "plays", "turns": ["А", "Б"]}
    assert dialogue_from_record(record, dialogue_id="d", source="file").source == "plays"
    assert dialogue_from_record(record | {"source": 5}, dialogue_id="d", source="file").source == "file"


MALFORMED = [
    ('{"turns": ["секрет"', "not JSON"),
    ('["секрет"]', "expected an object, got list"),
    ('{"text": "секрет"}', "none of the keys 'conversation', 'turns', 'messages'"),
    ('{"turns": "секрет"}', "'turns' must be a list of strings"),
    ('{"turns": ["секрет", 5]}', "'turns' must be a list of strings"),
    ('{"turns": ["", "—"]}', "'turns' holds no text"),
    ('{"turns": ["секрет \\ud800"]}', "'turns' holds half of a surrogate pair"),
    ('{"conversation": ["секрет"]}', "'conversation' must be a string"),
    ('{"messages": {"role": "секрет"}}', "'messages' must be a list"),
    ('{"messages": [{"content": "секрет"}]}', "messages[0] must be an object with a string 'role'"),
    (
        '{"messages": [{"role": "agent", "content": "секрет"}, {"role": "client", "content": 1}]}',
        "messages[1].content must be",
    ),
    ('{"messages": [{"role": "system", "content": "секрет"}]}', "'messages' holds no text"),
    ("[" * 100_000, "nested too deeply"),
    ('{"turns": ["секрет"], "n": ' + "1" * 5000 + "}", "a number too long"),
]


@pytest.mark.parametrize(("line", "what"), MALFORMED)
def test_a_malformed_line_is_skipped_and_reported_with_file_line_and_fault_but_no_words(
    tmp_path: Path, line: str, what: str, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "a.jsonl"
    good = '{"turns": ["до", "после"]}'
    file.write_text(f"{good}\n{line}\n{good}\n", encoding="utf-8")
    report = ReadReport()
    assert len(list(read_dialogues([file], report=report))) == 2
    (told,) = report.malformed
    assert told.startswith(f"{file}:2: ")
    assert what in told
    assert (report.n_dialogues, report.n_turns) == (2, 4)
    assert told in caplog.text
    assert "секрет" not in caplog.text


@pytest.mark.parametrize(("line", "what"), MALFORMED)
def test_a_malformed_line_can_be_refused_with_the_same_words_and_a_remedy(tmp_path: Path, line: str, what: str) -> None:
    file = tmp_path / "a.jsonl"
    file.write_text(f'{{"turns": ["до", "после"]}}\n{line}\n', encoding="utf-8")
    with pytest.raises(DataFormatError, match="data.on_malformed=skip") as caught:
        read(file)
    assert f"{file}:2: " in str(caught.value)
    assert what in str(caught.value)
    assert "секрет" not in str(caught.value)


@pytest.mark.parametrize("content", ["{", "[" * 100_000, '[{"n": ' + "1" * 5000 + "}]", "", b"\xff\xfe\x00"])
def test_a_json_file_that_is_none_is_one_fault_and_no_crash(tmp_path: Path, content: str | bytes) -> None:
    file = tmp_path / "a.json"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    report = ReadReport()
    assert list(read_dialogues([file], report=report)) == []
    assert len(report.malformed) == 1
    assert str(file) in report.malformed[0]


@pytest.mark.parametrize("name", ["a.jsonl.gz", "a.jsonl.xz"])
def test_a_truncated_archive_gives_what_can_be_read_and_says_so(tmp_path: Path, name: str) -> None:
    file = written(tmp_path / name, *({"turns": [f"номер {n}", f"{n * 7919 % 10007}"]} for n in range(20_000)))
    file.write_bytes(file.read_bytes()[:-5000])
    report = ReadReport()
    n_read = len(list(read_dialogues([file], report=report)))
    assert 0 < n_read < 20_000
    assert any("cannot be read to its end" in fault for fault in report.malformed)
    with pytest.raises(DataFormatError, match=r"a\.jsonl\..*"):
        read(file)


@pytest.mark.parametrize("name", ["a.jsonl.gz", "a.jsonl.xz"])
def test_a_file_that_is_no_archive_at_all_is_one_fault(tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    file.write_bytes(b'{"turns": ["\xd0\x90"]}')
    report = ReadReport()
    assert list(read_dialogues([file], report=report)) == []
    assert len(report.malformed) == 1


def test_another_encoding_is_a_fault_of_the_file(tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    file.write_bytes('{"turns": ["привет", "пока"]}'.encode("cp1251"))
    with pytest.raises(DataFormatError, match="UnicodeDecodeError"):
        read(file)


def test_an_unknown_kind_of_file_is_refused_by_name(tmp_path: Path) -> None:
    file = tmp_path / "talk.docx"
    file.write_text("а,б", encoding="utf-8")
    with pytest.raises(DataFormatError, match=r"talk\.docx: unknown kind of file; known are \.json, \.jsonl"):
        read(file)


def test_a_missing_path_is_a_missing_file_to_everybody(tmp_path: Path) -> None:
    with pytest.raises(InputFileNotFoundError, match="nowhere") as caught:
        read(tmp_path / "nowhere")
    assert isinstance(caught.value, FileNotFoundError)


def test_a_folder_without_dialogues_is_an_error_not_an_empty_training_set(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("пусто", encoding="utf-8")
    with pytest.raises(InputFileNotFoundError, match="no dialogue files"):
        find_files([tmp_path])


def test_reading_is_lazy(tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    file.write_text('{"turns": ["А", "Б"]}\n{broken', encoding="utf-8")
    assert next(read_dialogues([file], on_malformed="refuse")).dialogue_id == "a:1"


def test_the_projects_own_dialogues_are_sound_and_varied() -> None:
    dialogues = read(ROOT / "data" / "demo_dialogues.jsonl")
    assert len(dialogues) >= 140
    assert all(4 <= len(dialogue.turns) <= 8 for dialogue in dialogues)
    with_roles = [dialogue for dialogue in dialogues if dialogue.turns[0].role]
    assert 5 <= len(dialogues) - len(with_roles) <= 30
    n_words = [len(turn.text.split()) for dialogue in with_roles for turn in dialogue.turns if turn.role == "client"]
    assert sum(n == 1 for n in n_words) > 50
    assert sum(n >= 8 for n in n_words) > 50


def test_the_projects_sample_items_are_sound_and_have_context_in_both_forms() -> None:
    records = read_records(ROOT / "data" / "sample_inference.json")
    assert 12 <= len(records) <= 14
    assert {type(record.context) for record in records} == {str, list}
    assert {record.original["domain"] for record in records} == {"banking", "taxi", "clinic", "delivery"}
    assert all(set(record.original) == {"context", "message", "domain"} for record in records)


def test_lone_utterances_are_read_on_request_only(tmp_path: Path) -> None:
    file = tmp_path / "u.jsonl"
    file.write_text('{"source": "tatoeba", "text": "Где банк?"}\n', encoding="utf-8")

    (utterance,) = read_dialogues([file], utterances=True)
    assert (utterance.source, [turn.text for turn in utterance.turns]) == ("tatoeba", ["Где банк?"])
    assert not list(read_dialogues([file]))
