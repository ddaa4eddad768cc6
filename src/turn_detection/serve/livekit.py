"""The two questions of LiveKit's remote end-of-turn client: ``POST /eot/multi`` (livekit-plugins-turn-detector 1.8).

``{"language": "ru"}`` asks for a threshold, a chat context (``ChatContext.to_dict``) for a probability. Contexts hold whatever an agent
put there: what is no message of the bot or the caller is passed over, never refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..language import speaks_russian
from ..types import ROLE_ALIASES, Message


def threshold_for(language: str | None, threshold: float) -> float | None:
    """The threshold for Russian and for tags that name no language; ``None`` tells LiveKit to go by silence alone."""
    return threshold if speaks_russian(language) else None


def messages_of(items: Sequence[Any], *, max_messages: int, max_chars: int) -> list[Message]:
    """The messages of bot and caller among the items of a chat context, the latest ``max_messages`` of them.

    The caller's messages at the end are the turn to judge. Texts are cut to ``max_chars`` together; the END is kept.
    """
    found: list[Message] = []
    for item in reversed(items):
        if len(found) == max_messages or max_chars <= 0:
            break
        if not isinstance(item, Mapping) or item.get("type", "message") != "message":
            continue
        role, text = item.get("role"), _text_of(item.get("content"))
        if isinstance(role, str) and role.strip().lower() in ROLE_ALIASES and text:
            text = text[-max_chars:]
            max_chars -= len(text)
            found.append(Message(role, text))
    return found[::-1]


def _text_of(content: Any) -> str:
    """Text of a message: a string, or the strings and transcripts in a list of parts."""
    parts = content if isinstance(content, list) else [content]
    texts = (part.get("text") or part.get("transcript") if isinstance(part, Mapping) else part for part in parts)
    return " ".join(text for text in texts if isinstance(text, str) and text)
