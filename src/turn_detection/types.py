"""Frozen values that every room shares. Standard library only."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from .errors import InvalidInputError, InvalidTypeError

AGENT = "agent"
CLIENT = "client"
#: Spellings of the two speakers in the wild (chat APIs, LiveKit, Pipecat, call-centre exports) and our name for each.
ROLE_ALIASES = {
    "agent": AGENT,
    "assistant": AGENT,
    "bot": AGENT,
    "operator": AGENT,
    "client": CLIENT,
    "user": CLIENT,
    "caller": CLIENT,
    "customer": CLIENT,
}


class TurnLabel(StrEnum):
    """The two public verdicts. Declaration order is column order: every ``(batch, 2)`` array has ``wait`` first."""

    WAIT = "wait"
    SPEAK = "speak"

    @property
    def column(self) -> int:
        """Index of this label in a ``(batch, 2)`` array."""
        return LABELS.index(self.value)


#: Label names in column order, as a manifest stores them.
LABELS: tuple[str, ...] = tuple(label.value for label in TurnLabel)


@dataclass(frozen=True, slots=True)
class Message:
    """One message of the dialogue so far.

    ``role`` is kept as given apart from the aliases of :data:`ROLE_ALIASES`; roles that are neither the bot nor the caller
    (``system``, ``tool``) are legal and skipped by the encoder. ``text`` may be empty.

    Raises:
        InvalidTypeError: role or text is not a string.
    """

    role: str
    text: str

    def __post_init__(self) -> None:
        if not isinstance(self.role, str) or not isinstance(self.text, str):
            raise InvalidTypeError(
                f"Message(role, text) takes two strings, got {type(self.role).__name__} and {type(self.text).__name__}"
            )
        role = self.role.strip().lower()
        object.__setattr__(self, "role", ROLE_ALIASES.get(role, role))


#: What ``context`` may be: nothing, the bot's last words, or the messages before the caller's current turn.
Context = str | Sequence[Message] | None


@dataclass(frozen=True, slots=True)
class Pause:
    """A measured silence inside a turn: it begins after ``text[:offset]`` of the turn and lasts ``length_s`` seconds."""

    offset: int
    length_s: float


@dataclass(frozen=True, slots=True)
class Turn:
    """A whole turn of a finished dialogue.

    ``role`` is :data:`AGENT`, :data:`CLIENT` or ``None`` where nobody knows. ``pauses`` are the measured ones by rising offset, ``()`` where
    times tell that there was none, and ``None`` where no times are known.
    """

    text: str
    role: str | None = None
    pauses: tuple[Pause, ...] | None = None


@dataclass(frozen=True, slots=True)
class Dialogue:
    """A finished dialogue: adjacent turns are a line and the reply to it.

    ``dialogue_id`` names the dialogue by its place of origin (``anekdots:17``), for people; splits and cuts are hashed from the texts.
    ``file`` is where it was read, if it was.
    """

    dialogue_id: str
    source: str
    turns: tuple[Turn, ...]
    file: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class TurnPrediction:
    """The answer for one pause.

    Attributes:
        eot_probability: calibrated probability, 0..1, that the caller has finished.
        threshold: the verdict is ``speak`` from this probability on.
        delay_s: suggested silence, in seconds from the end of speech, before the bot speaks.
        latency_ms: wall time of the model call that produced the answer; a batch shares one figure.
    """

    eot_probability: float
    threshold: float
    delay_s: float
    latency_ms: float

    @property
    def label(self) -> str:
        """``"speak"`` or ``"wait"``."""
        return str(TurnLabel.SPEAK if self.eot_probability >= self.threshold else TurnLabel.WAIT)

    @property
    def probas(self) -> dict[str, float]:
        """``{"wait": ..., "speak": ...}``, the form of the JSON interfaces; sums to one."""
        return {"wait": 1.0 - self.eot_probability, "speak": self.eot_probability}


def check_probability(name: str, value: float) -> float:
    """Return ``value`` as a float in 0..1.

    Raises:
        InvalidTypeError: not a number.
        InvalidInputError: NaN or outside 0..1.
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidTypeError(f"{name} must be a number from 0 to 1, got {type(value).__name__}")
    if math.isnan(value) or not 0.0 <= value <= 1.0:
        raise InvalidInputError(f"{name} must be a number from 0 to 1, got {value}")
    return float(value)


def as_messages(context: Context) -> tuple[Message, ...]:
    """Bring every accepted form of ``context`` to messages; a string is the bot's last words.

    Raises:
        InvalidTypeError: neither ``None``, a string nor a sequence of :class:`Message`.
    """
    if context is None:
        return ()
    if isinstance(context, str):
        return (Message(AGENT, context),) if context else ()
    if isinstance(context, Iterable) and not isinstance(context, bytes | dict):
        messages = tuple(context)
        if all(isinstance(message, Message) for message in messages):
            return messages
    raise InvalidTypeError(
        "context must be a string, a list of turn_detection.Message or None, got " + type(context).__name__
    )
