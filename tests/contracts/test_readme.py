"""What both READMEs show works, and they show the same."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
READMES = ("README.md", "README.ru.md")
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def code(name: str) -> list[tuple[str, str]]:
    """Code blocks without their comments, which are in the language of the page."""
    return [
        (language, "\n".join(re.sub(r"(^|\s+)#.*$", "", line) for line in body.splitlines()))
        for language, body in BLOCK.findall(text(name))
    ]


def test_both_languages_show_the_same_code_figures_and_number_of_sections() -> None:
    assert code("README.md") == code("README.ru.md")
    assert len(code("README.md")) > 8
    sections = [re.findall(r"^(#+) ", text(name), re.MULTILINE) for name in READMES]
    assert sections[0] == sections[1]
    numbers = [sorted(re.findall(r"\d+\.\d{3,}", text(name))) for name in READMES]
    assert numbers[0] == numbers[1]


@pytest.mark.parametrize("name", READMES)
def test_links_into_the_repository_lead_somewhere(name: str) -> None:
    links = re.findall(r"\]\(([^)#]+)\)", text(name))
    inside = [link for link in links if not link.startswith(("http://", "https://"))]
    assert len(inside) >= 5
    assert [link for link in inside if not (ROOT / link).exists()] == []


def test_the_python_examples_run_as_they_stand() -> None:
    names: dict[str, object] = {}
    blocks = [body for language, body in BLOCK.findall(text("README.md")) if language == "python"]
    assert len(blocks) >= 3
    for body in blocks:
        exec(compile(body, "README.md", "exec"), names)
    assert names["p"].label == "wait"  # type: ignore[attr-defined]
    assert names["call"].deadline_s > 2.1  # type: ignore[attr-defined]
