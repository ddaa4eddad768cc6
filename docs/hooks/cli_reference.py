"""The page ``reference/cli.md``: written from the Typer application at every build, so that it cannot go stale."""

from __future__ import annotations

import re
import sys
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File

ROOT = Path(__file__).parents[2]
PAGE = "reference/cli.md"
_SETTING = re.compile(r"(?<![\w`-])--?[a-z][\w.-]*(?:=[^\s,;()]+(?:\.\.\.\])?)?(?<![.,;])|\b[a-z]+\.[a-z_]+=\S+\b")
_HEAD = """# Command line

Every command, as `--help` prints it. `turn-detection NAME` and `python -m turn_detection.commands NAME` are the same.

Besides its own options a command that says so takes settings of the configuration, anywhere on the line: `--group=choice` picks a file of
`configs/GROUP/`, `--group.key=value` sets a key ([all keys](configuration.md)). Bad input is one line on stderr and exit code 2.
"""


def commands() -> Iterator[tuple[str, Any]]:
    """Full name and Typer's command, for every command of the application, groups opened."""
    if str(ROOT / "src") not in sys.path:
        sys.path.insert(0, str(ROOT / "src"))
    import typer.main

    from turn_detection.commands import app

    yield from _opened("", typer.main.get_command(app))


def _opened(prefix: str, group: Any) -> Iterator[tuple[str, Any]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _opened(f"{prefix}{name} ", command)
        else:
            yield prefix + name, command


def page() -> str:
    return _HEAD + "".join(_section(name, command) for name, command in sorted(commands(), key=lambda item: item[0]))


def _section(name: str, command: Any) -> str:
    shown = [parameter for parameter in command.params if not getattr(parameter, "hidden", False)]
    arguments = [parameter for parameter in shown if parameter.param_type_name == "argument"]
    options = [parameter for parameter in shown if parameter.param_type_name == "option" and parameter.name != "help"]
    usage = " ".join(["turn-detection", name, *map(_usage, arguments), *(["[OPTIONS]"] if options else [])])
    parts = [f"\n## {name}\n", f"```text\n{usage}\n```\n", _paragraphs(command.help or "")]
    for title, found in (("argument", arguments), ("option", options)):
        if found:
            rows = [f"| {_names(entry)} | {_escaped(entry.help or '')}{_default(entry)} |" for entry in found]
            parts.append("\n".join([f"| {title} | meaning |", "|---|---|", *rows]) + "\n")
    return "\n".join(parts)


def _usage(argument: Any) -> str:
    name = argument.name.upper() + ("..." if argument.nargs != 1 else "")
    return name if argument.required else f"[{name}]"


def _names(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        return f"`{parameter.name.upper()}`"
    names = ", ".join(f"`{name}`" for name in [*parameter.opts, *parameter.secondary_opts])
    descriptor = getattr(parameter, "type_descriptor", None)
    choices = (
        typing.get_args(descriptor.annotation)
        if descriptor and typing.get_origin(descriptor.annotation) is typing.Literal
        else ()
    )
    return names + (f"<br>{' or '.join(map(str, choices))}" if choices else "")


def _default(parameter: Any) -> str:
    value = parameter.default
    if value is True:
        value = parameter.opts[0]
    if value is None or value is False or callable(value) or value in ((), []):
        return ""
    return f" Default: `{value}`."


def _paragraphs(text: str) -> str:
    return _escaped(" ".join(text.split("\f")[0].split()) if "\n\n" not in text else text) + "\n"


def _escaped(text: str) -> str:
    """Help as Markdown: settings become code, everything else stands as it is."""
    plain = text.replace("|", "\\|").replace("[", "\\[").replace("<", "&lt;").replace("*", "\\*")
    return _SETTING.sub(lambda match: "`" + match[0].replace("\\", "") + "`", plain)


def on_files(files: Any, config: Any) -> Any:
    files.append(File.generated(config, PAGE, content=page()))
    return files
