"""One evaluation from judges and a set to a report."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from ..errors import InvalidInputError
from ..evaluation.bootstrap import Resampling
from ..evaluation.comparison import compare
from ..evaluation.context_use import context_use
from ..evaluation.judge import Judge, Pause
from ..evaluation.labelled_item import group_names, grouping
from ..evaluation.overall import cases_of, judge_figures
from ..evaluation.report import DataFacts, Edit, Facts, Report, Stability
from ..evaluation.slices import slice_figures
from ..evaluation.stability import surface_stability
from ..evaluation.tiers import tiers_of
from ..speed.machine import this_machine
from ..types import TurnPrediction
from .curves import curves_of
from .labelled_set import LabelledSet

CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Settings:
    """How to measure.

    Attributes:
        seed: of resamples, samples, random prefixes and drawn pauses.
        n_resamples: of the bootstrap.
        sample: items on which stability and the use of context are measured, at most.
        command: to be recorded.

    Raises:
        InvalidInputError: out of range.
    """

    seed: int = 0
    n_resamples: int = 1000
    sample: int = 2000
    command: str = ""

    def __post_init__(self) -> None:
        if not 0 <= self.seed < 2**32:
            raise InvalidInputError(f"seed must be from 0 to {2**32 - 1}, got {self.seed}")
        if not 20 <= self.n_resamples <= 20_000:
            raise InvalidInputError(f"n_resamples must be from 20 to 20000, got {self.n_resamples}")
        if self.sample < 0:
            raise InvalidInputError(f"sample must not be negative, got {self.sample}; 0 leaves those parts out")


def evaluate(
    judge: Judge,
    labelled: LabelledSet,
    settings: Settings,
    *,
    against: Sequence[Judge] = (),
    step: Callable[[str], None] = lambda _: None,
) -> Report:
    """Everything that the report holds.

    Args:
        against: further judges, compared on the same items and resamples.
        step: told what comes next.

    Raises:
        InvalidInputError: a judge gives something else than probabilities, or two judges have one name.
    """
    started = time.monotonic()
    names = [one.facts.name for one in (judge, *against)]
    if len(set(names)) < len(names):
        raise InvalidInputError(f"two of the judges have one name ({', '.join(names)}); compare different ones")
    items, notes = labelled.items, list(labelled.notes)
    pauses = [(item.context, item.message) for item in items]
    is_end = np.array([item.is_end for item in items])
    resampling = Resampling.of(group_names(items), n=settings.n_resamples, seed=settings.seed)
    threshold = judge.facts.threshold

    step(f"judging {len(items):,} items")
    p = judge.probabilities(pauses)
    overall, figures = judge_figures(judge, is_end, p, resampling)
    comparisons = []
    for other in against:
        step(f"judging {len(items):,} items by {other.facts.name}")
        other_p = other.probabilities(pauses)
        other_overall, other_figures = judge_figures(other, is_end, other_p, resampling)
        right, other_right = judge.verdicts(p) == is_end, other.verdicts(other_p) == is_end
        comparisons.append(compare(figures, other_figures, other_overall, right, other_right))

    step("slices")
    slices = slice_figures(items, p, resampling, threshold=threshold)
    sample = np.sort(np.random.default_rng(settings.seed).permutation(len(items))[: settings.sample])
    step(f"other contexts and spellings of {len(sample):,} items")
    use = None
    if len(sample):
        use = context_use(
            judge, [items[index] for index in sample.tolist()], p[sample], resampling.part(sample), seed=settings.seed
        )
        if use is None:
            notes.append("Hardly an item has a context, so its use cannot be told.")
        if len(sample) < len(items):
            notes.append(f"Stability and the use of context were measured on {len(sample):,} items drawn by the seed.")
    stability = stability_of(judge, [labelled.written[index] for index in sample.tolist()]) if len(sample) else None
    step("cut-offs against delay")
    endpointing, said = curves_of(
        (judge, *against),
        labelled.turns,
        name=labelled.turns_name,
        on_data=labelled.turns_on_data,
        seed=settings.seed,
    )
    notes += said
    return Report(
        facts=_facts(judge, labelled, resampling.n_groups, settings, time.monotonic() - started),
        overall=overall,
        slices=slices,
        cases=cases_of(items, p, resampling, threshold),
        tiers=tiers_of(items, p, resampling, threshold=threshold),
        stability=stability,
        context_use=use,
        comparisons=tuple(comparisons),
        endpointing=endpointing,
        notes=tuple(notes),
    )


def stability_of(judge: Judge, pauses: Sequence[Pause]) -> Stability:
    """What other spellings of the same speech do to a judge."""
    found = surface_stability(_Asked(judge), pauses)
    return Stability(
        len(pauses),
        tuple(
            Edit(name, one.n, one.changed_verdicts, one.mean_delta, one.largest_delta) for name, one in found.items()
        ),
    )


@dataclass(frozen=True, slots=True)
class _Asked:
    judge: Judge

    @property
    def threshold(self) -> float:
        return self.judge.facts.threshold

    def predict_batch(self, pauses: Iterable[Pause], /) -> list[TurnPrediction]:
        return [TurnPrediction(p, self.threshold, 0.0, 0.0) for p in self.judge.probabilities(list(pauses)).tolist()]


def _facts(judge: Judge, labelled: LabelledSet, n_groups: int, settings: Settings, seconds: float) -> Facts:
    machine = this_machine("scikit-learn", "scipy")
    n_speak = sum(item.is_end for item in labelled.items)
    return Facts(
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        command=settings.command,
        model=judge.facts,
        data=DataFacts(
            labelled.name,
            labelled.kind,
            labelled.files,
            n_items=len(labelled.items),
            n_speak=n_speak,
            n_wait=len(labelled.items) - n_speak,
            n_groups=n_groups,
            grouping=grouping(labelled.items),
        ),
        seed=settings.seed,
        n_resamples=settings.n_resamples,
        confidence=CONFIDENCE,
        sample=settings.sample,
        cpu=machine.cpu,
        platform=machine.system,
        versions=machine.versions,
        seconds=round(seconds, 1),
    )
