"""The one normaliser: what the model is allowed to read.

Training, evaluation, HTTP and plugins all call :func:`normalise`, so a text means the same to each of them. What recognisers print
differently for the same speech is folded away: case, punctuation, «ё», number words and digits, stray Latin look-alikes, stress
marks, invisible characters, emoji. The full stop that a recogniser invents after «мне нужен билет на.» cannot fool a model that
never sees it.
"""

from __future__ import annotations

import re
import unicodedata

from .errors import InvalidTypeError
from .numerals import fold_numerals

#: Goes into every manifest; raise it with any change of what :func:`normalise` returns, because weights depend on it.
TEXT_VERSION = 1

#: Signs that are spoken as words. They are replaced before compatibility decomposition, which would turn «№» into "No".
_SPOKEN_SIGNS = {
    "№": " номер ", "%": " процентов ", "@": " собака ", "₽": " рублей ", "$": " долларов ", "€": " евро ", "°": " градусов ",
}  # fmt: skip
_SIGN = re.compile("[" + re.escape("".join(_SPOKEN_SIGNS)) + "]")
_PLUS_BEFORE_DIGIT = re.compile(r"\+(?=\s*\d)")
#: The dot of an address (ivan@mail.ru), not of a sentence: Latin letters or digits on both sides without a space.
_DOT_IN_ADDRESS = re.compile(r"(?<=[a-z0-9])\.(?=[a-z]{2,})")
_WORD = re.compile(r"[^\W\d_]+|\d+")
_WORD_OR_QUESTION = re.compile(r"[^\W\d_]+|\d+|\?+")
#: Letters that have no other form; nearly every line of a call is made of them.
_PLAIN = re.compile("[ -~А-Яа-я]*")
_CYRILLIC = re.compile("[\u0400-\u052f]")
_LATIN = re.compile("[a-z]")
_UNREADABLE = re.compile("[^0-9a-z?\u0400-\u052f]+")
#: Latin letters that look like Cyrillic ones; in a word with Cyrillic letters they are typing slips («тридцаткy»).
_LOOK_ALIKES = str.maketrans("aceopxykmtbh", "асеорхукмтвн")
_SHORT_I = "и\u0306"


def normalise(text: str, *, keep_questions: bool = False) -> str:
    """Return ``text`` as the model reads it: lower-case words and single digits, separated by one space.

    Letters of scripts other than Cyrillic and Latin are dropped: the models here know nothing about them.

    Args:
        text: what a recogniser, a person or a language model wrote.
        keep_questions: keep the question mark as a word of its own. Meant for the bot's line, where it is the bot's own and tells a
            question from a statement; never for the caller's words, where the recogniser guesses it.

    Raises:
        InvalidTypeError: ``text`` is not a string.
    """
    if not isinstance(text, str):
        raise InvalidTypeError(f"text must be a string, got {type(text).__name__}")
    text = _unaccent(_SIGN.sub(lambda sign: _SPOKEN_SIGNS[sign[0]], text)).lower()
    text = _DOT_IN_ADDRESS.sub(" точка ", _PLUS_BEFORE_DIGIT.sub(" плюс ", text))
    found = (_WORD_OR_QUESTION if keep_questions else _WORD).findall(text)
    words = [word for word in map(_plain, found) if word]
    if not text.isascii() and _LATIN.search(text):
        words = _fix_look_alikes(words)
    return " ".join(fold_numerals(words))


def has_words(text: str) -> bool:
    """True if ``text`` holds a letter or digit of any script; punctuation and emoji alone are no speech."""
    return any(character.isalnum() for character in text)


def _unaccent(text: str) -> str:
    """Compatibility forms, stress marks, «ё» and invisible characters away; «й» stays."""
    if text.isascii() or _PLAIN.fullmatch(text):
        return text
    decomposed = unicodedata.normalize("NFKD", text)
    return _visible(decomposed.replace(_SHORT_I, "й").replace(_SHORT_I.upper(), "Й"))


def _visible(text: str) -> str:
    # Mn: combining marks. Cf: zero-width and soft hyphens, direction marks. Both can stand inside a word.
    return "".join(character for character in text if unicodedata.category(character) not in ("Mn", "Cf"))


def _fix_look_alikes(words: list[str]) -> list[str]:
    """Turn Latin look-alikes into Cyrillic inside mixed words, and one-letter Latin words («c двадцатого») beside Cyrillic ones."""
    russian = any(_CYRILLIC.search(word) for word in words)
    return [
        word.translate(_LOOK_ALIKES) if _CYRILLIC.search(word) or (russian and len(word) == 1) else word
        for word in words
    ]


def _plain(word: str) -> str:
    """Digits of any script as ASCII ones, several question marks as one, letters of other scripts away («straße»)."""
    if word[0] == "?":
        return "?"
    if word.isascii():
        return word
    return "".join(str(int(digit)) for digit in word) if word.isdecimal() else _UNREADABLE.sub("", word)
