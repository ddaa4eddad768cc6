"""Figures in the pages are what commands printed. ``python docs/hooks/printed.py`` prints them anew, after the shipped model has changed.

A page holds, on a line of its own, ``<!-- printed by `COMMAND`[ in FILE[ under "HEADING"]], model DIGEST -->``, the output, and
``<!-- until here -->``. FILE is one that the command writes: a section of a Markdown file, or predictions, which become a table. DIGEST is
the beginning of the shipped graph's SHA-256; a test compares it, so that figures of an earlier model are noticed.
"""

from __future__ import annotations

import functools
import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

DOCS = Path(__file__).parents[1]
ROOT = DOCS.parent
BLOCK = re.compile(
    r'^<!-- printed by `(?P<command>[^`]+)`(?: in (?P<file>\S+?))?(?: under "(?P<heading>[^"]+)")?, model (?P<model>\w+) -->\n'
    r"(?P<body>.*?)^<!-- until here -->$",
    re.MULTILINE | re.DOTALL,
)
_MANIFEST = ROOT / "src/turn_detection/assets/default/manifest.json"


def shipped_model() -> str:
    """What a marker names as the model: eight letters of the graph's digest."""
    files = json.loads(_MANIFEST.read_text(encoding="utf-8"))["files"]
    return str(files["model.onnx"]["sha256"])[:8]


@functools.cache
def _run(command: str) -> tuple[str, Path]:
    """Output of a command, and the folder where it ran: empty but for the repository's ``data`` and ``docs``."""
    folder = Path(tempfile.mkdtemp(prefix="printed-"))
    for name in ("data", "docs"):
        (folder / name).symlink_to(ROOT / name)
    words = shlex.split(command)
    assert words[0] == "turn-detection", command
    done = subprocess.run(
        [sys.executable, "-m", "turn_detection.commands", *words[1:]],
        cwd=folder, env={**os.environ, "PYTHONPATH": str(ROOT / "src")}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stdout, folder


def _printed(match: re.Match[str]) -> str:
    output, folder = _run(match["command"])
    if match["file"] is not None:
        text = (folder / match["file"]).read_text(encoding="utf-8")
        output = _section(text, match["heading"]) if match["heading"] else _table(json.loads(text))
    place = f" in {match['file']}" if match["file"] else ""
    place += f' under "{match["heading"]}"' if match["heading"] else ""
    return (
        f"<!-- printed by `{match['command']}`{place}, model {shipped_model()} -->\n\n"
        f"{output.strip()}\n\n<!-- until here -->"
    )


def _section(text: str, heading: str) -> str:
    found = re.search(rf"^## {re.escape(heading)}[^\n]*\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    if found is None:
        raise SystemExit(f"no section '{heading}'")
    return found[1]


def _table(items: list[dict[str, object]]) -> str:
    rows = ["| bot | caller | P(end of turn) | verdict |", "|---|---|---:|---|"]
    for item in items:
        p = item["probas"]["speak"]  # type: ignore[index]
        rows.append(
            f"| {item.get('context') or ''} | {item['message']} | {p:.3f} | {'speak' if p >= 0.5 else 'wait'} |"
        )
    return "\n".join(rows)


def main() -> None:
    for page in sorted(DOCS.rglob("*.md")):
        text = page.read_text(encoding="utf-8")
        if (fresh := BLOCK.sub(_printed, text)) != text:
            page.write_text(fresh, encoding="utf-8")
            print(f"written: {page.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
