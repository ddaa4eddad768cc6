"""What is wrong with a text at first sight: a wrong encoding, another language."""

from __future__ import annotations

import re

#: UTF-8 read as Windows-1251: «привет» becomes «РїСЂРёРІРµС‚», every letter Р or С and a sign that Russian text does not have there.
_UTF8_AS_CP1251 = re.compile("[РС][\u0401-\u040f\u0451-\u045f\u0490\u0491\u00a0-\u00bf\u2010-\u2122\u0080-\u009f]")
#: UTF-8 read as Latin-1 or Windows-1252: «Ð¿Ñ€Ð¸Ð²ÐµÑ‚».
_UTF8_AS_LATIN = re.compile("[ÐÑ][\u0080-\u00bf\u0152-\u0192\u02c6-\u2122]")
_CYRILLIC = re.compile("[\u0400-\u052f]")
#: Letters of other languages in Cyrillic that Russian does not have; one is enough.
_NOT_RUSSIAN = re.compile("[іїєґўқғңұһәөӣӯ]", re.IGNORECASE)
_LATIN_ACCENTED = re.compile("[\u00c0-\u00ff]")
#: Below so many letters nothing is said about the language: «ok», «SMS».
_MIN_LETTERS = 6


def is_mojibake(text: str) -> bool:
    """True if most of ``text`` looks like Russian in a wrong encoding, or letters were replaced by question marks."""
    signs = sum(not character.isspace() for character in text)
    if not signs:
        return False
    if "\ufffd" in text:
        return True
    letters = [character for character in text if character.isalpha()]
    if not letters:
        return text.count("?") >= 4 and text.count("?") >= 0.8 * signs
    broken = max(len(pattern.findall(text)) for pattern in (_UTF8_AS_CP1251, _UTF8_AS_LATIN))
    # Windows-1251 read as Latin-1: «ïðèâåò», nothing but accented letters.
    return 2 * broken > 0.5 * signs or len(_LATIN_ACCENTED.findall(text)) > 0.6 * len(letters)


def is_russian(text: str) -> bool:
    """False if most letters are not Cyrillic, or some are of another language's Cyrillic; short texts count as Russian."""
    letters = sum(character.isalpha() for character in text)
    if letters < _MIN_LETTERS:
        return True
    return len(_CYRILLIC.findall(text)) >= 0.5 * letters and not _NOT_RUSSIAN.search(text)
