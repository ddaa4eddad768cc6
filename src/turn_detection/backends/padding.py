"""Batches cut to a few fixed lengths: an engine that batches across requests can only join rows of one length."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..encoding import EncodedBatch, EncodingSpec
from ..errors import BackendError

#: The shortest fixed length; half of the items of a call centre's dialogues have no more tokens.
_SHORTEST = 16
#: The longest one is a multiple of this, which suits the matrix units of GPUs.
_MULTIPLE = 8


def fixed_lengths(spec: EncodingSpec) -> tuple[int, ...]:
    """Lengths in tokens that items are padded to, rising; the last one holds the longest item that ``spec`` allows.

    Powers of two, so that an item is never padded to much more than twice its length, and few, so that requests meet others of
    their length.

    >>> fixed_lengths(EncodingSpec(max_context_tokens=48, max_message_tokens=96))
    (16, 32, 64, 152)
    """
    longest = 1 + spec.max_context_tokens + spec.max_message_tokens
    longest = -(-longest // _MULTIPLE) * _MULTIPLE
    lengths = [_SHORTEST]
    while 4 * lengths[-1] <= 3 * longest:
        lengths.append(2 * lengths[-1])
    return (*lengths[:-1], longest)


@dataclass(frozen=True, slots=True)
class Part:
    """Rows of one fixed length; ``rows`` are their ``(n,)`` places in the batch that they came from."""

    rows: np.ndarray
    batch: EncodedBatch


def split_by_length(batch: EncodedBatch, lengths: Sequence[int], pad_id: int, max_rows: int) -> list[Part]:
    """Every row once, padded on the right to the shortest of ``lengths`` that holds it; at most ``max_rows`` rows in a part.

    Raises:
        BackendError: a row is longer than the last of ``lengths``.
    """
    n_tokens = batch.attention_mask.sum(axis=1)
    if n_tokens.max(initial=0) > lengths[-1]:
        raise BackendError(f"an item has {n_tokens.max()} tokens, the model takes at most {lengths[-1]}")
    places = np.searchsorted(np.asarray(lengths), n_tokens)
    parts = []
    for place in np.unique(places):
        chosen = np.flatnonzero(places == place)
        for start in range(0, len(chosen), max_rows):
            rows = chosen[start : start + max_rows]
            parts.append(Part(rows, _resized(batch, rows, lengths[place], pad_id)))
    return parts


def _resized(batch: EncodedBatch, rows: np.ndarray, n_tokens: int, pad_id: int) -> EncodedBatch:
    width = min(n_tokens, batch.input_ids.shape[1])
    input_ids = np.full((len(rows), n_tokens), pad_id, dtype=np.int64)
    attention_mask = np.zeros((len(rows), n_tokens), dtype=np.int64)
    input_ids[:, :width] = batch.input_ids[rows, :width]
    attention_mask[:, :width] = batch.attention_mask[rows, :width]
    return EncodedBatch(input_ids, attention_mask)
