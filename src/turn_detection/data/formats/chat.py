"""JSON of one call to turns: what chats, frameworks and recognisers write, told apart by the keys."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from ...errors import DataFormatError
from ...types import Turn
from .line import Line, turns_of
from .notes import Notes
from .options import ReadingOptions
from .timing import MAX_TIME_S, TimedText, seconds, timed_text

#: The dash that opens a line of dialogue in Russian print, in the forms that people type.
_LEADING_DASH = re.compile(r"^\s*[-‐-―−]+\s*")
#: Where a message keeps who said it and what, in the order of preference.
ROLE_KEYS = ("role", "speaker")
TEXT_KEYS = ("content", "text", "transcript")

Converter = Callable[[Any, ReadingOptions, Notes, str], list[Turn]]


def is_message(value: Any) -> bool:
    """True for an object that names a speaker and says something."""
    return (
        isinstance(value, dict)
        and any(isinstance(value.get(key), str) for key in ROLE_KEYS)
        and any(key in value for key in (*TEXT_KEYS, "words"))
    )


def from_conversation(value: Any, options: ReadingOptions, notes: Notes, at: str) -> list[Turn]:
    """``"— turn\\n— turn"``, as in the Hugging Face set ``inkoziev/Conversations``."""
    if not isinstance(value, str):
        raise DataFormatError(f"'conversation' must be a string, got {type(value).__name__}")
    return [Turn(_LEADING_DASH.sub("", line).strip()) for line in value.splitlines()]


def from_turns(value: Any, options: ReadingOptions, notes: Notes, at: str) -> list[Turn]:
    """``["turn", "turn"]``, or messages under another name."""
    if isinstance(value, list) and value and all(map(is_message, value)):
        return _turns("turns", value, options, notes, at)
    if not isinstance(value, list) or not all(isinstance(turn, str) for turn in value):
        raise DataFormatError("'turns' must be a list of strings, or of messages with a role each")
    return [Turn(_LEADING_DASH.sub("", turn).strip()) for turn in value]


def from_text(value: Any, options: ReadingOptions, notes: Notes, at: str) -> list[Turn]:
    """A lone utterance."""
    if not isinstance(value, str):
        raise DataFormatError("'text' must be a string")
    return [Turn(value.strip())]


def from_messages(value: Any, options: ReadingOptions, notes: Notes, at: str) -> list[Turn]:
    """``[{"role", "content"}]`` as chat interfaces and Pipecat's contexts have it."""
    if not isinstance(value, list):
        raise DataFormatError(f"'messages' must be a list, got {type(value).__name__}")
    return _turns("messages", value, options, notes, at)


def from_items(value: Any, options: ReadingOptions, notes: Notes, at: str) -> list[Turn]:
    """Items of LiveKit's ``ChatContext.to_dict()``: messages among calls of functions, handoffs and settings."""
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise DataFormatError("'items' must be a list of objects, as LiveKit's ChatContext.to_dict() writes them")
    messages = {index: item for index, item in enumerate(value) if item.get("type", "message") == "message"}
    return turns_of([line_of(item, f"items[{index}]") for index, item in messages.items()], options, notes, at)


def from_report(value: Any, options: ReadingOptions, notes: Notes, at: str) -> list[Turn]:
    """The ``chat_history`` of LiveKit's ``SessionReport.to_dict()``."""
    if not isinstance(value, dict) or "items" not in value:
        raise DataFormatError("'chat_history' must be an object with 'items', as LiveKit's session report has it")
    return from_items(value["items"], options, notes, at)


def from_segments(value: Any, options: ReadingOptions, notes: Notes, at: str) -> list[Turn]:
    """Segments of WhisperX and the like, with a ``speaker`` each; one without is nobody's and left out."""
    if not isinstance(value, list) or not all(isinstance(segment, dict) for segment in value):
        raise DataFormatError("'segments' must be a list of objects with 'speaker' and 'text'")
    if value and not any(isinstance(segment.get("speaker"), str) for segment in value):
        raise DataFormatError("'segments' name no 'speaker': transcribe with diarisation, or each channel as a speaker")
    lines = [line_of({"speaker": "", **segment}, f"segments[{index}]") for index, segment in enumerate(value)]
    return turns_of(lines, options, notes, at)


#: By key of the record; the first that is there counts. The name is for people.
CONVERTERS: dict[str, tuple[str, Converter]] = {
    "conversation": ("conversation", from_conversation),
    "turns": ("turns", from_turns),
    "messages": ("messages", from_messages),
    "chat_history": ("LiveKit session report", from_report),
    "items": ("LiveKit chat history", from_items),
    "segments": ("speaker segments", from_segments),
}
UTTERANCE: dict[str, tuple[str, Converter]] = {"text": ("utterance", from_text)}


def line_of(message: dict[str, Any], at: str) -> Line:
    """A message to a line. ``content`` may be text, parts of which some are text, or ``None``; ``words`` bring times.

    Raises:
        DataFormatError: no role, or a value of the wrong type; names the place ``at``.
    """
    role = next((message[key] for key in ROLE_KEYS if isinstance(message.get(key), str)), None)
    if role is None:
        raise DataFormatError(f"{at} must be an object with a string 'role'")
    key = next((key for key in TEXT_KEYS if key in message), TEXT_KEYS[0])
    text = _content(message.get(key), f"{at}.{key}")
    text = text if text is None else text.strip()
    start_s, end_s = _span(message, at)
    if not message.get("words"):
        return Line(role, TimedText(text or "", None, start_s, end_s), at)
    said = timed_text(text, message["words"], at)
    # The first or the last word may have no time of its own.
    return Line(role, replace(said, start_s=_first(said.start_s, start_s), end_s=_first(said.end_s, end_s)), at)


def _first(time: float | None, other: float | None) -> float | None:
    return other if time is None else time


def _turns(key: str, value: list[Any], options: ReadingOptions, notes: Notes, at: str) -> list[Turn]:
    lines = []
    for index, message in enumerate(value):
        place = f"{key}[{index}]"
        if not isinstance(message, dict):
            raise DataFormatError(f"{place} must be an object with a string 'role'")
        if message.get("content", "") is None and not message.get("words"):
            continue  # tool calls carry no text
        lines.append(line_of(message, place))
    return turns_of(lines, options, notes, at)


def _content(value: Any, at: str) -> str | None:
    """Text of a message: a string, or a list of strings and of objects with ``text`` or ``transcript`` among pictures and sounds."""
    if value is None or isinstance(value, str):
        return value
    if not isinstance(value, list):
        raise DataFormatError(f"{at} must be a string, got {type(value).__name__}")
    parts = [
        part if isinstance(part, str) else part.get("text") or part.get("transcript")
        for part in value
        if isinstance(part, str | dict)
    ]
    return " ".join(part.strip() for part in parts if isinstance(part, str) and part.strip())


def _span(message: dict[str, Any], at: str) -> tuple[float | None, float | None]:
    """When it was said, in seconds of the call: keys of its own, or LiveKit's measurements."""
    metrics = message.get("metrics")
    if isinstance(metrics, dict) and "started_speaking_at" in metrics:
        return (
            seconds(metrics["started_speaking_at"], at, "started_speaking_at"),
            seconds(metrics.get("stopped_speaking_at"), at, "stopped_speaking_at"),
        )
    # Other programs write clock times or marks of their own under these names; only numbers are seconds.
    return _number(message.get("start")), _number(message.get("end"))


def _number(value: Any) -> float | None:
    return float(value) if type(value) in (int, float) and 0.0 <= value < MAX_TIME_S else None
