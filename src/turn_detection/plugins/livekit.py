"""LiveKit Agents: ``AgentSession(turn_handling={"turn_detection": RussianTurnDetector()})``. Extra: ``livekit``.

Tested with livekit-agents 1.8.9. The framework asks a text detector at the end of speech and at every final transcript, and waits
``min_delay`` of the session's endpointing options if the probability reaches the threshold, ``max_delay`` if not; both count from the
end of speech. :meth:`RussianTurnDetector.use_continuous_delays` puts a function of the probability in the place of the two delays.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..endpointing import EndpointingPolicy
from ..errors import ConfigurationError, MissingExtraError
from ..language import speaks_russian
from ..policy_file import as_policy
from ..types import AGENT, CLIENT, Message, TurnPrediction, check_probability
from .history import HISTORY_MESSAGES, check_history_messages, split_turn
from .scoring import Detector, PredictionCounters, Scorer, TurnScorer, check_deadline, shared_detector

try:
    from livekit.agents import AgentSession
    from livekit.agents.llm import ChatContext
except ImportError as error:
    raise MissingExtraError("the LiveKit turn detector", "livekit", error.name) from error

logger = logging.getLogger(__name__)

_ROLES = {"assistant": AGENT, "user": CLIENT}
#: With this threshold every probability below 1 takes the ``max_delay`` branch of the framework.
_ALWAYS_MAX_DELAY = 1.0


class RussianTurnDetector:
    """A text turn detector for ``AgentSession``. One may serve many sessions at once.

    **Fallback.** When there is no answer within ``deadline_s``, or the detector raises, :meth:`predict_end_of_turn` returns
    ``fallback_probability``. The default 0 means: wait ``max_delay`` rather than cut the caller off. 1 would mean: answer after
    ``min_delay``, which is what the framework does when a detector raises. For a language other than Russian the framework does not
    ask and waits ``min_delay``.

    **Where it computes.** In a job of a worker whose module imported ``livekit.plugins.ru_turn_detector``, the framework's inference
    process does, one for all jobs, and nothing is to be loaded when a call comes in. Elsewhere worker threads of this process do, with
    one model per process: load it before the call (:mod:`.preload`, or a ``prewarm`` that constructs a detector), it takes a fraction of
    a second.

    Args:
        detector: an engine or model of its own, in worker threads, instead of the shipped model or the bundle that the environment
            variable ``TURN_DETECTION_MODEL`` names.
        threshold: instead of the detector's own, calibrated one, or the policy's.
        policy: a policy, or the file that ``turn-detection tune`` wrote; instead of the detector's own. Its delays are used by
            :meth:`use_continuous_delays`; the threshold of a binary one is used without. The two delays of a binary policy belong into
            the session's ``endpointing``.
        deadline_s: for one prediction, unless the framework gives a ``timeout``.
        fallback_probability: see above.
        history_messages: messages before the caller's turn that the model is offered; more than the bot's last one only for a model
            that was trained for it.
        scorer: another way to ask, see :mod:`.livekit_process`; instead of ``detector``.

    Raises:
        BundleNotFoundError, BundleError, BackendError: the model cannot be loaded.
        InvalidTypeError, InvalidInputError: a number out of range.
        InputFileNotFoundError, ConfigurationError: the policy file cannot be used.
    """

    # Never give it an attribute named "stream": the framework would take it for a detector that hears audio.

    def __init__(
        self,
        detector: Detector | None = None,
        *,
        threshold: float | None = None,
        policy: EndpointingPolicy | str | Path | None = None,
        deadline_s: float = 0.5,
        fallback_probability: float = 0.0,
        history_messages: int = HISTORY_MESSAGES,
        scorer: TurnScorer | None = None,
    ) -> None:
        self.deadline_s = check_deadline(deadline_s)
        self.fallback_probability = check_probability("fallback_probability", fallback_probability)
        self.history_messages = check_history_messages(history_messages)
        self._scorer = scorer or (
            _usual_scorer(deadline_s) if detector is None else Scorer(detector, deadline_s=deadline_s)
        )
        self.policy = self._scorer.policy if policy is None else as_policy(policy)
        if threshold is not None:
            self.threshold = check_probability("threshold", threshold)
        elif policy is not None and self.policy.mode == "binary":
            self.threshold = self.policy.threshold
        else:
            self.threshold = self._scorer.threshold
        self._session: AgentSession[Any] | None = None

    @property
    def model(self) -> str:
        return "turn-detection"

    @property
    def provider(self) -> str:
        return "ru_turn_detector"

    @property
    def counters(self) -> PredictionCounters:
        """Predictions, time-outs, errors and the like since construction."""
        return self._scorer.counters

    async def supports_language(self, language: str | None) -> bool:
        """True for every spelling of Russian and for tags that name no language (``None``, ``""``, ``multi``, ``auto``)."""
        return speaks_russian(language)

    async def unlikely_threshold(self, language: str | None) -> float | None:
        """``speak`` from this probability on; ``None`` for another language."""
        if not speaks_russian(language):
            return None
        return self.threshold if self._session is None else _ALWAYS_MAX_DELAY

    async def predict_end_of_turn(self, chat_ctx: ChatContext, *, timeout: float | None = None) -> float:
        """Calibrated probability that the caller has finished, or the fallback; never raises.

        Args:
            chat_ctx: the history and, as its last message, all that the caller has said in this turn. Tool calls, handovers, system
                messages and messages without text may occur and are skipped.
            timeout: seconds, instead of ``deadline_s``.
        """
        message, context = split_turn(spoken_messages(chat_ctx), self.history_messages)
        prediction = await self._scorer.score(
            message, context, deadline_s=self.deadline_s if timeout is None else timeout
        )
        if self._session is not None:
            self._set_delay(self._session, prediction)
        return self.fallback_probability if prediction is None else prediction.eot_probability

    def use_continuous_delays(self, session: AgentSession[Any]) -> None:
        """Let the delay of this session follow the probability: ``policy.delay_s(p)`` instead of two fixed delays.

        The framework reads ``max_delay`` after it has asked, so the detector sets it, by the public ``AgentSession.update_options``,
        before it answers. Price: the session's ``min_delay`` and ``max_delay`` become the policy's, its endpointing mode becomes
        ``fixed``, and the threshold that the framework's telemetry shows is 1. The fallback is the policy's ``max_delay_s``.

        Raises:
            ConfigurationError: the detector already sets the delays of another session; construct one per session, they share
                the model.
        """
        if self._session is not None and self._session is not session:
            raise ConfigurationError(
                "this RussianTurnDetector already sets the delays of another AgentSession; construct one per session"
            )
        self._session = session
        low, high = self.policy.min_delay_s, self.policy.max_delay_s
        session.update_options(endpointing_opts={"mode": "fixed", "min_delay": low, "max_delay": high})

    def _set_delay(self, session: AgentSession[Any], prediction: TurnPrediction | None) -> None:
        policy = self.policy
        delay_s = policy.max_delay_s if prediction is None else policy.delay_s(prediction.eot_probability)
        session.update_options(endpointing_opts={"max_delay": delay_s})
        if prediction is not None:
            logger.debug("p=%.3f, delay %.2f s", prediction.eot_probability, delay_s)


def _usual_scorer(deadline_s: float) -> TurnScorer:
    try:
        from .livekit_process import job_scorer
    except MissingExtraError:  # a release of the framework without the private class that it takes
        scorer = None
    else:
        scorer = job_scorer(deadline_s)
    return scorer or Scorer(shared_detector(), deadline_s=deadline_s)


def spoken_messages(chat_ctx: ChatContext) -> Iterator[Message]:
    """What bot and caller said, newest first: the context without tool calls, handovers, system messages and messages without text."""
    for item in reversed(chat_ctx.items):
        role = _ROLES.get(getattr(item, "role", ""))
        text = None if role is None else getattr(item, "text_content", None)
        if role is not None and isinstance(text, str) and text.strip():
            yield Message(role, text)
