"""Times to figures."""

from __future__ import annotations

import pytest

from turn_detection.detector import TurnDetector
from turn_detection.encoding import Encoder
from turn_detection.speed.speech import Speech
from turn_detection.speed.timing import Comparison, interleaved, latency, throughput

from .remembering import RememberingBackend, round_of


def test_a_ratio_is_taken_within_its_round_and_then_the_median_over_rounds() -> None:
    rounds = [
        round_of(9.0, 1.0, 1.0, original_ms=50.0, padded_ms=900.0),
        round_of(2.0, 2.0, 2.0, original_ms=200.0, padded_ms=2000.0),
        round_of(4.0, 4.0, 8.0, original_ms=40.0),
    ]
    found = Comparison.of(16, rounds)
    assert (found.ours_ms, found.ours_first_ms) == pytest.approx((2.0, 4.0))
    assert (found.original_ms, found.padded_ms) == pytest.approx((50.0, 1450.0))
    assert (found.ratio.median, found.ratio.least, found.ratio.most) == pytest.approx((50.0, 10.0, 100.0))
    assert (found.padded_ratio.median, found.padded_ratio.least) == pytest.approx((950.0, 900.0))
    assert (found.ratio.n_rounds, found.padded_ratio.n_rounds) == (3, 2)


def test_a_busy_machine_changes_the_ratio_on_the_clock_and_not_that_of_the_processor() -> None:
    waiting = Comparison.of(16, [round_of(4.0, original_ms=40.0, padded_ms=400.0, cpu_share=0.25)])
    assert (waiting.ratio.median, waiting.ratio.cpu_median) == pytest.approx((10.0, 40.0))
    assert waiting.padded_ratio.cpu_median == pytest.approx(400.0)


def test_latency_asks_every_text_once_and_alone(toy_encoder: Encoder) -> None:
    backend = RememberingBackend("ours", [])
    found = latency(TurnDetector(backend, toy_encoder), Speech(toy_encoder), 32, 1, 40)
    assert (found.n_tokens, found.n_threads, found.n_calls) == (32, 1, 40)
    assert 0 < found.p50_ms <= found.p95_ms <= found.p99_ms
    assert len(backend.batches) == 44, "40 that count after 4 to warm up"
    assert {batch.input_ids.shape for batch in backend.batches} == {(1, 32)}
    assert len({batch.input_ids.tobytes() for batch in backend.batches}) == 44


def test_throughput_fills_its_batches(toy_encoder: Encoder) -> None:
    backend = RememberingBackend("ours", [])
    found = throughput(TurnDetector(backend, toy_encoder), Speech(toy_encoder), 32, (1, 8), 16, n_repeats=2)
    assert [(row.batch, row.n_tokens, row.n_items) for row in found] == [(1, 32, 16), (8, 32, 16)]
    assert all(row.items_per_s > 0 for row in found)
    assert [len(batch) for batch in backend.batches] == 2 * ([1] * 16 + [8] * 2)


def test_the_comparison_alternates_and_pads_in_the_first_rounds_only(toy_encoder: Encoder) -> None:
    diary: list[str] = []
    detectors = [TurnDetector(RememberingBackend(name, diary), toy_encoder) for name in ("ours", "original", "padded")]
    said: list[str] = []
    found = interleaved(
        *detectors, Speech(toy_encoder), 16, n_rounds=3, n_padded=2, n_ours=2, say=said.append
    )  # fmt: skip
    one = ["ours", "ours", "original"]
    assert diary == ["ours", "original", *one, "padded", *one, "padded", *one]
    assert (found.ratio.n_rounds, found.padded_ratio.n_rounds) == (3, 2)
    assert said[-1] == "16 tokens, round 3 of 3"
