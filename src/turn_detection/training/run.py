"""One training run: from a configuration to a checkpoint."""

from __future__ import annotations

import logging
import platform
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import lightning
import numpy as np
import torch
from lightning.pytorch.callbacks import Callback, LearningRateMonitor, ModelCheckpoint, RichProgressBar, Timer
from lightning.pytorch.loggers import Logger

from ..config import Config, DataConfig, ModelConfig, TrainConfig
from ..data.prepare import configured_split
from ..data.samples import Sample, lend_history
from ..data.sources import ReadReport
from ..data.split import Split
from ..encoding import Encoder
from ..errors import ConfigurationError, InputFileNotFoundError
from ..text import TEXT_VERSION, normalise
from ..types import AGENT, Message
from .checkpoint import ancestry, load_checkpoint
from .datamodule import RowPlan, TurnDataModule, reply_texts, training_rows, validation_samples
from .dropout import set_dropout
from .model import EndOfTurnModel, build_encoder, deepen, load_encoder
from .module import OptimiserSettings, TurnModule
from .targets import TargetRow, sample_row
from .vocabulary import load_vocabulary, prune_vocabulary, train_vocabulary

logger = logging.getLogger(__name__)


#: Share of made moments that get earlier exchanges of the call before the bot's line.
SPOKEN_HISTORY_SHARE = 0.2


@dataclass(frozen=True, slots=True)
class TrainResult:
    """Where the best and the last checkpoint are, and the best validation ROC-AUC."""

    run_name: str
    best_checkpoint: Path
    last_checkpoint: Path
    roc_auc: float
    minutes: float


def load_split(config: DataConfig, seed: int, *, progress: bool = False) -> Split:
    """Read the configured dialogues and split them.

    Raises:
        ConfigurationError: ``kind: local`` without paths.
        DataUnavailableError, InputFileNotFoundError, DataFormatError: as the readers say.
    """
    report = ReadReport()
    split = configured_split(config, seed, report, progress=progress)
    if report.malformed:
        logger.warning("%d malformed records were left out", len(report.malformed))
    return split


def row_plan(config: Config) -> RowPlan:
    if config.train.cuts == "every_word" and config.model.attention != "prefix":
        raise ConfigurationError(
            "train.cuts=every_word needs model.attention=prefix: with attention both ways a word would see its own future; "
            "set --train.cuts=random"
        )
    data = config.data
    return RowPlan(config.train.cuts, dict(data.source_shares), data.openings, data.max_validation_replies, config.seed)


def train(config: Config, *, resume: str | Path | None = None) -> TrainResult:
    """Train as configured and return where the checkpoints are.

    Args:
        config: everything; see ``config.py``.
        resume: a ``last.ckpt`` to go on with: weights, optimiser, schedule, epoch and elapsed time.

    Raises:
        ConfigurationError: settings that do not go together.
        CheckpointError: ``resume`` or ``model.checkpoint`` is not usable.
        DataUnavailableError, DataFormatError: see :func:`load_split`.
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
    model, encoder = _network(config.model, split, start_from=resume or config.model.checkpoint)
    rows = rows_of_run(config, split, encoder, progress=progress)
    validation = _rows(encoder, validation_samples(split, plan))
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
    module = TurnModule(model, encoder, _optimiser(config.train), facts)
    folder = Path(config.train.checkpoint_dir) / run_name
    best = ModelCheckpoint(folder, filename="best", monitor="val/roc_auc", mode="max", enable_version_counter=False)
    # A callback of its own: "save_last" of the other one saves only when the best one does, and a run is resumed from its last step.
    last = ModelCheckpoint(
        folder, filename="last", save_on_train_epoch_end=False, save_on_exception=True, enable_version_counter=False
    )
    tracker = _tracker(config, run_name, facts)
    trainer = _trainer(config.train, [best, last], tracker, n_batches=len(data.train_dataloader()), progress=progress)
    trainer.fit(module, data, ckpt_path=str(resume) if resume else None, weights_only=True if resume else None)
    if trainer.interrupted:
        raise KeyboardInterrupt
    score = float(best.best_model_score) if best.best_model_score is not None else float("nan")
    return TrainResult(
        run_name, Path(best.best_model_path), folder / "last.ckpt", score, (time.monotonic() - started) / 60
    )


def rows_of_run(config: Config, split: Split, encoder: Encoder, *, progress: bool = False) -> list[TargetRow]:
    """All rows that a run trains on: the split's replies, then made moments. The same configuration and split give the same rows."""
    made = spoken(config.data.spoken_samples, config.seed)
    return [
        *training_rows(split, encoder, row_plan(config), progress=progress),
        *_rows(encoder, lend_history(made, share=SPOKEN_HISTORY_SHARE, seed=config.seed)),
    ]


def _network(config: ModelConfig, split: Split, *, start_from: str | Path | None) -> tuple[EndOfTurnModel, Encoder]:
    """The network and its encoder: from a checkpoint, a pretrained encoder, or random weights."""
    if start_from is not None:
        checkpoint = load_checkpoint(start_from)
        if config.encoder is not None and config.n_layers is not None:
            deepen(checkpoint.model, config.encoder, config.n_layers)
        _set_dropout(checkpoint.model, config.dropout)
        return checkpoint.model.train(), checkpoint.encoder
    if config.encoder is not None:
        network, vocabulary = load_encoder(config.encoder, config.n_layers), load_vocabulary(config.encoder)
        if config.prune_vocabulary and vocabulary.tokenizer.get_vocab_size() > config.prune_vocabulary:
            vocabulary = prune_vocabulary(vocabulary, network, map(normalise, reply_texts(split)))
    else:
        vocabulary = train_vocabulary(map(normalise, reply_texts(split)), config.random_vocabulary)
        size = vocabulary.tokenizer.get_vocab_size()
        pad = vocabulary.tokenizer.token_to_id(vocabulary.pad_token)
        network = build_encoder({**config.random, "vocab_size": size, "pad_token_id": pad})
    encoder = Encoder(
        vocabulary.tokenizer,
        config.encoding_spec(
            cls_token=vocabulary.cls_token, sep_token=vocabulary.sep_token, pad_token=vocabulary.pad_token
        ),
    )
    _check_length(network.config, encoder)
    model = EndOfTurnModel(network, encoder.sep_id, config.attention)
    _set_dropout(model, config.dropout)
    # from_pretrained hands out evaluation mode, and Lightning leaves modes as it finds them.
    return model.train(), encoder


def _check_length(encoder_config: Any, encoder: Encoder) -> None:
    longest = 1 + encoder.spec.max_context_tokens + encoder.spec.max_message_tokens
    limit = getattr(encoder_config, "max_position_embeddings", longest)
    if longest > limit:
        raise ConfigurationError(
            f"model.max_context_tokens + model.max_message_tokens + 1 = {longest} is more than the encoder's {limit} positions"
        )


def _set_dropout(network: torch.nn.Module, share: float) -> None:
    set_dropout(network, share, pooled=not torch.cuda.is_available())


def _optimiser(config: TrainConfig) -> OptimiserSettings:
    return OptimiserSettings(
        learning_rate=config.learning_rate,
        head_learning_rate=config.head_learning_rate,
        weight_decay=config.weight_decay,
        warmup_share=config.warmup_share,
        gradient_clip=config.gradient_clip,
        fused=config.precision != "16-mixed",
    )


def _trainer(
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


def _tracker(config: Config, run_name: str, facts: dict[str, Any]) -> Logger:
    from lightning.pytorch.loggers import MLFlowLogger

    tracker = MLFlowLogger(
        experiment_name=config.train.experiment_name,
        run_name=run_name,
        tracking_uri=config.train.tracking_uri,
        tags={"git_commit": facts["git_commit"], "git_dirty": str(facts["git_dirty"])},
    )
    tracker.log_hyperparams(asdict(config))
    return tracker


def _rows(encoder: Encoder, samples: Iterator[Sample] | list[Sample]) -> list[TargetRow]:
    return [row for row in (sample_row(encoder, sample) for sample in samples) if row is not None]


def spoken(n: int, seed: int, *, part: str = "train") -> list[Sample]:
    """Made telephone speech as samples."""
    if not n:
        return []
    from ..data.spoken import spoken_samples

    return [
        Sample(
            f"spoken:{made.template_id}",
            f"spoken/{made.family}",
            (Message(AGENT, made.context),) if made.context else (),
            made.text,
            made.label,
        )
        for made in spoken_samples(n, seed, part=part)  # type: ignore[arg-type]
    ]


def provenance(config: Config, split: Split, *, n_rows: int, run_name: str) -> dict[str, Any]:
    """What a checkpoint says of its origin: data, seed, code, versions. Plain JSON."""
    commit, dirty = git_state()
    sources: dict[str, int] = {}
    for dialogue in split.train:
        sources[dialogue.source] = sources.get(dialogue.source, 0) + 1
    return {
        "run_name": run_name,
        "data": {
            "name": config.data.name,
            "train_dialogues_by_source": dict(sorted(sources.items())),
            **split.report.to_dict(),
        },
        "spoken_samples": config.data.spoken_samples,
        "training_rows": n_rows,
        "text_version": TEXT_VERSION,
        "seed": config.seed,
        "git_commit": commit,
        "git_dirty": dirty,
        "config": _plain(asdict(config)),
        "versions": {
            "python": platform.python_version(),
            "torch": str(torch.__version__),
            "lightning": lightning.__version__,
            "numpy": np.__version__,
        },
    }


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(entry) for key, entry in value.items()}
    return [_plain(entry) for entry in value] if isinstance(value, list | tuple) else value


def git_state() -> tuple[str, bool]:
    """Commit and whether the tree has changes; ``("unknown", False)`` outside a repository or without git."""
    try:
        commit = _git("rev-parse", "HEAD")
        return commit, bool(_git("status", "--porcelain", "--untracked-files=no"))
    except (OSError, subprocess.CalledProcessError):
        return "unknown", False


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], capture_output=True, text=True, check=True).stdout.strip()
