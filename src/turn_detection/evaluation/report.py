"""The report of an evaluation: frozen values that become ``report.json``. Holds figures, names and ids, never what a caller said.

``to_dict`` gives plain JSON as ``report.schema.json`` describes it: a figure that cannot be had is ``null``, there is no NaN.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from .part import Part, plain
from .tally import Band

FORMAT, FORMAT_VERSION = "turn-detection-report", 1


@dataclass(frozen=True, slots=True)
class JudgeFacts(Part):
    """Who was judged.

    Attributes:
        name: of the model in its manifest, or of the baseline.
        kind: ``bundle``, ``checkpoint`` or ``baseline``.
        threshold: ``speak`` from this probability on.
        sha256: of the manifest, the checkpoint or the file of a baseline, as ``sha256_of`` says; ``None`` for a rule.
    """

    name: str
    kind: str
    threshold: float
    sha256: str | None = None
    sha256_of: str | None = None
    precision: str | None = None


@dataclass(frozen=True, slots=True)
class FileFacts(Part):
    """A file of the data, by its name without folder."""

    name: str
    sha256: str
    n_bytes: int


@dataclass(frozen=True, slots=True)
class DataFacts(Part):
    """What was judged. ``grouping`` says what was resampled together: ``dialogue``, ``context`` or ``mixed``."""

    name: str
    kind: str
    files: tuple[FileFacts, ...]
    n_items: int
    n_speak: int
    n_wait: int
    n_groups: int
    grouping: str


@dataclass(frozen=True, slots=True)
class Facts(Part):
    """How to get these figures again. ``seconds`` is the wall time of everything."""

    created: str
    command: str
    model: JudgeFacts
    data: DataFacts
    seed: int
    n_resamples: int
    confidence: float
    sample: int
    cpu: str
    platform: str
    versions: Mapping[str, str]
    seconds: float


@dataclass(frozen=True, slots=True)
class Counts(Part):
    """The confusion matrix; positive is ``speak``."""

    true_speak: int
    false_speak: int
    true_wait: int
    false_wait: int


@dataclass(frozen=True, slots=True)
class AtThreshold(Part):
    """Verdicts at one threshold. ``figures``: ``f1``, ``precision``, ``recall``, ``specificity``, ``accuracy``."""

    name: str
    threshold: float
    counts: Counts
    figures: Mapping[str, Band]


@dataclass(frozen=True, slots=True)
class Plots(Part):
    """Arrays for plots, thinned.

    Attributes:
        roc: rows ``[false positive rate, true positive rate]``, rising.
        precision_recall: rows ``[recall, precision]``, recall rising.
        reliability: ten bins of equal width, empty ones left out: ``{"low", "high", "n", "mean_p", "speak_share"}``.
        histogram: ``{"edges": 21 numbers, "speak": 20 counts, "wait": 20 counts}`` of the probability by label.
    """

    roc: tuple[tuple[float, float], ...]
    precision_recall: tuple[tuple[float, float], ...]
    reliability: tuple[Mapping[str, float], ...]
    histogram: Mapping[str, tuple[float, ...]]


@dataclass(frozen=True, slots=True)
class JudgeFigures(Part):
    """Figures of one judge over the whole set.

    ``metrics``: ``roc_auc``, ``average_precision``, ``tnr_at_tpr_993``, ``log_loss``, ``brier``, ``ece``. ``at_thresholds``: ``own``, then
    ``half``.
    """

    judge: JudgeFacts
    metrics: Mapping[str, Band]
    at_thresholds: tuple[AtThreshold, ...]
    plots: Plots


@dataclass(frozen=True, slots=True)
class Slice(Part):
    """Figures of a part of the items; verdicts at the judge's own threshold."""

    group: str
    name: str
    n: int
    n_speak: int
    n_wait: int
    n_groups: int
    metrics: Mapping[str, Band]


@dataclass(frozen=True, slots=True)
class Tiers(Part):
    """Unambiguous items are scored as ever; ambiguous ones by log-loss alone, against soft labels where ``n_soft`` items carry one."""

    unambiguous: Slice | None
    n_ambiguous: int
    n_soft: int
    ambiguous_log_loss: Band


@dataclass(frozen=True, slots=True)
class Edit(Part):
    """What one other spelling did to the items that it changed; see :mod:`.stability`."""

    name: str
    n: int
    changed_verdicts: float
    mean_delta_p: float
    largest_delta_p: float


@dataclass(frozen=True, slots=True)
class Stability(Part):
    """``all`` over all edits is the last row."""

    n_sampled: int
    edits: tuple[Edit, ...]


@dataclass(frozen=True, slots=True)
class ContextRow(Part):
    """Figures under one context: ``true``, ``none`` or ``shuffled`` (another item's). ``differences`` are to the true one, paired."""

    context: str
    metrics: Mapping[str, Band]
    differences: Mapping[str, Band]
    changed_verdicts: float
    mean_delta_p: float


@dataclass(frozen=True, slots=True)
class ContextUse(Part):
    """Over ``n`` sampled items that have a context."""

    n: int
    rows: tuple[ContextRow, ...]


@dataclass(frozen=True, slots=True)
class Category(Part):
    """Verdicts in one category (or source, where an item has no category), at the judge's own threshold."""

    category: str
    n: int
    n_right: int
    accuracy: Band
    counts: Counts


@dataclass(frozen=True, slots=True)
class Missed(Part):
    """A wrong verdict."""

    id: str
    category: str | None
    source: str | None
    label: str
    p: float


@dataclass(frozen=True, slots=True)
class Cases(Part):
    """``misses`` begin with the surest."""

    by_category: tuple[Category, ...]
    misses: tuple[Missed, ...]


@dataclass(frozen=True, slots=True)
class Difference(Part):
    """This judge minus the other, on the same resamples; ``p`` is two-sided, from the paired bootstrap."""

    metric: str
    this: float
    other: float
    difference: Band
    p: float


@dataclass(frozen=True, slots=True)
class McNemar(Part):
    """Exact test on the verdicts, each judge at its own threshold."""

    both_right: int
    only_this_right: int
    only_other_right: int
    both_wrong: int
    p: float


@dataclass(frozen=True, slots=True)
class Comparison(Part):
    """The judged model against another judge."""

    other: JudgeFigures
    differences: tuple[Difference, ...]
    mcnemar: McNemar


@dataclass(frozen=True, slots=True)
class JudgeCurves(Part):
    """Cut-offs against delay of one judge: one object for each curve of pause lengths, see ``EndpointingCurve.to_dict``."""

    judge: str
    curves: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Endpointing(Part):
    """Curves over held-out turns. ``on_data`` tells turns of the data itself from made speech that stands in for them."""

    turns: str
    on_data: bool
    judges: tuple[JudgeCurves, ...]


@dataclass(frozen=True, slots=True)
class Report(Part):
    """Everything. A part that the data does not allow is ``None``; ``notes`` say why, and what else a reader must know."""

    facts: Facts
    overall: JudgeFigures
    slices: tuple[Slice, ...]
    cases: Cases
    tiers: Tiers | None = None
    stability: Stability | None = None
    context_use: ContextUse | None = None
    comparisons: tuple[Comparison, ...] = ()
    endpointing: Endpointing | None = None
    notes: tuple[str, ...] = field(default=())

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON, as the schema describes it."""
        parts = {entry.name: plain(getattr(self, entry.name)) for entry in fields(self)}
        return {"format": FORMAT, "format_version": FORMAT_VERSION, **parts}
