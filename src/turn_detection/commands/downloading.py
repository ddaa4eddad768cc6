"""Data in and on: ``data download``, ``data labelled``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..errors import ConfigurationError
from .app import data_app
from .loading import check_folder


@data_app.command("download")
def download(
    context: typer.Context,
    output: Annotated[Path, typer.Argument(help="Folder for dialogues/ and sources.json; replaced as a whole.")],
) -> None:
    """Bring the dialogues that the settings name into a folder: fetched from the hub, or copied. Settings as for train: --data=local --data.paths=[...]."""
    from ..config import load_config

    config = load_config(context.obj)
    check_folder(output)
    from ..data.download import download_dialogues

    found = download_dialogues(config.data, output)
    for file in found.files:
        print(file)
    print(f"{len(found.files)} files, {found.n_bytes:,} bytes of {found.source} -> {output}")
    print(f"to read them: --data.kind=local --data.paths=[{found.dialogues}]")
    if config.data.utterances:
        print(f"lone utterances stay where they are: {', '.join(config.data.utterances)}")


@data_app.command("labelled")
def labelled(
    context: typer.Context,
    samples: Annotated[Path, typer.Argument(help="train.jsonl or validation.jsonl of data prepare.")],
    output: Annotated[Path, typer.Argument(help="The JSON file for infer, score and evaluate.")],
) -> None:
    """Write prepared samples as labelled items that infer, score and evaluate read."""
    if context.obj:
        raise ConfigurationError(f"data labelled takes no settings, got '{context.obj[0]}'")
    check_folder(output)
    from ..data.labelled import write_labelled

    print(f"{write_labelled(samples, output):,} items -> {output}")
