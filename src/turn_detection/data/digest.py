"""A short name for what was said in a set of dialogues: equal for equal data, another one when a single reply changes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path

from ..types import Dialogue

#: Bytes of a digest; 128 bits, in 32 letters.
_SIZE = 16


def dialogues_digest(dialogues: Iterable[Dialogue]) -> str:
    """Digest of speakers, texts and measured pauses; neither order nor the files' names count.

    BLAKE2b over the sorted BLAKE2b digests of the dialogues, so that a dialogue that is there twice counts twice. No text can be read
    back from it. Costs some microseconds and 16 bytes a dialogue.
    """
    return _together(_digest(dialogue) for dialogue in dialogues)


def files_digest(paths: Iterable[str | Path]) -> str:
    """Digest of what files hold, bytes for bytes, for sets that are not read before they train; neither order nor names count.

    Raises:
        OSError: a file cannot be read.
    """
    return _together(_file_digest(path) for path in paths)


def _together(digests: Iterable[bytes]) -> str:
    return hashlib.blake2b(b"".join(sorted(digests)), digest_size=_SIZE).hexdigest()


def _file_digest(path: str | Path) -> bytes:
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, lambda: hashlib.blake2b(digest_size=_SIZE)).digest()


def _digest(dialogue: Dialogue) -> bytes:
    turns = [
        (
            turn.role,
            turn.text,
            None if turn.pauses is None else [(pause.offset, pause.length_s) for pause in turn.pauses],
        )
        for turn in dialogue.turns
    ]
    # ASCII escapes: half a surrogate pair in a text has no UTF-8 form.
    return hashlib.blake2b(json.dumps(turns).encode("ascii"), digest_size=_SIZE).digest()
