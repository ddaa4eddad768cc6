"""Samples as files: the same input gives the same bytes, and a report that would tell of a leak."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from turn_detection.config import DataConfig
from turn_detection.data import prepare as prepare_module
from turn_detection.data import split as split_module
from turn_detection.data.prepare import configured_dialogues, configured_split, prepare_samples, with_utterances
from turn_detection.data.sources import ReadReport
from turn_detection.data.split import LeakReport, Split
from turn_detection.errors import (
    ConfigurationError,
    DataFormatError,
    InputFileNotFoundError,
    InvalidInputError,
    OutputError,
)
from turn_detection.types import Dialogue, Turn

DEMO = Path(__file__).resolve().parents[2] / "data" / "demo_dialogues.jsonl"


def config(*paths: Path, **values: Any) -> DataConfig:
    settings: dict[str, Any] = {"kind": "local", "paths": tuple(map(str, paths or (DEMO,))), "validation_share": 0.25}
    return DataConfig(**(settings | values))


def lines(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def test_two_runs_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        prepare_samples(config(), tmp_path / name, seed=3)
    names = sorted(file.name for file in (tmp_path / "a").iterdir())
    assert names == ["report.json", "train.jsonl", "validation.jsonl"]
    for name in names:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_another_seed_cuts_the_same_dialogues_elsewhere(tmp_path: Path) -> None:
    for seed in (1, 2):
        prepare_samples(config(validation_share=0.0), tmp_path / str(seed), seed=seed)
    assert (tmp_path / "1" / "train.jsonl").read_bytes() != (tmp_path / "2" / "train.jsonl").read_bytes()


def test_the_report_counts_what_the_files_hold(tmp_path: Path) -> None:
    report = prepare_samples(config(), tmp_path / "out", seed=0)
    assert json.loads((tmp_path / "out" / "report.json").read_text(encoding="utf-8")) == report
    records = [json.loads(line) for line in DEMO.read_text(encoding="utf-8").splitlines()]
    n_turns = sum(len(record.get("messages") or record["turns"]) for record in records)
    assert report["read"] == {"dialogues": len(records), "turns": n_turns, "malformed": []}
    split = report["split"]
    assert split["n_train_dialogues"] + split["n_validation_dialogues"] == len(records)
    assert split["n_validation_dialogues"] > 20
    for part in ("train", "validation"):
        labels = [item["label"] for item in lines(tmp_path / "out" / f"{part}.jsonl")]
        assert report[part] == {label: labels.count(label) for label in ("speak", "wait")}
        assert report[part]["speak"] > report[part]["wait"] > 0  # one-word replies have no prefix


def test_the_parts_share_nothing_and_the_report_says_so(tmp_path: Path) -> None:
    report = prepare_samples(config(), tmp_path / "out", seed=0)
    assert (report["split"]["shared_dialogues"], report["split"]["shared_replies"]) == (0, 0)
    train, validation = (lines(tmp_path / "out" / f"{part}.jsonl") for part in ("train", "validation"))
    long = [
        {i["message"] for i in part if i["message"].count(" ") > 3 and i["label"] == "speak"}
        for part in (train, validation)
    ]
    assert not long[0] & long[1]
    assert not {item["id"].rsplit(":", 2)[0] for item in train} & {item["id"].rsplit(":", 2)[0] for item in validation}


def test_the_report_would_tell_of_a_leak(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "pairs.jsonl"
    pairs = [{"turns": [f"вопрос {n}", f"общая реплика на пять слов {n // 2} раз"]} for n in range(100)]
    file.write_text("".join(json.dumps(pair) + "\n" for pair in pairs), encoding="utf-8")
    honest = prepare_samples(config(file, validation_share=0.5), tmp_path / "honest", seed=0)
    assert honest["split"]["shared_replies"] == 0
    monkeypatch.setattr(split_module, "_group", lambda replies: [[index] for index in range(len(replies))])
    leaking = prepare_samples(config(file, validation_share=0.5), tmp_path / "leaking", seed=0)
    assert leaking["split"]["shared_replies"] > 5


def test_malformed_records_are_in_the_report_by_place(tmp_path: Path) -> None:
    file = tmp_path / "some.jsonl"
    file.write_text('{"turns": ["Куда едем?", "на вокзал пожалуйста"]}\n{"turns": "секрет"}\n', encoding="utf-8")
    report = prepare_samples(config(file), tmp_path / "out", seed=0)
    (fault,) = report["read"]["malformed"]
    assert fault.startswith(f"{file}:2: ")
    assert "секрет" not in (tmp_path / "out" / "report.json").read_text(encoding="utf-8")


def test_a_refused_input_leaves_what_stood_there(tmp_path: Path) -> None:
    output = tmp_path / "out"
    prepare_samples(config(), output, seed=0)
    before = {file.name: file.read_bytes() for file in output.iterdir()}
    bad = tmp_path / "bad.jsonl"
    bad.write_text("{", encoding="utf-8")
    with pytest.raises(DataFormatError):
        prepare_samples(config(bad, on_malformed="refuse"), output, seed=0)
    assert {file.name: file.read_bytes() for file in output.iterdir()} == before
    assert sorted(file.name for file in tmp_path.iterdir()) == ["bad.jsonl", "out"]


def test_a_folder_that_cannot_be_written_is_an_output_error(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="nowhere"):
        prepare_samples(config(), tmp_path / "nowhere" / "out", seed=0)


def test_local_data_need_paths_that_exist(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"--data\.paths"):
        list(configured_dialogues(DataConfig(kind="local"), ReadReport()))
    with pytest.raises(InputFileNotFoundError):
        list(configured_dialogues(config(tmp_path / "nowhere"), ReadReport()))


@pytest.mark.parametrize("n", [0, 1, 17])
def test_reading_stops_after_so_many_dialogues(n: int) -> None:
    report = ReadReport()
    assert len(list(configured_dialogues(config(max_dialogues=n), report))) == n == report.n_dialogues


def test_settings_out_of_range_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="data.max_dialogues"):
        configured_dialogues(config(max_dialogues=-1), ReadReport())
    with pytest.raises(InvalidInputError, match="validation_share"):
        configured_split(config(validation_share=25), 0)


def test_the_hub_is_asked_for_the_file_that_the_configuration_names(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, str, str]] = []

    def fetch(repo_id: str, filename: str, *, revision: str) -> Path:
        asked.append((repo_id, filename, revision))
        return DEMO

    monkeypatch.setattr(prepare_module, "fetch_file", fetch)
    hub = DataConfig(kind="hub", repo_id="a/b", filename="c.jsonl.gz", revision="v1", max_dialogues=2)
    assert len(list(configured_dialogues(hub, ReadReport()))) == 2
    assert asked == [("a/b", "c.jsonl.gz", "v1")]


def test_lone_utterances_join_the_training_part_but_for_what_a_held_out_dialogue_says() -> None:
    held_out = Dialogue("d:1", "d", (Turn("Когда вы приедете?"), Turn("завтра вечером после шести часов"), Turn("да")))
    split = Split((), (held_out,), LeakReport(0, 1, 1, 1, 0, 0, 0))
    lone = [
        Dialogue(f"u:{index}", "u", (Turn(text),))
        for index, text in enumerate(
            ["Завтра вечером, после шести часов!", "Да.", "Я люблю чай.", "я люблю чай", "..."]
        )
    ]

    joined = with_utterances(split, lone)

    assert [dialogue.turns[0].text for dialogue in joined.train] == ["Да.", "я люблю чай"]
    assert joined.report.n_train_dialogues == 2
    assert joined.validation == split.validation
