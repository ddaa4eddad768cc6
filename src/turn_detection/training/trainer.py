"""Lightning's trainer and the optimiser's settings, as the configuration asks for them."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import lightning
import torch
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch.callbacks import Callback, LearningRateMonitor, RichProgressBar
from lightning.pytorch.loggers import Logger
from lightning.pytorch.profilers import AdvancedProfiler, Profiler, PyTorchProfiler, SimpleProfiler

from ..errors import ConfigurationError
from ..groups import DebugConfig, TrainConfig
from .distributed import CommonTimer
from .module import OptimiserSettings
from .overfit import StopWhenLearned


def arithmetic(config: TrainConfig) -> str:
    """Lightning's name of the precision to train in. ``auto`` is bfloat16 where the hardware multiplies it itself, float32 elsewhere.

    A processor without such instructions takes four times as long for a bfloat16 product as for a float32 one.
    """
    if config.precision != "auto":
        return config.precision
    if torch.cuda.is_available() and config.accelerator != "cpu":
        has_bf16 = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        # Releases of torch before this function leave "auto" with float32, which is never wrong.
        capabilities: Mapping[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()
        has_bf16 = any(capabilities.get(name) for name in ("amx_bf16", "avx512_bf16", "bf16"))
    return "bf16-mixed" if has_bf16 else "32-true"


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
    config: TrainConfig,
    debug: DebugConfig,
    callbacks: Sequence[Callback],
    tracker: Logger | None,
    *,
    n_batches: int,
    progress: bool,
    folder: Path,
) -> lightning.Trainer:
    """A trainer for one run.

    Args:
        callbacks: besides those that the settings ask for.
        tracker: ``None`` for a run that nobody keeps.
        n_batches: of an epoch if one process trained on all of them.
        folder: of the run; a profile is written there.

    Raises:
        ConfigurationError: a device, strategy or precision that this machine or Lightning does not have.
    """
    callbacks = list(callbacks)
    if tracker is not None:
        callbacks.append(LearningRateMonitor("step"))
    if config.max_minutes is not None:
        callbacks.append(CommonTimer(config.max_minutes))
    if debug.overfit_batches:
        callbacks.append(StopWhenLearned(debug.target_loss))
    if progress:
        callbacks.append(RichProgressBar())
    logging.getLogger("lightning.fabric").setLevel(logging.WARNING)
    # The figures are equal in all processes; which of them is logged makes no difference.
    warnings.filterwarnings("ignore", message=r".*recommended to use `self\.log\(.*sync_dist=True")
    try:
        trainer = lightning.Trainer(
            max_epochs=config.max_epochs,
            max_steps=debug.max_steps or -1,
            precision=arithmetic(config),  # type: ignore[arg-type]
            accelerator=config.accelerator,
            devices=config.devices,
            strategy=config.strategy,
            num_nodes=config.num_nodes,
            accumulate_grad_batches=config.accumulate_batches,
            deterministic=config.deterministic or None,
            detect_anomaly=debug.detect_anomaly,
            fast_dev_run=debug.one_batch,
            limit_val_batches=0 if debug.overfit_batches else None,
            profiler=_profiler(debug.profiler, folder),
            callbacks=callbacks,
            logger=tracker or False,
            enable_checkpointing=debug.keep and not debug.one_batch,
            # A share of the epoch, because only the trainer knows how many processes there are; a hair more, against rounding.
            val_check_interval=min(1.0, (1 + 1e-9) / config.validations),
            num_sanity_val_steps=0,
            enable_progress_bar=progress,
            enable_model_summary=False,
            use_distributed_sampler=False,  # see distributed.py
        )
    except (MisconfigurationException, ValueError, TypeError, RuntimeError) as error:
        raise ConfigurationError(f"these settings of training do not fit this machine: {_one_line(error)}") from error
    n_steps = n_batches // trainer.world_size // config.accumulate_batches
    trainer.log_every_n_steps = max(1, min(50, n_steps // 4))  # type: ignore[attr-defined]  # Lightning's own, set elsewhere
    return trainer


def _profiler(name: str | None, folder: Path) -> Profiler | None:
    if name is None:
        return None
    folder.mkdir(parents=True, exist_ok=True)
    kinds: dict[str, Any] = {"simple": SimpleProfiler, "advanced": AdvancedProfiler, "pytorch": PyTorchProfiler}
    more = {"pytorch": {"export_to_chrome": False, "emit_nvtx": False}}.get(name, {})
    made: Profiler = kinds[name](dirpath=folder, filename="profile", **more)
    return made


def profile_file(folder: Path) -> Path | None:
    """What a profiler wrote, the first process's; ``None`` without one."""
    return next(iter(sorted(folder.glob("*profile*.txt"))), None)


def overfit_losses(trainer: lightning.Trainer) -> tuple[float, float] | None:
    """Mean training loss of the first and the last epoch, where a run on a few batches measured them."""
    watchers = [callback for callback in trainer.callbacks if isinstance(callback, StopWhenLearned)]  # type: ignore[attr-defined]
    return (watchers[0].first, watchers[0].last) if watchers else None


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
