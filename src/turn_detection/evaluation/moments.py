"""Held-out turns as arrays: every pause and every end, its probability, and how long it lasts."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby

import numpy as np

from ..errors import InvalidInputError
from ..types import Context
from .pause_lengths import PauseLengths
from .pauses import PauseKind, PausePoint, pause_points, spoken_part


@dataclass(frozen=True, slots=True)
class HeldOutTurn:
    """A caller's turn that no training saw.

    Attributes:
        turn_id: what it is (not where it stands): drawn pauses are hashed from it. Parts of one turn share it.
        dialogue_id: turns of one dialogue are resampled together and stay on one side of a split.
        context: what was said before it.
        text: as it was written or recognised.
        points: offsets in ``text`` at which the caller paused; ``None`` for :func:`~.pauses.pause_points`.
        lengths_s: measured seconds of every point; NaN, or no tuple at all, for pauses to be drawn.
        is_whole: whether ``text`` ends where the turn ended; if not, its last pause stands among ``points``.

    Raises:
        InvalidInputError: points outside the text or out of order, or another number of lengths than of points.
    """

    turn_id: str
    dialogue_id: str
    context: Context = field(repr=False)
    text: str = field(repr=False)
    points: tuple[int, ...] | None = None
    lengths_s: tuple[float, ...] | None = None
    is_whole: bool = True

    def __post_init__(self) -> None:
        points = self.points or ()
        if any(not 0 < point <= len(self.text) for point in points) or list(points) != sorted(set(points)):
            raise InvalidInputError(f"turn {self.turn_id}: points must be rising offsets inside its text")
        if self.lengths_s is not None and (self.points is None or len(self.lengths_s) != len(points)):
            raise InvalidInputError(f"turn {self.turn_id}: lengths_s needs one length for each of its points")


@dataclass(frozen=True, slots=True)
class ScoredTurns:
    """What the curve is computed from.

    Attributes:
        dialogue_ids: in rising order.
        turn_dialogue: ``(n_turns,) int64``, place in ``dialogue_ids``.
        pause_turn: ``(n_pauses,) int64``, rising.
        pause_kind: ``(n_pauses,) str``, values of :class:`~.pauses.PauseKind`.
        pause_p: ``(n_pauses,) float64``, P(end of turn) at each pause.
        pause_quantile: ``(n_pauses,) float64`` in [0, 1): where each pause falls in the distribution of lengths.
        pause_s: ``(n_pauses,) float64``, measured seconds; NaN where the length is drawn.
        end_turn: ``(n_ends,) int64``.
        end_p: ``(n_ends,) float64``.
    """

    dialogue_ids: tuple[str, ...]
    turn_dialogue: np.ndarray
    pause_turn: np.ndarray
    pause_kind: np.ndarray
    pause_p: np.ndarray
    pause_quantile: np.ndarray
    pause_s: np.ndarray
    end_turn: np.ndarray
    end_p: np.ndarray

    @property
    def n_turns(self) -> int:
        return len(self.turn_dialogue)

    def seconds(self, lengths: PauseLengths) -> np.ndarray:
        """``(n_pauses,) float64``: measured lengths, and the others drawn from ``lengths``; the draw is the same for every curve."""
        return np.where(np.isnan(self.pause_s), lengths.seconds(self.pause_quantile), self.pause_s)

    def part(self, chosen: np.ndarray) -> ScoredTurns:
        """The turns of some dialogues; ``chosen`` is ``(n_dialogues,) bool``."""
        turns = chosen[self.turn_dialogue]
        new_dialogue, new_turn = np.cumsum(chosen) - 1, np.cumsum(turns) - 1
        pauses, ends = turns[self.pause_turn], turns[self.end_turn]
        return ScoredTurns(
            dialogue_ids=tuple(name for name, kept in zip(self.dialogue_ids, chosen, strict=True) if kept),
            turn_dialogue=new_dialogue[self.turn_dialogue[turns]],
            pause_turn=new_turn[self.pause_turn[pauses]],
            pause_kind=self.pause_kind[pauses],
            pause_p=self.pause_p[pauses],
            pause_quantile=self.pause_quantile[pauses],
            pause_s=self.pause_s[pauses],
            end_turn=new_turn[self.end_turn[ends]],
            end_p=self.end_p[ends],
        )

    def only(self, kinds: Collection[PauseKind]) -> ScoredTurns:
        """All turns and ends, and of the pauses those of some kinds."""
        kept = np.isin(self.pause_kind, [kind.value for kind in kinds])
        return replace(
            self,
            pause_turn=self.pause_turn[kept],
            pause_kind=self.pause_kind[kept],
            pause_p=self.pause_p[kept],
            pause_quantile=self.pause_quantile[kept],
            pause_s=self.pause_s[kept],
        )

    def halves(self, *, seed: int = 0) -> tuple[ScoredTurns, ScoredTurns]:
        """Two halves by a hash of the dialogue's id: one to fit on, one to report on."""
        first = np.array([_unit_hash("half", seed, name) < 0.5 for name in self.dialogue_ids], dtype=bool)
        return self.part(first), self.part(~first)


@dataclass(frozen=True, slots=True)
class Moments:
    """The pauses and the ends of held-out turns, to be scored.

    ``items`` are ``(context, words so far)``, in the form that ``TurnDetector.predict_batch`` takes: all pauses, then all ends. Neither
    kind keeps the marks at its end, so that a detector which reads punctuation learns nothing from them.
    """

    items: tuple[tuple[Context, str], ...] = field(repr=False)
    _unscored: ScoredTurns = field(repr=False)

    def scored(self, probabilities: Sequence[float] | np.ndarray) -> ScoredTurns:
        """Put the probability of each item in its place.

        Raises:
            InvalidInputError: another number of probabilities than of items, or one outside 0..1.
        """
        given = np.asarray(probabilities, dtype=np.float64)
        if given.shape != (len(self.items),) or not np.all((given >= 0.0) & (given <= 1.0)):
            raise InvalidInputError(f"expected {len(self.items)} probabilities of 0..1, one for each item")
        n_pauses = len(self._unscored.pause_turn)
        return replace(self._unscored, pause_p=given[:n_pauses], end_p=given[n_pauses:])


def moments_of(turns: Iterable[HeldOutTurn], *, seed: int = 0) -> Moments:
    """The moments of ``turns``; neither their order nor what other turns there are changes what is drawn for a turn.

    Several with one ``turn_id`` are moments of one turn; what they say twice counts once, with its measured length where one has it.
    """
    unique = {(turn.dialogue_id, turn.turn_id, turn.text, turn.is_whole): turn for turn in turns}
    names = sorted({name for name, *_ in unique})
    place = {name: index for index, name in enumerate(names)}
    pauses: list[tuple[Context, str]] = []
    ends: list[tuple[Context, str]] = []
    pause_turn: list[int] = []
    kinds: list[str] = []
    end_turn: list[int] = []
    quantiles: list[float] = []
    measured: list[float] = []
    turn_dialogue: list[int] = []
    for index, ((dialogue_id, turn_id), keys) in enumerate(groupby(sorted(unique), key=lambda key: key[:2])):
        turn_dialogue.append(place[dialogue_id])
        at: dict[str, int] = {}  # words so far -> place among the pauses
        for turn in (unique[key] for key in keys):
            for number, point in enumerate(_points(turn)):
                words = spoken_part(turn.text, point.offset)
                seconds = float("nan") if turn.lengths_s is None else turn.lengths_s[number]
                if words in at:
                    if np.isnan(measured[at[words]]):
                        measured[at[words]] = seconds
                    continue
                at[words] = len(pauses)
                pauses.append((turn.context, words))
                pause_turn.append(index)
                kinds.append(point.kind.value)
                quantiles.append(_unit_hash("pause", seed, turn_id, point.offset))
                measured.append(seconds)
            if turn.is_whole:
                ends.append((turn.context, spoken_part(turn.text)))
                end_turn.append(index)
    unscored = ScoredTurns(
        dialogue_ids=tuple(names),
        turn_dialogue=np.array(turn_dialogue, dtype=np.int64),
        pause_turn=np.array(pause_turn, dtype=np.int64),
        pause_kind=np.array(kinds, dtype=f"<U{max(map(len, PauseKind))}"),
        pause_p=np.full(len(pauses), np.nan),
        pause_quantile=np.array(quantiles, dtype=np.float64),
        pause_s=np.array(measured, dtype=np.float64),
        end_turn=np.array(end_turn, dtype=np.int64),
        end_p=np.full(len(ends), np.nan),
    )
    return Moments((*pauses, *ends), unscored)


def _points(turn: HeldOutTurn) -> tuple[PausePoint, ...]:
    if turn.points is None:
        return pause_points(turn.text)
    return tuple(PausePoint(offset, PauseKind.MEASURED) for offset in turn.points)


def _unit_hash(*parts: object) -> float:
    """A number in [0, 1) that depends on ``parts`` alone."""
    digest = hashlib.blake2b("\x1f".join(map(str, parts)).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64
