"""The contract of eot-bench's batch adapters."""

from __future__ import annotations

from pathlib import Path

import pytest

from turn_detection import Message, TurnDetector
from turn_detection.plugins.eot_bench import RussianTurnAdapter


@pytest.fixture
def adapter(toy_bundle: Path) -> RussianTurnAdapter:
    return RussianTurnAdapter(TurnDetector.load(toy_bundle))


def test_an_item_scores_like_the_detector(adapter: RussianTurnAdapter, toy_bundle: Path) -> None:
    items = [
        {
            "audio": None,
            "messages": [{"role": "assistant", "content": "Куда?"}, {"role": "user", "content": "мне нужен билет"}],
        },
        {"audio": None, "messages": [{"role": "user", "content": "мне нужен билет на"}]},
    ]
    detector = TurnDetector.load(toy_bundle)
    expected = [
        detector.predict("мне нужен билет", [Message("agent", "Куда?")]).eot_probability,
        detector.predict("мне нужен билет на").eot_probability,
    ]
    assert adapter.predict_batch(items) == pytest.approx(expected)


def test_odd_items_score_too(adapter: RussianTurnAdapter) -> None:
    items = [
        {"messages": []},
        {},
        {"messages": None},
        {"messages": [{"role": "system", "content": "да"}]},
        {"messages": [{"role": "user", "content": None}, {"role": "assistant", "content": "Алло?"}]},
    ]
    assert adapter.predict_batch(items) == [0.0] * 5
    assert adapter.predict_batch([]) == []


def test_the_harness_finds_what_it_needs(adapter: RussianTurnAdapter) -> None:
    assert adapter.adapter_id
    assert adapter.score_point == 0.2
    assert adapter.supports_language("ru")
    assert not adapter.supports_language("en")
