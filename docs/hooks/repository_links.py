"""Links from pages to files of the repository outside ``docs/``: they work on a code host as they stand, and here too.

Every file that a page points to becomes a page of the site, ``repository/PATH``: Markdown as it is, other text as a block of code, a folder
as a list of its files. Markdown among them is followed in the same way.
"""

from __future__ import annotations

import os
import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File

ROOT = Path(__file__).parents[2]
FOLDER = "repository"
_LINK = re.compile(r"(?<=\]\()(?!\w+:)([^)#\s]+)(#[^)\s]*)?(?=\))")
_BLOCK = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)
_PICTURES = (".png", ".svg", ".jpg")
_LANGUAGES = {
    ".py": "python",
    ".json": "json",
    ".jsonl": "json",
    ".yaml": "yaml",
    ".yml": "yaml",
    ".sh": "bash",
    ".toml": "toml",
}

#: Where the source of a page lies in the repository, by its address in the site.
_origins: dict[str, str] = {}


def _targets(text: str, origin: str) -> list[str]:
    """Paths from the root of the repository that the Markdown at ``origin`` points to, outside ``docs/``."""
    plain = _BLOCK.sub("", text)
    found = (posixpath.normpath(posixpath.join(posixpath.dirname(origin), match[1])) for match in _LINK.finditer(plain))
    return [path for path in found if not path.startswith((".", "docs/")) and (ROOT / path).exists()]


def _address(path: str) -> str:
    if path.startswith("docs/"):
        return path.removeprefix("docs/")
    return f"{FOLDER}/{path}" if path.endswith(_PICTURES) else f"{FOLDER}/{path.removesuffix('.md')}.md"


def _content(path: str) -> str:
    place = ROOT / path
    if path.endswith(".md"):
        return place.read_text(encoding="utf-8")
    if place.is_dir():
        names = sorted(entry.name for entry in place.iterdir() if entry.is_file())
        return f"# `{path}`\n\n" + "\n".join(f"* [{name}]({posixpath.basename(path)}/{name})" for name in names) + "\n"
    try:
        text = place.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return f"# `{path}`\n\n{place.stat().st_size:,} bytes, not UTF-8; see the file in the repository.\n"
    fence = "`" * (3 if "```" not in text else 6)
    return f"# `{path}`\n\n{fence}{_LANGUAGES.get(place.suffix, 'text')}\n{text.rstrip()}\n{fence}\n"


def on_files(files: Any, config: Any) -> Any:
    _origins.clear()
    waiting: list[str] = []
    for file in files.documentation_pages():
        if file.generated_by is None:
            _origins[file.src_uri] = f"docs/{file.src_uri}"
            waiting += _targets(file.content_string, f"docs/{file.src_uri}")
    while waiting:
        path = waiting.pop()
        address = _address(path)
        if address in _origins:
            continue
        _origins[address] = path
        if path.endswith(_PICTURES):
            files.append(File.generated(config, address, abs_src_path=os.fspath(ROOT / path)))
            continue
        content = _content(path)
        files.append(File.generated(config, address, content=content))
        waiting += _targets(content, path)
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Any) -> str:
    origin = _origins.get(page.file.src_uri)
    if origin is None:
        return markdown
    pieces: list[str] = []
    end = 0
    for block in _BLOCK.finditer(markdown):
        pieces += [_rewritten(markdown[end : block.start()], origin, page.file.src_uri), block[0]]
        end = block.end()
    return "".join([*pieces, _rewritten(markdown[end:], origin, page.file.src_uri)])


def _rewritten(text: str, origin: str, address: str) -> str:
    def moved(match: re.Match[str]) -> str:
        path = posixpath.normpath(posixpath.join(posixpath.dirname(origin), match[1]))
        if _address(path) not in _origins and not (ROOT / path).exists():
            return match[0]
        return posixpath.relpath(_address(path), posixpath.dirname(address)) + (match[2] or "")

    return _LINK.sub(moved, text)
