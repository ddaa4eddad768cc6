"""A training run that writes down what each of its processes saw; started by test_scale.py, and by Lightning for the other processes.

``python -m tests.pipeline.probe FOLDER [--fail-in-process=N] OVERRIDES...``
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

import lightning
import torch
from lightning.pytorch.callbacks import Callback

from turn_detection.config import load_config
from turn_detection.training.run import train


class Probe(Callback):
    def __init__(self, folder: Path, failing: int | None) -> None:
        self.folder, self.failing = folder, failing
        self.seen: dict[str, Any] = {"rows": [], "figures": [], "losses": []}

    def on_train_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        self.seen["chance"] = float(torch.rand(()))
        torch.manual_seed(trainer.global_rank)

    def on_train_epoch_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        self.seen["rows"].append([])

    def on_train_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        if trainer.global_rank == self.failing and trainer.global_step == 3:
            raise RuntimeError("this process fails")
        self.seen["losses"].append(float(outputs["loss"]))
        self.seen["rows"][-1].append(
            [ids[mask > 0].tolist() for ids, mask in zip(batch["input_ids"], batch["attention_mask"], strict=True)]
        )

    def on_validation_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        self.seen["figures"].append({name: float(value) for name, value in trainer.callback_metrics.items()})

    def on_train_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        weights = b"".join(p.detach().cpu().numpy().tobytes() for p in pl_module.parameters())
        self.seen["weights"] = hashlib.sha256(weights).hexdigest()
        self.seen["all_rows"] = [list(map(int, row.input_ids)) for row in trainer.datamodule.train_rows]
        name = f"process-{trainer.global_rank}.json"
        (self.folder / name).write_text(json.dumps(self.seen), encoding="utf-8")


if __name__ == "__main__":
    folder, *rest = sys.argv[1:]
    failing = [int(word.partition("=")[2]) for word in rest if word.startswith("--fail-in-process=")]
    overrides = [word for word in rest if not word.startswith("--")]
    train(load_config(overrides), callbacks=[Probe(Path(folder), failing[0] if failing else None)])
