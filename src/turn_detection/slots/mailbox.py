"""Mail addresses said aloud."""

from __future__ import annotations

from .wording import Progress, Said

_AT = frozenset({"собака", "собачка", "эт"})
#: Zones that people say with «точка» or without it («собака мейл ру»); «эр у» is «ру» by letters.
_ZONES = frozenset((zone,) for zone in "ру ru ком com орг org рф net by кз kz su".split()) | {("эр", "у")}
#: Words of their own too, so «точка» must stand before them.
_ZONES_AFTER_DOT = frozenset("инфо info бай юа ua су me ме онлайн online про pro".split())
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
    domain = words[at + 1 :] if at > 0 else ()
    ends = any(len(domain) > n_words and domain[-n_words:] in _ZONES for n_words in (1, 2))
    if ends or (len(domain) > 2 and domain[-2] == "точка" and domain[-1] in _ZONES_AFTER_DOT):
        return Progress.COMPLETE
    return Progress.NONE
