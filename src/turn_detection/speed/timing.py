"""Times of calls, text in and probability out."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ..detector import Item, TurnDetector
from .speech import Speech


@dataclass(frozen=True, slots=True)
class Latency:
    """Times of single calls in process: percentiles in milliseconds over ``n_calls`` items of ``n_tokens`` tokens."""

    n_tokens: int
    n_threads: int
    n_calls: int
    p50_ms: float
    p95_ms: float
    p99_ms: float


@dataclass(frozen=True, slots=True)
class Throughput:
    """Items a second of one thread that is always busy, in batches of ``batch`` items of ``n_tokens`` tokens."""

    batch: int
    n_tokens: int
    n_items: int
    items_per_s: float


@dataclass(frozen=True, slots=True)
class Call:
    """One call: seconds on the clock, and seconds of the processor in all threads of this process."""

    wall_s: float
    cpu_s: float


@dataclass(frozen=True, slots=True)
class Round:
    """One turn of the interleaved comparison: several calls of ours, one of the original, maybe one of it padded."""

    ours: tuple[Call, ...]
    original: Call
    padded: Call | None = None


@dataclass(frozen=True, slots=True)
class Ratio:
    """How many times as long the other takes.

    Attributes:
        median, least, most: on the clock, over the rounds.
        cpu_median: in time of the processor, which a busy machine lengthens far less.
        n_rounds: that were compared.
    """

    median: float
    least: float
    most: float
    cpu_median: float
    n_rounds: int

    @classmethod
    def of(cls, pairs: Sequence[tuple[tuple[Call, ...], Call]]) -> Ratio:
        """Every pair is one round: calls of ours, of which the median counts, and one of the other."""
        wall = [other.wall_s / _median_wall(ours) for ours, other in pairs]
        cpu = [other.cpu_s / statistics.median(call.cpu_s for call in ours) for ours, other in pairs]
        return cls(statistics.median(wall), min(wall), max(wall), statistics.median(cpu), len(pairs))


@dataclass(frozen=True, slots=True)
class Comparison:
    """Ours against the original at one length; medians in milliseconds.

    Attributes:
        n_tokens: of every item, for both.
        ours_ms: of one call of ours.
        ours_first_ms: of ours right after a call of the original, which has pushed our weights out of the caches.
        original_ms: of the original without padding.
        padded_ms: of the original as it serves, every item padded.
        ratio, padded_ratio: time of the original over ours, each taken within one round.
    """

    n_tokens: int
    ours_ms: float
    ours_first_ms: float
    original_ms: float
    padded_ms: float
    ratio: Ratio
    padded_ratio: Ratio

    @classmethod
    def of(cls, n_tokens: int, rounds: Sequence[Round]) -> Comparison:
        """Rounds to figures; at least one of them must hold a padded call."""
        padded = [(entry.ours, entry.padded) for entry in rounds if entry.padded is not None]
        return cls(
            n_tokens=n_tokens,
            ours_ms=1e3 * statistics.median(_median_wall(entry.ours) for entry in rounds),
            ours_first_ms=1e3 * _median_wall([entry.ours[0] for entry in rounds]),
            original_ms=1e3 * _median_wall([entry.original for entry in rounds]),
            padded_ms=1e3 * _median_wall([call for _, call in padded]),
            ratio=Ratio.of([(entry.ours, entry.original) for entry in rounds]),
            padded_ratio=Ratio.of(padded),
        )


def latency(detector: TurnDetector, speech: Speech, n_tokens: int, n_threads: int, n_calls: int) -> Latency:
    """Time ``n_calls`` single calls, each with a text of its own, after a tenth of them to warm up."""
    items = [speech.draw(n_tokens) for _ in range(n_calls + n_calls // 10)]
    times = [timed_call(detector, item).wall_s for item in items][-n_calls:]
    p50, p95, p99 = (float(value) * 1e3 for value in np.percentile(times, (50, 95, 99)))
    return Latency(n_tokens, n_threads, n_calls, p50, p95, p99)


def throughput(
    detector: TurnDetector, speech: Speech, n_tokens: int, batches: Sequence[int], n_items: int, n_repeats: int = 3
) -> list[Throughput]:
    """Items a second by size of the batch: the median of ``n_repeats``, sizes in turn, so that a busy moment meets all of them."""
    seconds: dict[int, list[float]] = {batch: [] for batch in batches}
    for _ in range(n_repeats):
        for batch in batches:
            items: list[Item] = [speech.draw(n_tokens) for _ in range(n_items)]
            started = time.perf_counter()
            for start in range(0, n_items, batch):
                detector.predict_batch(items[start : start + batch], batch_size=batch)
            seconds[batch].append(time.perf_counter() - started)
    return [Throughput(batch, n_tokens, n_items, n_items / statistics.median(seconds[batch])) for batch in batches]


def interleaved(
    ours: TurnDetector,
    original: TurnDetector,
    padded: TurnDetector,
    speech: Speech,
    n_tokens: int,
    *,
    n_rounds: int,
    n_padded: int,
    n_ours: int = 5,
    say: Callable[[str], None] = lambda _: None,
) -> Comparison:
    """Alternate between ours and the original, so that whatever else the machine does slows both.

    Args:
        ours, original, padded: detectors with one thread each.
        speech: for all of them; every call gets a text of its own.
        n_tokens: of every item.
        n_rounds: calls of ``original``.
        n_padded: calls of ``padded``, in the first rounds; 1 to ``n_rounds``.
        n_ours: calls of ours in a round; their median counts.
        say: is told of progress.
    """
    for detector in (ours, original):
        timed_call(detector, speech.draw(n_tokens))
    rounds = []
    for index in range(n_rounds):
        own = tuple(timed_call(ours, speech.draw(n_tokens)) for _ in range(n_ours))
        theirs = timed_call(original, speech.draw(n_tokens))
        rounds.append(Round(own, theirs, timed_call(padded, speech.draw(n_tokens)) if index < n_padded else None))
        say(f"{n_tokens} tokens, round {index + 1} of {n_rounds}")
    return Comparison.of(n_tokens, rounds)


def timed_call(detector: TurnDetector, item: tuple[str | None, str]) -> Call:
    """Judge ``(context, message)`` once."""
    context, message = item
    wall_s, cpu_s = time.perf_counter(), time.process_time()
    detector.predict(message, context=context)
    return Call(time.perf_counter() - wall_s, time.process_time() - cpu_s)


def _median_wall(calls: Sequence[Call]) -> float:
    return statistics.median(call.wall_s for call in calls)
