"""What a run records of its origin: data, seed, code, versions."""

from __future__ import annotations

import platform
import subprocess
from dataclasses import asdict
from typing import Any

import lightning
import numpy as np
import torch

from ..config import Config
from ..data.split import Split
from ..text import TEXT_VERSION


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
