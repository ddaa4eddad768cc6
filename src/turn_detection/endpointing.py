"""From a probability to a silence: how long to wait, and the state machine that waits over a stream of events."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from .errors import ConfigurationError, InvalidInputError, InvalidTypeError
from .types import check_probability

MAX_CLOCK_JITTER_S = 1.0  # events stamped by several threads may come out of order, by less than this


@dataclass(frozen=True, slots=True)
class EndpointingPolicy:
    """Suggested silence, in seconds from the end of speech, for a calibrated probability of end of turn.

    ``continuous``: ``delay = m * (odds(threshold) / odds(p)) ** gamma`` clipped to ``min_delay_s..max_delay_s``, ``m``
    being the geometric mean of the two and ``odds(p) = p / (1 - p)``. With the defaults: 0.30 s from p = 0.94 up,
    0.87 s at 0.5, 2.50 s up to 0.06. Reason: waiting costs ``p * delay``, a false cut-off ``(1 - p) * S(delay)``, S is
    the share of mid-turn pauses that outlast the delay; if ``S ~ delay ** -a``, the cheapest delay is a power of the
    odds and ``gamma = 1 / (1 + a)``. The silence timer of eot-bench (S(0.3 s) = .556, S(1.6 s) = .05) gives 0.41.
    ``binary``: ``min_delay_s`` from the threshold on, ``max_delay_s`` below it, the rule of LiveKit Agents.
    Raises InvalidInputError for a value out of range or an unknown mode, InvalidTypeError for what is no number.
    """

    min_delay_s: float = 0.3  # above 0 if continuous; choose no less than the lag of the recogniser
    max_delay_s: float = 2.5
    threshold: float = 0.5  # probability where binary switches and continuous passes the geometric mean
    gamma: float = 0.4  # steepness of continuous, above 0: the larger, the closer to a switch
    mode: Literal["continuous", "binary"] = "continuous"

    def __post_init__(self) -> None:
        for name in ("min_delay_s", "max_delay_s", "gamma"):
            object.__setattr__(self, name, _check_number(name, getattr(self, name)))
        object.__setattr__(self, "threshold", check_probability("threshold", self.threshold))
        if self.mode not in ("continuous", "binary"):
            raise InvalidInputError("mode must be continuous or binary")
        if self.min_delay_s > self.max_delay_s:
            raise InvalidInputError(f"min_delay_s {self.min_delay_s} must not exceed max_delay_s {self.max_delay_s}")
        if self.mode == "continuous" and not (self.min_delay_s > 0.0 and self.gamma > 0.0):
            raise InvalidInputError("min_delay_s and gamma must be above 0 in continuous mode; try 0.05 and 0.4")

    def delay_s(self, p: float) -> float:
        """Seconds of silence to wait at probability ``p`` (0..1, else an error as above); never grows with ``p``."""
        p = check_probability("p", p)
        if self.mode == "binary":
            return self.min_delay_s if p >= self.threshold else self.max_delay_s
        if p in (0.0, 1.0):  # infinite odds: the ends hold whatever the threshold
            return self.min_delay_s if p else self.max_delay_s
        low, high = math.log(self.min_delay_s), math.log(self.max_delay_s)
        log_delay = (low + high) / 2 + self.gamma * (_log_odds(self.threshold) - _log_odds(p))
        # Clipped twice: logarithms so that exp cannot overflow, seconds because exp(log(x)) is not quite x.
        return min(max(math.exp(min(max(log_delay, low), high)), self.min_delay_s), self.max_delay_s)

    def to_dict(self) -> dict[str, float | str]:
        """Every field, ready for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> EndpointingPolicy:
        """Read what :meth:`to_dict` wrote; missing keys take defaults, an unknown key raises ConfigurationError."""
        if not isinstance(values, Mapping):
            raise InvalidTypeError(f"an endpointing policy is a mapping of settings, got {type(values).__name__}")
        known = cls.__dataclass_fields__
        if unknown := sorted(str(key) for key in values if key not in known):
            raise ConfigurationError(f"unknown endpointing settings {unknown}; known: {', '.join(known)}")
        return cls(**values)


@dataclass(frozen=True, slots=True)
class PredictionNeeded:
    """Score ``text`` after the bot's line ``context``; give the answer and ``revision`` to the endpointer."""

    context: str = field(repr=False)
    text: str = field(repr=False)
    revision: int


@dataclass(frozen=True, slots=True)
class EndOfTurn:
    """The caller has finished: ``text`` is the whole turn. Both times are seconds from the end of speech."""

    text: str = field(repr=False)
    eot_probability: float | None  # None: no answer came and the fallback decided
    delay_s: float  # the silence that was asked for
    silence_s: float  # the silence that there was


@dataclass(frozen=True, slots=True)
class LateTranscript:
    """Other words for a turn that is already over; ``text`` is the late segment only, not the whole turn."""

    text: str = field(repr=False)
    is_final: bool


EndpointingEvent = PredictionNeeded | EndOfTurn | LateTranscript


@dataclass(slots=True, repr=False)
class _Turn:
    """All that is forgotten when a turn ends."""

    finals: list[str] = field(default_factory=list)
    interim: str = ""
    words: str = ""  # what was last sent for scoring, as _words() reads it
    changed_s: float = 0.0  # when words last changed, and so when the prediction was asked for
    speech_end_s: float | None = None  # None: no speech detector has reported on this turn
    eot_probability: float | None = None
    delay_s: float = 0.0  # what the probability, or its absence, asks for

    @property
    def text(self) -> str:
        return " ".join([*self.finals, self.interim]).strip()

    @property
    def end_of_speech_s(self) -> float:
        return self.changed_s if self.speech_end_s is None else self.speech_end_s


@dataclass(slots=True, repr=False)
class _PastTurn:
    """What a transcript that comes too late is compared with."""

    wordings: set[str]
    closed_s: float
    owes_final: bool  # it ended on an interim whose final is still on the way
    spoken_since: bool


class Endpointer:
    """State machine of one call over recogniser events: no I/O, no clock of its own, not thread-safe.

    Inputs take ``now_s``, seconds (0 or more) of the owner's monotonic clock, and return the events they caused. The
    owner scores each :class:`PredictionNeeded`, sleeps until :attr:`deadline_s`, calls :meth:`tick`. Bad input, such as
    a time that goes back, raises InvalidInputError and changes nothing; ``MAX_CLOCK_JITTER_S`` or less back is "now".

    * **End of speech** is what the speech detector reported for the turn. Without a report, or when the first words
      come over ``max_delay_s`` after it (it heard a cough, then missed the words), it is the last change of words.
    * **Change** means other words: case, punctuation and spaces neither bump the revision nor ask for a prediction.
    * **Deadline** is end of speech + ``policy.delay_s(p)``. Until p is known: end of speech + ``fallback_delay_s``, but
      the model gets ``prediction_timeout_s`` first, and in no case over end of speech + ``max_delay_s``. An answer
      after its time-out still counts before the deadline. Nothing expires during speech or without words.
    * **Late transcripts**: within ``late_grace_s`` of the end of a turn (:class:`EndOfTurn` or the bot's line), before
      new speech is detected, the same words are ignored and other words come out once, as :class:`LateTranscript`.
      After new speech only the final that the old turn owes is ignored, if its words are the same. All else is a turn.
    """

    def __init__(
        self,
        policy: EndpointingPolicy | None = None,
        *,
        prediction_timeout_s: float = 0.5,
        fallback_delay_s: float | None = None,  # within the policy's delays; None: its max_delay_s
        late_grace_s: float = 1.0,
    ) -> None:
        self.policy = policy = EndpointingPolicy() if policy is None else policy
        self.prediction_timeout_s = _check_number("prediction_timeout_s", prediction_timeout_s)
        self.late_grace_s = _check_number("late_grace_s", late_grace_s)
        self.fallback_delay_s = policy.max_delay_s if fallback_delay_s is None else fallback_delay_s
        if not policy.min_delay_s <= _check_number("fallback_delay_s", self.fallback_delay_s) <= policy.max_delay_s:
            raise InvalidInputError("fallback_delay_s must lie between the policy's min_delay_s and max_delay_s")
        self._revision = 0  # never restarts, so that an answer from before a reset stays stale
        self.reset()

    def reset(self) -> None:
        """Begin another call: forgets the words, the bot's line, the state of speech and the clock."""
        self._context = ""
        self._now_s = 0.0
        self._speaking_since_s: float | None = None  # of the caller, not of the turn: it outlives the bot's line
        self._past: _PastTurn | None = None
        self._turn = _Turn()
        self._revision += 1

    @property
    def deadline_s(self) -> float | None:
        """When, on the owner's clock, :meth:`tick` is due; None: there is nothing to wait for."""
        turn = self._turn
        if self._speaking_since_s is not None or not turn.words:
            return None
        deadline_s = turn.end_of_speech_s + turn.delay_s
        if turn.eot_probability is None:
            deadline_s = max(deadline_s, turn.changed_s + self.prediction_timeout_s)
        return min(deadline_s, turn.end_of_speech_s + self.policy.max_delay_s)

    def tick(self, now_s: float) -> tuple[EndpointingEvent, ...]:
        """Time has passed: :class:`EndOfTurn` if the deadline has come, harmless otherwise."""
        return self._expire(self._advance(now_s))

    def speech_started(self, now_s: float) -> tuple[EndpointingEvent, ...]:
        """The caller began or went on to speak: the turn keeps its words and cannot end, even if a tick is overdue."""
        now_s = self._advance(now_s)
        if self._speaking_since_s is None:
            self._speaking_since_s = now_s
            if self._past is not None:
                self._past.spoken_since = True
        return ()

    def speech_stopped(self, now_s: float, *, silence_s: float = 0.0) -> tuple[EndpointingEvent, ...]:
        """The caller fell silent ``silence_s`` seconds ago. A stop without a start (a repeated one) is ignored."""
        silence_s, now_s = _check_number("silence_s", silence_s), self._advance(now_s)
        if self._speaking_since_s is not None:
            end_s = max(now_s - silence_s, self._speaking_since_s)
            self._turn.speech_end_s, self._speaking_since_s = end_s, None
        return self._expire(now_s)

    def partial(self, text: str, now_s: float) -> tuple[EndpointingEvent, ...]:
        """Take an interim transcript in place of the previous one of its segment; an empty one withdraws it."""
        return self._transcript(_check_text(text), self._advance(now_s), is_final=False)

    def final(self, text: str, now_s: float) -> tuple[EndpointingEvent, ...]:
        """Take a final segment in place of the interim. Pass each segment once: a refined repeat would count twice."""
        return self._transcript(_check_text(text), self._advance(now_s), is_final=True)

    def prediction(self, p: float, now_s: float, revision: int) -> tuple[EndpointingEvent, ...]:
        """Take the answer to :class:`PredictionNeeded`, 0..1; for any revision but the newest it is ignored."""
        delay_s, now_s = self.policy.delay_s(p), self._advance(now_s)
        if revision == self._revision:
            self._turn.eot_probability, self._turn.delay_s = p, delay_s
        return self._expire(now_s)

    def agent_turn(self, text: str, now_s: float) -> tuple[EndpointingEvent, ...]:
        """The bot spoke: its line becomes the context, an open turn of the caller is dropped without an event."""
        context = _check_text(text)
        self._close_turn(self._advance(now_s))
        self._context = context
        return ()

    def _advance(self, now_s: float) -> float:
        now_s = _check_number("now_s", now_s)
        if now_s < self._now_s - MAX_CLOCK_JITTER_S:
            raise InvalidInputError(f"now_s went back by {self._now_s - now_s:.3f} s: use one monotonic clock per call")
        self._now_s = max(self._now_s, now_s)
        return self._now_s

    def _transcript(self, text: str, now_s: float, *, is_final: bool) -> tuple[EndpointingEvent, ...]:
        words, turn, past = _words(text), self._turn, self._past
        if past is not None and not turn.words and now_s <= past.closed_s + self.late_grace_s:
            same = words in past.wordings
            if not past.spoken_since or (same and past.owes_final):
                past.owes_final = past.owes_final and not is_final
                past.wordings.add(words)
                return () if same or not words else (LateTranscript(text, is_final),)
        if is_final and words:
            turn.finals.append(text)
        turn.interim = "" if is_final else text
        words = _words(turn.text)
        if words == turn.words:
            return self._expire(now_s)
        if not turn.words and now_s > turn.end_of_speech_s + self.policy.max_delay_s:
            turn.speech_end_s = None  # these words are not from that speech
        turn.words, turn.changed_s = words, now_s
        turn.eot_probability, turn.delay_s = None, self.fallback_delay_s
        self._revision += 1
        # The words go before the clock: when a tick is overdue, what has already arrived belongs to the turn that ends.
        asked = (PredictionNeeded(self._context, turn.text, self._revision),) if words else ()
        return self._expire(now_s) or asked

    def _expire(self, now_s: float) -> tuple[EndpointingEvent, ...]:
        deadline_s, turn = self.deadline_s, self._turn
        if deadline_s is None or now_s < deadline_s:
            return ()
        ended = EndOfTurn(turn.text, turn.eot_probability, turn.delay_s, now_s - turn.end_of_speech_s)
        self._close_turn(now_s)
        return (ended,)

    def _close_turn(self, now_s: float) -> None:
        turn, self._turn = self._turn, _Turn()
        if turn.words:
            wordings = {turn.words, *map(_words, turn.finals), _words(turn.interim)}
            self._past = _PastTurn(wordings, now_s, bool(turn.interim), self._speaking_since_s is not None)
        self._revision += 1


def _words(text: str) -> str:
    """Tell whether words changed. For comparing only: what the model reads is normalised by ``text.py``."""
    return " ".join(re.findall(r"[^\W_]+", text.casefold().replace("ё", "е").replace("\u0301", "")))


def _log_odds(p: float) -> float:
    return math.log(p) - math.log1p(-p) if 0.0 < p < 1.0 else math.copysign(math.inf, p - 0.5)


def _check_text(text: str) -> str:
    if not isinstance(text, str):
        raise InvalidTypeError(f"text must be a string, got {type(text).__name__}")
    return " ".join(text.split())


def _check_number(name: str, value: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidTypeError(f"{name} must be a number, got {type(value).__name__}")
    if not 0.0 <= value < math.inf:
        raise InvalidInputError(f"{name} must be finite and not negative, got {value}")
    return float(value)
