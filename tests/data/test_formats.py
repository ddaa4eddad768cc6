"""The files that people have calls in: every format by a sample of its own, and what becomes of odd lines."""

from __future__ import annotations

import csv
import io
import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turn_detection.data.formats import plain_text, table
from turn_detection.data.formats.encoded import decoded
from turn_detection.data.formats.notes import Notes, Problem
from turn_detection.data.formats.options import ReadingOptions
from turn_detection.data.sources import ReadReport, dialogue_from_record, find_files, read_dialogues
from turn_detection.errors import ConfigurationError, DataFormatError, InputFileNotFoundError
from turn_detection.types import Dialogue

CALLS = Path(__file__).resolve().parents[2] / "data" / "calls"
Said = list[tuple[str | None, str]]


def read(*paths: Path, report: ReadReport | None = None, **options: Any) -> list[Dialogue]:
    return list(read_dialogues(paths, on_malformed="refuse", report=report, options=ReadingOptions(**options)))


def said(dialogue: Dialogue) -> Said:
    return [(turn.role, turn.text) for turn in dialogue.turns]


def converted(record: Any, **options: Any) -> tuple[Said, Notes]:
    notes = Notes()
    dialogue = dialogue_from_record(
        record, dialogue_id="d", source="s", options=ReadingOptions(**options), notes=notes, at="f:1"
    )
    return said(dialogue), notes


def written(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.write_bytes(text.encode(encoding))
    return path


def test_the_sample_folder_is_read_whole_and_every_format_is_named() -> None:
    report = ReadReport()
    dialogues = read(CALLS, report=report)
    assert report.malformed == []
    assert len(dialogues) == report.n_dialogues == 15
    assert report.notes.formats == {
        "LiveKit chat history": 1, "LiveKit session report": 1, "a message a line": 1, "messages": 3, "speaker segments": 1,
        "table": 5, "text with speakers": 3,
    }  # fmt: skip
    assert {dialogue.file for dialogue in dialogues} == {str(file) for file in CALLS.iterdir()}
    assert report.notes.counts[Problem.ENCODING] == 2
    assert all("client" in {turn.role for turn in dialogue.turns} for dialogue in dialogues if dialogue.turns[0].role)


def test_a_livekit_session_report_gives_the_messages_of_its_history() -> None:
    (dialogue,) = read(CALLS / "livekit_session_report.json")
    assert [turn.role for turn in dialogue.turns] == ["agent", "client"] * 4
    assert dialogue.turns[3].text == "Да, давайте."
    (pause,) = dialogue.turns[1].pauses or ()
    assert dialogue.turns[1].text[: pause.offset].endswith("пломбы,")
    assert pause.length_s == pytest.approx(1.2, abs=1e-5), "from the end of one message to the start of the next"


def test_a_call_in_which_nobody_spoke_is_no_fault(tmp_path: Path) -> None:
    empty = {
        "chat_history": {"items": [{"type": "agent_config_update"}, {"type": "message", "role": "user", "content": []}]}
    }
    (tmp_path / "a.json").write_text(json.dumps(empty), encoding="utf-8")
    report = ReadReport()
    assert read(tmp_path, report=report) == []
    assert report.notes.counts == {Problem.EMPTY_CALL: 1, Problem.EMPTY_TEXT: 1}


def test_parts_of_a_message_are_joined_and_pictures_left_out() -> None:
    parts = [{"type": "text", "text": "Это "}, {"type": "image_url", "image_url": {}}, "мой дом", {"transcript": "вот"}]
    found, _ = converted([{"role": "user", "content": parts}])
    assert found == [("client", "Это мой дом вот")]


def test_turns_may_be_messages_and_a_list_of_messages_is_a_call_of_its_own(tmp_path: Path) -> None:
    messages = [{"role": "bot", "text": "Да?"}, {"speaker": "Клиент", "transcript": "Нет"}]
    assert converted({"turns": messages})[0] == converted(messages)[0] == [("agent", "Да?"), ("client", "Нет")]
    assert len(read(written(tmp_path / "a.jsonl", json.dumps(messages) + "\n" + json.dumps(messages)))) == 2


def test_messages_that_stand_one_a_line_are_gathered_by_their_call(tmp_path: Path) -> None:
    rows = [(7, "agent", "Раз?"), (8, "agent", "Два?"), (7, "client", "Раз"), (8, "client", "Два")]
    lines = [json.dumps({"call_id": call, "role": role, "text": text}) for call, role, text in rows]
    first, second = read(written(tmp_path / "log.jsonl", "\n".join(lines)))
    assert said(first) == [("agent", "Раз?"), ("client", "Раз")]
    assert (first.dialogue_id, second.dialogue_id) == ("log:1", "log:2")


def test_speakers_that_nobody_named_are_told_apart_without_roles_and_get_them_by_name() -> None:
    segments = {
        "segments": [
            {"speaker": "SPEAKER_00", "text": " Алло?"},
            {"speaker": "SPEAKER_01", "text": " Мне бы"},
            {"text": " шум"},
            {"speaker": "SPEAKER_01", "text": " врача"},
        ]
    }
    found, notes = converted(segments)
    assert found == [(None, "Алло?"), (None, "Мне бы врача")]
    assert notes.counts == {Problem.UNNAMED: 1, Problem.UNKNOWN_ROLE: 1, Problem.MERGED: 1}
    named, _ = converted(segments, agent_names=("speaker_00",), client_names=("SPEAKER_01",))
    assert named == [("agent", "Алло?"), ("client", "Мне бы врача")]


def test_lines_of_a_third_speaker_are_left_out_and_noted_by_place_only() -> None:
    found, notes = converted(
        {
            "messages": [
                {"role": "agent", "content": "Да?"},
                {"role": "Зоя", "content": "сосиска"},
                {"role": "user", "content": ""},
            ]
        }
    )
    assert found == [("agent", "Да?")]
    assert notes.places == {Problem.UNKNOWN_ROLE: ["f:1: messages[1]"], Problem.EMPTY_TEXT: ["f:1: messages[2]"]}


@pytest.mark.parametrize(
    ("record", "what"),
    [
        ({"items": "сосиска"}, "'items' must be a list"),
        ({"chat_history": ["сосиска"]}, "'chat_history' must be an object with 'items'"),
        ({"segments": [{"text": "сосиска"}]}, "name no 'speaker'"),
        ({"segments": ["сосиска"]}, "'segments' must be a list of objects"),
        ({"items": [{"type": "message", "content": "сосиска"}]}, "items[0] must be an object with a string 'role'"),
        ({"messages": [{"role": "user", "content": {"сосиска": 1}}]}, "messages[0].content must be a string, got dict"),
        ({"messages": [{"role": "user", "content": "сосиска в тесте", "words": [{"start": 1}]}]}, "messages[0].words"),
        ({"messages": [{"role": "user", "words": [{"word": "сосиска", "start": "1"}]}]}, "'start' must be a number"),
        ({"messages": [{"role": "user", "words": "сосиска"}]}, "messages[0].words must be a list"),
    ],
)
def test_what_cannot_be_read_is_refused_by_place_without_words(record: Any, what: str) -> None:
    with pytest.raises(DataFormatError) as caught:
        converted(record)
    assert what in str(caught.value)
    assert "сосиска" not in str(caught.value)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("names", [("call_id", "role", "text"), ("Номер звонка", "Роль", "Текст")])
def test_a_table_of_lines_is_read_with_any_delimiter_and_the_usual_names(
    delimiter: str, names: tuple[str, ...]
) -> None:
    rows = [
        names,
        ("1", "bot", f"Да{delimiter} что?"),
        ("2", "bot", "Алло"),
        ("1", "клиент", "две\nстроки"),
        ("2", "user", "Я"),
    ]
    stream = io.StringIO()
    csv.writer(stream, delimiter=delimiter).writerows(rows)
    (first, call), (second, _) = table.calls_of(stream.getvalue(), ReadingOptions())
    assert [line.said.text for line in call.lines] == [f"Да{delimiter} что?", "две\nстроки"]
    assert (first, second) == (2, 3)


def test_a_table_without_calls_is_one_call_and_a_table_of_exchanges_is_one_a_row() -> None:
    lines = "id;role;text\n1;agent;Да?\n2;client;Нет\n3;agent;Жаль\n"
    ((_, call),) = table.calls_of(lines, ReadingOptions())
    assert len(call.lines) == 3, "a number for every row is no call"
    pairs = list(table.calls_of("Вопрос,Ответ\nРаз?,Раз\n,Два\n", ReadingOptions()))
    assert [len(call.lines) for _, call in pairs] == [2, 1]
    joined = list(table.calls_of("chat,agent,client\na,Раз?,Раз\na,Два?,Два\n", ReadingOptions()))
    assert len(joined) == 1


def test_columns_of_other_names_are_given_and_missed_ones_told_without_what_stands_there(tmp_path: Path) -> None:
    text = "сосиска;Кто-то;Что\n1;agent;Да?\n1;client;Нет\n"
    with pytest.raises(DataFormatError, match="--role-column") as caught:
        list(table.calls_of(text, ReadingOptions()))
    assert "сосиска" not in str(caught.value)
    options = ReadingOptions(columns={"role": "Кто-то", "text": "что"})
    ((_, call),) = table.calls_of(text, options)
    assert len(call.lines) == 2
    with pytest.raises(DataFormatError, match="no column named 'Канал' for dialogue"):
        list(table.calls_of(text, ReadingOptions(columns={"dialogue": "Канал"})))
    with pytest.raises(ConfigurationError, match="no column 'speech'"):
        ReadingOptions(columns={"speech": "x"})
    with pytest.raises(ConfigurationError, match="one role"):
        ReadingOptions(agent_names=("Анна",), client_names=("анна ",))


def test_times_of_a_table_make_pauses_of_joined_rows(tmp_path: Path) -> None:
    text = "role,text,start,end\nagent,Да?,0,1\nclient,мне бы,00:02,00:03.5\nclient,врача,00:04.3,5\n"
    (dialogue,) = read(written(tmp_path / "a.csv", text))
    ((offset, length),) = [(pause.offset, pause.length_s) for pause in dialogue.turns[1].pauses or ()]
    assert (dialogue.turns[1].text[:offset], length) == ("мне бы", pytest.approx(0.8))


def test_a_quote_left_open_is_told_by_its_line(tmp_path: Path) -> None:
    text = 'role,text\nagent,"Да?\n' + "client,Нет\n" * 20_000
    with pytest.raises(DataFormatError, match="begins at line 2 is broken"):
        read(written(tmp_path / "a.csv", text))


TRANSCRIPT = """Звонок от 5 мая
Оператор Анна: Слушаю вас.
Клиент (женщина): Здравствуйте, вот адрес: улица
Мира, дом пять
[00:12] Оператор Анна: Записала.
***
А: Алло
К: Я не туда попал: извините
Шум: треск
К: до свидания
"""


def test_a_text_with_speakers_parts_calls_at_rules_and_goes_on_over_lines() -> None:
    (_, first), (begins, second) = plain_text.calls_of(TRANSCRIPT, ReadingOptions())
    assert [line.said.text for line in first.lines] == [
        "Слушаю вас.",
        "Здравствуйте, вот адрес: улица Мира, дом пять",
        "Записала.",
    ]
    assert begins == 7
    assert second.lines[1].said.text == "Я не туда попал: извините Шум: треск"


def test_names_that_come_back_are_speakers(tmp_path: Path) -> None:
    file = written(tmp_path / "a.txt", "Зоя: Алло?\nИван: Да\nЗоя: Вы где?\nИван: Тут\n")
    assert said(*read(file)) == [(None, "Алло?"), (None, "Да"), (None, "Вы где?"), (None, "Тут")]
    named = read(file, agent_names=("Зоя",), client_names=("Иван",))
    assert [turn.role for turn in named[0].turns] == ["agent", "client"] * 2


def test_notes_and_figures_in_a_folder_are_no_calls_but_a_file_that_is_named_must_be_one(tmp_path: Path) -> None:
    written(tmp_path / "notes.txt", "позвонить завтра: в девять")
    written(tmp_path / "figures.csv", "day,calls\n1,20\n")
    with pytest.raises(InputFileNotFoundError, match="no dialogue files"):
        find_files([tmp_path])
    written(tmp_path / "call.txt", "Оператор: Да?\nКлиент: Нет\n")
    assert [file.name for file in find_files([tmp_path])] == ["call.txt"]
    with pytest.raises(DataFormatError, match="no line begins with a speaker"):
        read(tmp_path / "notes.txt")
    assert read(written(tmp_path / "call.log", "Бот: Да?\nКлиент: Нет\n"), kind="text")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1251", "utf-16"])
def test_tables_and_texts_are_read_in_the_encodings_of_their_programs(tmp_path: Path, encoding: str) -> None:
    table_file = written(tmp_path / "a.csv", "роль;текст\nоператор;Да, слушаю?\nклиент;Ёлку\n", encoding)
    text_file = written(tmp_path / "a.txt", "Оператор: Да, слушаю?\nКлиент: Ёлку\n", encoding)
    assert [said(dialogue) for dialogue in read(tmp_path)] == [said(*read(table_file)), said(*read(text_file))]
    assert said(*read(table_file))[1] == ("client", "Ёлку")


def test_json_in_windows_1251_says_what_to_do_and_is_read_when_told(tmp_path: Path) -> None:
    file = written(tmp_path / "a.jsonl", '{"turns": ["привет", "пока"]}', "cp1251")
    with pytest.raises(DataFormatError, match="name its encoding"):
        read(file)
    assert said(*read(file, encoding="cp1251")) == [(None, "привет"), (None, "пока")]


@pytest.mark.parametrize("data", ["привет".encode("koi8-r"), b"\xff\xff\xff", "привет".encode()[:-1]])
def test_another_encoding_is_refused_without_its_bytes(data: bytes) -> None:
    with pytest.raises(DataFormatError, match="save it as UTF-8") as caught:
        decoded(data, "utf-8")
    assert caught.value.__suppress_context__
    assert not isinstance(caught.value.__cause__, UnicodeDecodeError)


@given(
    st.text(alphabet="абвгдеёжзАБВ ,.!?-abc012\n", max_size=60),
    st.sampled_from(["utf-8", "utf-8-sig", "cp1251", "utf-16"]),
)
def test_russian_text_comes_out_of_any_of_the_encodings_as_it_went_in(text: str, encoding: str) -> None:
    text = f"привет {text}"
    assert decoded(text.encode(encoding))[0] == text


@given(st.text(max_size=300))
def test_no_text_breaks_the_reader_of_transcripts_or_tables(text: str) -> None:
    for _, call in plain_text.calls_of(text, ReadingOptions()):
        assert call.lines
    with suppress(DataFormatError):
        list(table.calls_of(text, ReadingOptions()))


_KEYS = st.sampled_from(
    "messages turns items chat_history segments conversation role speaker content text words start end type metrics transcript "
    "started_speaking_at stopped_speaking_at".split()
)
_LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-5, 12)
    | st.just(10**400)
    | st.floats()
    | st.sampled_from(["user", "agent", "message", "да", ""])
)
_JSON = st.recursive(
    _LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=4), max_leaves=20
)
_MESSAGES = st.lists(
    st.fixed_dictionaries(
        {"role": st.sampled_from(["user", "agent", "Зоя"]), "content": _JSON, "words": _JSON, "metrics": _JSON}
    ),
    max_size=3,
)


@given(_JSON | st.dictionaries(st.sampled_from(["messages", "turns", "items", "segments"]), _MESSAGES, max_size=2))
def test_any_json_is_a_dialogue_or_a_fault_of_the_data(record: Any) -> None:
    with suppress(DataFormatError):
        dialogue = dialogue_from_record(record, dialogue_id="d", source="s")
        assert all(turn.text for turn in dialogue.turns)
