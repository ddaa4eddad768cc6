"""Does the judge use what was said before? The same words with their own context, with none, and with another item's."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .bootstrap import Figures, Resampling, resampled_figures
from .judge import Judge
from .labelled_item import LabelledItem, context_text
from .report import ContextRow, ContextUse
from .tally import Band

METRICS = ("roc_auc", "accuracy", "f1", "log_loss", "brier")
_TRIES = 20


def context_use(
    judge: Judge,
    items: Sequence[LabelledItem],
    probabilities: np.ndarray,
    resampling: Resampling,
    *,
    seed: int = 0,
) -> ContextUse | None:
    """Figures under the three contexts, over the items that have one; ``None`` if fewer than two do.

    Args:
        probabilities: ``(n_items,)``, with the true context.
        resampling: of ``items``.
    """
    contexts = [context_text(item.context) for item in items]
    chosen = np.flatnonzero([bool(text) for text in contexts])
    if len(chosen) < 2:
        return None
    kept, draws = [items[index] for index in chosen.tolist()], resampling.part(chosen)
    is_end = np.array([item.is_end for item in kept])
    lender = _lenders([contexts[index] for index in chosen], seed)
    answers = {
        "true": probabilities[chosen],
        "none": judge.probabilities([("", item.message) for item in kept]),
        "shuffled": judge.probabilities(
            [(kept[place].context, item.message) for place, item in zip(lender, kept, strict=True)]
        ),
    }
    figures = {
        name: resampled_figures(is_end, found, draws, threshold=judge.facts.threshold, metrics=METRICS)
        for name, found in answers.items()
    }
    true = answers["true"]
    rows = tuple(
        ContextRow(
            name,
            figures[name].bands(METRICS),
            _differences(figures[name], figures["true"]) if name != "true" else {},
            float((judge.verdicts(found) != judge.verdicts(true)).mean()),
            float(np.abs(found - true).mean()),
        )
        for name, found in answers.items()
    )
    return ContextUse(len(kept), rows)


def _differences(figures: Figures, true: Figures) -> dict[str, Band]:
    return {name: figures.difference(true, name)[0] for name in METRICS}


def _lenders(contexts: Sequence[str], seed: int) -> np.ndarray:
    """Whose context each item gets, ``(n,) int64``: a random order in which, as far as possible, nobody gets words of its own."""
    rng = np.random.default_rng(seed)
    texts = np.array(contexts, dtype=object)
    lender = rng.permutation(len(texts))
    for _ in range(_TRIES):
        same = np.flatnonzero(texts[lender] == texts)
        if not len(same):
            break
        # Each of them swaps with somebody at random; a swap that makes a new pair of equals is mended in the next round.
        for place, partner in zip(same, rng.integers(len(texts), size=len(same)), strict=True):
            lender[[place, partner]] = lender[[partner, place]]
    return lender
