"""The trade-off that was measured for the served model: delays against cut-offs, as far as its bundle carries it."""

from __future__ import annotations

import logging
from pathlib import Path

from pydantic import ValidationError

from ..bundle import default_bundle, open_bundle
from .schemas import Curve

logger = logging.getLogger(__name__)

FILE = "curve.json"


def load_curve(bundle: str | None) -> Curve | None:
    """Read ``curve.json`` of a bundle (a folder, or an ``.onnx`` in it; ``None``: the shipped one). It only informs people: a bundle without it is whole.

    A file that cannot be read is as good as none, and said in the log.
    """
    folder = default_bundle() if bundle is None else Path(bundle)
    if folder.suffix != ".onnx" and not folder.exists():
        folder = open_bundle(bundle).folder  # a name of the Hugging Face hub
    path = (folder.parent if folder.suffix == ".onnx" else folder) / FILE
    try:
        return Curve.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValidationError) as error:
        logger.warning("%s cannot be read (%s); the page shows no curve", path, type(error).__name__)
        return None
