"""Adapter for eot-bench, the open benchmark of end-of-turn detectors (https://github.com/livekit/eot-bench).

``eot-harness predict --adapter turn_detection.plugins.eot_bench:RussianTurnAdapter --path DATASET --name ru --split SPLIT``; the data
set must carry ``words`` or ``messages``, because this detector reads text. Needs no extra; the harness itself is not imported.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..detector import TurnDetector
from ..language import speaks_russian
from ..types import AGENT, CLIENT, ROLE_ALIASES, Context, Message
from .history import split_turn
from .scoring import shared_detector


class RussianTurnAdapter:
    """What the harness calls a batch adapter; it constructs one without arguments.

    Args:
        detector: instead of the shipped model.
    """

    adapter_id = "turn-detection-ru"
    #: Seconds into a silence at which the harness takes the score for its scalar metrics.
    score_point = 0.2

    def __init__(self, detector: TurnDetector | None = None) -> None:
        self._detector = detector or shared_detector()

    def supports_language(self, lang_code: str) -> bool:
        """Rows of other languages are left out by the harness."""
        return speaks_russian(lang_code)

    def predict_batch(self, batch: Sequence[Mapping[str, Any]]) -> list[float]:
        """One probability of the end of turn per item, in the order given.

        Args:
            batch: items with ``messages``: ``[{"role", "content"}, ...]``, the last of them what the caller has said up to this
                silence; of those before it the bot's last one is read. ``audio`` is not looked at. Messages of other roles or without text are skipped; an item without words of
                the caller scores 0.
        """
        items = [_item(entry.get("messages") or ()) for entry in batch]
        return [prediction.eot_probability for prediction in self._detector.predict_batch(items)]


def _item(entries: Sequence[Mapping[str, Any]]) -> tuple[Context, str]:
    messages = []
    for entry in entries:
        role, text = entry.get("role"), entry.get("content")
        if isinstance(role, str) and isinstance(text, str) and ROLE_ALIASES.get(role.lower()) in (AGENT, CLIENT):
            messages.append(Message(role, text))
    words, history = split_turn(reversed(messages))
    return history, words
