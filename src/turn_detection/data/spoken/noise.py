"""The last layer: what recognisers do to a caller's words. It is blind to the label."""

from __future__ import annotations

import re

from .template import Draft

#: Words that people and recognisers double. Content words are left out: «да да» or «пять пять» would say something
#: else.
_DOUBLED = frozenset(
    [
        "на",
        "в",
        "во",
        "с",
        "к",
        "по",
        "у",
        "за",
        "от",
        "до",
        "и",
        "а",
        "но",
        "я",
        "мне",
        "мы",
        "у",
        "меня",
        "это",
        "как",
        "что",
        "если",
        "не",
        "ну",
        "вот",
        "у",
        "нас",
        "для",
        "без",
        "про",
    ]
)
_FILLERS = ("ээ", "эээ", "ну", "вот", "э", "ммм")
_TYPED = re.compile(r"\d|@|[a-z]", re.IGNORECASE)

# Shares of the forms in which recognisers deliver text.
RAW_SHARE = 0.55  # lower case, no marks
STOP_SHARE = 0.5  # a final full stop in punctuated text, the same for both labels
YO_LOST_SHARE = 0.6
DOUBLED_SHARE = 0.04
FILLER_SHARE = 0.05


def recognised(draft: Draft, text: str, *, fixed: bool = False) -> str:
    """``text`` as a recogniser might print it.

    With ``fixed`` no word is doubled or put in: «двадцать ээ пять» may be 25 or 205.
    """
    words = text.split()
    if not fixed and len(words) > 1 and draft.chance(DOUBLED_SHARE):
        places = [index for index, word in enumerate(words) if word.lower() in _DOUBLED]
        if places:
            place = places[int(draft.rng.random() * len(places))]
            words.insert(place, words[place])
    if not fixed and len(words) > 2 and draft.chance(FILLER_SHARE):
        # Never inside figures: «8 903 ээ 12» is how nobody's recogniser prints a number.
        if not _TYPED.search(words[-1]) and not _TYPED.search(words[-2]):
            words.insert(len(words) - 1, draft.pick(_FILLERS))
    text = " ".join(words)
    if draft.chance(YO_LOST_SHARE):
        text = text.replace("ё", "е").replace("Ё", "Е")
    if draft.chance(RAW_SHARE):
        return _bare(text).lower()
    return _punctuated(draft, text)


def _bare(text: str) -> str:
    # Full stops inside e-mail addresses and decimals stay, they are not sentence marks.
    return " ".join(re.sub(r"[,?!;:«»…]|\.(?=\s|$)|(?<=\s)[—–](?=\s)", "", text).split())


def _punctuated(draft: Draft, text: str) -> str:
    question = text.endswith("?")
    text = text.rstrip("?., ")
    if draft.chance(0.3):
        text = text.replace(",", "")
    if draft.chance(0.2):
        text = text.lower()
    else:
        text = text[:1].upper() + text[1:]
    # A recogniser closes what it delivers with a full stop whether or not the caller has finished; half of both labels.
    if draft.chance(STOP_SHARE):
        if question or draft.chance(0.04):
            return text + "?"
        return text + "."
    if draft.chance(0.08):
        return text + ("," if draft.chance(0.5) else "...")
    return text
