"""Lightning's trainer and the optimiser's settings, as the configuration asks for them."""

from __future__ import annotations

from datetime import timedelta

import lightning
from lightning.pytorch.callbacks import Callback, LearningRateMonitor, RichProgressBar, Timer
from lightning.pytorch.loggers import Logger

from ..config import TrainConfig
from .module import OptimiserSettings


def optimiser_settings(config: TrainConfig) -> OptimiserSettings:
    return OptimiserSettings(
        learning_rate=config.learning_rate,
        head_learning_rate=config.head_learning_rate,
        weight_decay=config.weight_decay,
        warmup_share=config.warmup_share,
        gradient_clip=config.gradient_clip,
        fused=config.precision != "16-mixed",
    )


def build_trainer(
    config: TrainConfig, callbacks: list[Callback], tracker: Logger, *, n_batches: int, progress: bool
) -> lightning.Trainer:
    callbacks = [*callbacks, LearningRateMonitor("step")]
    if config.max_minutes is not None:
        callbacks.append(Timer(timedelta(minutes=config.max_minutes), interval="step"))
    if progress:
        callbacks.append(RichProgressBar())
    return lightning.Trainer(
        max_epochs=config.max_epochs,
        precision=config.precision,  # type: ignore[arg-type]
        accelerator=config.accelerator,
        devices=config.devices,
        strategy=config.strategy,
        callbacks=callbacks,
        logger=tracker,
        log_every_n_steps=max(1, min(50, n_batches // 4)),
        val_check_interval=max(1, n_batches // config.validations),
        num_sanity_val_steps=0,
        enable_progress_bar=progress,
        enable_model_summary=False,
        use_distributed_sampler=config.devices not in (1, "1", "auto"),
    )
