"""Batches shared out among processes."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from turn_detection.errors import DataFormatError
from turn_detection.training.datamodule import LengthBatches
from turn_detection.training.distributed import ShareOfBatches, gather_scores, process_share


def shares(n_rows: int, batch_size: int, n: int, *, seed: int | None = 1, epoch: int = 0) -> list[list[list[int]]]:
    lengths = np.random.default_rng(0).integers(2, 40, n_rows).tolist()
    found = [ShareOfBatches(LengthBatches(lengths, batch_size, seed=seed), rank, n) for rank in range(n)]
    for share in found:
        share.sampler.set_epoch(epoch)
        assert len(list(share)) == len(share)
    return [list(share) for share in found]


@given(
    n_rows=st.integers(1, 300),
    batch_size=st.integers(1, 17),
    n=st.integers(2, 7),
    seed=st.one_of(st.none(), st.integers(0, 5)),
    epoch=st.integers(0, 3),
)
def test_every_row_is_given_to_one_process_and_all_take_the_same_number_of_steps(
    n_rows: int, batch_size: int, n: int, seed: int | None, epoch: int
) -> None:
    if n_rows < n:
        with pytest.raises(DataFormatError, match="too few"):
            shares(n_rows, batch_size, n)
        return
    found = shares(n_rows, batch_size, n, seed=seed, epoch=epoch)
    given_out = Counter(row for share in found for batch in share for row in batch)
    assert given_out == Counter(range(n_rows))
    assert len({len(share) for share in found}) == 1
    assert all(1 <= len(batch) <= batch_size + 1 for share in found for batch in share)


def test_processes_with_half_batches_take_the_steps_of_one_with_whole_batches() -> None:
    lengths = np.random.default_rng(0).integers(2, 40, 100).tolist()
    one = list(LengthBatches(lengths, 16, seed=1))
    two = shares(100, 8, 2)
    assert [sorted(a + b) for a, b in zip(*two, strict=True)] == [sorted(batch) for batch in one]


def test_every_epoch_has_another_order() -> None:
    assert shares(100, 8, 2, epoch=0) != shares(100, 8, 2, epoch=1)


def test_one_process_keeps_its_sampler() -> None:
    batches = LengthBatches([3, 4, 5], 2, seed=1)
    assert process_share(batches) is batches


def test_the_scores_of_one_process_are_its_own() -> None:
    labels, probabilities = np.array([True, False]), np.array([0.9, 0.2])
    assert gather_scores(labels, probabilities) == (pytest.approx(labels), pytest.approx(probabilities))
