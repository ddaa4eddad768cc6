"""One training run: from a configuration to a checkpoint."""

from __future__ import annotations

import logging
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import lightning
import torch
from lightning.pytorch.callbacks import ModelCheckpoint

from ..config import Config
from ..errors import InputFileNotFoundError
from .checkpoint import ancestry, load_checkpoint
from .datamodule import TurnDataModule, validation_samples
from .module import TurnModule
from .network import build_network
from .origin import provenance
from .rows import load_split, row_plan, rows_of_run, sample_rows
from .tracking import build_tracker
from .trainer import build_trainer, optimiser_settings

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class TrainResult:
    """Where the best and the last checkpoint are, and the best validation ROC-AUC."""

    run_name: str
    best_checkpoint: Path
    last_checkpoint: Path
    roc_auc: float
    minutes: float


def train(config: Config, *, resume: str | Path | None = None) -> TrainResult:
    """Train as configured and return where the checkpoints are.

    Args:
        config: everything; see ``config.py``.
        resume: a ``last.ckpt`` to go on with: weights, optimiser, schedule, epoch and elapsed time.

    Raises:
        ConfigurationError: settings that do not go together.
        CheckpointError: ``resume`` or ``model.checkpoint`` is not usable.
        DataUnavailableError, DataFormatError: see :func:`~.rows.load_split`.
    """
    if resume is not None and not Path(resume).is_file():
        raise InputFileNotFoundError(f"no such checkpoint: {resume}")
    plan = row_plan(config)
    lightning.seed_everything(config.seed, workers=True, verbose=False)
    if config.train.n_threads is not None:
        torch.set_num_threads(config.train.n_threads)
    started = time.monotonic()
    progress = config.train.progress and sys.stderr.isatty()
    split = load_split(config.data, config.seed, progress=progress)
    model, encoder = build_network(config.model, split, start_from=resume or config.model.checkpoint)
    rows = rows_of_run(config, split, encoder, progress=progress)
    validation = sample_rows(encoder, validation_samples(split, plan))
    data = TurnDataModule(
        rows,
        validation,
        pad_id=encoder.pad_id,
        batch_size=config.train.batch_size,
        seed=config.seed,
        n_workers=config.train.n_workers,
    )
    logger.info("%d training rows, %d validation rows, %.0f s", len(rows), len(validation), time.monotonic() - started)

    run_name = config.run_name or f"{config.model.name}-{config.data.name}-{time.strftime('%Y%m%d-%H%M%S')}"
    facts = provenance(config, split, n_rows=len(rows), run_name=run_name)
    if config.model.checkpoint is not None:
        facts["ancestry"] = ancestry(load_checkpoint(config.model.checkpoint).provenance)
    module = TurnModule(model, encoder, optimiser_settings(config.train), facts)
    folder = Path(config.train.checkpoint_dir) / run_name
    best = ModelCheckpoint(folder, filename="best", monitor="val/roc_auc", mode="max", enable_version_counter=False)
    # A callback of its own: "save_last" of the other one saves only when the best one does, and a run is resumed from its last step.
    last = ModelCheckpoint(
        folder, filename="last", save_on_train_epoch_end=False, save_on_exception=True, enable_version_counter=False
    )
    tracker = build_tracker(config, run_name, facts)
    trainer = build_trainer(
        config.train, [best, last], tracker, n_batches=len(data.train_dataloader()), progress=progress
    )
    trainer.fit(module, data, ckpt_path=str(resume) if resume else None, weights_only=True if resume else None)
    if trainer.interrupted:
        raise KeyboardInterrupt
    score = float(best.best_model_score) if best.best_model_score is not None else float("nan")
    return TrainResult(
        run_name, Path(best.best_model_path), folder / "last.ckpt", score, (time.monotonic() - started) / 60
    )
