"""Frames of ``/v1/stream``: what a client may send, checked, and what the server sends. One JSON object per text frame."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from ..errors import InvalidInputError
from .problems import faults_of
from .schemas import ContextBody, Expect, Probability

Seconds = Annotated[float, Field(ge=0.0, le=3600.0, allow_inf_nan=False)]
#: A number of the client's own, given back in the reply to its frame. Not a text: nothing here shall carry words.
Seq = Annotated[int, Field(ge=0, le=2**53 - 1)]


class Frame(BaseModel):
    """A frame from a client; an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class PolicyOverrides(Frame):
    """Of ``EndpointingPolicy``; what is left out is the server's."""

    min_delay_s: Seconds | None = None
    max_delay_s: Seconds | None = None
    threshold: Probability | None = None
    gamma: Seconds | None = None
    mode: Literal["continuous", "binary"] | None = None


class Start(Frame):
    """Settings of the call. Optional; only before every other frame."""

    type: Literal["start"] = "start"
    context: ContextBody = None
    expect: Expect | None = None
    threshold: Probability | None = None
    policy: PolicyOverrides = PolicyOverrides()
    prediction_timeout_s: Seconds | None = None
    fallback_delay_s: Seconds | None = None
    late_grace_s: Seconds | None = None


class Partial(Frame):
    """An interim transcript, in place of the previous one of its segment."""

    type: Literal["partial"]
    text: str
    seq: Seq | None = None


class Final(Frame):
    """A final segment; every segment once."""

    type: Literal["final"]
    text: str
    seq: Seq | None = None


class SpeechStarted(Frame):
    """The caller began or went on to speak."""

    type: Literal["speech_started"]


class SpeechStopped(Frame):
    """The caller fell silent ``silence_s`` seconds ago."""

    type: Literal["speech_stopped"]
    silence_s: Seconds = 0.0


class AgentTurn(Frame):
    """The bot spoke; ``expect`` says what it asked for, until it speaks again."""

    type: Literal["agent_turn"]
    text: str
    expect: Expect | None = None


class Reset(Frame):
    """Another call begins on this connection, with the settings of this one."""

    type: Literal["reset"]


ClientFrame = Start | Partial | Final | SpeechStarted | SpeechStopped | AgentTurn | Reset
_FRAMES: TypeAdapter[ClientFrame] = TypeAdapter(Annotated[ClientFrame, Field(discriminator="type")])


def read_frame(text: str) -> ClientFrame:
    """Check a frame.

    Raises:
        InvalidInputError: says which field is wrong; never quotes the frame.
    """
    try:
        return _FRAMES.validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        if first["type"] == "json_invalid":
            raise InvalidInputError("the frame is no JSON") from None
        # Pydantic puts the type of the frame before the field.
        loc = first["loc"][1:] if first["loc"] and first["loc"][0] in _TYPES else first["loc"]
        (told,) = faults_of([{**first, "loc": loc}])
        place = ".".join(map(str, told["loc"]))
        raise InvalidInputError(f"{place}: {told['msg']}" if place else told["msg"]) from None
    except ValueError:  # half a surrogate pair cannot be encoded
        raise InvalidInputError("the frame is no valid text") from None


_TYPES = frozenset({"start", "partial", "final", "speech_started", "speech_stopped", "agent_turn", "reset"})


@dataclass(frozen=True, slots=True)
class ServerEvent:
    """A frame to the client. ``values`` of ``end_of_turn`` and ``late_transcript`` hold the caller's words, which only he gets back."""

    type: str
    values: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def to_json(self) -> str:
        return json.dumps({"type": self.type, **self.values}, ensure_ascii=False)


def error_event(code: str, message: str, **values: Any) -> ServerEvent:
    """Something went wrong; the connection goes on unless it is closed next."""
    return ServerEvent("error", {"code": code, "message": message, **values})
