"""The command line: ``python -m turn_detection.commands`` and the console script ``turn-detection``.

Training and export are imported inside their commands, so that ``infer`` with a bundle runs on the light install.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from . import __version__
from .errors import ConfigurationError, InputFileNotFoundError, InvalidInputError, MissingExtraError, TurnDetectionError
from .overrides import as_values, split_settings
from .records import Record, read_records, with_probas, write_records

if TYPE_CHECKING:
    from .detector import TurnDetector
    from .types import TurnPrediction

app = typer.Typer(
    name="turn-detection",
    help="Turn detection for Russian voice bots: train, export, infer.",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
data_app = typer.Typer(help="Look at and prepare dialogues.", rich_markup_mode=None)
app.add_typer(data_app, name="data")

#: Items scored between two steps of the progress bar; enough for batches of like length.
_CHUNK = 2048


def _print_version(wanted: bool) -> None:
    if wanted:
        print(__version__)
        raise typer.Exit


@app.callback()
def root(
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Log what is being done.")] = False,
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and stop.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    logging.basicConfig(
        level=logging.INFO if verbose else logging.WARNING, format="%(levelname)s %(name)s: %(message)s"
    )
    # Lightning brings its own handler and advertises; quantisation tells of every tensor.
    logging.getLogger("lightning.pytorch").propagate = False
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    if not verbose:
        logging.getLogger("mlflow").setLevel(logging.WARNING)


@app.command()
def train(
    context: typer.Context,
    experiment: Annotated[str | None, typer.Option(help="A file of configs/experiment: tiny, e5ru, rubert.")] = None,
    resume: Annotated[Path | None, typer.Option(help="Go on with this checkpoint (last.ckpt).")] = None,
    model: Annotated[str | None, typer.Option(help="A file of configs/model: e5ru, rubert, tiny.")] = None,
) -> None:
    """Train a model. Further settings: --group=choice (--model=e5ru, --data=local) and --group.key=value (--train.max_minutes=60)."""
    from .config import load_config

    choices = {"experiment": experiment, "model": model}
    config = load_config([f"{group}={choice}" for group, choice in choices.items() if choice] + context.obj)
    from .training.run import train as run_training

    result = run_training(config, resume=resume)
    print(f"validation ROC-AUC {result.roc_auc:.4f} after {result.minutes:.1f} min")
    print(f"best checkpoint: {result.best_checkpoint}")


@app.command()
def infer(
    context: typer.Context,
    data: Annotated[Path, typer.Argument(help='JSON: [{"context": str, "message": str, ...}]')],
    checkpoint: Annotated[
        Path | None,
        typer.Argument(help="Lightning checkpoint, bundle folder or its .onnx; the shipped model without it."),
    ] = None,
    model: Annotated[
        str | None, typer.Option(help="Name of the model that the checkpoint must be, such as rubert.")
    ] = None,
    output: Annotated[Path, typer.Option(help="Where the answers go.")] = Path("predictions.json"),
    table: Annotated[bool, typer.Option("--table", help="Also print the texts and answers as a table.")] = False,
) -> None:
    """Judge every item of a JSON file; other keys are kept, each item gets "probas": {"wait": float, "speak": float}.

    Further settings: --infer.n_threads=2, --infer.batch_size=64.
    """
    from .config import InferConfig, load_group

    config = load_group("infer", InferConfig, as_values(context.obj))
    records = read_records(data)
    _check_folder(output)
    detector = _detector(checkpoint, model, config.n_threads)
    started = time.perf_counter()
    predictions = _predict(detector, records, config.batch_size)
    seconds = time.perf_counter() - started
    write_records(output, [with_probas(record, answer) for record, answer in zip(records, predictions, strict=True)])
    if table:
        from .table import print_predictions

        print_predictions(records, predictions)
    speaks = sum(prediction.label == "speak" for prediction in predictions)
    print(f"{len(records)} items in {seconds:.2f} s: {speaks} speak, {len(records) - speaks} wait -> {output}")


@app.command("export_onnx")
def export_onnx(
    context: typer.Context,
    checkpoint: Annotated[Path, typer.Argument(help="What train wrote.")],
    model: Annotated[
        str | None, typer.Option(help="Name of the model that the checkpoint must be, such as rubert.")
    ] = None,
    output: Annotated[Path, typer.Option(help="A folder for the bundle, or a path that ends in .onnx.")] = Path(
        "model.onnx"
    ),
    name: Annotated[str | None, typer.Option(help="Name of the model in its manifest.")] = None,
    plain: Annotated[bool, typer.Option(help="Also write plain/model.onnx in fp32, for TensorRT.")] = True,
    fp16: Annotated[bool, typer.Option(help="Also write plain/model.fp16.onnx.")] = False,
) -> None:
    """Export a checkpoint to a bundle: int8 ONNX, tokenizer, manifest, model card. Settings as for train, over those of the run."""
    _check_folder(output)
    overrides = as_values(context.obj)
    export = _training_room("export")
    _check_name(export.load_checkpoint(checkpoint).provenance, model, checkpoint)
    result = export.export_bundle(checkpoint, output, overrides=overrides, plain=plain, fp16=fp16, name=name)
    metrics = result.metrics
    print(
        f"validation ROC-AUC {metrics['validation/roc_auc']:.4f}, ECE {metrics['validation/ece']:.4f}, "
        f"parity error {metrics['parity_error']:.1e} -> {result.model}"
    )


@app.command("fit_ngrams")
def fit_ngrams(
    context: typer.Context,
    checkpoint: Annotated[Path, typer.Argument(help="What train wrote; its run's data and tokenizer are used.")],
    output: Annotated[Path, typer.Option(help="The file for --export.ngrams.")] = Path("ngrams.npz"),
    n_slots: Annotated[int, typer.Option(help="Places for weights, two bytes each.")] = 2**20,
    min_count: Annotated[int, typer.Option(help="Leave out n-grams that occur less often.")] = 3,
    passes: Annotated[int, typer.Option(help="Over the training targets.")] = 1,
) -> None:
    """Fit the n-gram model to the training rows of a checkpoint's run. Settings as for train, over those of the run."""
    _check_folder(output)
    room = _training_room("training.ngram_fit")
    settings = room.NgramSettings(n_slots=n_slots, min_count=min_count, passes=passes)
    facts = room.fit_to_run(checkpoint, output, settings, overrides=as_values(context.obj))
    print(f"{facts['targets']:,} judged words, {facts['weights']:,} weights, {facts['minutes']} min -> {output}")


@app.command("export_triton")
def export_triton(
    context: typer.Context,
    bundle: Annotated[
        Path | None, typer.Argument(help="Bundle folder or its .onnx; the shipped model without it.")
    ] = None,
    output: Annotated[Path, typer.Option(help="The model repository; the model gets a folder in it.")] = Path("models"),
    kind: Annotated[str, typer.Option(help="cpu, gpu or tensorrt.")] = "cpu",
    precision: Annotated[str, typer.Option(help="Of the graph for gpu and tensorrt: fp32 or fp16.")] = "fp32",
    name: Annotated[str, typer.Option(help="Of the model in the repository.")] = "turn_detection",
    instances: Annotated[
        int | None, typer.Option(help="Copies that run at the same time; on a CPU, the cores that Triton may use.")
    ] = None,
) -> None:
    """Write a Triton model repository from a bundle: config.pbtxt, checked against the graph, and the model."""
    if context.obj:
        raise ConfigurationError(f"export_triton takes no settings, got '{context.obj[0]}'")
    from . import triton_repository as room
    from .bundle import open_bundle

    opened, chosen = open_bundle(bundle), room.check_kind(kind)
    folder = room.write_repository(
        opened, output, kind=chosen, precision=room.check_precision(precision), name=name, n_instances=instances
    )
    print(f"{opened.manifest.name} for {kind} -> {folder}")
    if chosen == "tensorrt":
        graph = room.source_graph(opened, chosen, room.check_precision(precision))
        print(f"now build the plan where it will run: scripts/convert_to_tensorrt.sh {graph} {folder / room.VERSION}")


@app.command()
def serve(
    context: typer.Context,
    host: Annotated[str | None, typer.Option(help="Where to listen; 127.0.0.1 by default.")] = None,
    port: Annotated[int | None, typer.Option(help="9090 by default; 0 takes a free one.")] = None,
    workers: Annotated[int | None, typer.Option(help="Processes; 1 by default.")] = None,
) -> None:
    """Serve HTTP and WebSocket, as python -m turn_detection.serve. Further settings: serve.backend=triton, --serve.max_queue=64."""
    from .serve.run import serve as run_server

    options = {"host": host, "port": port, "workers": workers}
    run_server([f"serve.{key}={value}" for key, value in options.items() if value is not None] + context.obj)


@app.command()
def score(
    context: typer.Context,
    predictions: Annotated[Path, typer.Argument(help='What infer wrote, with a "label" in every item.')],
    record: Annotated[
        Path | None, typer.Option(help="Also record the figures in this bundle's manifest and model card.")
    ] = None,
    name: Annotated[str, typer.Option("--as", help="Name of the set in the manifest.")] = "test",
    misses: Annotated[
        bool, typer.Option("--misses", help="Also list every wrong verdict, by id and without words.")
    ] = False,
) -> None:
    """Figures of a file of predictions, over the whole set and by source or category."""
    if context.obj:
        raise ConfigurationError(f"score takes no settings, got '{context.obj[0]}'")
    from .evaluation import score as scoring

    figures = scoring.score_predictions(predictions)
    for group, values in figures.items():
        print(
            f"{group:22}"
            + "".join(f"  {key} {value:.4f}" if key != "n" else f"{value:8.0f}" for key, value in values.items())
        )
    if misses:
        for miss in scoring.misses(predictions):
            print(f"missed {miss.item:30} {miss.group:22} should {miss.label:6} p {miss.eot_probability:.3f}")
    if record is not None:
        scoring.record_score(record, name, figures["all"])


@app.command()
def tune(
    context: typer.Context,
    data: Annotated[
        Path, typer.Argument(help="Your dialogues (file or folder), or labelled moments with pauses; see docs.")
    ],
    bundle: Annotated[Path | None, typer.Argument(help="Bundle or checkpoint; the shipped model without it.")] = None,
    max_cutoffs: Annotated[
        float | None, typer.Option(help="Share of cut-offs that you can bear, such as 0.05.")
    ] = None,
    max_delay_ms: Annotated[float | None, typer.Option(help="Or the mean delay after a true end, such as 600.")] = None,
    per: Annotated[Literal["pause", "turn"], typer.Option(help="What cut-offs are counted by.")] = "pause",
    mode: Annotated[
        Literal["continuous", "binary"],
        typer.Option(help="Of the written policy; LiveKit's own endpointing is binary."),
    ] = "continuous",
    pauses: Annotated[
        list[str] | None, typer.Option(help="eot-bench or p95=SECONDS; chosen for the first, foretold for all.")
    ] = None,
    output: Annotated[Path, typer.Option(help="Where the policy goes.")] = Path("policy.json"),
) -> None:
    """Choose threshold and delays for what you can bear; foretell cut-offs and delay, next to a silence timer."""
    if context.obj:
        raise ConfigurationError(f"tune takes no settings, got '{context.obj[0]}'")
    if (max_cutoffs is None) == (max_delay_ms is None):
        raise InvalidInputError("give --max-cutoffs SHARE or --max-delay-ms MILLISECONDS, one of the two")
    from . import held_out
    from .evaluation import tuning
    from .evaluation.moments import moments_of
    from .evaluation.pause_lengths import PauseLengths
    from .evaluation.tally import Limit
    from .policy_file import save_policy

    limit = Limit(None if max_delay_ms is None else max_delay_ms / 1000, max_cutoffs, per)
    lengths = [PauseLengths.parse(text) for text in pauses or ["eot-bench"]]
    _check_folder(output)
    moments = moments_of(held_out.read_turns([data]))
    detector = _detector(bundle, None, 1)
    answers = _predict(detector, [Record(*item, {}) for item in moments.items], 32)
    scored = moments.scored([answer.eot_probability for answer in answers])
    tuned = tuning.tune(scored, limit, lengths)
    if mode not in tuned:
        raise InvalidInputError(f"no {mode} policy reaches '{limit}' on these dialogues; allow more cut-offs or delay")
    origin = tuning.origin(tuned[mode], limit, scored, detector.manifest.name if detector.manifest else None)
    save_policy(output, tuned[mode].policy, origin)
    print(f"{tuning.summary(origin)}\n\n{tuning.tuning_table(tuned)}\n\n{mode} -> {output}")


@data_app.command("prepare")
def prepare(
    context: typer.Context,
    output: Annotated[
        Path, typer.Argument(help="Folder for train.jsonl, validation.jsonl and report.json; replaced as a whole.")
    ],
) -> None:
    """Split dialogues and write the original protocol's samples. Settings as for train: --data=local --data.paths=[...]."""
    from .config import load_config

    config = load_config(context.obj)
    _check_folder(output)
    from .data.prepare import prepare_samples

    report = prepare_samples(config.data, output, seed=config.seed, progress=sys.stderr.isatty())
    print(json.dumps(report, ensure_ascii=False, indent=2))


def _predict(detector: TurnDetector, records: Sequence[Record], batch_size: int) -> list[TurnPrediction]:
    """Score in chunks, so that a long file shows how far it is (on a terminal)."""
    from rich.console import Console
    from rich.progress import track

    predictions: list[TurnPrediction] = []
    starts = range(0, len(records), _CHUNK)
    quiet = len(records) <= _CHUNK or not sys.stderr.isatty()
    for start in track(starts, "judging", disable=quiet, transient=True, console=Console(stderr=True)):
        chunk = records[start : start + _CHUNK]
        predictions += detector.predict_batch(
            [(record.context, record.message) for record in chunk], batch_size=batch_size
        )
    return predictions


def _check_folder(output: Path) -> None:
    """Fail before the work, not after it."""
    if not output.absolute().parent.is_dir():
        raise InputFileNotFoundError(f"the folder of the output does not exist: {output.absolute().parent}")


def _detector(checkpoint: Path | None, model: str | None, n_threads: int) -> TurnDetector:
    from .detector import TurnDetector

    if checkpoint is not None and not checkpoint.exists():
        raise InputFileNotFoundError(f"no such checkpoint, bundle or .onnx: {checkpoint}")
    if checkpoint is None or checkpoint.is_dir() or checkpoint.suffix == ".onnx":
        detector = TurnDetector.load(checkpoint, n_threads=n_threads)
        _check_name(
            detector.manifest.provenance if detector.manifest else {}, model, checkpoint or Path("the shipped bundle")
        )
        return detector
    reader = _training_room("training.checkpoint")
    loaded = reader.load_checkpoint(checkpoint)
    _check_name(loaded.provenance, model, checkpoint)
    detector = reader.checkpoint_detector(loaded)
    return detector  # type: ignore[no-any-return]


def _training_room(name: str) -> Any:
    """A module that needs torch, or the word which extra brings it."""
    import importlib

    try:
        return importlib.import_module(f".{name}", __package__)
    except MissingExtraError:
        raise
    except ImportError as error:
        raise MissingExtraError("Working with checkpoints", "cpu", error.name) from error


def _check_name(provenance: Any, model: str | None, place: Path) -> None:
    recorded = provenance.get("config", {}).get("model", {}).get("name")
    if model is not None and recorded != model:
        raise InvalidInputError(
            f"{place} holds the model '{recorded}', not '{model}'; leave --model out or name the right one"
        )


def main() -> None:
    """Entry point: known errors become one line and exit code 2."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    try:
        arguments, overrides = split_settings(sys.argv[1:] or ["--help"])
        code = app(arguments, standalone_mode=False, obj=overrides)
    except typer.Abort:
        code = 130
    except typer.TyperException as error:
        print(f"error: {str(error).rstrip('.')}; see --help", file=sys.stderr)
        code = 2
    except TurnDetectionError as error:
        print(f"error: {error}", file=sys.stderr)
        code = 2
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        code = 130
    sys.exit(code if isinstance(code, int) else 0)


if __name__ == "__main__":
    main()
