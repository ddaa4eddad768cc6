"""A detector that knows its lines and remembers what it was asked."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence

from turn_detection import EndpointingPolicy, Message, TurnPrediction
from turn_detection.types import Context, as_messages

SURE, UNSURE = 0.97, 0.02
#: Short delays, so that the tests are; ratio over 3, so that they are told apart on a busy machine.
POLICY = EndpointingPolicy(min_delay_s=0.3, max_delay_s=1.0)
#: A turn may end so much later than it should: timers, the framework's own work, a machine that does other things too.
SLACK_S = 0.3


class ScriptedDetector:
    """Scores by the last word, as a person would who knows only these tests.

    Args:
        takes_s: of every answer.
        error: raised instead of an answer.
    """

    UNFINISHED = frozenset({"и", "в", "на", "три", "двадцать", "нужен"})

    def __init__(
        self, *, takes_s: float = 0.0, error: Exception | None = None, policy: EndpointingPolicy = POLICY
    ) -> None:
        self.threshold, self.policy = 0.5, policy
        self.takes_s, self.error = takes_s, error
        self.asked: list[tuple[str, tuple[Message, ...]]] = []
        self.threads: set[int] = set()
        self.busy = self.most_busy = 0
        self._lock = threading.Lock()

    def predict(self, message: str, context: Context = None) -> TurnPrediction:
        with self._lock:
            self.asked.append((message, as_messages(context)))
            self.threads.add(threading.get_ident())
            self.busy += 1
            self.most_busy = max(self.busy, self.most_busy)
        time.sleep(self.takes_s)
        with self._lock:
            self.busy -= 1
        if self.error is not None:
            raise self.error
        p = self.probability(message.split())
        return TurnPrediction(p, self.threshold, self.policy.delay_s(p), self.takes_s * 1e3)

    def probability(self, words: Sequence[str]) -> float:
        return UNSURE if not words or words[-1].strip(".,").lower() in self.UNFINISHED else SURE

    @property
    def messages(self) -> list[str]:
        return [message for message, _ in self.asked]


def waited(silence_s: float, delay_s: float) -> bool:
    """The silence was the delay that was asked for, no less and not much more."""
    return delay_s - 0.03 <= silence_s <= delay_s + SLACK_S
