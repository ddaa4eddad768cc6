"""Prepared samples as items that can be judged."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from turn_detection.config import DataConfig
from turn_detection.data.labelled import write_labelled
from turn_detection.data.prepare import prepare_samples
from turn_detection.errors import DataFormatError, InputFileNotFoundError
from turn_detection.records import read_records

#: The middle one holds a mark that Python takes for the end of a line, and JSON does not.
REPLIES = ("нужен билет на завтра", "нет\u2028наверное послезавтра", "да спасибо вам большое")


def test_what_prepare_holds_out_names_its_dialogue(tmp_path: Path) -> None:
    messages = [
        message
        for reply in REPLIES
        for message in ({"role": "agent", "content": "Чем помочь?"}, {"role": "client", "content": reply})
    ]
    calls = tmp_path / "calls.jsonl"
    lines = [{"messages": [*messages, {"role": "client", "content": f"номер {index}"}]} for index in range(20)]
    calls.write_text("\n".join(json.dumps(line, ensure_ascii=False) for line in lines), encoding="utf-8")
    config = DataConfig(kind="local", paths=(str(calls),), validation_share=0.5, near_duplicates="client")
    report = prepare_samples(config, tmp_path / "prepared", seed=1)
    part = "validation" if report["validation"] else "train"
    n_items = write_labelled(tmp_path / "prepared" / f"{part}.jsonl", tmp_path / "items.json")
    assert n_items == sum(report[part].values())
    items = [record.original for record in read_records(tmp_path / "items.json")]
    assert len(items) == n_items
    assert {item["dialogue"] for item in items} <= {f"calls:{line}" for line in range(1, 21)}
    assert {item["label"] for item in items} == {"speak", "wait"}


@pytest.mark.parametrize(
    "line",
    [
        "{кабачок",
        '{"message": "кабачок"}',
        '"кабачок"',
        '{"id": 5, "source": "", "context": [], "message": "", "label": "speak"}',
    ],
)
def test_what_is_no_sample_is_named_by_its_line_without_its_words(line: str, tmp_path: Path) -> None:
    sound = '{"id": "a:1:1:2", "source": "a", "context": [], "message": "да", "label": "speak"}'
    (tmp_path / "samples.jsonl").write_text(f"{sound}\n{line}\n", encoding="utf-8")
    with pytest.raises(DataFormatError, match=r"samples\.jsonl:2 is no sample") as caught:
        write_labelled(tmp_path / "samples.jsonl", tmp_path / "items.json")
    assert "кабачок" not in str(caught.value)
    assert not (tmp_path / "items.json").exists()


def test_no_file_and_no_samples_are_told(tmp_path: Path) -> None:
    with pytest.raises(InputFileNotFoundError, match="data prepare"):
        write_labelled(tmp_path / "none.jsonl", tmp_path / "items.json")
    (tmp_path / "empty.jsonl").touch()
    with pytest.raises(DataFormatError, match="validation_share"):
        write_labelled(tmp_path / "empty.jsonl", tmp_path / "items.json")
