"""LiveKit Agents: ``AgentSession(turn_handling={"turn_detection": RussianTurnDetector()})``. Extra: ``livekit``.

Tested with livekit-agents 1.8.9. The framework calls a text detector at the end of speech and at every final transcript, waits
``min_delay`` of the session's endpointing options if the probability reaches the threshold and ``max_delay`` if not; both count from
the end of speech. :meth:`RussianTurnDetector.use_continuous_delays` replaces the two delays by a function of the probability.
"""

from __future__ import annotations

from typing import Protocol

from ..endpointing import EndpointingPolicy
from ..errors import ConfigurationError, MissingExtraError
from ..types import AGENT, CLIENT, Message, check_probability
from .language import speaks_russian
from .scoring import Detector, PredictionCounters, Scorer, shared_detector

try:
    from livekit.agents import AgentSession
    from livekit.agents.llm import ChatContext
except ImportError as error:
    raise MissingExtraError("the LiveKit turn detector", "livekit", error.name) from error

#: Latest messages that the model is offered; it keeps as many of their turns as it was trained with.
_MAX_MESSAGES = 16
_ROLES = {"assistant": AGENT, "user": CLIENT}


class Asker(Protocol):
    """Where the probability comes from: threads of this process or LiveKit's inference process."""

    counters: PredictionCounters

    async def ask(self, message: str, context: list[Message], deadline_s: float) -> float | None: ...


class RussianTurnDetector:
    """A text turn detector for ``AgentSession``; one may serve many sessions, unless it sets delays for one of them.

    **Fallback.** When there is no answer by the deadline, or the detector raises, :meth:`predict_end_of_turn` returns
    ``fallback_probability``. 0, the default, means: wait ``max_delay``, do not cut the caller off. 1 means: answer after ``min_delay``,
    which is what the framework itself does when a detector raises. For a language that is not Russian the framework asks nothing and
    uses ``min_delay``.

    Loading takes a fraction of a second: construct it in the job's ``setup_fnc`` (prewarm), or at the start of the entrypoint.

    Args:
        detector: instead of the shipped model, which is loaded once per process.
        threshold: instead of the detector's own calibrated one.
        deadline_s: for one prediction.
        fallback_probability: see above.
        asker: instead of worker threads, see :func:`turn_detection.plugins.livekit_process.inference_process`.

    Attributes:
        counters: predictions, time-outs, errors and so on; see :class:`~.scoring.PredictionCounters`.

    Raises:
        BundleNotFoundError, BundleError, BackendError: the shipped model cannot be loaded.
        InvalidTypeError, InvalidInputError: a threshold or fallback outside 0..1.
    """

    # An attribute named "stream" would make the framework take this class for an audio detector.

    def __init__(
        self,
        detector: Detector | None = None,
        *,
        threshold: float | None = None,
        deadline_s: float = 0.5,
        fallback_probability: float = 0.0,
        asker: Asker | None = None,
    ) -> None:
        if asker is None:
            detector = shared_detector() if detector is None else detector
            asker = _ThreadAsker(detector)
        if threshold is None and detector is None:
            raise ConfigurationError("an asker without a detector needs a threshold")
        self.threshold = detector.threshold if threshold is None and detector else check_probability("threshold", threshold or 0.0)
        self.deadline_s = deadline_s
        self.fallback_probability = check_probability("fallback_probability", fallback_probability)
        self._asker = asker
