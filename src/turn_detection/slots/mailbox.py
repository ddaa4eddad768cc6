"""Mail addresses said aloud."""

from __future__ import annotations

from .wording import Progress, Said

_AT = frozenset({"собака", "собачка", "эт"})
_DOT = "точка"
#: The zones that people say; «нет» is one after «точка» only, where :data:`wording._DOUBT` leaves it alone.
_ZONES = frozenset("ру ru ком com орг org рф net инфо info бай by кз kz ua юа su су".split())
#: After these the next part of the address must come.
_JOINTS = (("точка",), ("собака",), ("собачка",), ("дефис",), ("подчеркивание",), ("нижний", "пробел"), ("тире",))


def email_progress(heard: Said) -> Progress:
    """Complete when a zone ends what follows «собака» or «@»; a part when «точка», «собака» or another joint ends the message.

    An address without «собака» that ends in letters is left to the network: nobody can tell where a name ends.
    """
    words = heard.words
    if any(words[-len(joint) :] == joint for joint in _JOINTS) and len(words) > 1:
        return Progress.PARTIAL
    at = max((index for index, word in enumerate(words) if word in _AT), default=-1)
    if at > 0 and words[-1] in _ZONES and len(words) - at > 2:
        return Progress.COMPLETE
    return Progress.NONE
