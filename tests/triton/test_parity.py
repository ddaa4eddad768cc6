"""The same questions to Triton and to the embedded engine."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from turn_detection.backends.triton import AsyncTritonBackend, TritonBackend, TritonModel
from turn_detection.bundle import Bundle
from turn_detection.calibration import Calibration
from turn_detection.detector import TurnDetector
from turn_detection.encoding import Encoder

from .server import TritonServer

pytestmark = pytest.mark.slow

#: Of a probability. Measured: 0.0, the int8 graph quantises every token by itself and padding is masked exactly.
MAX_DELTA_P = 1e-6


@pytest.fixture
def model(bundle: Bundle, encoder: Encoder, triton: TritonServer) -> TritonModel:
    return TritonModel.of(bundle.manifest, encoder, url=triton.url, timeout_s=60)


def delta_p(one: np.ndarray, other: np.ndarray) -> float:
    first, second = (Calibration().probabilities(logits) for logits in (one, other))
    return float(np.abs(first - second).max())


def test_a_batch_of_all_lengths_is_answered_as_the_embedded_engine_does(
    model: TritonModel, encoder: Encoder, rows: list[list[int]], expected: np.ndarray
) -> None:
    lengths = {next(length for length in model.lengths if length >= len(row)) for row in rows}
    assert lengths == set(model.lengths), "the items must meet every fixed length"
    backend = TritonBackend(model)
    try:
        logits = backend.logits(encoder.pad(rows))
    finally:
        backend.close()
    assert logits.dtype == np.float32
    assert delta_p(logits, expected) <= MAX_DELTA_P


def test_a_detector_over_triton_gives_the_probabilities_of_the_embedded_one(
    model: TritonModel, bundle: Bundle, encoder: Encoder
) -> None:
    items = [
        ("Чем могу помочь?", "мне нужен билет на"),
        (None, "да"),
        ("Вам удобно?", "..."),
        ("Ваш телефон?", "восемь девятьсот"),
    ]
    backend = TritonBackend(model)
    manifest = bundle.manifest
    remote = TurnDetector(
        backend, encoder, calibration=Calibration(manifest.temperature, manifest.bias), threshold=manifest.threshold
    )
    try:
        answers = remote.predict_batch(items)
    finally:
        backend.close()
    for answer, own in zip(answers, TurnDetector.load().predict_batch(items), strict=True):
        assert answer.eot_probability == pytest.approx(own.eot_probability, abs=MAX_DELTA_P)


def test_questions_of_many_clients_are_batched_and_keep_their_own_answers(
    model: TritonModel, encoder: Encoder, rows: list[list[int]], expected: np.ndarray, triton: TritonServer
) -> None:
    before = triton.statistics()

    async def ask_all() -> list[np.ndarray]:
        backend = AsyncTritonBackend(model)
        await backend.check()
        try:
            return await asyncio.gather(*(backend.logits(encoder.pad([row])) for row in rows))
        finally:
            await backend.close()

    answers = np.concatenate(asyncio.run(ask_all()))
    after = triton.statistics()
    assert delta_p(answers, expected) <= MAX_DELTA_P
    n_rows = after["inference_count"] - before["inference_count"]
    n_executions = after["execution_count"] - before["execution_count"]
    assert n_rows == len(rows)
    assert n_executions < n_rows, "Triton put nothing together"
    assert max(entry["batch_size"] for entry in after["batch_stats"]) > 1


def test_one_backend_serves_several_threads(
    model: TritonModel, encoder: Encoder, rows: list[list[int]], expected: np.ndarray
) -> None:
    backend = TritonBackend(model)
    try:
        with ThreadPoolExecutor(8) as threads:
            answers = list(threads.map(lambda row: backend.logits(encoder.pad([row])), rows[:160]))
    finally:
        backend.close()
    assert delta_p(np.concatenate(answers), expected[:160]) <= MAX_DELTA_P
