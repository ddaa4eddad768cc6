"""What several commands do first: find the detector, ask it, check the place of the output."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import InputFileNotFoundError, InvalidInputError, MissingExtraError
from ..records import Record

if TYPE_CHECKING:
    from ..detector import TurnDetector
    from ..types import TurnPrediction

#: Items scored between two steps of the progress bar; enough for batches of like length.
_CHUNK = 2048
#: The package whose rooms are looked up by name.
_PACKAGE = __package__.rpartition(".")[0]


def predict_all(detector: TurnDetector, records: Sequence[Record], batch_size: int) -> list[TurnPrediction]:
    """Score in chunks, so that a long file shows how far it is (on a terminal)."""
    from rich.console import Console
    from rich.progress import track

    predictions: list[TurnPrediction] = []
    starts = range(0, len(records), _CHUNK)
    quiet = len(records) <= _CHUNK or not sys.stderr.isatty()
    for start in track(starts, "judging", disable=quiet, transient=True, console=Console(stderr=True)):
        chunk = records[start : start + _CHUNK]
        predictions += detector.predict_batch(
            [(record.context, record.message) for record in chunk], batch_size=batch_size
        )
    return predictions


def check_folder(output: Path) -> None:
    """Fail before the work, not after it."""
    if not output.absolute().parent.is_dir():
        raise InputFileNotFoundError(f"the folder of the output does not exist: {output.absolute().parent}")


def detector_of(checkpoint: str | Path | None, model: str | None, n_threads: int) -> TurnDetector:
    """The detector in a checkpoint or bundle; ``None`` and ``default`` are the shipped one."""
    from ..bundle import SHIPPED
    from ..detector import TurnDetector

    if checkpoint is not None and str(checkpoint) == SHIPPED and not Path(checkpoint).exists():
        checkpoint = None
    path = None if checkpoint is None else Path(checkpoint)
    if path is None or not path.is_file() or path.suffix == ".onnx":
        if path is not None and not path.exists() and not is_hub_name(checkpoint):
            raise InputFileNotFoundError(
                f"no such checkpoint, bundle or .onnx: {path}; a model of the Hugging Face hub is named OWNER/NAME"
            )
        detector = TurnDetector.load(checkpoint, n_threads=n_threads)
        check_name(detector.manifest.provenance if detector.manifest else {}, model, path or Path("the shipped bundle"))
        return detector
    reader = training_room("training.checkpoint")
    loaded = reader.load_checkpoint(path)
    check_name(loaded.provenance, model, path)
    detector = reader.checkpoint_detector(loaded)
    return detector  # type: ignore[no-any-return]


def is_hub_name(text: str | Path | None) -> bool:
    from ..hub import HubName

    return isinstance(text, str) and HubName.parse(text) is not None


def training_room(name: str) -> Any:
    """A module that needs torch, or the word which extra brings it."""
    try:
        return importlib.import_module(f".{name}", _PACKAGE)
    except MissingExtraError:
        raise
    except ImportError as error:
        raise MissingExtraError("Working with checkpoints", "cpu", error.name) from error


def check_name(provenance: Any, model: str | None, place: Path) -> None:
    recorded = provenance.get("config", {}).get("model", {}).get("name")
    if model is not None and recorded != model:
        raise InvalidInputError(
            f"{place} holds the model '{recorded}', not '{model}'; leave --model out or name the right one"
        )
