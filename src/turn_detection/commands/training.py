"""From dialogues to a bundle: ``train``, ``fit_ngrams``, ``export_onnx``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..errors import ConfigurationError
from ..overrides import as_values
from .app import app
from .experiment import experiment_settings
from .loading import check_folder, check_name, training_room

#: Lines of a profile that are printed; the first ones took the longest.
_SHOWN_OF_PROFILE = 24


@app.command()
def train(
    context: typer.Context,
    experiment: Annotated[
        str | None, typer.Option(help="A file of configs/experiment: tiny, e5ru, rubert; or your own .yaml.")
    ] = None,
    resume: Annotated[Path | None, typer.Option(help="Go on with this checkpoint (last.ckpt).")] = None,
    model: Annotated[str | None, typer.Option(help="A file of configs/model: e5ru, rubert, tiny.")] = None,
    debug: Annotated[
        str | None, typer.Option(help="A trial of the program: one_batch, overfit or profiler, see configs/debug.")
    ] = None,
) -> None:
    """Train a model. Further settings: --group=choice (--model=e5ru, --data=local) and --group.key=value (--train.max_minutes=60)."""
    from ..config import load_config

    chosen = [*experiment_settings(experiment, model), *([f"debug={debug}"] if debug else [])]
    config = load_config(chosen + context.obj)
    if config.sweep is not None:
        raise ConfigurationError(
            "'train' makes one run and tries nothing; 'turn-detection sweep' takes the group sweep"
        )
    run_training = training_room("training.run").train

    result = run_training(config, resume=resume)
    if not training_room("training.distributed").is_first_process():
        return
    if result.profile is not None:
        print("\n".join(result.profile.read_text(encoding="utf-8").strip().splitlines()[:_SHOWN_OF_PROFILE]))
        print(f"whole profile: {result.profile}")
    if result.overfit is not None:
        first, last = result.overfit
        learned = last <= config.debug.target_loss
        print(
            f"training loss on {config.debug.overfit_batches} batches: {first:.4f} -> {last:.4f}, "
            + ("the network can learn" if learned else f"not down to {config.debug.target_loss:g}: it does not learn")
        )
        raise typer.Exit(0 if learned else 1)
    if not config.debug.keep or config.debug.one_batch:
        print(f"trained for {result.minutes:.1f} min; a debug run is not tracked and leaves no checkpoint")
        return
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
