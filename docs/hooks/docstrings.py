"""Docstrings are written for readers of the source; this makes Markdown of them: names of roles as code, examples as blocks."""

from __future__ import annotations

import re
import textwrap
from typing import Any

from griffe import Extension, Object

_ROLE = re.compile(r":(?:class|meth|func|mod|attr|data|exc):`(~?)\.*([^`]+)`")
_EXAMPLE = re.compile(r"^>>> .*?(?=\n\s*\n|\Z)", re.MULTILINE | re.DOTALL)


def _name(match: re.Match[str]) -> str:
    return f"`{match[2].rpartition('.')[2] if match[1] else match[2]}`"


def _block(match: re.Match[str]) -> str:
    return f"```pycon\n{match[0]}\n```"


class PlainDocstrings(Extension):
    """Changes the texts while griffe reads the sources."""

    def on_object(self, *, obj: Object, **kwargs: Any) -> None:
        if obj.docstring is not None:
            text = _ROLE.sub(_name, textwrap.dedent(obj.docstring.value))
            obj.docstring.value = _EXAMPLE.sub(_block, text)
