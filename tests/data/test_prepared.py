"""Samples as Parquet, and own data through the same settings as training."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from turn_detection.config import DataConfig, load_config
from turn_detection.data.formats.options import ReadingOptions, reading_settings
from turn_detection.data.prepare import prepare_samples, reading_options
from turn_detection.data.split import shared_by, split_dialogues
from turn_detection.errors import ConfigurationError, MissingExtraError
from turn_detection.types import Dialogue, Turn

CALLS = Path(__file__).resolve().parents[2] / "data" / "calls"


def config(**values: Any) -> DataConfig:
    return DataConfig(kind="local", paths=(str(CALLS),), validation_share=0.2, near_duplicates="client", **values)


def test_parquet_holds_the_same_samples_and_where_they_come_from(tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    report = prepare_samples(config(), tmp_path / "lines", seed=1)
    assert prepare_samples(config(), tmp_path / "columns", seed=1, file_format="parquet") == report
    for part in ("train", "validation"):
        lines = (tmp_path / "lines" / f"{part}.jsonl").read_text(encoding="utf-8").splitlines()
        rows = parquet.read_table(tmp_path / "columns" / f"{part}.parquet").to_pylist()
        assert [row["id"] for row in rows] == [json.loads(line)["id"] for line in lines]
        for row, line in zip(rows, lines, strict=True):
            sample = json.loads(line)
            assert {key: row[key] for key in sample} == sample
            assert row["split"] == part
            assert Path(row["file"]).parent == CALLS
            assert row["id"].startswith(f"{row['dialogue']}:{row['turn']}:")
    assert report["measured_pauses"]["train"] + report["measured_pauses"]["validation"] == 11


def test_parquet_is_the_same_bytes_twice(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    for name in ("a", "b"):
        prepare_samples(config(), tmp_path / name, seed=1, file_format="parquet")
    assert (tmp_path / "a" / "train.parquet").read_bytes() == (tmp_path / "b" / "train.parquet").read_bytes()


def test_without_the_extra_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingExtraError, match=r"turn-detection\[parquet\]"):
        prepare_samples(config(), tmp_path / "out", seed=1, file_format="parquet")
    assert not list(tmp_path.iterdir())


def test_settings_of_the_files_come_from_the_command_line() -> None:
    pytest.importorskip("hydra")
    data = load_config(
        ["data=local", f"data.paths=[{CALLS}]", "data.columns.text=Что сказано", "data.client_names=[Анна,SPEAKER_01]",
         "data.encoding=cp1251"]
    ).data  # fmt: skip
    options = reading_options(data)
    assert options.columns == {"text": "Что сказано"}
    assert options.client_names == ("Анна", "SPEAKER_01")
    assert options.encoding == "cp1251"
    assert data.near_duplicates == "client"
    with pytest.raises(ConfigurationError, match="no column 'speech'"):
        reading_options(DataConfig(columns={"speech": "x"}))


def test_tune_takes_the_settings_of_the_files_and_no_others() -> None:
    options = reading_settings(
        {"data.columns.text": "Что", "data.agent_names": ["Анна"], "data.client_names": "Иван"}, "tune"
    )
    assert (options.columns, options.agent_names, options.client_names) == ({"text": "Что"}, ("Анна",), ("Иван",))
    assert reading_settings({}, "tune") == ReadingOptions()
    for key, word in (("infer.n_threads", "takes no settings but"), ("data.kind", "takes no settings but")):
        with pytest.raises(ConfigurationError, match=word):
            reading_settings({key: 2}, "tune")
    for values in ({"data.encoding": "koi8-r"}, {"data.columns": "x"}, {"data.columns.speech": "x"}):
        with pytest.raises(ConfigurationError):
            reading_settings(values, "tune")


def test_a_bots_stock_lines_keep_no_dialogues_together_where_the_caller_counts() -> None:
    def dialogue(n: int) -> Dialogue:
        greeting = Turn("здравствуйте вы позвонили в нашу службу", "agent")
        return Dialogue(f"d:{n}", "d", (greeting, Turn(f"мне нужен номер {n}", "client")))

    calls = [dialogue(n) for n in range(200)]
    assert split_dialogues(calls, 0.3).validation == ()
    parts = split_dialogues(calls, 0.3, near_duplicates="client")
    assert 30 < len(parts.validation) < 90
    assert parts.report.shared_replies == 0
    unknown = Dialogue("d", "d", (Turn("это сказал неизвестно кто вчера вечером"),))
    assert shared_by(unknown, "client") == shared_by(unknown)
