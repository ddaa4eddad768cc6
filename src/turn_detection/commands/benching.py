"""Speed: ``bench``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from ..errors import ConfigurationError
from .app import app
from .loading import check_folder


@app.command()
def bench(
    context: typer.Context,
    bundle: Annotated[
        Path | None, typer.Argument(help="Bundle folder or its .onnx; the shipped model without it.")
    ] = None,
    original: Annotated[
        bool,
        typer.Option(help="Compare with a network of the original's shape (22 layers, fp32); needs the extra 'cpu'."),
    ] = True,
    output: Annotated[Path | None, typer.Option(help="Also write the figures as JSON.")] = None,
    markdown: Annotated[Path | None, typer.Option(help="Also write the tables to this file.")] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="Few repeats and a 2-layer stand-in: only shows that it works.")
    ] = False,
) -> None:
    """Latency, throughput, memory and start-up of a bundle, next to the original's network. Takes minutes; wants an idle machine."""
    if context.obj:
        raise ConfigurationError(f"bench takes no settings, got '{context.obj[0]}'")
    from ..speed.run import FULL, QUICK, Subject
    from ..speed.run import bench as measure
    from ..writing import write_whole

    for path in (output, markdown):
        if path is not None:
            check_folder(path)
    subject = Subject.of_bundle(bundle)
    report = measure(subject, QUICK if quick else FULL, original=original, say=_say)
    _say("")
    text = report.to_markdown()
    print(text, end="")  # first: a full disk must not cost minutes of work
    if output is not None:
        write_whole(output, json.dumps(report.to_dict(), ensure_ascii=False, indent=2) + "\n")
    if markdown is not None:
        write_whole(markdown, text)


def _say(progress: str) -> None:
    """One line that replaces the last, on a terminal only."""
    if sys.stderr.isatty():
        print(f"\r\033[K{progress}", end="", file=sys.stderr, flush=True)
