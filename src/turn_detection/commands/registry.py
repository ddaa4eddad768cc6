"""Bundles in MLflow's registry: ``log_model``, ``promote``, ``pull_model``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..errors import ConfigurationError
from .app import app
from .loading import check_folder

Place = Annotated[str, typer.Option("--tracking-uri", help="MLflow's server, or sqlite:///file.")]
_FILE = "sqlite:///mlflow.db"


@app.command("log_model")
def log_model(
    context: typer.Context,
    bundle: Annotated[Path, typer.Argument(help="Bundle folder or its .onnx.")],
    run: Annotated[str, typer.Option("--run", help="Name or id of the tracked run that trained it.")],
    tracking_uri: Place = _FILE,
    register: Annotated[
        str | None, typer.Option(help="Also make it the next version of the registered model of this name.")
    ] = None,
) -> None:
    """Log a bundle to MLflow as a pyfunc model of its run, and register it."""
    _no_settings(context, "log_model")
    from ..registry.models import log_model as log_bundle

    logged = log_bundle(bundle, run, tracking_uri, register=register)
    named = "" if register is None else f", version {logged.version} of {register}"
    print(f"{bundle} -> run {logged.run_id}, models:/{logged.model_id}{named}")


@app.command("promote")
def promote(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Of the registered model.")],
    version: Annotated[str, typer.Argument(help="Its number.")],
    alias: Annotated[str, typer.Option(help="The name that the version gets.")] = "champion",
    not_worse_than: Annotated[
        float | None,
        typer.Option(
            help="Refuse if the metric is worse by more than this than that of the version which has the alias."
        ),
    ] = None,
    metric: Annotated[str, typer.Option(help="A figure of the manifest, or of the run.")] = "validation/roc_auc",
    tracking_uri: Place = _FILE,
) -> None:
    """Move an alias of a registered model, such as champion, to a version, and say which had it."""
    _no_settings(context, "promote")
    from ..registry.promotion import Gate
    from ..registry.promotion import promote as promote_version

    gate = None if not_worse_than is None else Gate(not_worse_than, metric)
    done = promote_version(name, version, alias, tracking_uri, gate=gate)
    if done.replaced == done.version:
        print(f"{name}@{alias} is version {done.version} already")
        return
    print(
        f"{name}@{alias}: version {done.version}, "
        + (f"before it version {done.replaced}" if done.replaced else "the first")
    )
    if done.note:
        print(f"note: {done.note}")


@app.command("pull_model")
def pull_model(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME@ALIAS", help="Or NAME/VERSION.")],
    output: Annotated[Path, typer.Argument(help="Folder for the bundle, which is replaced as a whole.")],
    tracking_uri: Place = _FILE,
) -> None:
    """Pull a registered model out of MLflow as a bundle, check it against its manifest, and write it to a folder to serve."""
    _no_settings(context, "pull_model")
    check_folder(output)
    from ..registry.models import pull_model as pull_bundle

    opened = pull_bundle(name, output, tracking_uri)
    print(f"{opened.manifest.name} ({opened.manifest.precision}) -> {output}")


def _no_settings(context: typer.Context, command: str) -> None:
    if context.obj:
        raise ConfigurationError(f"{command} takes no settings, got '{context.obj[0]}'")
