"""The file of a fitted n-gram model: a NumPy archive with the table and what it was fitted for."""

from __future__ import annotations

import hashlib
import io
import json
import math
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..encoding import Encoder
from ..errors import DataFormatError, InputFileNotFoundError
from ..text import TEXT_VERSION
from ..writing import write_whole
from .ngram import FEATURES, LENGTHS, SYMBOLS, HashedNgrams, word_starts

FORMAT, FORMAT_VERSION = "turn-detection-ngrams", 1


def save_ngrams(model: HashedNgrams, encoder: Encoder, path: str | Path, facts: Mapping[str, Any]) -> None:
    """Write a model for :func:`load_ngrams`; the same model gives the same bytes.

    Args:
        facts: what is worth knowing of the fit, plain JSON.

    Raises:
        OutputError: the folder is missing or not writable, or the disk is full.
    """
    about = {**_fit_for(encoder), "scale": model.scale, "bias": model.bias, "facts": dict(facts)}
    content = io.BytesIO()
    np.savez_compressed(content, about=np.array(json.dumps(about, ensure_ascii=False)), table=model.table.numpy())
    write_whole(path, content.getvalue())


def load_ngrams(path: str | Path, encoder: Encoder) -> tuple[HashedNgrams, dict[str, Any]]:
    """The model, and the facts it was written with. Executes no code from the file.

    Raises:
        InputFileNotFoundError: no such file.
        DataFormatError: not such a file, a damaged one, or one for another tokenizer, other text rules or other features.
    """
    path = Path(path)
    if not path.is_file():
        raise InputFileNotFoundError(f"no such file of n-grams: {path}; 'fit_ngrams' writes one")
    try:
        with np.load(path, allow_pickle=False) as archive:
            about, table = json.loads(str(archive["about"])), archive["table"]
        scale, bias, facts = float(about["scale"]), float(about["bias"]), dict(about["facts"])
    except (zipfile.BadZipFile, OSError, EOFError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataFormatError(f"{path} is no file of n-grams, or a damaged one ({type(error).__name__})") from error
    for key, expected in _fit_for(encoder).items():
        if about.get(key) != expected:
            raise DataFormatError(f"{path} does not fit this checkpoint: {_NAMES[key]} differs; fit the n-grams again")
    if table.ndim != 2 or table.shape[1] != 2 or not len(table) or table.dtype != np.int8 or not _positive(scale, bias):
        raise DataFormatError(f"{path} holds a table of {table.dtype} {table.shape}, expected int8 (n_slots, 2)")
    starts = torch.from_numpy(word_starts(encoder))
    return HashedNgrams(torch.from_numpy(table), scale, bias, encoder.sep_id, starts).eval(), facts


_NAMES = {
    "format": "the format",
    "version": "the format's version",
    "tokenizer": "the tokenizer",
    "separator": "the separator",
    "text_version": "the version of the text rules",
    "features": "the set of features",
}


def _fit_for(encoder: Encoder) -> dict[str, str | int]:
    features = json.dumps([SYMBOLS, FEATURES, LENGTHS])
    return {
        "format": FORMAT,
        "version": FORMAT_VERSION,
        "tokenizer": hashlib.sha256(encoder.tokenizer_json().encode()).hexdigest(),
        "separator": encoder.sep_id,
        "text_version": TEXT_VERSION,
        "features": hashlib.sha256(features.encode()).hexdigest(),
    }


def _positive(scale: float, bias: float) -> bool:
    return math.isfinite(scale) and scale > 0 and math.isfinite(bias)
