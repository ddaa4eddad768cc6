"""Batches of files: every row once for whoever trains, in an order of every epoch, from where a run stopped, with little memory."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import lightning
import numpy as np
import pytest
import torch

from turn_detection.config import Config, load_config
from turn_detection.data import blocks as blocks_module
from turn_detection.data.blocks import Block, HeldBlock, blocks_of
from turn_detection.data.stored import StoredSample
from turn_detection.encoding import Encoder
from turn_detection.errors import ConfigurationError, DataFormatError
from turn_detection.training.datamodule import Batch, training_rows
from turn_detection.training.rows import load_split, rows_of_run
from turn_detection.training.run_data import StreamedDataModule, data_of_run
from turn_detection.training.stored_rows import RowMaker
from turn_detection.training.streaming import RowStream, StreamLoader
from turn_detection.training.targets import RowPlan
from turn_detection.types import TurnLabel

from .stored_files import prepared

ROOT = Path(__file__).resolve().parents[2]
PLAN = RowPlan("random", {}, False, 40, 42)


def sample(number: int, text: str | None = None) -> StoredSample:
    words = "да нет на в" if number % 2 else "мне"
    return StoredSample(f"f:{number}:end", "f", None, "whole", TurnLabel.SPEAK, words if text is None else text, (), 0)


class Numbers(RowMaker):
    """Rows whose first target weighs the sample's number plus one, so that a batch tells which samples it holds."""

    def rows(self, samples: Any) -> Any:
        rows = super().rows(samples)
        for row, stored in zip(rows, samples, strict=True):
            if row is not None:
                row.weights[0] = int(stored.sample_id.split(":")[1]) + 1
        return rows


def held(*sizes: int) -> list[Block]:
    starts = np.cumsum((0, *sizes))
    return [HeldBlock([sample(start + index) for index in range(n)]) for start, n in zip(starts, sizes, strict=False)]


def stream(encoder: Encoder, blocks: list[Block], **settings: Any) -> RowStream:
    options: dict[str, Any] = {"batch_size": 4, "shuffle_rows": 24, "seed": 1} | settings
    return RowStream(blocks, Numbers(encoder, PLAN), **options)


def numbers(batch: Batch) -> list[int]:
    return [int(weight) - 1 for weight in batch["weights"].max(dim=1).values]


@pytest.mark.parametrize("n_processes", [1, 2, 3])
@pytest.mark.parametrize("n_workers", [1, 2, 5])
def test_processes_and_workers_share_an_epoch_without_overlap_or_omission(
    toy_encoder: Encoder, n_processes: int, n_workers: int
) -> None:
    blocks = held(50, 1, 37, 0, 64, 20)
    seen: list[int] = []
    for rank in range(n_processes):
        rows = stream(toy_encoder, blocks, rank=rank, n_processes=n_processes)
        shares = [list(rows._batches(worker, n_workers)) for worker in range(n_workers)]
        assert sum(map(len, shares)) == len(rows) == math.ceil(math.ceil(172 / n_processes) / 4)
        assert [len(share) for share in shares] == sorted(
            map(len, shares), reverse=True
        )  # the loader asks them in turn
        seen += [int(row.weights[0]) - 1 for share in shares for batch in share for row in batch]
    assert set(seen) == set(range(172))
    assert len(seen) - 172 < n_processes


def test_worker_processes_give_the_rows_that_one_process_gives(toy_encoder: Encoder) -> None:
    loader = StreamLoader(stream(toy_encoder, held(50, 37)), n_workers=2)
    assert sorted(number for batch in loader for number in numbers(batch)) == list(range(87))
    assert len(list(loader)) == len(loader) == 22


def test_the_order_is_the_seeds_and_another_one_every_epoch(toy_encoder: Encoder) -> None:
    def orders(seed: int) -> list[list[int]]:
        loader = StreamLoader(stream(toy_encoder, held(*[16] * 8), seed=seed))
        found = []
        for epoch in range(2):
            loader.set_epoch(epoch)
            found.append([number for batch in loader for number in numbers(batch)])
        return found

    first, second = orders(1)
    assert sorted(first) == sorted(second) == list(range(128))
    assert first != second
    assert orders(1) == [first, second]
    assert orders(2)[0] != first
    # A pool holds rows of several blocks: neighbours in a file are not neighbours in training.
    assert sum(abs(a - b) == 1 for a, b in pairwise(first)) < 32


def test_rows_of_a_batch_are_of_about_one_length(toy_encoder: Encoder) -> None:
    loader = StreamLoader(stream(toy_encoder, held(64, 64), shuffle_rows=64))
    mixed = sum(len(set(batch["attention_mask"].sum(dim=1).tolist())) > 1 for batch in loader)
    assert mixed <= 2  # one a pool


@pytest.mark.parametrize("n_workers", [0, 2])
@pytest.mark.parametrize("n_done", [1, 9, 30])
def test_a_resumed_epoch_goes_on_behind_the_batches_that_were_given(
    toy_encoder: Encoder, n_workers: int, n_done: int
) -> None:
    loader = StreamLoader(stream(toy_encoder, held(*[20] * 6)), n_workers)
    loader.set_epoch(3)
    whole = [numbers(batch) for batch in loader]
    first = iter(loader)
    for _ in range(n_done):
        next(first)
    state = loader.state_dict()
    assert state == {"epoch": 3, "batches": n_done}
    again = StreamLoader(stream(toy_encoder, held(*[20] * 6)), n_workers)
    again.load_state_dict(state)
    again.set_epoch(3)
    assert [numbers(batch) for batch in again] == whole[n_done:]
    again.set_epoch(4)
    assert sum(len(numbers(batch)) for batch in again) == 120


def test_a_run_that_stopped_in_the_middle_of_an_epoch_sees_the_other_rows_only(
    toy_encoder: Encoder, tmp_path: Path
) -> None:
    class Remembering(lightning.LightningModule):
        def __init__(self, stop_at: int | None = None) -> None:
            super().__init__()
            self.weight = torch.nn.Parameter(torch.zeros(1))
            self.seen: dict[int, list[int]] = {}
            self.stop_at = stop_at

        def training_step(self, batch: Batch, _: int) -> torch.Tensor:
            self.seen.setdefault(self.current_epoch, []).extend(numbers(batch))
            return self.weight.sum()

        def on_train_batch_end(self, *_: Any) -> None:
            if self.global_step == self.stop_at:
                self.trainer.save_checkpoint(tmp_path / "middle.ckpt")
                self.trainer.should_stop = True
                self.trainer.limit_train_batches = 0

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return torch.optim.SGD(self.parameters(), lr=0.1)

    def fit(module: Remembering, **how: Any) -> None:
        trainer = lightning.Trainer(
            max_epochs=3, accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False,
            enable_model_summary=False,
        )  # fmt: skip
        trainer.fit(module, StreamLoader(stream(toy_encoder, held(*[20] * 4))), **how)

    before = Remembering(stop_at=27)  # 20 batches an epoch
    fit(before)
    after = Remembering()
    fit(after, ckpt_path=str(tmp_path / "middle.ckpt"), weights_only=True)
    assert set(after.seen) == {1, 2}
    seen = before.seen[1][: 7 * 4] + after.seen[1]
    assert sorted(seen) == sorted(after.seen[2]) == list(range(80))


def test_a_sample_without_words_gives_its_place_to_another(toy_encoder: Encoder) -> None:
    samples = [sample(0), *[sample(n, "...") for n in range(1, 6)], sample(6)]
    found = [number for batch in stream(toy_encoder, [HeldBlock(samples)]) for number in numbers(batch)]
    assert (len(found), set(found)) == (7, {0, 6})
    with pytest.raises(DataFormatError, match="none of 5 training samples"):
        list(stream(toy_encoder, [HeldBlock(samples[1:6])]))
    with pytest.raises(DataFormatError, match="nothing to train on"):
        stream(toy_encoder, [])


@pytest.mark.parametrize("n_workers", [0, 1])
def test_a_fault_in_a_file_is_told_on_one_line_from_a_worker_too(
    toy_encoder: Encoder, tmp_path: Path, n_workers: int
) -> None:
    (tmp_path / "train.jsonl").write_text('{"message": "секрет"}\n', encoding="utf-8")
    loader = StreamLoader(stream(toy_encoder, blocks_of(tmp_path / "train.jsonl")), n_workers)
    with pytest.raises(DataFormatError) as caught:
        list(loader)
    assert str(caught.value) == f"{tmp_path / 'train.jsonl'}:1: 'label' must be one of wait, speak"


def settings(folder: Path, *more: str) -> Config:
    pytest.importorskip("hydra")
    return load_config(["model=tiny", "data=prepared", f"data.paths=[{folder}]", "train.batch_size=16", *more])


@pytest.mark.parametrize("cuts", ["random", "every_word"])
def test_a_run_streams_the_rows_that_it_would_keep_in_memory(
    toy_encoder: Encoder, tmp_path: Path, cuts: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blocks_module, "BLOCK_SAMPLES", 50)
    config = settings(
        prepared(tmp_path / "out"), f"train.cuts={cuts}", "data.spoken_samples=20", "data.shuffle_rows=64"
    )
    split = load_split(config.data, config.seed)
    data = data_of_run(config, split, toy_encoder)
    assert isinstance(data, StreamedDataModule)

    def shown(ids: Any, weights: Any) -> tuple[list[int], list[float]]:
        return list(map(int, ids)), [float(weight) for weight in weights if weight]

    streamed = [
        shown(ids[mask > 0], weights)
        for batch in data.train_dataloader()
        for ids, mask, weights in zip(batch["input_ids"], batch["attention_mask"], batch["weights"], strict=True)
    ]
    rows = rows_of_run(config, split, toy_encoder)
    assert sorted(streamed) == sorted(shown(row.input_ids, row.weights) for row in rows)
    assert data.n_rows == len(rows)
    kept = data_of_run(settings(tmp_path / "out", "data.streaming=false", f"train.cuts={cuts}"), split, toy_encoder)
    assert len(kept.train_rows) == len(training_rows(split, toy_encoder, RowPlan(cuts, {}, False, 9, 42)))  # type: ignore[arg-type]
    assert kept.identity() != data.identity()


def test_what_is_not_prepared_cannot_be_streamed(toy_encoder: Encoder) -> None:
    config = load_config(
        ["experiment=tiny", f"data.paths=[{ROOT / 'data' / 'demo_dialogues.jsonl'}]", "data.streaming=true"]
    )
    with pytest.raises(ConfigurationError, match="data prepare OUT"):
        data_of_run(config, load_split(config.data, config.seed), toy_encoder)


@pytest.mark.slow
def test_a_small_network_learns_from_a_stream_in_worker_processes(tmp_path: Path) -> None:
    from turn_detection.training.run import train

    folder = prepared(tmp_path / "out", "parquet" if _has_pyarrow() else "jsonl")
    config = load_config(
        ["experiment=tiny", "data=prepared", f"data.paths=[{folder}]", "train.n_workers=2", "train.max_epochs=6",
         f"train.checkpoint_dir={tmp_path}", "train.progress=false", "debug.keep=false"]
    )  # fmt: skip
    assert train(config).roc_auc > 0.6


def _has_pyarrow() -> bool:
    try:
        import pyarrow  # noqa: F401
    except ImportError:
        return False
    return True


@pytest.mark.slow
def test_a_stream_stays_under_a_bound_that_a_list_of_its_rows_breaks(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    n = 60_000  # 48 MB as rows in a list
    command = [
        sys.executable, str(ROOT / "benchmarks" / "streaming.py"), f"--samples={n}", "--spare-mb=36", "--shuffle-rows=8192",
        f"--json={tmp_path / 'figures.json'}", "--only", "stream", "--in-memory",
    ]  # fmt: skip
    subprocess.run(command, check=True, timeout=500, capture_output=True)
    figures = json.loads((tmp_path / "figures.json").read_text(encoding="utf-8"))
    assert figures["stream_rows"] == n
    assert figures["list_under_the_bound"].startswith("exit status")
