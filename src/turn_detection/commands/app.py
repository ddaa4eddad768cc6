"""The application: options of every command, and what becomes of errors."""

from __future__ import annotations

import logging
import os
import sys
from typing import Annotated

import typer

from .. import __version__
from ..errors import TurnDetectionError
from ..overrides import split_settings

app = typer.Typer(
    name="turn-detection",
    help="Turn detection for Russian voice bots: train, evaluate, export, infer, serve.",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
data_app = typer.Typer(help="Look at and prepare dialogues.", rich_markup_mode=None)
app.add_typer(data_app, name="data")


def _print_version(wanted: bool) -> None:
    if wanted:
        print(__version__)
        raise typer.Exit


@app.callback()
def root(
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Log what is being done.")] = False,
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and stop.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    logging.basicConfig(
        level=logging.INFO if verbose else logging.WARNING, format="%(levelname)s %(name)s: %(message)s"
    )
    # Lightning brings its own handler and advertises; quantisation tells of every tensor.
    logging.getLogger("lightning.pytorch").propagate = False
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    if not verbose:
        logging.getLogger("mlflow").setLevel(logging.WARNING)


def main() -> None:
    """Entry point: known errors become one line and exit code 2."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    try:
        arguments, overrides = split_settings(sys.argv[1:] or ["--help"])
        code = app(arguments, standalone_mode=False, obj=overrides)
    except typer.Abort:
        code = 130
    except typer.TyperException as error:
        print(f"error: {str(error).rstrip('.')}; see --help", file=sys.stderr)
        code = 2
    except TurnDetectionError as error:
        print(f"error: {error}", file=sys.stderr)
        code = 2
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        code = 130
    sys.exit(code if isinstance(code, int) else 0)
