"""A report of what a model is worth: ``evaluate``, and ``fit_baseline`` for something to compare it with."""

from __future__ import annotations

import functools
import math
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import InvalidInputError
from ..overrides import as_values
from ..records import Record
from .app import app
from .loading import check_folder, detector_of, predict_all

if TYPE_CHECKING:
    from ..evaluation.judge import Judge
    from ..evaluation.tally import Band

#: What tells a bundle from a folder of dialogues.
_MANIFEST = "manifest.json"


@app.command("evaluate")
def evaluate(
    context: typer.Context,
    bundle: Annotated[
        str | None,
        typer.Argument(
            help="Bundle, .onnx or checkpoint; or a baseline: timer, punctuation, FILE.npz. The shipped model without it."
        ),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Argument(help="Labelled items (JSON) or dialogues, file or folder; held-out made speech without it."),
    ] = None,
    against: Annotated[
        list[str] | None, typer.Option(help="Also judge by this bundle or baseline, and compare; may be repeated.")
    ] = None,
    report: Annotated[Path, typer.Option(help="Folder for report.json and its pages; replaced as a whole.")] = Path(
        "report"
    ),
    n_resamples: Annotated[int, typer.Option(help="Of the bootstrap over dialogues.")] = 1000,
    sample: Annotated[
        int, typer.Option(help="Items for stability and use of context, at most; 0 leaves both out.")
    ] = 2000,
) -> None:
    """Judge a model on labelled data and write a report: figures with intervals, slices, comparisons, plots; no words of the data.

    Further settings: --seed=0, --infer.n_threads=2, --infer.batch_size=64.
    """
    from ..config import InferConfig, load_group
    from ..writing import check_replaceable, folder_written_whole

    values = as_values(context.obj)
    seed = values.pop("seed", 0)
    if isinstance(seed, bool) or not isinstance(seed, int):
        raise InvalidInputError("--seed takes a whole number")
    config = load_group("infer", InferConfig, values)
    if data is None and bundle is not None and _is_data(bundle):
        data, bundle = Path(bundle), None
    check_folder(report)
    check_replaceable(report, "report.json")

    from ..evaluating.judges import told_apart
    from ..evaluating.labelled_set import made_set, read_set
    from ..evaluating.run import Settings
    from ..evaluating.run import evaluate as run_evaluation
    from ..evaluation.report_page import write_report

    command = shlex.join(["turn-detection", *sys.argv[1:]])
    settings = Settings(seed=seed, n_resamples=n_resamples, sample=sample, command=command)
    judge_of = functools.partial(_judge, n_threads=config.n_threads, batch_size=config.batch_size)
    judge, *others = told_apart([judge_of(bundle), *(judge_of(name) for name in against or ())])
    labelled = made_set(seed=seed) if data is None else read_set(data, seed=seed)
    found = run_evaluation(judge, labelled, settings, against=others, step=_say)
    with folder_written_whole(report, replaces="report.json") as folder:
        write_report(found.to_dict(), folder)
    for name, band in found.overall.metrics.items():
        print(f"{name:20} {_figure(band)}")
    for comparison in found.comparisons:
        print(f"minus {comparison.other.judge.name}:")
        for difference in comparison.differences:
            print(f"{difference.metric:20} {_figure(difference.difference, sign='+')}")
    print(f"{len(labelled.items):,} items of {labelled.name} -> {report}")


@app.command("fit_baseline")
def fit_baseline(
    context: typer.Context,
    output: Annotated[Path, typer.Argument(help="The file for --against, named *.npz.")],
    max_rows: Annotated[int, typer.Option(help="Word boundaries to learn from, at most.")] = 1_000_000,
    strength: Annotated[float, typer.Option(help="Inverse of the penalty on large weights.")] = 0.1,
) -> None:
    """Fit a linear model over the last words to training dialogues. Settings as for train: --data=shared, --data.paths=[...]."""
    from ..config import load_config

    if output.suffix != ".npz":
        raise InvalidInputError(f"the file of a baseline is named *.npz, got {output}")
    if max_rows < 2 or not 0 < strength < float("inf"):
        raise InvalidInputError("--max-rows must be at least 2 and --strength a positive number")
    check_folder(output)
    config = load_config(context.obj)
    from ..evaluating.fitting import fit_to_data

    facts = fit_to_data(config, output, max_rows=max_rows, strength=strength, progress=sys.stderr.isatty())
    print(f"{facts['boundaries']:,} word boundaries of {facts['replies']:,} replies -> {output}")


def _figure(band: Band, *, sign: str = "") -> str:
    """A figure and its interval, if it has them."""
    if math.isnan(band.value):
        return "needs both labels"
    interval = "" if math.isnan(band.low) else f"  [{band.low:{sign}.4f}, {band.high:{sign}.4f}]"
    return f"{band.value:{sign}.4f}{interval}"


def _judge(name: str | None, *, n_threads: int, batch_size: int) -> Judge:
    from ..bundle import SHIPPED
    from ..evaluating.judges import detector_judge
    from ..evaluation.baselines import baseline, is_baseline

    if name is not None and is_baseline(name):
        return baseline(name)
    place = None if name is None or (name == SHIPPED and not Path(name).exists()) else Path(name)
    detector = detector_of(place, None, n_threads)
    return detector_judge(
        detector,
        place,
        predict=lambda pauses: predict_all(detector, [Record(*pause, {}) for pause in pauses], batch_size),
    )


def _is_data(name: str) -> bool:
    """True for the lone argument that names data and no model."""
    from ..data.formats.file import SUFFIXES

    path = Path(name)
    return name.endswith(SUFFIXES) or (path.is_dir() and not (path / _MANIFEST).is_file())


def _say(step: str) -> None:
    if sys.stderr.isatty():
        print(step, file=sys.stderr)
