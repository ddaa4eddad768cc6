"""Where a run is tracked: MLflow."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from lightning.pytorch.loggers import Logger

from ..config import Config


def build_tracker(config: Config, run_name: str, facts: dict[str, Any]) -> Logger:
    from lightning.pytorch.loggers import MLFlowLogger

    tracker = MLFlowLogger(
        experiment_name=config.train.experiment_name,
        run_name=run_name,
        tracking_uri=config.train.tracking_uri,
        tags={"git_commit": facts["git_commit"], "git_dirty": str(facts["git_dirty"])},
    )
    tracker.log_hyperparams(asdict(config))
    return tracker
