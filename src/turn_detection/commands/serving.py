"""Where a bundle answers others: ``serve``, ``export_triton``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..errors import ConfigurationError
from .app import app


@app.command()
def serve(
    context: typer.Context,
    host: Annotated[str | None, typer.Option(help="Where to listen; 127.0.0.1 by default.")] = None,
    port: Annotated[int | None, typer.Option(help="9090 by default; 0 takes a free one.")] = None,
    workers: Annotated[int | None, typer.Option(help="Processes; 1 by default.")] = None,
) -> None:
    """Serve HTTP and WebSocket, as python -m turn_detection.serve. Further settings: serve.backend=triton, --serve.max_queue=64."""
    from ..serve.run import serve as run_server

    options = {"host": host, "port": port, "workers": workers}
    run_server([f"serve.{key}={value}" for key, value in options.items() if value is not None] + context.obj)


@app.command("export_triton")
def export_triton(
    context: typer.Context,
    bundle: Annotated[
        str | None,
        typer.Argument(help="Bundle folder or its .onnx, or OWNER/NAME at the hub; the shipped model without it."),
    ] = None,
    output: Annotated[Path, typer.Option(help="The model repository; the model gets a folder in it.")] = Path("models"),
    kind: Annotated[str, typer.Option(help="cpu, gpu or tensorrt.")] = "cpu",
    precision: Annotated[str, typer.Option(help="Of the graph for gpu and tensorrt: fp32 or fp16.")] = "fp32",
    name: Annotated[str, typer.Option(help="Of the model in the repository.")] = "turn_detection",
    instances: Annotated[
        int | None, typer.Option(help="Copies that run at the same time; on a CPU, the cores that Triton may use.")
    ] = None,
) -> None:
    """Write a Triton model repository from a bundle: config.pbtxt, checked against the graph, and the model."""
    if context.obj:
        raise ConfigurationError(f"export_triton takes no settings, got '{context.obj[0]}'")
    from .. import triton_repository as room
    from ..bundle import open_bundle

    opened, chosen = open_bundle(bundle), room.check_kind(kind)
    folder = room.write_repository(
        opened, output, kind=chosen, precision=room.check_precision(precision), name=name, n_instances=instances
    )
    print(f"{opened.manifest.name} for {kind} -> {folder}")
    if chosen == "tensorrt":
        graph = room.source_graph(opened, chosen, room.check_precision(precision))
        print(f"now build the plan where it will run: scripts/convert_to_tensorrt.sh {graph} {folder / room.VERSION}")
