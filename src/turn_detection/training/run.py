"""One training run: from a configuration to a checkpoint."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import lightning
import torch
from lightning.pytorch.callbacks import Callback, ModelCheckpoint

from ..config import Config
from ..errors import InputFileNotFoundError
from ..registry.place import check_answers
from .checkpoint import ancestry
from .distributed import Togetherness, is_first_process
from .from_bundle import starting_provenance
from .module import TurnModule
from .network import build_network
from .origin import provenance, recorded_provenance
from .rows import load_split, row_plan
from .run_data import data_of_run
from .settings import settled
from .teacher import load_teachers
from .tracking import ended_by, start_tracking
from .trainer import build_trainer, optimiser_settings, overfit_losses, profile_file

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class TrainResult:
    """Where the best and the last checkpoint are, and the best validation ROC-AUC.

    Attributes:
        profile: the profiler's table, if there was one.
        overfit: mean training loss of the first and the last epoch of a run on a few batches.
    """

    run_name: str
    best_checkpoint: Path
    last_checkpoint: Path
    roc_auc: float
    minutes: float
    profile: Path | None = None
    overfit: tuple[float, float] | None = None


def train(config: Config, *, resume: str | Path | None = None, callbacks: Sequence[Callback] = ()) -> TrainResult:
    """Train as configured and return where the checkpoints are.

    Args:
        config: everything; see ``config.py``.
        resume: a ``last.ckpt`` to go on with: weights, optimiser, schedule, epoch and elapsed time.
        callbacks: Lightning's, besides those of every run.

    Raises:
        ConfigurationError: settings that do not go together.
        CheckpointError: ``resume`` or ``model.checkpoint`` is not usable.
        DataUnavailableError: the tracking does not answer, asked before any data is read; or see :func:`~.rows.load_split`.
        DataFormatError: see :func:`~.rows.load_split`.
    """
    if resume is not None and not Path(resume).is_file():
        raise InputFileNotFoundError(f"no such checkpoint: {resume}")
    config = settled(config, resume=resume)
    row_plan(config)  # what does not go together is said before anything is read
    kept = config.debug.keep and not config.debug.one_batch
    if kept:
        check_answers(config.train.tracking_uri)
    lightning.seed_everything(config.seed, workers=True, verbose=False)
    if config.train.n_threads is not None:
        torch.set_num_threads(config.train.n_threads)
    started = time.monotonic()
    if not is_first_process():
        logging.getLogger(__package__).setLevel(logging.WARNING)
    progress = config.train.progress and sys.stderr.isatty() and is_first_process()
    split = load_split(config.data, config.seed, progress=progress)
    model, encoder = build_network(config.model, split, start_from=resume or config.model.checkpoint)
    data = data_of_run(config, split, encoder, progress=progress)
    n_judged = len(data.validation_rows)
    logger.info("%d training rows, %d validation rows, %.0f s", data.n_rows, n_judged, time.monotonic() - started)

    resumed = {} if resume is None else recorded_provenance(resume)
    # A resumed run goes on in its own folder, where its best checkpoint so far is.
    fresh_name = f"{config.model.name}-{config.data.name}-{time.strftime('%Y%m%d-%H%M%S')}"
    run_name = config.run_name or resumed.get("run_name") or fresh_name
    facts = provenance(config, split, n_rows=data.n_rows, run_name=run_name)
    if config.model.checkpoint is not None:
        facts["ancestry"] = ancestry(starting_provenance(config.model.checkpoint))
    teachers = load_teachers(config.train.teachers, encoder, cuts=config.train.cuts or "random")
    module = TurnModule(
        model, encoder, optimiser_settings(config.train), facts, teachers, teacher_share=config.train.teacher_share
    )
    folder = Path(config.train.checkpoint_dir) / run_name
    best = ModelCheckpoint(folder, filename="best", monitor="val/roc_auc", mode="max", enable_version_counter=False)
    # A callback of its own: "save_last" of the other one saves only when the best one does, and a run is resumed from its last step.
    last = ModelCheckpoint(
        folder, filename="last", save_on_train_epoch_end=False, save_on_exception=True, enable_version_counter=False
    )
    tracker = start_tracking(config, facts, folder, resume, resumed) if kept else None
    together = Togetherness(config.seed, [encoder.tokenizer_json().encode(), data.identity()])
    with ended_by(tracker):
        trainer = build_trainer(
            config.train,
            config.debug,
            [together, *callbacks, *([best, last] if kept else [])],
            tracker,
            n_batches=len(data.train_dataloader()),
            progress=progress,
            folder=folder,
        )
        trainer.fit(module, data, ckpt_path=str(resume) if resume else None, weights_only=True if resume else None)
    if trainer.interrupted:
        raise KeyboardInterrupt
    if tracker is not None:
        tracker.keep_result(best.best_model_path)
    measured = best.best_model_score if kept else trainer.callback_metrics.get("val/roc_auc")
    return TrainResult(
        run_name,
        Path(best.best_model_path),
        folder / "last.ckpt",
        float(measured) if measured is not None else float("nan"),
        (time.monotonic() - started) / 60,
        profile_file(folder) if config.debug.profiler else None,
        overfit_losses(trainer),
    )
