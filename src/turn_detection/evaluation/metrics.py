"""Figures of a binary turn detector, computed over a whole set and never averaged over batches."""

from __future__ import annotations

import numpy as np

from ..errors import InvalidInputError, MissingExtraError

#: LiveKit's operating point: the share of finished turns that must be recognised as finished.
TPR_BAR = 0.993


def binary_metrics(is_end: np.ndarray, probabilities: np.ndarray, *, threshold: float = 0.5) -> dict[str, float]:
    """Ranking, decision and calibration figures.

    Args:
        is_end: ``(n,) bool`` or 0/1, true where the turn was finished.
        probabilities: ``(n,) float``, P(end of turn).
        threshold: ``speak`` from this probability on.

    Returns:
        ``n``, ``speak_share``, ``roc_auc``, ``average_precision``, ``f1``, ``precision``, ``recall`` and ``accuracy`` at ``threshold``,
        ``best_f1`` over all thresholds, ``tnr_at_tpr_993``, ``log_loss``, ``brier``, ``ece``. A figure that needs both labels is NaN
        where only one occurs.

    Raises:
        InvalidInputError: lengths differ, the set is empty, a label is neither true nor false, or a probability is outside 0..1.
        MissingExtraError: scikit-learn is not installed.
    """
    try:
        from sklearn import metrics
    except ImportError as error:
        raise MissingExtraError("Evaluation", "cpu", error.name) from error
    given = np.asarray(is_end)
    if not np.isin(given, (0, 1)).all():
        raise InvalidInputError("labels must be true or false")  # numpy would take the text "wait" for true
    labels = given.astype(bool)
    scores = np.asarray(probabilities, dtype=np.float64)
    if labels.shape != scores.shape or labels.ndim != 1 or not len(labels):
        raise InvalidInputError(
            f"labels and probabilities must be equally long and not empty, got {labels.shape} and {scores.shape}"
        )
    if not np.all((scores >= 0) & (scores <= 1)):
        raise InvalidInputError("probabilities must lie in 0..1")
    both = 0 < labels.sum() < len(labels)
    said = scores >= threshold
    precision, recall, f1, _ = metrics.precision_recall_fscore_support(
        labels, said, average="binary", zero_division=0.0
    )
    nan = float("nan")
    return {
        "n": float(len(labels)),
        "speak_share": float(labels.mean()),
        "roc_auc": float(metrics.roc_auc_score(labels, scores)) if both else nan,
        "average_precision": float(metrics.average_precision_score(labels, scores)) if both else nan,
        "f1": float(f1),
        "precision": float(precision),
        "recall": float(recall),
        "accuracy": float((said == labels).mean()),
        "best_f1": best_f1(labels, scores),
        "tnr_at_tpr_993": tnr_at_tpr(labels, scores) if both else nan,
        "log_loss": float(metrics.log_loss(labels, scores, labels=[False, True])),
        "brier": float(np.mean((scores - labels) ** 2)),
        "ece": expected_calibration_error(labels, scores),
    }


def roc_auc_loss(is_end: np.ndarray, before: np.ndarray, after: np.ndarray) -> tuple[float, float]:
    """By how much ``after`` ranks worse than ``before``, and the standard error of that difference on the same samples.

    DeLong, DeLong and Clarke-Pearson, "Comparing the areas under two or more correlated receiver operating characteristic curves" (1988),
    with ranks as in Sun and Xu (2014).

    Args:
        is_end: ``(n,) bool``; both labels must occur at least twice.
        before, after: ``(n,) float``, scores of two models.
    """
    from scipy.stats import rankdata

    labels = np.asarray(is_end).astype(bool)
    n_ends, n_pauses = int(labels.sum()), int((~labels).sum())
    of_ends, of_pauses = np.zeros(n_ends), np.zeros(n_pauses)
    for sign, scores in ((1.0, np.asarray(before)), (-1.0, np.asarray(after))):
        ranks = rankdata(scores)
        # Each end's share of pauses below it, each pause's share of ends above it.
        of_ends += sign * (ranks[labels] - rankdata(scores[labels])) / n_pauses
        of_pauses += sign * (1.0 - (ranks[~labels] - rankdata(scores[~labels])) / n_ends)
    variance = of_ends.var(ddof=1) / n_ends + of_pauses.var(ddof=1) / n_pauses
    return float(of_ends.mean()), float(np.sqrt(variance))


def best_f1(is_end: np.ndarray, probabilities: np.ndarray) -> float:
    """The highest F1 that any threshold reaches; equal probabilities fall on one side."""
    labels, scores = _by_descending_score(is_end, probabilities)
    true_positives = np.cumsum(labels)
    f1 = 2 * true_positives / (np.arange(1, len(labels) + 1) + labels.sum())
    return float(f1[_last_of_ties(scores)].max())


def tnr_at_tpr(is_end: np.ndarray, probabilities: np.ndarray, tpr: float = TPR_BAR) -> float:
    """Share of unfinished turns recognised at the highest threshold that still recognises ``tpr`` of the finished ones."""
    labels, scores = _by_descending_score(is_end, probabilities)
    ends = _last_of_ties(scores)
    recalled = np.cumsum(labels)[ends] / labels.sum()
    false_positives = np.cumsum(~labels)[ends]
    first = int(np.argmax(recalled >= tpr))
    return float(1 - false_positives[first] / (~labels).sum())


def expected_calibration_error(is_end: np.ndarray, probabilities: np.ndarray, n_bins: int = 15) -> float:
    """Mean gap between probability and frequency over ``n_bins`` bins of equal mass (Nguyen & O'Connor, arXiv:1508.05154).

    Equal probabilities that fall into two bins count with their common frequency, so the order of the items changes nothing.
    """
    order = np.argsort(probabilities, kind="stable")
    labels, scores = np.asarray(is_end, dtype=float)[order], np.asarray(probabilities, dtype=float)[order]
    _, run, n_equal = np.unique(scores, return_inverse=True, return_counts=True)
    labels = (np.bincount(run, labels) / n_equal)[run]
    bins = [part for part in np.array_split(np.arange(len(scores)), n_bins) if len(part)]
    return float(sum(abs(scores[part].sum() - labels[part].sum()) for part in bins) / len(scores))


def _by_descending_score(is_end: np.ndarray, probabilities: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    order = np.argsort(-np.asarray(probabilities), kind="stable")
    return np.asarray(is_end).astype(bool)[order], np.asarray(probabilities)[order]


def _last_of_ties(sorted_scores: np.ndarray) -> np.ndarray:
    """Indices where a threshold may stand: the last of each run of equal scores."""
    return np.append(np.flatnonzero(np.diff(sorted_scores)), len(sorted_scores) - 1)
