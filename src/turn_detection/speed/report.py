"""What a measurement of speed found: one value to write as JSON or to read as Markdown."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from .machine import Machine
from .original import SERVED_TOKENS
from .process import ProcessFigures
from .timing import Comparison, Latency, Ratio, Throughput

FORMAT, FORMAT_VERSION = "turn-detection-bench", 1
_HOW_TO_COMPARE = "Not compared with the original's network: install the extra 'cpu' (torch, transformers) and run without --no-original."


@dataclass(frozen=True, slots=True)
class OriginalFigures:
    """The original's network in the same run.

    Attributes:
        n_layers, n_parameters, n_bytes: of the network; ``n_bytes`` is its fp32 ONNX file.
        is_whole: ``False`` for a stand-in with fewer layers, whose ratios say nothing about the original.
        comparisons: by length, ours against it, interleaved, one thread each.
        process: start-up and memory of a process that serves it padded.
    """

    n_layers: int
    n_parameters: int
    n_bytes: int
    is_whole: bool
    comparisons: tuple[Comparison, ...]
    process: ProcessFigures

    @property
    def title(self) -> str:
        """What a table may call it."""
        return "original" if self.is_whole else f"{self.n_layers}-layer stand-in"


@dataclass(frozen=True, slots=True)
class BenchReport:
    """Everything that one run measured.

    Attributes:
        name, precision: of the model.
        n_bytes: of the files that answering needs.
        measured_at: UTC, ISO 8601.
        quick: few repeats: the figures only show that the measurement works.
        latency, throughput, process: of the detector.
        original: ``None`` without the comparison.
    """

    name: str
    precision: str
    n_bytes: int
    measured_at: str
    quick: bool
    machine: Machine
    latency: tuple[Latency, ...]
    throughput: tuple[Throughput, ...]
    process: ProcessFigures
    original: OriginalFigures | None = None

    def to_dict(self) -> dict[str, Any]:
        """For JSON: the attributes by name."""
        return {"format": FORMAT, "format_version": FORMAT_VERSION, **asdict(self)}

    def to_markdown(self) -> str:
        """A page with every table, and what the reader must know about them."""
        machine = self.machine
        versions = ", ".join(f"{name} {version}" for name, version in machine.versions.items())
        load = "unknown" if machine.load_average is None else f"{machine.load_average:.2f}"
        lines = [
            f"# Speed of {self.name} ({self.precision})",
            "",
            f"{machine.cpu} ({', '.join(machine.features) or 'no known extensions'}), {machine.n_cores} cores, load {load} before "
            f"the start; {machine.system}; {versions}; {self.measured_at}.",
            "Text in, probability out, in process; every call has a text of its own.",
            *self._warnings(),
            "",
            "## Latency of one call",
            "",
            *_table(
                ("tokens", "threads", "p50, ms", "p95, ms", "p99, ms", "calls"),
                (
                    (row.n_tokens, row.n_threads, _ms(row.p50_ms), _ms(row.p95_ms), _ms(row.p99_ms), row.n_calls)
                    for row in self.latency
                ),
            ),
            "",
            "## Throughput of one thread",
            "",
            *_table(
                ("batch", "tokens", "items a second"),
                ((row.batch, row.n_tokens, f"{row.items_per_s:.0f}") for row in self.throughput),
            ),
            "",
            "## Process",
            "",
            *self._process_table(),
            "",
            "## Against the original's network",
            "",
            *(_comparison(self.original) if self.original else [_HOW_TO_COMPARE]),
        ]
        return "\n".join(lines) + "\n"

    def _warnings(self) -> list[str]:
        lines = []
        if self.quick:
            lines.append("**Quick run: few repeats. It shows that the measurement works; quote none of its figures.**")
        if self.machine.was_busy:
            lines.append(
                "**The machine was busy: times are too long, ratios on the clock rough; ratios of CPU time hold.**"
            )
        return [line for entry in lines for line in ("", entry)]

    def _process_table(self) -> list[str]:
        columns = [(self.name, self.process, self.n_bytes)]
        if self.original:
            columns.append((f"{self.original.title}, padded", self.original.process, self.original.n_bytes))
        rows = [
            ("start of the process to first answer, s", *(f"{process.cold_start_s:.2f}" for _, process, _ in columns)),
            ("import, load, first answer, s", *(f"{process.import_load_answer_s:.2f}" for _, process, _ in columns)),
            ("memory over the bare interpreter, MB", *(_mb(process.rss_mb) for _, process, _ in columns)),
            ("files, MB", *(_mb(n_bytes / 1e6) for _, _, n_bytes in columns)),
        ]
        return _table(("", *(title for title, _, _ in columns)), rows)


def _comparison(original: OriginalFigures) -> list[str]:
    shape = f"{original.n_layers} layers, {original.n_parameters / 1e6:.0f} million random weights, fp32"
    lines = [
        f"{original.title}: RuModernBERT-base's shape, {shape}. Both in one process with one thread each, in turn, on texts of "
        "the same number of tokens by the same tokenizer. A ratio is the original's time over ours within one round; beside it the "
        "smallest and largest round, and the ratio of CPU time. «After it»: our first call after one of the original.",
        "",
    ]
    if not original.is_whole:
        lines += [f"**A stand-in of {original.n_layers} layers: these ratios say nothing about the original.**", ""]
    head = ("tokens", "ours, ms", "after it, ms", f"{original.title}, ms", f"padded to {SERVED_TOKENS}, ms")
    rows = (
        (
            row.n_tokens,
            _ms(row.ours_ms),
            _ms(row.ours_first_ms),
            f"{row.original_ms:.1f}",
            f"{row.padded_ms:.0f}",
            *_times(row.ratio),
            *_times(row.padded_ratio),
        )
        for row in original.comparisons
    )
    ratios = ("times as fast", "by CPU time", "times as fast as padded", "by CPU time")
    return lines + _table((*head, *ratios), rows)


def _table(head: Iterable[object], rows: Iterable[Iterable[object]]) -> list[str]:
    titles = [str(title) for title in head]
    lines = [f"| {' | '.join(titles)} |", "|" + "---|" * len(titles)]
    return lines + [f"| {' | '.join(map(str, row))} |" for row in rows]


def _times(ratio: Ratio) -> tuple[str, str]:
    return f"{ratio.median:.1f} ({ratio.least:.1f}-{ratio.most:.1f})", f"{ratio.cpu_median:.1f}"


def _ms(value: float) -> str:
    return f"{value:.2f}"


def _mb(value: float | None) -> str:
    return "not known here" if value is None else f"{value:.0f}"
