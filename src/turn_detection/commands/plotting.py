"""Tracked runs afterwards: ``plot_training``, ``log_report``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..errors import ConfigurationError
from .app import app
from .loading import check_folder, training_room


@app.command("plot_training")
def plot_training(
    context: typer.Context,
    runs: Annotated[
        list[str] | None,
        typer.Option("--run", help="Name or id; several are drawn one after the other. The last started without it."),
    ] = None,
    tracking_uri: Annotated[
        list[str] | None, typer.Option(help="Where runs were tracked; several are searched in order.")
    ] = None,
    output: Annotated[Path, typer.Option(help="Folder of the pictures.")] = Path("plots"),
) -> None:
    """Draw training loss, validation loss and validation ROC-AUC of tracked runs against steps."""
    if context.obj:
        raise ConfigurationError(f"plot_training takes no settings, got '{context.obj[0]}'")
    check_folder(output)
    tracked = training_room("training.tracked")
    room = training_room("training.curves")
    found = tracked.read_runs(runs or [], room.METRICS, tracking_uri or [tracked.TRACKING_URI])
    for path in room.write_curves(found, output):
        print(path)


@app.command("log_report")
def log_report(
    context: typer.Context,
    report: Annotated[Path, typer.Argument(help="Folder that evaluate wrote.")],
    run: Annotated[str, typer.Option("--run", help="Name or id of the tracked run that was judged.")],
    tracking_uri: Annotated[str | None, typer.Option(help="Where the run was tracked.")] = None,
) -> None:
    """Keep a report with the run that it judges: its files as artefacts of MLflow, its figures as metrics."""
    if context.obj:
        raise ConfigurationError(f"log_report takes no settings, got '{context.obj[0]}'")
    tracked = training_room("training.tracked")
    print(f"{report} -> run {tracked.log_report(report, run, tracking_uri or tracked.TRACKING_URI)}")
