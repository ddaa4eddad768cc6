"""Replies to token rows with targets: which tokens are judged, with what label and weight."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from ..data.samples import Reply, Sample
from ..encoding import EncodedWords, Encoder
from ..types import TurnLabel

Cuts = Literal["every_word", "random"]


@dataclass(frozen=True, slots=True)
class TargetRow:
    """One encoded item.

    ``positions``, ``labels`` and ``weights`` have one entry per judged token: index in ``input_ids``, column of ``TurnLabel``,
    non-negative weight.
    """

    input_ids: np.ndarray  # (n_tokens,) int32
    positions: np.ndarray  # (n_targets,) int32
    labels: np.ndarray  # (n_targets,) int64
    weights: np.ndarray  # (n_targets,) float32

    def __len__(self) -> int:
        return len(self.input_ids)


@dataclass(frozen=True, slots=True)
class RowPlan:
    """Which rows to make of a split; see ``config.DataConfig`` and ``config.TrainConfig`` for the meaning."""

    cuts: Cuts
    source_shares: dict[str, float]
    openings: bool
    max_validation_replies: int
    seed: int


def every_word_row(encoder: Encoder, reply: Reply) -> TargetRow | None:
    """A target at every word, see :func:`every_word_targets`; ``None`` if nothing readable was said."""
    return every_word_targets(encoder.encode_words(reply.context, reply.text))


def sample_row(encoder: Encoder, sample: Sample, *, weight: float = 1.0) -> TargetRow | None:
    """One target at the last token; ``None`` if nothing readable was said."""
    return sample_target(encoder.encode_words(sample.context, sample.text), sample.label, weight=weight)


def every_word_targets(encoded: EncodedWords) -> TargetRow | None:
    """A target at every word: weight 1 for the end, ``1 / (n - 1)`` for each other boundary of a reply of ``n`` words.

    The weights are the expectation of the protocol's uniform random cut. ``None`` if nothing readable was said.
    """
    n_left = len(encoded.word_ends)
    if not n_left:
        return None
    labels = np.full(n_left, TurnLabel.WAIT.column, dtype=np.int64)
    weights = np.full(n_left, 1.0 / max(1, encoded.n_words - 1), dtype=np.float32)
    labels[-1], weights[-1] = TurnLabel.SPEAK.column, 1.0
    return TargetRow(np.asarray(encoded.input_ids, np.int32), np.asarray(encoded.word_ends, np.int32), labels, weights)


def sample_target(encoded: EncodedWords, label: TurnLabel, *, weight: float = 1.0) -> TargetRow | None:
    """One target at the last token; ``None`` if nothing readable was said."""
    if not encoded.word_ends:
        return None
    return TargetRow(
        np.asarray(encoded.input_ids, np.int32),
        np.asarray([len(encoded.input_ids) - 1], np.int32),
        np.asarray([label.column], np.int64),
        np.asarray([weight], np.float32),
    )
