"""Answers and their figures: ``infer``, ``score``, ``tune``."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated, Literal

import typer

from ..errors import ConfigurationError, InvalidInputError
from ..overrides import as_values
from ..records import Record, read_records, with_probas, write_records
from .app import app
from .loading import check_folder, detector_of, predict_all


@app.command()
def infer(
    context: typer.Context,
    data: Annotated[Path, typer.Argument(help='JSON: [{"context": str, "message": str, ...}]')],
    checkpoint: Annotated[
        str | None,
        typer.Argument(
            help="Lightning checkpoint, bundle folder or its .onnx, or OWNER/NAME at the Hugging Face hub; the shipped model without it."
        ),
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
    from ..config import InferConfig, load_group

    config = load_group("infer", InferConfig, as_values(context.obj))
    records = read_records(data)
    check_folder(output)
    detector = detector_of(checkpoint, model, config.n_threads)
    started = time.perf_counter()
    predictions = predict_all(detector, records, config.batch_size)
    seconds = time.perf_counter() - started
    write_records(output, [with_probas(record, answer) for record, answer in zip(records, predictions, strict=True)])
    if table:
        from ..table import print_predictions

        print_predictions(records, predictions)
    speaks = sum(prediction.label == "speak" for prediction in predictions)
    print(f"{len(records)} items in {seconds:.2f} s: {speaks} speak, {len(records) - speaks} wait -> {output}")


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
    from ..evaluation import score as scoring

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
        scoring.record_score(record, name, figures["all"], predictions)


@app.command()
def tune(
    context: typer.Context,
    data: Annotated[
        Path, typer.Argument(help="Your dialogues (file or folder), or labelled moments with pauses; see docs.")
    ],
    bundle: Annotated[
        str | None,
        typer.Argument(help="Bundle, checkpoint, or OWNER/NAME at the hub; the shipped model without it."),
    ] = None,
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
    """Choose threshold and delays for what you can bear; foretell cut-offs and delay, next to a silence timer.

    Settings of the files, if need be: --data.columns.text=NAME, --data.client_names=[NAME], --data.encoding=cp1251.
    """
    from ..data.formats.options import reading_settings

    options = reading_settings(as_values(context.obj), "tune")
    if (max_cutoffs is None) == (max_delay_ms is None):
        raise InvalidInputError("give --max-cutoffs SHARE or --max-delay-ms MILLISECONDS, one of the two")
    from .. import held_out
    from ..evaluation import tuning
    from ..evaluation.moments import moments_of
    from ..evaluation.pause_lengths import PauseLengths
    from ..evaluation.tally import Limit
    from ..policy_file import save_policy

    limit = Limit(None if max_delay_ms is None else max_delay_ms / 1000, max_cutoffs, per)
    lengths = [PauseLengths.parse(text) for text in pauses or ["eot-bench"]]
    check_folder(output)
    moments = moments_of(held_out.read_turns([data], options))
    detector = detector_of(bundle, None, 1)
    answers = predict_all(detector, [Record(*item, {}) for item in moments.items], 32)
    scored = moments.scored([answer.eot_probability for answer in answers])
    tuned = tuning.tune(scored, limit, lengths)
    if mode not in tuned:
        raise InvalidInputError(f"no {mode} policy reaches '{limit}' on these dialogues; allow more cut-offs or delay")
    origin = tuning.origin(tuned[mode], limit, scored, detector.manifest.name if detector.manifest else None)
    save_policy(output, tuned[mode].policy, origin)
    print(f"{tuning.summary(origin)}\n\n{tuning.tuning_table(tuned)}\n\n{mode} -> {output}")
