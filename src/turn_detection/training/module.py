"""The Lightning side of training: loss, metrics over the whole validation set, optimiser and schedule, what a checkpoint carries."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Protocol

import lightning
import numpy as np
import torch
from lightning.pytorch.callbacks import Timer
from lightning.pytorch.utilities.types import OptimizerLRSchedulerConfig
from torch import Tensor
from torch.nn import functional

from ..encoding import Encoder
from ..evaluation.metrics import binary_metrics
from ..text import TEXT_VERSION
from ..types import LABELS, TurnLabel
from .datamodule import Batch
from .distributed import gather_scores
from .model import EndOfTurnModel

#: Key and version of our own part of a Lightning checkpoint.
CHECKPOINT_KEY, CHECKPOINT_VERSION = "turn_detection", 1


@dataclass(frozen=True, slots=True)
class OptimiserSettings:
    """See ``config.TrainConfig``. ``fused`` takes AdamW's fused step, three times faster here, impossible with fp16's scaled gradients."""

    learning_rate: float
    head_learning_rate: float
    weight_decay: float
    warmup_share: float
    gradient_clip: float
    fused: bool


class SoftTargets(Protocol):
    """What :class:`~.teacher.Teachers` is to a module."""

    def probabilities(self, input_ids: Tensor, attention_mask: Tensor, judged: Tensor) -> Tensor:
        """Probability of ``speak`` at the tokens of the message that ``judged (batch, n_tokens) bool`` marks, 0 elsewhere.

        ``(batch, n_tokens) float32``.
        """


class TurnModule(lightning.LightningModule):
    """Trains an :class:`EndOfTurnModel`.

    Args:
        model: the network.
        encoder: tokenizer and layout; goes into the checkpoint, so that it can be used without the folder it came from.
        optimiser: rates.
        provenance: plain JSON that the checkpoint and later the manifest carry (data, seed, commit).
        teachers: give soft targets at every judged token; ``None`` for labels alone.
        teacher_share: of a target that is theirs, 0..1; the rest is the label.
    """

    def __init__(
        self,
        model: EndOfTurnModel,
        encoder: Encoder,
        optimiser: OptimiserSettings,
        provenance: dict[str, Any],
        teachers: SoftTargets | None = None,
        teacher_share: float = 0.5,
    ) -> None:
        super().__init__()
        self.model = model
        self.encoder = encoder
        self.optimiser_settings = optimiser
        self.provenance = provenance
        self.teachers, self.teacher_share = teachers, teacher_share
        self._scores: list[tuple[np.ndarray, np.ndarray]] = []

    def training_step(self, batch: Batch, batch_index: int) -> Tensor:
        logits = self.model(batch["input_ids"], batch["attention_mask"])
        loss = weighted_loss(logits, self._targets(batch), batch["weights"])
        self.log("train/loss", loss, prog_bar=True, batch_size=len(batch["labels"]))
        return loss

    def _targets(self, batch: Batch) -> Tensor:
        if self.teachers is None or not self.teacher_share:
            return batch["labels"]
        taught = self.teachers.probabilities(batch["input_ids"], batch["attention_mask"], batch["weights"] > 0)
        return soft_targets(batch["labels"], taught, self.teacher_share)

    def on_validation_epoch_start(self) -> None:
        self._scores.clear()

    def validation_step(self, batch: Batch, batch_index: int) -> None:
        logits = self.model(batch["input_ids"], batch["attention_mask"]).float()
        judged = batch["weights"] > 0
        probabilities = logits[judged].softmax(dim=-1)[:, TurnLabel.SPEAK.column]
        self._scores.append(
            (batch["labels"][judged].cpu().numpy() == TurnLabel.SPEAK.column, probabilities.double().cpu().numpy())
        )

    def on_validation_epoch_end(self) -> None:
        labels, probabilities = (np.concatenate(parts) for parts in zip(*self._scores, strict=True))
        labels, probabilities = gather_scores(labels, probabilities)
        figures = binary_metrics(labels, probabilities)
        for name in ("roc_auc", "average_precision", "f1", "best_f1", "log_loss", "ece", "tnr_at_tpr_993"):
            self.log(f"val/{name}", figures[name], prog_bar=name == "roc_auc")
        self._scores.clear()

    def configure_optimizers(self) -> OptimizerLRSchedulerConfig:
        settings = self.optimiser_settings
        head = list(self.model.head.parameters())
        matrices = [p for p in self.model.encoder.parameters() if p.requires_grad and p.ndim >= 2]
        vectors = [p for p in self.model.encoder.parameters() if p.requires_grad and p.ndim < 2]
        optimiser = torch.optim.AdamW(
            [
                {"params": matrices, "lr": settings.learning_rate, "weight_decay": settings.weight_decay},
                {"params": vectors, "lr": settings.learning_rate, "weight_decay": 0.0},
                {"params": head, "lr": settings.head_learning_rate, "weight_decay": 0.0},
            ],
            fused=settings.fused,
        )
        schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, self._rate)
        return {"optimizer": optimiser, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def configure_gradient_clipping(
        self,
        optimizer: torch.optim.Optimizer,
        gradient_clip_val: float | None = None,
        gradient_clip_algorithm: str | None = None,
    ) -> None:
        # Lightning refuses to clip for a fused optimiser because of fp16's loss scaling, which a fused run here does not have.
        torch.nn.utils.clip_grad_norm_(self.parameters(), self.optimiser_settings.gradient_clip)

    def _rate(self, step: int) -> float:
        """Linear warm-up, then linear to zero, over whichever of steps and time is further on."""
        return warmup_then_linear(self.progress(step), self.optimiser_settings.warmup_share)

    def progress(self, step: int) -> float:
        """Share of the run that is over, 0..1, by steps or by the time limit, whichever is further."""
        done = step / max(1, self.trainer.estimated_stepping_batches)
        for callback in self.trainer.callbacks:  # type: ignore[attr-defined]
            if isinstance(callback, Timer) and callback._duration:
                done = max(done, callback.time_elapsed("train") / callback._duration)
        return min(1.0, done)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint[CHECKPOINT_KEY] = {
            "version": CHECKPOINT_VERSION,
            "text_version": TEXT_VERSION,
            "labels": list(LABELS),
            "attention": self.model.attention,
            "encoder_config": plain_config(self.model.encoder.config),
            "encoding": asdict(self.encoder.spec),
            "tokenizer": self.encoder.tokenizer_json(),
            "provenance": self.provenance,
            "metrics": {
                name: float(value) for name, value in self.trainer.callback_metrics.items() if name.startswith("val/")
            },
        }


def weighted_loss(logits: Tensor, labels: Tensor, weights: Tensor) -> Tensor:
    """Cross-entropy over judged tokens, divided by the sum of their weights.

    Args:
        logits: ``(batch, n_tokens, 2)``.
        labels: ``(batch, n_tokens) int64``, or soft targets ``(batch, n_tokens, 2) float``.
        weights: ``(batch, n_tokens) float``, 0 where no token is judged.
    """
    targets = labels.flatten(0, 1)  # one number or two for each token
    losses = functional.cross_entropy(logits.float().flatten(0, 1), targets, reduction="none")
    return (losses * weights.flatten()).sum() / weights.sum()


def soft_targets(labels: Tensor, taught: Tensor, share: float) -> Tensor:
    """Labels ``(batch, n_tokens) int64`` mixed with a teacher's probabilities of ``speak`` there: ``(batch, n_tokens, 2) float32``."""
    speak = share * taught.float() + (1.0 - share) * (labels == TurnLabel.SPEAK.column).float()
    columns = (1.0 - speak, speak) if TurnLabel.SPEAK.column else (speak, 1.0 - speak)
    return torch.stack(columns, dim=-1)


def warmup_then_linear(progress: float, warmup_share: float) -> float:
    """Factor of the peak rate at ``progress`` (0..1) of a run; never quite zero at the start, so that step one moves."""
    if progress < warmup_share:
        return max(progress / warmup_share, 0.01)
    return max(0.0, (1.0 - progress) / max(1e-9, 1.0 - warmup_share))


def plain_config(config: Any) -> dict[str, Any]:
    """A transformers configuration as plain JSON that :func:`~.model.build_encoder` reads."""
    kept: dict[str, Any] = config.to_dict()
    for key in ("_name_or_path", "transformers_version", "architectures", "dtype", "torch_dtype"):
        kept.pop(key, None)
    return kept
