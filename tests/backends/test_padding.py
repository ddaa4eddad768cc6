"""Fixed lengths, and batches cut to them."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from turn_detection.backends.padding import fixed_lengths, split_by_length
from turn_detection.encoding import EncodedBatch, EncodingSpec
from turn_detection.errors import BackendError

PAD = 7


def batch_of(lengths: list[int], width: int | None = None) -> EncodedBatch:
    """Rows that count 100, 101, ...; row ``n`` holds ``lengths[n]`` tokens."""
    width = max(lengths, default=0) if width is None else width
    places = np.arange(width)[None, :]
    mask = (places < np.array(lengths, np.int64).reshape(-1, 1)).astype(np.int64)
    ids = np.where(mask == 1, places + 100, PAD)
    return EncodedBatch(ids.astype(np.int64), mask)


@pytest.mark.parametrize(
    ("context", "message", "expected"),
    [
        (48, 96, (16, 32, 64, 152)),
        (1, 1, (8,)),
        (4, 11, (16,)),
        (8, 16, (16, 32)),
        (255, 256, (16, 32, 64, 128, 256, 512)),
    ],
)
def test_lengths_rise_to_the_longest_item_that_the_layout_allows(
    context: int, message: int, expected: tuple[int, ...]
) -> None:
    assert fixed_lengths(EncodingSpec(max_context_tokens=context, max_message_tokens=message)) == expected


@given(st.integers(1, 600), st.integers(1, 600))
def test_no_item_is_padded_to_much_more_than_twice_its_length(context: int, message: int) -> None:
    lengths = fixed_lengths(EncodingSpec(max_context_tokens=context, max_message_tokens=message))
    assert list(lengths) == sorted(set(lengths))
    assert lengths[-1] >= 1 + context + message
    assert all(longer <= 2.7 * shorter for shorter, longer in itertools.pairwise(lengths))


@given(st.lists(st.integers(0, 152), max_size=40), st.integers(1, 9), st.integers(0, 30))
def test_every_row_comes_once_whole_and_padded_to_the_shortest_length_that_holds_it(
    lengths: list[int], max_rows: int, spare: int
) -> None:
    fixed = (16, 32, 64, 152)
    batch = batch_of(lengths, max(lengths, default=0) + spare)
    parts = split_by_length(batch, fixed, PAD, max_rows)
    assert sorted(row for part in parts for row in part.rows) == list(range(len(lengths)))
    for part in parts:
        width = part.batch.input_ids.shape[1]
        assert 1 <= len(part.rows) <= max_rows
        assert part.batch.input_ids.shape == part.batch.attention_mask.shape == (len(part.rows), width)
        for row, ids, mask in zip(part.rows, part.batch.input_ids, part.batch.attention_mask, strict=True):
            n_tokens = lengths[row]
            assert width == next(length for length in fixed if length >= n_tokens)
            assert mask.tolist() == [1] * n_tokens + [0] * (width - n_tokens)
            assert ids.tolist() == list(range(100, 100 + n_tokens)) + [PAD] * (width - n_tokens)


def test_an_item_that_is_longer_than_any_length_is_refused() -> None:
    with pytest.raises(BackendError, match="an item has 33 tokens, the model takes at most 32"):
        split_by_length(batch_of([3, 33]), (16, 32), PAD, 8)
