"""Which language tags mean Russian."""

from __future__ import annotations

#: Primary subtags and names that recognisers give for Russian.
_RUSSIAN = frozenset({"ru", "rus", "russian", "русский"})
#: What recognisers give when they do not say which language it is; a bot that loads a Russian model may take it for Russian.
_UNSAID = frozenset({"", "multi", "mul", "multilingual", "auto", "detect", "und", "unknown", "none", "null"})


def speaks_russian(tag: str | None) -> bool:
    """True for Russian in any spelling (``ru``, ``ru-RU``, ``RU_ru``, ``rus``, ``russian``) and for a tag that names no language.

    >>> [speaks_russian(tag) for tag in ("ru-RU", None, "multi", "en", "ukrainian")]
    [True, True, True, False, False]
    """
    primary = (tag or "").strip().casefold().replace("_", "-").split("-")[0]
    return primary in _RUSSIAN or primary in _UNSAID
