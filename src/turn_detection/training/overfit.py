"""Does the network learn at all? On a few batches, again and again, the training loss must go to nearly nothing."""

from __future__ import annotations

from typing import Any

import lightning
import torch
from lightning.pytorch.callbacks import Callback


class StopWhenLearned(Callback):
    """End a run when the mean training loss of an epoch is low enough.

    Attributes:
        target: the loss that is low enough.
        first, last: mean loss of the first and the last epoch; NaN before there was one.
    """

    def __init__(self, target: float) -> None:
        self.target = target
        self.first = self.last = float("nan")
        self._losses: list[torch.Tensor] = []

    def on_train_batch_end(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule, outputs: Any, *_: Any
    ) -> None:
        self._losses.append(outputs["loss"].detach())

    def on_train_epoch_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        mean = trainer.strategy.reduce(torch.stack(self._losses).mean(), reduce_op="mean")
        self._losses.clear()
        self.last = float(mean)
        if trainer.current_epoch == 0:
            self.first = self.last
        if self.last <= self.target:
            trainer.should_stop = True
