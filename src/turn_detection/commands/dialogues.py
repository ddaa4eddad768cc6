"""Commands about data: ``data prepare``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from .app import data_app
from .loading import check_folder


@data_app.command("prepare")
def prepare(
    context: typer.Context,
    output: Annotated[
        Path, typer.Argument(help="Folder for train.jsonl, validation.jsonl and report.json; replaced as a whole.")
    ],
) -> None:
    """Split dialogues and write the original protocol's samples. Settings as for train: --data=local --data.paths=[...]."""
    from ..config import load_config

    config = load_config(context.obj)
    check_folder(output)
    from ..data.prepare import prepare_samples

    report = prepare_samples(config.data, output, seed=config.seed, progress=sys.stderr.isatty())
    print(json.dumps(report, ensure_ascii=False, indent=2))
