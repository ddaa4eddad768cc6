"""What a run records of its origin: data, seed, code, versions."""

from __future__ import annotations

import platform
import subprocess
from collections import Counter
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import lightning
import numpy as np
import torch

from .. import __version__
from ..config import Config
from ..data.digest import dialogues_digest, files_digest
from ..data.prepared_split import PreparedSplit
from ..data.split import Split
from ..registry.place import shown
from ..text import TEXT_VERSION
from .module import CHECKPOINT_KEY


def provenance(config: Config, split: Split, *, n_rows: int, run_name: str) -> dict[str, Any]:
    """What a checkpoint says of its origin: data, seed, code, versions. Plain JSON.

    ``data.fingerprint`` names what was said in either part of the split, see :func:`~turn_detection.data.digest.dialogues_digest`; for
    prepared samples it is the files' digest, and ``prepared_from`` the dialogues' one, as ``data prepare`` reported it.
    """
    commit, dirty = git_state()
    return {
        "run_name": run_name,
        "data": {"name": config.data.name, **split.report.to_dict(), **_said(split)},
        "spoken_samples": config.data.spoken_samples,
        "training_rows": n_rows,
        "text_version": TEXT_VERSION,
        "seed": config.seed,
        "git_commit": commit,
        "git_dirty": dirty,
        "config": recorded_config(config),
        "versions": {
            "python": platform.python_version(),
            "torch": str(torch.__version__),
            "lightning": lightning.__version__,
            "numpy": np.__version__,
            "transformers": version("transformers"),
            "turn-detection": __version__,
        },
    }


def _said(split: Split) -> dict[str, Any]:
    """Dialogues by source, and the fingerprints."""
    if isinstance(split, PreparedSplit):
        parts = {"train": split.train_blocks, "validation": split.validation_blocks}
        files = {
            part: {path for block in blocks if (path := getattr(block, "path", None))} for part, blocks in parts.items()
        }
        return {
            **split.origin,
            "fingerprint": {part: files_digest(paths) for part, paths in files.items()},
            "prepared_from": split.origin.get("fingerprint"),
        }
    sources = Counter(dialogue.source for dialogue in split.train)
    return {
        "train_dialogues_by_source": dict(sorted(sources.items())),
        "fingerprint": {"train": dialogues_digest(split.train), "validation": dialogues_digest(split.validation)},
    }


def recorded_config(config: Config) -> dict[str, Any]:
    """The configuration as plain JSON; of the tracking's address without a password."""
    values: dict[str, Any] = _plain(asdict(config))
    values["train"]["tracking_uri"] = shown(config.train.tracking_uri)
    return values


def recorded_provenance(checkpoint: str | Path) -> dict[str, Any]:
    """What :func:`provenance` said in a checkpoint that has been checked already; its weights are not read."""
    raw = torch.load(checkpoint, map_location="cpu", weights_only=True, mmap=True)
    recorded: dict[str, Any] = raw[CHECKPOINT_KEY]["provenance"]
    return recorded


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(entry) for key, entry in value.items()}
    return [_plain(entry) for entry in value] if isinstance(value, list | tuple) else value


def git_state() -> tuple[str, bool]:
    """Commit of the code that runs and whether its tree has changes; ``("unknown", False)`` outside a repository or without git."""
    try:
        commit = _git("rev-parse", "HEAD")
        return commit, bool(_git("status", "--porcelain", "--untracked-files=no"))
    except (OSError, subprocess.CalledProcessError):
        return "unknown", False


def _git(*arguments: str) -> str:
    command = ["git", *arguments]
    return subprocess.run(command, cwd=Path(__file__).parent, capture_output=True, text=True, check=True).stdout.strip()
