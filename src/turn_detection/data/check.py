"""What a folder of calls is worth: counts, lengths, faults by place, copies, and what to do about it. No caller's words come out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import DataFormatError
from ..types import AGENT, Dialogue, Turn
from .formats.notes import Notes, Problem
from .formats.options import DEFAULT_READING, ReadingOptions
from .personal import KINDS, personal_hints
from .samples import protocol_samples, replies
from .sources import ReadReport, find_files, read_dialogues
from .split import Split, fingerprint, shared_by, split_dialogues
from .text_quality import is_mojibake, is_russian
from .verdict import verdict

#: A model reads at most 96 tokens of a turn, its last ones (``model.max_message_tokens``); Russian words take one to two.
LONGEST_TURN_WORDS = 60
#: A call of more turns lasts hours: its rows are several calls.
LONGEST_DIALOGUE_TURNS = 400
#: As in ``configs/data/local.yaml``, and the seed of ``configs/config.yaml``: the figures are those of a run with default settings.
VALIDATION_SHARE, SEED = 0.1, 42
_SHARES = (5, 25, 50, 75, 95)


@dataclass(frozen=True, slots=True)
class CheckReport:
    """The report; every value is plain JSON.

    Attributes:
        counts: files, dialogues, turns and words, the latter two by side; ``formats`` by name.
        problems: by :class:`~.formats.notes.Problem`, with ``count`` and the first ``places``; of what cannot be read, the reason too.
        lengths: least, quantiles and largest of words a client's turn, turns a dialogue, seconds a measured pause.
        personal: by kind, with ``count`` and ``places``.
        duplicates: copies, and groups of dialogues that share a reply of five or more words.
        samples: what training would get, by part and label; ``measured_pauses`` are those of the ``wait`` samples at measured pauses.
        verdict: what to do, a sentence each.
    """

    counts: dict[str, Any]
    problems: dict[str, dict[str, Any]]
    lengths: dict[str, dict[str, float]]
    personal: dict[str, dict[str, Any]]
    duplicates: dict[str, int]
    samples: dict[str, Any]
    verdict: list[str]

    def to_dict(self) -> dict[str, Any]:
        return {key: getattr(self, key) for key in self.__slots__}


def check_dialogues(paths: Sequence[str | Path], options: ReadingOptions = DEFAULT_READING) -> CheckReport:
    """Read files and folders as training would and report.

    Raises:
        InputFileNotFoundError, DataFormatError: no file, nothing readable in them, or no answer of a caller; says what to do.
    """
    read = ReadReport()
    dialogues = list(read_dialogues(paths, on_malformed="collect", report=read, options=options))
    notes = read.notes
    for fault in read.malformed:
        notes.add(Problem.MALFORMED, fault)
    if not dialogues:
        first = f"; first: {read.malformed[0]}" if read.malformed else ""
        raise DataFormatError(f"no dialogue in {read.n_files} files{first}")
    for file in _ignored(paths, options):
        notes.add(Problem.IGNORED, str(file))
    personal = {kind: Notes() for kind in KINDS}
    n_turns = _look_at(dialogues, notes, personal)
    _refuse_useless(n_turns, notes, dialogues)
    split = split_dialogues(dialogues, VALIDATION_SHARE, seed=SEED, near_duplicates="client")
    samples = _samples(split)
    return CheckReport(
        counts=_counts(dialogues, read),
        problems={
            problem.value: {"count": notes.counts[problem], "places": notes.places[problem]}
            for problem in Problem
            if notes.counts[problem]
        },
        lengths=_lengths(dialogues),
        personal={
            kind: {"count": found.counts[Problem.PERSONAL], "places": found.places[Problem.PERSONAL]}
            for kind, found in personal.items()
            if found.counts
        },
        duplicates={
            "copies": split.report.n_duplicate_dialogues,
            "sharing_a_reply": notes.counts[Problem.NEAR_COPY],
            "largest_group": split.report.largest_group,
        },
        samples=samples,
        verdict=verdict(
            notes, samples, n_turns=n_turns, n_personal=sum(found.counts.total() for found in personal.values())
        ),
    )


def _look_at(dialogues: Sequence[Dialogue], notes: Notes, personal: dict[str, Notes]) -> int:
    """Note what is wrong with turns and dialogues; returns the number of turns that may be a caller's."""
    n_turns = 0
    copies: set[str] = set()
    said: set[str] = set()
    for dialogue in dialogues:
        place = f"{dialogue.file}:{dialogue.dialogue_id.rpartition(':')[2]}"
        for problem in _faults(dialogue):
            notes.add(problem, place)
        text, shared = fingerprint(dialogue), shared_by(dialogue, "client")
        if text in copies:
            notes.add(Problem.COPY, place)
        elif not said.isdisjoint(shared):
            notes.add(Problem.NEAR_COPY, place)
        copies.add(text)
        said |= shared
        before = ""
        for number, turn in enumerate(dialogue.turns, start=1):
            at = f"{place}: turn {number}"
            for kind, count in personal_hints(turn.text, before).items():
                for _ in range(count):
                    personal[kind].add(Problem.PERSONAL, at)
            if is_mojibake(turn.text):
                notes.add(Problem.MOJIBAKE, at)
            elif turn.role != AGENT and not is_russian(turn.text):
                notes.add(Problem.NOT_RUSSIAN, at)
            if turn.role != AGENT and len(turn.text.split()) > LONGEST_TURN_WORDS:
                notes.add(Problem.TOO_LONG, at)
            n_turns += turn.role != AGENT
            before = turn.text
    return n_turns


def _faults(dialogue: Dialogue) -> Iterator[Problem]:
    if len(dialogue.turns) > LONGEST_DIALOGUE_TURNS:
        yield Problem.LONG_DIALOGUE
    if not any(True for _ in replies(dialogue)):
        yield Problem.ONE_SIDED


def _refuse_useless(n_turns: int, notes: Notes, dialogues: Sequence[Dialogue]) -> None:
    """Raise for what no training can use: nobody answers, or what is said cannot be read."""
    if notes.counts[Problem.ONE_SIDED] == len(dialogues):
        raise DataFormatError(
            f"no answer of a caller in {len(dialogues)} dialogues ({notes.counts[Problem.UNKNOWN_ROLE]} lines of unknown roles); "
            "name the speakers with --client-name and --agent-name, or the columns"
        )
    if notes.counts[Problem.MOJIBAKE] > 0.5 * sum(len(dialogue.turns) for dialogue in dialogues):
        raise DataFormatError(
            f"most texts are in a wrong encoding ({notes.counts[Problem.MOJIBAKE]} turns; first: {notes.places[Problem.MOJIBAKE][0]}); "
            "export them again as UTF-8, or name theirs with --encoding"
        )
    if notes.counts[Problem.NOT_RUSSIAN] > 0.5 * n_turns:
        raise DataFormatError(
            f"{notes.counts[Problem.NOT_RUSSIAN]} of {n_turns} callers' turns are not Russian; the models here read Russian only"
        )


def _samples(split: Split) -> dict[str, Any]:
    samples: dict[str, Any] = {}
    n_measured = 0
    for part, dialogues in (("train", split.train), ("validation", split.validation)):
        labels: Counter[str] = Counter({"speak": 0, "wait": 0})
        for sample in protocol_samples(dialogues, seed=SEED):
            labels[sample.label.value] += 1
            n_measured += sample.pause_s is not None
        samples[part] = dict(labels)
    return {**samples, "measured_pauses": n_measured}


def _counts(dialogues: Sequence[Dialogue], read: ReadReport) -> dict[str, Any]:
    turns: Counter[str] = Counter()
    words: Counter[str] = Counter()
    n_timed = 0
    for turn in _turns(dialogues):
        side = turn.role or "unknown"
        turns[side] += 1
        words[side] += len(turn.text.split())
        n_timed += turn.pauses is not None
    return {
        "files": read.n_files,
        "formats": dict(sorted(read.notes.formats.items())),
        "dialogues": len(dialogues),
        "turns": dict(sorted(turns.items())),
        "words": dict(sorted(words.items())),
        "turns_with_word_times": n_timed,
    }


def _lengths(dialogues: Sequence[Dialogue]) -> dict[str, dict[str, float]]:
    callers = [turn for turn in _turns(dialogues) if turn.role != AGENT]
    found = {
        "words_a_callers_turn": [float(len(turn.text.split())) for turn in callers],
        "turns_a_dialogue": [float(len(dialogue.turns)) for dialogue in dialogues],
        "seconds_a_pause": [pause.length_s for turn in callers for pause in turn.pauses or ()],
    }
    return {name: _quantiles(values) for name, values in found.items() if values}


def _quantiles(values: Sequence[float]) -> dict[str, float]:
    named = {f"p{share}": float(np.percentile(values, share)) for share in _SHARES}
    return {key: round(value, 2) for key, value in {"min": min(values), **named, "max": max(values)}.items()}


def _turns(dialogues: Sequence[Dialogue]) -> Iterator[Turn]:
    for dialogue in dialogues:
        yield from dialogue.turns


def _ignored(paths: Sequence[str | Path], options: ReadingOptions) -> list[Path]:
    """Files of the folders that are not read; hidden ones are nobody's calls."""
    folders = [path for path in map(Path, paths) if path.is_dir()]
    read = set(find_files(paths, options))
    return sorted(
        file
        for folder in folders
        for file in folder.rglob("*")
        if file.is_file()
        and file not in read
        and not any(part.startswith(".") for part in file.relative_to(folder).parts)
    )
