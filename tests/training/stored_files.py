"""Small files of samples, written by ``data prepare`` from the project's own dialogues."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from turn_detection.config import DataConfig
from turn_detection.data.prepare import prepare_samples
from turn_detection.data.prepared import FileFormat

DIALOGUES = Path(__file__).resolve().parents[2] / "data" / "demo_dialogues.jsonl"


def local(**values: Any) -> DataConfig:
    settings: dict[str, Any] = {"kind": "local", "paths": (str(DIALOGUES),), "validation_share": 0.25}
    return DataConfig(**(settings | values))


def prepared(folder: Path, file_format: FileFormat = "jsonl", *, seed: int = 42, **values: Any) -> Path:
    """``folder`` with both parts."""
    prepare_samples(local(**values), folder, seed=seed, file_format=file_format)
    return folder
