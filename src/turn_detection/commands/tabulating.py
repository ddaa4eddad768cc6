"""Reports and runs as flat files: ``tabulate_report``, ``tabulate_training``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..errors import ConfigurationError
from .app import app
from .loading import check_folder


@app.command("tabulate_report")
def tabulate_report(
    context: typer.Context,
    report: Annotated[Path, typer.Argument(help="Folder that evaluate wrote.")],
    output: Annotated[Path, typer.Option(help="Folder for the files; replaced as a whole.")] = Path("figures"),
) -> None:
    """Write a report's figures as metrics.json and its curves as points, for programs that compare files, such as DVC."""
    if context.obj:
        raise ConfigurationError(f"tabulate_report takes no settings, got '{context.obj[0]}'")
    check_folder(output)
    from ..evaluation.report_files import tabulate_report as tabulate

    for name in tabulate(report, output):
        print(output / name)


@app.command("tabulate_training")
def tabulate_training(
    context: typer.Context,
    run: Annotated[str, typer.Option(help="Name or id of a tracked run; of several by one name the last.")],
    tracking_uri: Annotated[str | None, typer.Option(help="Where it was tracked.")] = None,
    output: Annotated[Path, typer.Option(help="Folder for the files; replaced as a whole.")] = Path("curves"),
) -> None:
    """Write a tracked run's training loss, validation loss and validation ROC-AUC against steps as points, for programs such as DVC."""
    if context.obj:
        raise ConfigurationError(f"tabulate_training takes no settings, got '{context.obj[0]}'")
    check_folder(output)
    from ..registry.curve_files import tabulate_run
    from ..registry.place import TRACKING_URI

    for name in tabulate_run(run, tracking_uri or TRACKING_URI, output):
        print(output / name)
