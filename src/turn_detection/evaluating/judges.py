"""Detectors as judges: what they are called, and which file says what they are."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from ..bundle import MANIFEST, default_bundle
from ..detector import TurnDetector
from ..evaluation.judge import Judge, Pause
from ..evaluation.report import JudgeFacts
from ..types import TurnPrediction

_BLOCK = 2**20


def detector_judge(
    detector: TurnDetector,
    place: Path | None,
    *,
    name: str | None = None,
    predict: Callable[[Sequence[Pause]], list[TurnPrediction]] | None = None,
) -> Judge:
    """A detector that was loaded from ``place`` (``None`` for the shipped bundle).

    Args:
        name: in place of the manifest's.
        predict: in place of ``detector.predict_batch``, for callers that show progress.
    """
    is_checkpoint = place is not None and place.is_file() and place.suffix != ".onnx"
    file = place if is_checkpoint and place is not None else _manifest(place)
    manifest = detector.manifest
    own = manifest.name if manifest else (place.stem if place else "model")
    facts = JudgeFacts(
        name or own,
        "checkpoint" if is_checkpoint else "bundle",
        detector.threshold,
        _sha256(file),
        file.name,
        manifest.precision if manifest else None,
    )
    ask = predict or detector.predict_batch

    def probabilities(pauses: Sequence[Pause]) -> np.ndarray:
        return np.array([answer.eot_probability for answer in ask(pauses)])

    return Judge(facts, probabilities)


def told_apart(judges: Sequence[Judge]) -> list[Judge]:
    """Judges of one name and different files, such as two trainings of one model, get the beginning of their digest into the name."""
    names = Counter(judge.facts.name for judge in judges)
    return [
        replace(judge, facts=replace(judge.facts, name=f"{judge.facts.name} ({judge.facts.sha256[:8]})"))
        if names[judge.facts.name] > 1 and judge.facts.sha256
        else judge
        for judge in judges
    ]


def _manifest(place: Path | None) -> Path:
    folder = default_bundle() if place is None else place
    return (folder if folder.is_dir() else folder.parent) / MANIFEST


def _sha256(file: Path) -> str:
    digest = hashlib.sha256()
    with file.open("rb") as stream:
        while block := stream.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()
