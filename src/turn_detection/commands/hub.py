"""Bundles at the Hugging Face hub: ``hub push``, ``hub pull``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import ConfigurationError, InvalidInputError
from .app import app
from .loading import check_folder

if TYPE_CHECKING:
    from ..hub import HubName

hub_app = typer.Typer(help="Share bundles at the Hugging Face hub.", rich_markup_mode=None)
app.add_typer(hub_app, name="hub")


@hub_app.command("push")
def push(
    context: typer.Context,
    bundle: Annotated[Path, typer.Argument(help="Bundle folder or its .onnx.")],
    name: Annotated[str, typer.Argument(metavar="OWNER/NAME", help="Of the model at the hub; made where missing.")],
    private: Annotated[bool, typer.Option("--private", help="Only you and your team may see it.")] = False,
    revision: Annotated[
        str | None, typer.Option("--revision", "--branch", help="A branch; made where missing. main by default.")
    ] = None,
    message: Annotated[str | None, typer.Option(help="Of the commit.")] = None,
) -> None:
    """Check a bundle and push it in one commit: model, tokenizer, manifest, model card. The token is HF_TOKEN's."""
    target = _named(context, "push", name, revision)
    from ..publishing import push as push_bundle

    pushed = push_bundle(bundle, target, private=private, message=message)
    print(f"{pushed.name}: {len(pushed.files)} files -> {target}, commit {pushed.commit[:12]}")


@hub_app.command("pull")
def pull(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="OWNER/NAME", help="Of the model at the hub.")],
    revision: Annotated[str | None, typer.Option(help="Branch, tag or commit; main by default.")] = None,
    output: Annotated[
        Path | None, typer.Option(help="Also write the bundle to this folder, which is replaced as a whole.")
    ] = None,
) -> None:
    """Fetch the newest state of a bundle into the local cache, from which TurnDetector.load("OWNER/NAME") takes it, and check it."""
    source = _named(context, "pull", name, revision)
    if output is not None:
        check_folder(output)
    from ..publishing import pull as pull_bundle

    opened = pull_bundle(source, output)
    place = f"the cache; load it as {source}" if output is None else str(output)
    print(f"{opened.manifest.name} ({opened.manifest.precision}) -> {place}")


def _named(context: typer.Context, command: str, text: str, revision: str | None) -> HubName:
    from ..hub import HubName

    if context.obj:
        raise ConfigurationError(f"hub {command} takes no settings, got '{context.obj[0]}'")
    name = HubName.parse(text if revision is None else f"{text}@{revision}")
    if name is None:
        raise InvalidInputError("a model of the Hugging Face hub is named OWNER/NAME, and its revision is a plain name")
    return name
