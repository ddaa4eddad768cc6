"""Reading checkpoints: our own part of a Lightning file, checked before anything is built from it."""

from __future__ import annotations

import pickle
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tokenizers import Tokenizer

from ..detector import TurnDetector
from ..encoding import EncodedBatch, Encoder, EncodingSpec
from ..errors import CheckpointError, InputFileNotFoundError
from ..text import TEXT_VERSION
from ..types import LABELS
from .model import Attention, EndOfTurnModel, LastTokenLogits, build_encoder
from .module import CHECKPOINT_KEY, CHECKPOINT_VERSION


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A trained network ready to be used, exported or trained further.

    Attributes:
        model: in evaluation mode, on the CPU, float32.
        encoder: its tokenizer and layout.
        provenance: what it was trained on, as the run recorded it.
        metrics: validation figures of the run at this checkpoint, ``val/...`` by name.
    """

    model: EndOfTurnModel
    encoder: Encoder
    provenance: dict[str, Any]
    metrics: dict[str, float]


def load_checkpoint(path: str | Path) -> Checkpoint:
    """Read a checkpoint that ``train`` wrote. Executes no code from the file (``weights_only``).

    Raises:
        InputFileNotFoundError: no such file.
        CheckpointError: not a Lightning checkpoint, not one of this project, or made for other text rules or labels.
    """
    raw, own = _read(Path(path))
    encoder = Encoder(Tokenizer.from_str(own["tokenizer"]), EncodingSpec(**own["encoding"]))
    model = EndOfTurnModel(build_encoder(own["encoder_config"]), encoder.sep_id, own["attention"])
    weights = {
        key.removeprefix("model."): value for key, value in raw["state_dict"].items() if key.startswith("model.")
    }
    try:
        model.load_state_dict(weights)
    except RuntimeError as error:
        raise CheckpointError(f"the weights in {path} do not fit the network that it describes") from error
    return Checkpoint(model.eval(), encoder, own["provenance"], own["metrics"])


def checkpoint_attention(path: str | Path) -> Attention:
    """The attention of the network in a checkpoint, without building it.

    Raises:
        InputFileNotFoundError, CheckpointError: as :func:`load_checkpoint`, but for weights that do not fit.
    """
    attention: Attention = _read(Path(path), lazily=True)[1]["attention"]
    return attention


def _read(path: Path, *, lazily: bool = False) -> tuple[dict[str, Any], dict[str, Any]]:
    """A Lightning file and our own part of it, checked; with ``lazily`` the weights stay on the disk."""
    if not path.is_file():
        raise InputFileNotFoundError(f"no such checkpoint: {path}")
    try:
        raw = torch.load(path, map_location="cpu", weights_only=True, mmap=lazily)
    except (pickle.UnpicklingError, zipfile.BadZipFile, RuntimeError, EOFError, ValueError, KeyError) as error:
        raise CheckpointError(f"{path} is no checkpoint, or a damaged one ({type(error).__name__})") from error
    own = raw.get(CHECKPOINT_KEY) if isinstance(raw, dict) else None
    if not isinstance(own, dict) or "state_dict" not in raw:
        raise CheckpointError(f"{path} was not written by 'turn_detection.commands train'")
    if own.get("version") != CHECKPOINT_VERSION:
        raise CheckpointError(
            f"{path} has checkpoint version {own.get('version')}, this package reads {CHECKPOINT_VERSION}"
        )
    if own["text_version"] != TEXT_VERSION:
        raise CheckpointError(
            f"{path} was trained on text rules {own['text_version']}, this package has {TEXT_VERSION}; train it again"
        )
    if tuple(own["labels"]) != LABELS:
        raise CheckpointError(f"{path} orders its labels {own['labels']}, expected {list(LABELS)}")
    return raw, own


def ancestry(provenance: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What a run that starts from a checkpoint records of the runs before it, the oldest first.

    Args:
        provenance: of the checkpoint that the new run starts from.

    Returns:
        Plain JSON for each run: name, commit, minutes allowed, training rows, made samples, peak rate and encoder.
    """
    config: dict[str, Any] = provenance.get("config", {})
    train, model = config.get("train", {}), config.get("model", {})
    run = {
        "run_name": provenance.get("run_name"),
        "git_commit": provenance.get("git_commit"),
        "max_minutes": train.get("max_minutes"),
        "learning_rate": train.get("learning_rate"),
        "training_rows": provenance.get("training_rows"),
        "spoken_samples": provenance.get("spoken_samples"),
        "encoder": model.get("encoder"),
    }
    return [*provenance.get("ancestry", []), run]


def checkpoint_detector(checkpoint: Checkpoint) -> TurnDetector:
    """A detector that runs a checkpoint in torch, uncalibrated; for ``infer CKPT`` before anything is exported."""
    return TurnDetector(TorchBackend(checkpoint.model), checkpoint.encoder)


class TorchBackend:
    """The engine of :func:`checkpoint_detector`; see :class:`~turn_detection.backends.base.Backend`."""

    def __init__(self, model: EndOfTurnModel) -> None:
        self._model = LastTokenLogits(model).eval()

    def logits(self, batch: EncodedBatch) -> np.ndarray:
        with torch.inference_mode():
            logits = self._model(torch.from_numpy(batch.input_ids), torch.from_numpy(batch.attention_mask))
        last: np.ndarray = logits.float().numpy()
        return last
