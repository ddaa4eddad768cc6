"""Who speaks: the names of the two sides in exports and transcripts."""

from __future__ import annotations

import re

from ...types import AGENT, CLIENT, ROLE_ALIASES
from .options import ReadingOptions

#: Roles of messages that nobody says to anybody.
NOBODY = "nobody"
_NOBODY = frozenset({"system", "developer", "tool", "function", "control", "система", "системное"})
#: Names beyond the interfaces' :data:`ROLE_ALIASES`: what people write before a line, in Russian and English.
_NAMES = {
    **ROLE_ALIASES,
    **dict.fromkeys(
        "оператор агент бот робот ассистент консультант менеджер администратор диспетчер специалист сотрудник поддержка "
        "а о a o manager consultant support robot ai model".split(),
        AGENT,
    ),
    **dict.fromkeys(
        "клиент абонент пользователь покупатель пациент заказчик звонящий гость посетитель собеседник к п k c u human guest patient".split(),
        CLIENT,
    ),
}
#: «Оператор 1», «Клиент (мужчина)», «Оператор Анна»: the first word tells.
_FIRST_WORD = re.compile(r"[^\W\d_]+")


def role_of(speaker: str, options: ReadingOptions) -> str | None:
    """:data:`AGENT`, :data:`CLIENT`, :data:`NOBODY` for messages that are no speech, ``None`` for a name that says nothing."""
    name = speaker.strip().lower()
    if name in {given.strip().lower() for given in options.agent_names}:
        return AGENT
    if name in {given.strip().lower() for given in options.client_names}:
        return CLIENT
    if name in _NOBODY:
        return NOBODY
    if name in _NAMES:
        return _NAMES[name]
    first = _FIRST_WORD.match(name)
    return _NAMES.get(first[0]) if first and len(first[0]) > 2 else None
