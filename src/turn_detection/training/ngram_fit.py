"""Fitting the n-gram model to the rows that the network is trained on: count, learn by Adagrad, keep what matters."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..encoding import Encoder
from ..errors import ConfigurationError, DataFormatError
from .checkpoint import load_checkpoint
from .ngram import EMPTY, FEATURES, HashedNgrams
from .ngram_file import save_ngrams
from .origin import git_state
from .rows import load_split, rows_of_run
from .settings import run_config
from .targets import TargetRow

logger = logging.getLogger(__name__)

#: So few that the wide intermediate product stays in the processor's cache.
_ROWS_AT_ONCE = 128


@dataclass(frozen=True, slots=True)
class NgramSettings:
    """How to fit.

    Attributes:
        n_slots: places for weights, two bytes each.
        min_count: leave out features that occur less often; what stands in one place only is learnt by heart.
        passes: over the targets.
        batch_size: targets in a step.
        learning_rate: of Adagrad (Duchi et al. 2011).
        damping: what every feature's sum of squared gradients begins with; rare features move little.
        seed: of the order of targets.
    """

    n_slots: int = 2**20
    min_count: int = 3
    passes: int = 1
    batch_size: int = 8192
    learning_rate: float = 0.2
    damping: float = 1.0
    seed: int = 42

    def __post_init__(self) -> None:
        if not 2**8 <= self.n_slots <= 2**24 or self.min_count < 1 or self.passes < 1:
            raise ConfigurationError(
                f"n_slots must be from {2**8} to {2**24}, min_count and passes at least 1, got {self.n_slots}, "
                f"{self.min_count} and {self.passes}"
            )


@dataclass(frozen=True, slots=True)
class NgramFit:
    """A fitted model and what it took: ``facts`` are numbers by name, for the file and the manifest."""

    model: HashedNgrams
    facts: dict[str, float]


def fit_to_run(
    checkpoint: str | Path, output: str | Path, settings: NgramSettings, *, overrides: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Fit to the training rows of the run that wrote ``checkpoint``, write ``output`` and return its facts.

    Args:
        overrides: settings by dotted key over those of the run, such as ``data.paths`` when the data has moved.

    Raises:
        CheckpointError: the checkpoint is not usable.
        DataUnavailableError, DataFormatError: see ``run.load_split``.
        OutputError: the disk is full or not writable.
    """
    loaded = load_checkpoint(checkpoint)
    config = run_config(loaded, overrides or {})
    if "train.cuts" not in (overrides or {}):
        # N-grams look back only, so that every word is a target for them, whatever the network beside them sees.
        model, train = replace(config.model, attention="prefix"), replace(config.train, cuts="every_word")
        config = replace(config, model=model, train=train)
    rows = rows_of_run(config, load_split(config.data, config.seed), loaded.encoder)
    fit = fit_ngrams(rows, loaded.encoder, settings)
    commit, dirty = git_state()
    origin = {"run_name": loaded.provenance.get("run_name"), "data": config.data.name, "seed": config.seed}
    facts = {**origin, **fit.facts, "git_commit": commit, "git_dirty": dirty}
    save_ngrams(fit.model, loaded.encoder, output, facts)
    return facts


def fit_ngrams(rows: Sequence[TargetRow], encoder: Encoder, settings: NgramSettings | None = None) -> NgramFit:
    """Fit to every judged token of ``rows``, with its weight.

    Memory: ``4 * n_features`` bytes a judged token (156) and 12 bytes a kept feature; a core does 50,000 to 100,000 judged tokens a
    second, counting and one pass together.

    Raises:
        DataFormatError: nothing to learn from.
    """
    settings = settings or NgramSettings()
    started = time.monotonic()
    labels = np.concatenate([row.labels for row in rows]).astype(np.float32) if rows else np.zeros(0, np.float32)
    if not len(labels):
        raise DataFormatError("nothing to fit n-grams to: the rows hold no judged token")
    weights = np.concatenate([row.weights for row in rows])
    empty = HashedNgrams.empty(encoder, settings.n_slots)
    keys = _keys(empty, encoder, rows, len(labels))
    kept, counts = _number_frequent(keys, settings.min_count)
    values, bias = _learn(keys, labels, weights, len(kept), settings)
    del keys
    table, scale = _place(empty, kept, values, counts)
    model = HashedNgrams(torch.from_numpy(table), scale, bias, encoder.sep_id, empty.word_starts).eval()
    facts = {
        "rows": len(rows),
        "targets": len(labels),
        "features": len(kept) - 1,
        "weights": int((table[:, 1] != EMPTY).sum()),
        "n_slots": settings.n_slots,
        "min_count": settings.min_count,
        "passes": settings.passes,
        "minutes": round((time.monotonic() - started) / 60, 2),
    }
    logger.info(
        "n-grams: %d judged tokens, %d features, %d weights, %.1f min",
        facts["targets"], facts["features"], facts["weights"], facts["minutes"],
    )  # fmt: skip
    return NgramFit(model, facts)


def _keys(model: HashedNgrams, encoder: Encoder, rows: Sequence[TargetRow], n_targets: int) -> np.ndarray:
    """Keys of all judged tokens, ``(n_targets, n_features) int32``."""
    keys = np.empty((n_targets, len(FEATURES)), np.int32)
    done = 0
    for start in range(0, len(rows), _ROWS_AT_ONCE):
        chunk = rows[start : start + _ROWS_AT_ONCE]
        batch = encoder.pad([row.input_ids.tolist() for row in chunk])
        ids, mask = torch.from_numpy(batch.input_ids), torch.from_numpy(batch.attention_mask)
        row = torch.arange(len(chunk)).repeat_interleave(torch.tensor([len(entry.positions) for entry in chunk]))
        position = torch.from_numpy(np.concatenate([entry.positions for entry in chunk]).astype(np.int64))
        found = model.keys(ids, mask, row, position).numpy()
        keys[done : done + len(found)] = found
        done += len(found)
    return keys


def _number_frequent(keys: np.ndarray, min_count: int) -> tuple[np.ndarray, np.ndarray]:
    """Replace keys in place by numbers from 1 on, by 0 where a feature is too rare; return keys and counts by number."""
    kept, counts = [np.zeros(1, np.int32)], [np.zeros(1, np.int64)]
    n_kept = 1
    for column in range(keys.shape[1]):
        unique, inverse, count = np.unique(keys[:, column], return_inverse=True, return_counts=True)
        often = count >= min_count
        keys[:, column] = np.where(often, np.cumsum(often) - 1 + n_kept, 0).astype(np.int32)[inverse]
        kept.append(unique[often])
        counts.append(count[often])
        n_kept += int(often.sum())
    return np.concatenate(kept), np.concatenate(counts)


def _learn(
    numbers: np.ndarray, labels: np.ndarray, weights: np.ndarray, n_features: int, settings: NgramSettings
) -> tuple[np.ndarray, float]:
    """Logistic regression by Adagrad: a value by number, ``(n_features,) float32``, and the bias."""
    values, gradient = torch.zeros(n_features), torch.zeros(n_features)
    squares = torch.full((n_features,), settings.damping)
    bias, bias_square = 0.0, settings.damping
    for chosen in _batches(len(labels), settings):
        found = torch.from_numpy(numbers[chosen].astype(np.int64))
        margin = values[found].sum(dim=1) + bias
        slope = (torch.sigmoid(margin) - torch.from_numpy(labels[chosen])) * torch.from_numpy(weights[chosen])
        flat = found.reshape(-1)
        gradient.index_add_(0, flat, slope[:, None].expand(-1, found.shape[1]).reshape(-1))
        gradient[0] = 0.0  # features that are too rare stay without a weight
        # A feature that occurs twice in the batch is written twice, each time with the same numbers.
        step = gradient[flat]
        squared = squares[flat] + step * step
        moved = values[flat] - settings.learning_rate * step / squared.sqrt()
        squares[flat], values[flat], gradient[flat] = squared, moved, torch.zeros(1)
        slope_sum = float(slope.sum())
        bias_square += slope_sum * slope_sum
        bias -= settings.learning_rate * slope_sum / bias_square**0.5
    return values.numpy(), bias


def _batches(n_targets: int, settings: NgramSettings) -> Iterator[np.ndarray]:
    chance = np.random.default_rng(settings.seed)
    for _ in range(settings.passes):
        order = chance.permutation(n_targets)
        for start in range(0, n_targets, settings.batch_size):
            yield order[start : start + settings.batch_size]


def _place(model: HashedNgrams, keys: np.ndarray, values: np.ndarray, counts: np.ndarray) -> tuple[np.ndarray, float]:
    """The table ``(n_slots, 2) int8`` and its scale: weights that move most margins first, each into the first free of its two slots."""
    scale = float(max(np.abs(values).max(), 1e-6) / 127)
    rounded = np.round(values / scale).astype(np.int8)
    order = np.argsort(-np.abs(values) * np.sqrt(counts), kind="stable")
    order = order[rounded[order] != 0][: 4 * len(model.table)]  # by then hardly a slot is free
    table = model.table.numpy().copy()
    for some in np.array_split(order, 64):
        slots, tells = (part.numpy() for part in model.slots(torch.from_numpy(keys[some].astype(np.int64))))
        waiting = np.arange(len(some))
        for choice in (0, 1):
            slot = slots[waiting, choice]
            slot, first = np.unique(slot, return_index=True)  # of several, the one that matters most
            free = table[slot, 1] == EMPTY
            slot, first = slot[free], first[free]
            winner = waiting[first]
            table[slot] = np.stack([rounded[some[winner]], tells[winner].astype(np.int8)], axis=1)
            waiting = np.delete(waiting, first)
    return table, scale
