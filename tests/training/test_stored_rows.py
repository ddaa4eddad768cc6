"""Prepared files hold all that training needs: the rows are those of the dialogues."""

from __future__ import annotations

import gzip
import json
import lzma
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from turn_detection.data import blocks as blocks_module
from turn_detection.data.blocks import blocks_of
from turn_detection.data.digest import dialogues_digest
from turn_detection.data.prepare import configured_dialogues, configured_split
from turn_detection.data.prepared import FileFormat
from turn_detection.data.prepared_split import open_prepared, stored
from turn_detection.data.sources import ReadReport
from turn_detection.encoding import Encoder, EncodingSpec
from turn_detection.errors import ConfigurationError, DataFormatError, InputFileNotFoundError
from turn_detection.text import normalise
from turn_detection.training.datamodule import reply_texts, training_rows, validation_samples
from turn_detection.training.rows import load_split
from turn_detection.training.stored_rows import RowMaker
from turn_detection.training.targets import Cuts, RowPlan, TargetRow
from turn_detection.types import AGENT, CLIENT, Message

from .stored_files import DIALOGUES, local, prepared

CALLS = DIALOGUES.parent / "calls"


def plan(cuts: Cuts = "random", **values: Any) -> RowPlan:
    return replace(RowPlan(cuts, {}, False, 40, 42), **values)


def as_bytes(row: TargetRow) -> list[tuple[str, bytes]]:
    arrays = (row.input_ids, row.positions, row.labels, row.weights)
    return [(array.dtype.str, array.tobytes()) for array in arrays]


@pytest.mark.parametrize("file_format", ["jsonl", "parquet"])
@pytest.mark.parametrize("cuts", ["random", "every_word"])
@pytest.mark.parametrize("path", [DIALOGUES, CALLS], ids=["dialogues", "measured pauses"])
def test_files_give_the_rows_of_the_dialogues_they_were_made_of(
    toy_encoder: Encoder, tmp_path: Path, file_format: FileFormat, cuts: Cuts, path: Path
) -> None:
    if file_format == "parquet":
        pytest.importorskip("pyarrow")
    settings: dict[str, Any] = {"paths": (str(path),), "near_duplicates": "client", "openings": True}
    split = configured_split(local(**settings), 42)
    read = open_prepared([prepared(tmp_path / "out", file_format, **settings)])
    chosen = plan(cuts, openings=True, source_shares={"demo_dialogues": 0.6})
    rows = training_rows(split, toy_encoder, chosen)
    assert [as_bytes(row) for row in training_rows(read, toy_encoder, chosen)] == [as_bytes(row) for row in rows]
    assert len(rows) > 20
    judged = [replace(sample, pause_s=None) for sample in validation_samples(split, chosen)]
    assert validation_samples(read, chosen) == judged
    assert sorted(map(normalise, reply_texts(read))) == sorted(map(normalise, reply_texts(split)))
    assert read.report == split.report
    assert read.origin["fingerprint"]["train"] == dialogues_digest(split.train)
    assert sum(read.origin["train_dialogues_by_source"].values()) == len(split.train)


def test_the_history_of_a_model_is_what_the_files_hold(toy_encoder: Encoder, tmp_path: Path) -> None:
    read = open_prepared([prepared(tmp_path / "out")])
    for n_turns in (0, 1, 2):
        encoder = Encoder(toy_encoder._tokenizer, EncodingSpec(history_turns=n_turns))
        rows = training_rows(configured_split(local(), 42), encoder, plan())
        assert [as_bytes(row) for row in training_rows(read, encoder, plan())] == [as_bytes(row) for row in rows]


def test_many_items_encode_to_what_each_encodes_to(toy_encoder: Encoder) -> None:
    rng = np.random.default_rng(5)
    words = ["мне", "нужен", "билет", "на", "двадцать", "пятое", "Москву?", "...", "🙂", "да", "straße", "№7", "ё"]

    def text(longest: int) -> str:
        return " ".join(rng.choice(words, rng.integers(0, longest)))

    def context() -> Any:
        kind = rng.integers(0, 4)
        messages = [Message(str(rng.choice([AGENT, CLIENT, "system"])), text(8)) for _ in range(rng.integers(0, 7))]
        return (None, text(9), messages, tuple(messages))[kind]

    for spec in (EncodingSpec(), EncodingSpec(history_turns=1, max_context_tokens=5, max_message_tokens=6)):
        encoder = Encoder(toy_encoder._tokenizer, spec)
        items = [(context(), text(20)) for _ in range(300)]
        assert encoder.encode_words_batch(items) == [encoder.encode_words(*item) for item in items]
    assert toy_encoder.encode_words_batch([]) == []


def test_shards_and_compressed_files_are_one_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks_module, "BLOCK_SAMPLES", 50)
    folder = prepared(tmp_path / "out")
    whole = list(stored(open_prepared([folder]).train_blocks))
    lines = (folder / "train.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
    shards = tmp_path / "shards"
    (shards / "train").mkdir(parents=True)
    (shards / "train" / "a.jsonl").write_text("".join(lines[:120]) + "\n\n", encoding="utf-8")
    (shards / "train" / "b.jsonl.gz").write_bytes(gzip.compress("".join(lines[120:300]).encode()))
    (shards / "train" / "c.jsonl.xz").write_bytes(lzma.compress("".join(lines[300:]).encode()))
    (shards / "validation-1.jsonl").write_bytes((folder / "validation.jsonl").read_bytes())
    split = open_prepared([shards])
    assert list(stored(split.train_blocks)) == whole
    assert [block.n_samples for block in split.train_blocks[:4]] == [50, 50, 20, 180]
    assert split.report.n_train_dialogues == -1  # nobody has counted
    for block in split.train_blocks:
        assert list(block.marks()) == [(sample.reply, sample.source, sample.cut) for sample in block.read()]


def test_files_without_the_new_columns_still_train_on_random_cuts(toy_encoder: Encoder, tmp_path: Path) -> None:
    sample = {
        "id": "f:1:1:end",
        "source": "f",
        "context": [{"role": "agent", "content": "Алло?"}],
        "message": "да",
        "label": "speak",
    }
    (tmp_path / "train.jsonl").write_text(json.dumps(sample) + "\n", encoding="utf-8")
    plain = {"context": "Алло?", "message": "мне", "label": "wait"}
    (tmp_path / "validation.jsonl").write_text(json.dumps(plain) + "\n", encoding="utf-8")
    split = open_prepared([tmp_path / "train.jsonl", tmp_path / "validation.jsonl"])
    (row,) = training_rows(split, toy_encoder, plan())
    assert row.input_ids.tolist() == toy_encoder.encode("Алло?", "да")
    (judged,) = validation_samples(split, plan())
    assert (judged.context, judged.text) == ((Message(AGENT, "Алло?"),), "мне")
    with pytest.raises(ConfigurationError, match="train.cuts=random"):
        training_rows(split, toy_encoder, plan("every_word"))


def test_strings_as_contexts_are_read_from_parquet_too(tmp_path: Path) -> None:
    pyarrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    table = pyarrow.table({"context": ["Алло?", None], "message": ["да", "мне"], "label": ["speak", "wait"]})
    parquet.write_table(table, tmp_path / "train.parquet", row_group_size=1)
    blocks = blocks_of(tmp_path / "train.parquet")
    assert [sample.turns for sample in stored(blocks)] == [((AGENT, "Алло?"),), ()]
    assert [sample.sample_id for sample in stored(blocks)] == ["train.parquet:0", "train.parquet:1"]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("{", "train.jsonl:1: not JSON"),
        ("[]", "must be an object"),
        ('{"label": "wait"}', "'message' must be a string"),
        ('{"message": "секрет", "label": "end"}', "'label' must be one of wait, speak"),
        ('{"message": "секрет", "label": "wait", "cut": "all"}', "'cut' must be one of whole, random, measured"),
        ('{"message": "секрет", "label": "wait", "context": [{"role": "agent"}]}', "'context' must be a list"),
    ],
)
def test_a_sample_of_another_shape_is_named_by_its_place_and_not_shown(tmp_path: Path, line: str, words: str) -> None:
    (tmp_path / "train.jsonl").write_text(line + "\n", encoding="utf-8")
    (block,) = blocks_of(tmp_path / "train.jsonl")
    with pytest.raises(DataFormatError) as caught:
        list(block.read())
    assert words in str(caught.value)
    assert "секрет" not in str(caught.value)


def test_what_is_missing_or_damaged_is_said_with_the_remedy(tmp_path: Path) -> None:
    folder = prepared(tmp_path / "out")
    with pytest.raises(InputFileNotFoundError, match="no validation samples"):
        open_prepared([folder / "train.jsonl"])
    with pytest.raises(InputFileNotFoundError, match="no such file"):
        open_prepared([tmp_path / "nowhere"])
    with pytest.raises(DataFormatError, match=r"name it train\.\.\. or validation\.\.\."):
        open_prepared([DIALOGUES])
    (folder / "train-2.jsonl.gz").write_bytes(b"no archive")
    with pytest.raises(DataFormatError, match="cannot be read"):
        open_prepared([folder])
    (folder / "train-2.jsonl.gz").unlink()
    with pytest.raises(ConfigurationError, match="data.paths is empty"):
        load_split(local(kind="prepared", paths=()), 0)
    with pytest.raises(ConfigurationError, match="set it for 'data prepare'"):
        load_split(local(kind="prepared", paths=(str(folder),), openings=True), 0)
    with pytest.raises(ConfigurationError, match="--data=local"):
        configured_dialogues(local(kind="prepared"), ReadReport())


def test_damaged_parquet_is_said_by_name(tmp_path: Path) -> None:
    pyarrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    file = tmp_path / "train.parquet"
    file.write_bytes(b"PAR1 and nothing more")
    with pytest.raises(DataFormatError, match="cannot be read"):
        blocks_of(file)
    parquet.write_table(pyarrow.table({"text": ["да"]}), tmp_path / "train-2.parquet")
    with pytest.raises(DataFormatError, match="no column 'message'"):
        blocks_of(tmp_path / "train-2.parquet")


def test_counting_takes_what_making_takes(toy_encoder: Encoder, tmp_path: Path) -> None:
    read = open_prepared([prepared(tmp_path / "out")])
    for chosen in (plan(), plan("every_word"), plan("every_word", source_shares={"demo_dialogues": 0.3})):
        maker = RowMaker(toy_encoder, chosen)
        n_rows = sum(maker.count(block) for block in read.train_blocks)
        assert (
            n_rows == len(list(maker.taken(stored(read.train_blocks)))) == len(training_rows(read, toy_encoder, chosen))
        )
