"""Commands about data: ``data check``, ``data prepare``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from ..errors import ConfigurationError
from .app import data_app
from .loading import check_folder


@data_app.command("check")
def check(
    context: typer.Context,
    paths: Annotated[
        list[Path], typer.Argument(help="Files and folders of calls; for formats see docs/data_formats.md.")
    ],
    kind: Annotated[
        Literal["auto", "json", "jsonl", "csv", "text"],
        typer.Option(
            "--format", help="Of every file; auto goes by the suffix, and JSON of any shape is told by its keys."
        ),
    ] = "auto",
    encoding: Annotated[
        Literal["auto", "utf-8", "cp1251"],
        typer.Option(help="auto is UTF-8, and for tables and plain text also Windows-1251."),
    ] = "auto",
    dialogue_column: Annotated[str | None, typer.Option(help="Column that parts calls.")] = None,
    role_column: Annotated[str | None, typer.Option(help="Column of who speaks.")] = None,
    text_column: Annotated[str | None, typer.Option(help="Column of what is said.")] = None,
    agent_column: Annotated[
        str | None, typer.Option(help="Column of the bot's line, where a row is an exchange.")
    ] = None,
    client_column: Annotated[str | None, typer.Option(help="Column of the caller's answer to it.")] = None,
    agent_name: Annotated[list[str] | None, typer.Option(help="Speaker who is the bot, as the files name him.")] = None,
    client_name: Annotated[list[str] | None, typer.Option(help="Speaker who is the caller.")] = None,
    report: Annotated[Path | None, typer.Option("--json", help="Also write the report with all places here.")] = None,
) -> None:
    """Look at calls before training: counts, faults by place, lengths, personal data, copies, samples. Shows no caller's words.

    Exit code 2 if they are of no use. For training the same settings are --data.columns.text=NAME, --data.client_names=[NAME], --data.encoding.
    """
    if context.obj:
        raise ConfigurationError(f"data check takes no settings, got '{context.obj[0]}'")
    if report is not None:
        check_folder(report)
    from ..data.check import check_dialogues
    from ..data.check_table import print_check
    from ..data.formats.options import ReadingOptions
    from ..writing import write_whole

    given = {
        "dialogue": dialogue_column, "role": role_column, "text": text_column, "agent": agent_column, "client": client_column,
    }  # fmt: skip
    columns = {key: name for key, name in given.items() if name is not None}
    options = ReadingOptions(kind, encoding, columns, tuple(agent_name or ()), tuple(client_name or ()))
    checked = check_dialogues(paths, options)
    if report is not None:
        write_whole(report, json.dumps(checked.to_dict(), ensure_ascii=False, indent=2) + "\n")
    print_check(checked)


@data_app.command("prepare")
def prepare(
    context: typer.Context,
    output: Annotated[
        Path, typer.Argument(help="Folder for train and validation (.jsonl) and report.json; replaced as a whole.")
    ],
    file_format: Annotated[
        Literal["jsonl", "parquet"],
        typer.Option("--format", help="parquet adds columns that tell where a sample comes from."),
    ] = "jsonl",
) -> None:
    """Split dialogues and write the original protocol's samples. Settings as for train: --data=local --data.paths=[...]."""
    from ..config import load_config

    config = load_config(context.obj)
    check_folder(output)
    from ..data.prepare import prepare_samples
    from ..data.prepared import parquet_library

    if file_format == "parquet":
        parquet_library()
    found = prepare_samples(
        config.data,
        output,
        seed=config.seed,
        progress=sys.stderr.isatty(),
        file_format=file_format,
        history_turns=config.model.history_turns,
    )
    print(json.dumps(found, ensure_ascii=False, indent=2))
