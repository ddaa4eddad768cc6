"""Held-out turns from files: where data and evaluation meet, because neither room knows the other."""

from __future__ import annotations

import hashlib
import json
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from .data.formats.options import DEFAULT_READING, ReadingOptions
from .data.formats.timing import MIN_PAUSE_S
from .data.samples import replies
from .data.sources import find_files, read_dialogues
from .errors import DataFormatError, InvalidInputError
from .evaluation.moments import HeldOutTurn
from .records import Record, read_records
from .types import LABELS, Dialogue, TurnLabel

#: Turns of context offered; the encoder takes as many of them as its model was trained with.
HISTORY_TURNS = 4


def read_turns(paths: Sequence[str | Path], options: ReadingOptions = DEFAULT_READING) -> list[HeldOutTurn]:
    """The callers' turns of files and folders.

    Read are dialogues, in every format of :mod:`.data.sources` (where they carry word times the pauses are measured, else they fall at
    plausible word boundaries), and labelled moments:
    a ``.json`` list of ``{"context", "message", "label": "speak" | "wait"}``, each with, if known, ``"dialogue"`` and ``"turn"`` (names),
    ``"words": [{"start", "end"}, ...]`` (seconds, one for each word of the message) and, on ``wait``, ``"pause_s"``.

    Raises:
        InputFileNotFoundError, DataFormatError: no such file, not of these formats, or without a caller's turn; names the place.
    """
    turns: list[HeldOutTurn] = []
    for file in find_files(paths, options):
        if file.name.endswith(".json") and holds_moments(file):
            turns += labelled_turns(read_records(file), str(file))
        else:
            turns += dialogue_turns(read_dialogues([file], on_malformed="refuse", options=options))
    if not turns:
        raise DataFormatError(f"no caller's turn in {', '.join(map(str, paths))}; name dialogues or labelled moments")
    return turns


def dialogue_turns(dialogues: Iterable[Dialogue]) -> Iterator[HeldOutTurn]:
    """The caller's replies; their pauses are the measured ones, or where no times are known read off the text."""
    for dialogue in dialogues:
        for reply in replies(dialogue, history_turns=HISTORY_TURNS):
            points = lengths = None
            if reply.pauses is not None:
                points = tuple(pause.offset for pause in reply.pauses)
                lengths = tuple(pause.length_s for pause in reply.pauses)
            yield HeldOutTurn(
                reply.identity, reply.identity.rpartition(":")[0], reply.context, reply.text, points, lengths
            )


def spoken_turns(n: int, seed: int = 0) -> Iterator[HeldOutTurn]:
    """The whole turns among ``n`` samples of made telephone speech, templates held out; a template counts as a dialogue.

    Raises:
        MissingExtraError: num2words or faker is not installed (extra ``train``).
    """
    from .data.spoken import spoken_samples

    for index, sample in enumerate(spoken_samples(n, seed, part="validation")):
        if sample.label is TurnLabel.SPEAK:
            yield HeldOutTurn(f"spoken:{seed}:{index}", sample.template_id, sample.context, sample.text)


def labelled_turns(records: Sequence[Record], place: str) -> Iterator[HeldOutTurn]:
    """Labelled moments; see :func:`read_turns`. Items with one ``turn`` belong together, one without is a turn of its own.

    Raises:
        DataFormatError: a label that is none, or words, times or names of the wrong shape; names the item.
    """
    seen: Counter[str] = Counter()
    for index, record in enumerate(records):
        at = f"{place}: item {index}"
        item = record.original
        if item.get("label") not in LABELS:
            raise DataFormatError(f"{at}: 'label' must be one of {', '.join(LABELS)}")
        is_end = item["label"] == TurnLabel.SPEAK.value
        points, lengths = _timed(record.message, item.get("words"), at)
        if not is_end and record.message.strip():
            points.append(len(record.message))
            lengths.append(_seconds(item["pause_s"], f"{at}: 'pause_s'") if "pause_s" in item else math.nan)
        digest = hashlib.blake2b(repr((record.context, record.message)).encode(), digest_size=12).hexdigest()
        seen[digest] += 1
        name = str(item.get("turn", f"{digest}:{seen[digest]}"))
        try:
            yield HeldOutTurn(
                name,
                str(item.get("dialogue", name)),
                record.context,
                record.message,
                tuple(points),
                tuple(lengths),
                is_whole=is_end,
            )
        except InvalidInputError as error:
            raise DataFormatError(f"{at}: {error}") from error


def _timed(message: str, words: Any, at: str) -> tuple[list[int], list[float]]:
    """Offsets and lengths of the pauses between the words of a message, as their times tell."""
    if words is None:
        return [], []
    spoken = message.split()
    if not isinstance(words, list) or len(words) != len(spoken) or not all(isinstance(word, dict) for word in words):
        raise DataFormatError(
            f"{at}: 'words' must hold one object with 'start' and 'end' for each of {len(spoken)} words"
        )
    points: list[int] = []
    lengths: list[float] = []
    offset = 0
    for place, word in enumerate(spoken):
        offset = message.index(word, offset) + len(word)
        if place + 1 == len(spoken):
            break
        end, start = (
            _seconds(words[place + step].get(key), f"{at}: words[{place + step}].{key}")
            for step, key in ((0, "end"), (1, "start"))
        )
        if start - end >= MIN_PAUSE_S:
            points.append(offset)
            lengths.append(start - end)
    return points, lengths


def _seconds(value: Any, what: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0.0 <= value < math.inf:
        raise DataFormatError(f"{what} must be a number of seconds from 0")
    return float(value)


def holds_moments(file: Path) -> bool:
    """True if a file is a list whose first object has a ``message``; what is no JSON is for the readers to refuse."""
    try:
        content = json.loads(file.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(content, list) and bool(content) and isinstance(content[0], dict) and "message" in content[0]
