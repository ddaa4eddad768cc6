"""Better settings by trying: ``sweep``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..writing import write_whole
from .app import app
from .experiment import experiment_file, experiment_settings
from .loading import check_folder, training_room


@app.command()
def sweep(
    context: typer.Context,
    space: Annotated[
        str | None, typer.Option("--sweep", help="What to try: a file of configs/sweep, such as rates.")
    ] = None,
    experiment: Annotated[
        str | None, typer.Option(help="What every trial begins with: a file of configs/experiment, or your own .yaml.")
    ] = None,
    model: Annotated[str | None, typer.Option(help="A file of configs/model.")] = None,
    trials: Annotated[int | None, typer.Option(help="How many to run now, instead of sweep.n_trials.")] = None,
    storage: Annotated[
        str, typer.Option(help="Where the study is kept; it is gone on with, and several sweeps may share it.")
    ] = "sqlite:///sweep.db",
    output: Annotated[
        Path | None, typer.Option(help="The best settings, for train --experiment; STUDY-best.yaml unless named.")
    ] = None,
) -> None:
    """Try settings and keep the best. What to try: --sweep, or 'train.learning_rate=tag(log,interval(1e-5,5e-4))', 'model.dropout=choice(0.0,0.1)'."""
    if output is not None:
        check_folder(output)
    room, spaces = training_room("training.sweep"), training_room("training.search_space")
    fixed, tried = spaces.split_space(context.obj)
    own = [setting for setting in fixed if setting.startswith("sweep.")]
    common = [*experiment_settings(experiment, model), *(setting for setting in fixed if setting not in own)]
    if space is not None:
        own.insert(0, f"sweep={space}")
    elif tried and not any(setting.startswith("sweep.name=") for setting in own):
        own.append("sweep.name=sweep")
    if trials is not None:
        own.append(f"sweep.n_trials={trials}")

    result = room.sweep([*common, *own], tried, storage=storage, tell=lambda line: print(line, flush=True))
    drawn = [f"{key}={spaces.written(value)}" for key, value in result.best_settings.items()]
    outcome = ", ".join(f"{n} {state}" for state, n in sorted(result.n_trials.items()))
    best = f"trial {result.best_trial} of the study '{result.study}', validation ROC-AUC {result.best_value:.4f}"
    print(f"trials: {outcome}\nbest: {best}")
    for setting in drawn:
        print(f"  --{setting}")
    path = output or Path(f"{result.study}-best.yaml")
    write_whole(path, experiment_file([*common, *drawn], title=f"Best of a sweep: {best}."))
    print(f"{path}: for train --experiment {path}")
