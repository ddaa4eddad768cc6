"""Lines of a call to its turns: who is who, what is left out, what is joined, where the pauses are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from ...types import AGENT, CLIENT, Pause, Turn
from .notes import Notes, Problem
from .options import ReadingOptions
from .speakers import NOBODY, role_of
from .timing import MAX_PAUSE_S, TimedText, is_pause, shifted


@dataclass(frozen=True, slots=True)
class Line:
    """What one side said in one go, as a file tells it.

    Attributes:
        speaker: as written.
        said: the text and its times.
        place: inside the record, for notes: ``messages[3]``, ``line 12``.
    """

    speaker: str
    said: TimedText = field(repr=False)
    place: str


@dataclass(frozen=True, slots=True)
class Call:
    """The lines of one call that came as no JSON object; ``kind`` names the format for people."""

    lines: tuple[Line, ...]
    kind: str


def turns_of(lines: Sequence[Line], options: ReadingOptions, notes: Notes, at: str) -> list[Turn]:
    """Turns by role; neighbouring lines of one role become one turn: the caller who says two things in a row had not finished.

    The silence between two joined lines is a measured pause where both times are known. Lines of unknown roles are left out; if no
    role is known and there are two speakers, the turns have no roles.
    """
    roles = {line.speaker: role_of(line.speaker, options) for line in lines}
    unknown = {
        line.speaker for line in lines if roles[line.speaker] is None and line.speaker.strip() and line.said.text
    }
    unnamed = len(unknown) == 2 and not {AGENT, CLIENT} & {role for role in roles.values() if role}
    if unnamed:
        notes.add(Problem.UNNAMED, at)
    turns: list[Turn] = []
    last: Line | None = None
    for line in _spoken(lines, roles, unnamed, notes, at):
        role = roles[line.speaker]
        for _ in range(line.said.n_holes):
            notes.add(Problem.HOLE, f"{at}: {line.place}")
        if last is None or (line.speaker if unnamed else role) != (last.speaker if unnamed else roles[last.speaker]):
            turns.append(Turn(line.said.text, role, line.said.pauses))
        else:
            notes.add(Problem.MERGED, f"{at}: {line.place}")
            turns[-1] = _joined(turns[-1], last, line, notes, at)
        last = line
    return turns


def _spoken(
    lines: Sequence[Line], roles: dict[str, str | None], unnamed: bool, notes: Notes, at: str
) -> Iterator[Line]:
    for line in lines:
        role = roles[line.speaker]
        if role == NOBODY:
            continue
        if role is None and (not unnamed or not line.speaker.strip()):
            notes.add(Problem.UNKNOWN_ROLE, f"{at}: {line.place}")
        elif not line.said.text:
            notes.add(Problem.EMPTY_TEXT, f"{at}: {line.place}")
        else:
            yield line


def _joined(turn: Turn, last: Line, line: Line, notes: Notes, at: str) -> Turn:
    before, after = turn.pauses, line.said.pauses
    gap_s = 0.0
    if last.said.end_s is not None and line.said.start_s is not None:
        gap_s = line.said.start_s - last.said.end_s
    if gap_s > MAX_PAUSE_S:
        notes.add(Problem.HOLE, f"{at}: {line.place}")
    between = (Pause(len(turn.text), gap_s),) if is_pause(gap_s) else ()
    text = f"{turn.text} {line.said.text}"
    pauses = (*(before or ()), *between, *shifted(after or (), len(turn.text) + 1))
    if not pauses and (before is None or after is None):
        return Turn(text, turn.role)
    return Turn(text, turn.role, pauses)
