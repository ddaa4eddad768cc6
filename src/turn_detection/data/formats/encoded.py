"""Bytes of a text file to text: UTF-8, Windows-1251, and UTF-16 with its mark."""

from __future__ import annotations

import codecs
from pathlib import Path

from ...errors import DataFormatError
from .options import Encoding

#: Letters that Russian text is made of in Windows-1251; another 8-bit code leaves these ranges.
_CYRILLIC = frozenset(range(0x410, 0x450)) | {0x401, 0x451}


def read_text(file: Path, encoding: Encoding = "auto") -> tuple[str, str]:
    """The text of a file and the name of its encoding.

    Raises:
        DataFormatError: cannot be read, or in no known encoding.
    """
    try:
        data = file.read_bytes()
    except OSError as error:
        raise DataFormatError(f"cannot be read ({error.strerror})") from error
    return decoded(data, encoding)


def decoded(data: bytes, encoding: Encoding = "auto") -> tuple[str, str]:
    """Bytes as text, and the name of the encoding; a mark at the beginning is no part of the text.

    Raises:
        DataFormatError: not in the named encoding, or ``"auto"`` and neither UTF-8, nor Russian in Windows-1251, nor UTF-16 with its mark.
    """
    if encoding == "cp1251":
        return _strict(data, "cp1251")
    if encoding == "auto" and data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return _strict(data, "utf-16")
    try:
        return _strict(data, "utf-8-sig")
    except DataFormatError:
        if encoding != "auto":
            raise
    text = data.decode("cp1251", "replace")
    high = [character for character in text if ord(character) > 127]
    if high and sum(ord(character) in _CYRILLIC for character in high) >= 0.8 * len(high):
        return text, "cp1251"
    raise DataFormatError("neither UTF-8 nor Russian in Windows-1251; save it as UTF-8")


def _strict(data: bytes, codec: str) -> tuple[str, str]:
    try:
        return data.decode(codec), codec
    except UnicodeDecodeError:
        # Not chained: this error carries the file's whole content.
        raise DataFormatError(
            f"is not {codec.removesuffix('-sig').upper()} text; name its encoding or save it as UTF-8"
        ) from None
