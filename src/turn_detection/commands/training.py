"""From dialogues to a bundle: ``train``, ``fit_ngrams``, ``export_onnx``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..overrides import as_values
from .app import app
from .loading import check_folder, check_name, training_room


@app.command()
def train(
    context: typer.Context,
    experiment: Annotated[str | None, typer.Option(help="A file of configs/experiment: tiny, e5ru, rubert.")] = None,
    resume: Annotated[Path | None, typer.Option(help="Go on with this checkpoint (last.ckpt).")] = None,
    model: Annotated[str | None, typer.Option(help="A file of configs/model: e5ru, rubert, tiny.")] = None,
) -> None:
    """Train a model. Further settings: --group=choice (--model=e5ru, --data=local) and --group.key=value (--train.max_minutes=60)."""
    from ..config import load_config

    choices = {"experiment": experiment, "model": model}
    config = load_config([f"{group}={choice}" for group, choice in choices.items() if choice] + context.obj)
    from ..training.run import train as run_training

    result = run_training(config, resume=resume)
    print(f"validation ROC-AUC {result.roc_auc:.4f} after {result.minutes:.1f} min")
    print(f"best checkpoint: {result.best_checkpoint}")


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
    check_folder(output)
    overrides = as_values(context.obj)
    export = training_room("export")
    check_name(export.load_checkpoint(checkpoint).provenance, model, checkpoint)
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
    check_folder(output)
    room = training_room("training.ngram_fit")
    settings = room.NgramSettings(n_slots=n_slots, min_count=min_count, passes=passes)
    facts = room.fit_to_run(checkpoint, output, settings, overrides=as_values(context.obj))
    print(f"{facts['targets']:,} judged words, {facts['weights']:,} weights, {facts['minutes']} min -> {output}")
