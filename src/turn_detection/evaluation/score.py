"""Figures of a file of predictions, and their place in a bundle's manifest."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ..bundle import MANIFEST, open_bundle
from ..errors import DataFormatError, InputFileNotFoundError, InvalidInputError
from ..records import read_records
from ..types import LABELS, TurnLabel, check_probability
from ..writing import write_whole
from .figures_origin import EXPORT_SETS, with_origin
from .metrics import binary_metrics
from .model_card import model_card

_SET = re.compile(r"[\w.-]+")


def score_predictions(path: str | Path) -> dict[str, dict[str, float]]:
    """Figures of what ``infer`` wrote for labelled items: ``all`` first, then by ``source`` or ``category``, largest first.

    Raises:
        InputFileNotFoundError, DataFormatError: no such file, or an item without ``label`` or ``probas``; names it.
    """
    groups: dict[str, list[tuple[bool, float]]] = {"all": []}
    for _, group, is_end, probability in _scored(path):
        pair = (is_end, probability)
        groups["all"].append(pair)
        if group is not None and group != "all":
            groups.setdefault(group, []).append(pair)
    if not groups["all"]:
        raise DataFormatError(f"{path} holds no items")
    ordered = sorted(groups.items(), key=lambda group: (group[0] != "all", -len(group[1])))
    return {name: binary_metrics(*map(np.array, zip(*pairs, strict=True))) for name, pairs in ordered}


@dataclass(frozen=True, slots=True)
class Miss:
    """A wrong verdict: which item (its ``id``, or its place from 0), of what group, what it should have been and what p was."""

    item: str
    group: str
    label: str
    eot_probability: float


def misses(path: str | Path, *, threshold: float = 0.5) -> list[Miss]:
    """Every wrong verdict in what ``infer`` wrote for labelled items, the surest first. Holds no words of the items.

    Raises:
        InputFileNotFoundError, DataFormatError: as :func:`score_predictions`.
    """
    found = [
        Miss(item, group or "", TurnLabel.SPEAK if is_end else TurnLabel.WAIT, probability)
        for item, group, is_end, probability in _scored(path)
        if is_end != (probability >= threshold)
    ]
    return sorted(found, key=lambda miss: -abs(miss.eot_probability - threshold))


def _scored(path: str | Path) -> Iterator[tuple[str, str | None, bool, float]]:
    """Name, group, whether the turn was over, and p of every item."""
    for index, record in enumerate(read_records(path)):
        item = record.original
        label = item.get("label")
        if label not in LABELS:
            raise DataFormatError(f"{path}: item {index}: 'label' must be one of {', '.join(LABELS)}")
        try:
            probability = check_probability("probas.speak", item["probas"][TurnLabel.SPEAK.value])
        except (KeyError, TypeError, ValueError) as error:
            raise DataFormatError(f"{path}: item {index}: 'probas' is missing or malformed; run infer first") from error
        group = item.get("source") or item.get("category")
        name = item.get("id", index)
        yield str(name), group if isinstance(group, str) else None, label == TurnLabel.SPEAK.value, probability


def record_score(
    bundle: str | Path, name: str, figures: dict[str, float], predictions: str | Path | None = None
) -> None:
    """Put figures into a bundle's manifest under ``name/...``, with their origin, and write its model card anew.

    Figures that are not numbers (those that need both labels where one occurs) are left out: JSON has no NaN.

    Args:
        bundle: its folder or its ``.onnx``.
        name: of the set; not one that the export measures.
        figures: of :func:`score_predictions`.
        predictions: the file that they were measured on.

    Raises:
        BundleNotFoundError, BundleError: not a sound bundle, or other figures in it were changed by hand.
        InvalidInputError: no name for a set.
        InputFileNotFoundError: no such file of predictions.
        OutputError: not writable.
    """
    if not _SET.fullmatch(name) or name in EXPORT_SETS:
        raise InvalidInputError(
            f"'{name}' cannot name a set of figures: take letters, digits, dots, dashes and underscores, "
            f"but not {' or '.join(EXPORT_SETS)}, which the export measures"
        )
    opened = open_bundle(Path(bundle))  # never a copy in the hub's cache
    data = {} if predictions is None else {"file": Path(predictions).name, "sha256": _digest(Path(predictions))}
    recorded = {key: value for key, value in opened.manifest.metrics.items() if not key.startswith(f"{name}/")}
    recorded |= {f"{name}/{key}": round(value, 6) for key, value in figures.items() if math.isfinite(value)}
    metrics = json.loads(json.dumps(recorded))
    provenance = with_origin(
        opened.manifest.provenance, metrics, name, command=f"turn-detection score --as {name}", data=data
    )
    manifest = replace(opened.manifest, metrics=metrics, provenance=provenance)
    card = model_card(manifest)
    write_whole(opened.folder / MANIFEST, manifest.to_json())
    write_whole(opened.folder / "MODEL_CARD.md", card)


def _digest(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise InputFileNotFoundError(f"the predictions cannot be read: {path}") from error
