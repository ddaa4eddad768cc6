"""Samples of ``data prepare`` as the labelled items that ``infer``, ``score`` and ``evaluate`` read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ..errors import DataFormatError, InputFileNotFoundError
from ..records import write_records

_KEYS = ("id", "source", "context", "message", "label")


def write_labelled(samples: str | Path, output: str | Path) -> int:
    """Write a JSON list of the items of a ``train.jsonl`` or ``validation.jsonl``, each with the ``dialogue`` that it was cut from.

    Returns:
        How many items there are.

    Raises:
        InputFileNotFoundError: no such file.
        DataFormatError: a line is no sample, or there is none; names the line.
        OutputError: not writable.
    """
    path = Path(samples)
    try:
        # Not splitlines(): a text may hold other marks that it takes for the end of a line.
        lines = path.read_text(encoding="utf-8").rstrip("\n").split("\n")
    except FileNotFoundError as error:
        raise InputFileNotFoundError(
            f"no such file of samples: {path}; 'turn-detection data prepare' writes one"
        ) from error
    except UnicodeDecodeError:
        # Not chained: this error carries the file's whole content.
        raise DataFormatError(f"{path} is not UTF-8 text") from None
    except OSError as error:
        raise DataFormatError(f"{path} cannot be read: {error.strerror}") from error
    if lines == [""]:
        raise DataFormatError(f"{path} holds no samples; is too little held out? See data.validation_share")
    items = [_item(line, f"{path}:{number}") for number, line in enumerate(lines, start=1)]
    write_records(output, items)
    return len(items)


def _item(line: str, at: str) -> dict[str, Any]:
    try:
        sample = json.loads(line)
        if not isinstance(sample, dict) or not all(key in sample for key in _KEYS):
            raise ValueError
        # The id ends with the reply's place in the dialogue and the sample's in the reply.
        dialogue, _, _ = sample["id"].rsplit(":", 2)
    except (ValueError, AttributeError):
        raise DataFormatError(f"{at} is no sample of 'turn-detection data prepare'") from None
    return {key: sample[key] for key in _KEYS} | {"dialogue": dialogue}
