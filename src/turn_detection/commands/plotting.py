"""Pictures of tracked runs: ``plot_training``."""

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
