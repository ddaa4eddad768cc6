"""The whole measurement of one detector."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from ..bundle import open_bundle
from ..detector import TurnDetector
from .machine import this_machine
from .original import N_LAYERS, check_extra, make_original, original_detectors
from .process import Loading, process_figures
from .report import BenchReport, OriginalFigures
from .speech import Speech
from .timing import interleaved, latency, throughput

LENGTHS, THREADS, BATCHES = (8, 16, 32, 64, 128), (1, 2), (1, 8, 32)
#: Tokens of the items that throughput is measured with: a question of the bot and a sentence.
_BATCH_TOKENS = 32

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Subject:
    """A detector to measure, whatever its engine.

    Attributes:
        name, precision: for the report.
        n_bytes: of the files that answering needs.
        load: number of threads to a detector.
        loading: how a new process gets one with one thread.
        bundle: arguments that name the bundle whose tokenizer a process of the original reads; none for the shipped one.
    """

    name: str
    precision: str
    n_bytes: int
    load: Callable[[int], TurnDetector]
    loading: Loading
    bundle: tuple[str, ...] = ()

    @classmethod
    def of_bundle(cls, path: Path | None) -> Subject:
        """A bundle with the default engine; the shipped one for ``None``.

        Raises:
            BundleNotFoundError, BundleError: as :func:`turn_detection.bundle.open_bundle`.
        """
        opened = open_bundle(path)
        named = () if path is None else (str(path.absolute()),)
        source = "from turn_detection import TurnDetector\ndetector = TurnDetector.load(*sys.argv[2:])"
        return cls(
            name=opened.manifest.name,
            precision=opened.manifest.precision,
            n_bytes=sum(record.n_bytes for record in opened.manifest.files.values()),
            load=lambda n_threads: TurnDetector.load(path, n_threads=n_threads),
            loading=Loading(source, named),
            bundle=named,
        )


@dataclass(frozen=True, slots=True)
class Plan:
    """How often everything is repeated.

    Attributes:
        quick: marks the report.
        n_calls: by length and number of threads.
        n_items: by size of the batch and repeat.
        n_processes, n_original_processes: started one after another.
        n_rounds: calls of the original by length.
        n_padded: calls of the padded original by length; each takes more than a second.
        n_layers: of the original's network.
    """

    quick: bool
    n_calls: int
    n_items: int
    n_processes: int
    n_original_processes: int
    n_rounds: int
    n_padded: int
    n_layers: int


FULL = Plan(False, 500, 256, 5, 3, 15, 7, N_LAYERS)
QUICK = Plan(True, 40, 64, 1, 1, 3, 1, 2)


def bench(subject: Subject, plan: Plan = FULL, *, original: bool = True, say: Say = lambda _: None) -> BenchReport:
    """Measure a detector, next to the original's network unless ``original`` is false. ``say`` is told of progress.

    Raises:
        MissingExtraError: the comparison needs torch and transformers.
        ExportError: the original's network could not be made.
        BackendError: an engine failed.
    """
    if original:
        check_extra()
    machine = this_machine(*(("torch", "transformers") if original else ()))
    measured_at = datetime.now(UTC).isoformat(timespec="seconds")
    detector = subject.load(1)
    speech = Speech(detector.encoder)
    lengths = tuple(n_tokens for n_tokens in LENGTHS if n_tokens <= speech.max_tokens)
    latencies = []
    for n_threads in THREADS:
        asked = detector if n_threads == 1 else subject.load(n_threads)
        for n_tokens in lengths:
            say(f"latency: {n_tokens} tokens, {n_threads} threads")
            latencies.append(latency(asked, speech, n_tokens, n_threads, plan.n_calls))
    say("throughput")
    rates = throughput(detector, speech, min(_BATCH_TOKENS, lengths[-1]), BATCHES, plan.n_items)
    say("start-up and memory")
    process = process_figures(subject.loading, n_runs=plan.n_processes)
    return BenchReport(
        name=subject.name,
        precision=subject.precision,
        n_bytes=subject.n_bytes,
        measured_at=measured_at,
        quick=plan.quick,
        machine=machine,
        latency=tuple(latencies),
        throughput=tuple(rates),
        process=process,
        original=_against_original(subject, detector, speech, lengths, plan, say) if original else None,
    )


def _against_original(
    subject: Subject, detector: TurnDetector, speech: Speech, lengths: tuple[int, ...], plan: Plan, say: Say
) -> OriginalFigures:
    with tempfile.TemporaryDirectory(prefix="turn-detection-") as folder:
        say(f"writing the original's network ({plan.n_layers} layers)")
        made = make_original(Path(folder), plan.n_layers)
        plain, padded = original_detectors(made, detector.encoder)
        comparisons = tuple(
            interleaved(
                detector, plain, padded, speech, n_tokens, n_rounds=plan.n_rounds, n_padded=plan.n_padded, say=say
            )
            for n_tokens in lengths
        )
        del plain, padded  # 600 MB that the next process needs
        say("start-up and memory of the original")
        source = "from turn_detection.speed.original import load_original\ndetector = load_original(*sys.argv[2:])"
        loading = Loading(source, (str(made.path), *subject.bundle))
        process = process_figures(loading, n_runs=plan.n_original_processes, n_answers=2)
    return OriginalFigures(
        made.n_layers, made.n_parameters, made.n_bytes, made.is_whole, comparisons=comparisons, process=process
    )
