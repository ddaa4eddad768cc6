"""The documentation builds strictly, keeps to itself, and what its pages show works."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import http.server
import importlib.util
import io
import itertools
import os
import re
import shlex
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
import yaml
from playwright.sync_api import Browser, expect
from playwright.sync_api import Page as PlaywrightPage

from turn_detection import groups
from turn_detection.overrides import split_settings
from turn_detection.serve.settings import ServeConfig

from ..browser import browser

#: A fixture of a neighbour.
__all__ = ["browser"]

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(path.relative_to(ROOT).as_posix() for path in DOCS.rglob("*.md"))
#: Pages whose Python blocks stand on their own.
RUNNING = ("index", "start", "concepts", "tuning", "plugins", "ru/index", "ru/start", "ru/concepts", "ru/tuning")
BLOCK = re.compile(r"^[ \t]*```(\w*)\n(.*?)^[ \t]*```$", re.MULTILINE | re.DOTALL)
#: What a page may load at once, by tag; ``a`` is only followed.
LOADING = {"script": "src", "img": "src", "iframe": "src", "source": "src", "video": "src", "link": "href"}


class Page(HTMLParser):
    """Ids, links and loads of a built page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.ids |= {name for name in (values.get("id"), values.get("name")) if name}
        if tag == "a" and values.get("href"):
            self.links.append(values["href"] or "")
        if address := values.get(LOADING.get(tag, "")):
            self.loads.append(address)


def hook(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, DOCS / "hooks" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("docs") / "site"
    built = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)],
        cwd=ROOT, env={**os.environ, "NO_MKDOCS_2_WARNING": "1"}, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert built.returncode == 0, built.stderr[-3000:]
    return folder


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[Path, Page]:
    return {path: Page(path.read_text(encoding="utf-8")) for path in site.rglob("*.html")}


@pytest.fixture(scope="module")
def address(site: Path) -> Iterator[str]:
    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args: Any) -> None: ...

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(site))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


def test_every_page_stands_in_the_navigation() -> None:
    def leaves(entry: Any) -> Iterator[str]:
        if isinstance(entry, str):
            yield entry
        else:
            for inner in entry.values() if isinstance(entry, dict) else entry:
                yield from leaves(inner)

    listed = list(leaves(yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))["nav"]))
    assert sorted(listed) == sorted({*(page.removeprefix("docs/") for page in PAGES), "reference/cli.md"})


def test_nothing_is_loaded_from_another_host(site: Path, pages: dict[Path, Page]) -> None:
    assert [load for page in pages.values() for load in page.loads if urlsplit(load).netloc] == []
    styles = [path for path in site.rglob("*.css") if re.search(r"url\(['\"]?(?:https?:)?//|@import", path.read_text())]
    assert styles == []


def test_links_and_anchors_lead_somewhere(site: Path, pages: dict[Path, Page]) -> None:
    lost = []
    for path, page in pages.items():
        for link in page.links + page.loads:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc or path.name == "404.html":
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            target = target / "index.html" if target.is_dir() else target
            if not target.is_file() or (
                parts.fragment and target in pages and unquote(parts.fragment) not in pages[target].ids
            ):
                lost.append((str(path.relative_to(site)), link))
    assert lost == []


def test_the_reference_names_every_command_and_option(site: Path) -> None:
    text = (site / "reference/cli/index.html").read_text(encoding="utf-8")
    for name, command in hook("cli_reference").commands():
        assert re.search(rf"<h2[^>]*>{name}<", text), name
        for parameter in command.params:
            if parameter.param_type_name == "option" and parameter.name != "help" and not parameter.hidden:
                assert all(f"<code>{option}</code>" in text for option in parameter.opts), (name, parameter.name)


def shown_commands() -> Iterator[tuple[str, list[str]]]:
    """Page and words of every command line of ours in a block of shell."""
    for name in [*PAGES, "README.md", "README.ru.md", "CONTRIBUTING.md"]:
        for language, body in BLOCK.findall((ROOT / name).read_text(encoding="utf-8")):
            if language != "bash":
                continue
            for line in re.sub(r"\\\n", " ", body).splitlines():
                try:
                    words = shlex.split(line, comments=True)
                except ValueError:  # a quoted text over several lines
                    continue
                before = list(itertools.takewhile(lambda word: word in ("uv", "run") or "=" in word, words))
                if words[len(before) :] and words[len(before)].split("/")[-1] == "turn-detection":
                    yield name, words[len(before) + 1 :]
                if "turn_detection.commands" in words:
                    yield name, words[words.index("turn_detection.commands") + 1 :]


def groups_of_settings() -> dict[str, type[Any]]:
    """Name of every group of the configuration, and its class."""
    kinds = {name: kind for name, kind in vars(groups).items() if re.fullmatch(r"\w+Config", name)}
    return {name.removesuffix("Config").lower(): kind for name, kind in kinds.items()} | {"serve": ServeConfig}


def settings_known() -> set[str]:
    return {f"{name}.{entry.name}" for name, kind in groups_of_settings().items() for entry in dataclasses.fields(kind)}


def test_commands_in_the_pages_exist_with_their_options_and_settings() -> None:
    commands = dict(hook("cli_reference").commands())
    known, seen, wrong = settings_known(), 0, []
    for page, words in shown_commands():
        plain = [word[1:].rstrip("]") if word.startswith("[") else word for word in words]
        for end in ("&&", "|", ";", ">", "&", "2>"):
            plain = plain[: plain.index(end)] if end in plain else plain
        if not plain or plain[0] in ("--help", "--version"):
            continue
        rest, settings = split_settings(plain)
        name = " ".join(rest[:2]) if " ".join(rest[:2]) in commands else rest[0] if rest else ""
        if name not in commands:
            wrong.append((page, "command", words))
            continue
        seen += 1
        options = {text: entry for entry in commands[name].params for text in [*entry.opts, *entry.secondary_opts]}
        waiting, arguments = iter(rest[len(name.split()) :]), 0
        for word in waiting:
            option, equals, _ = word.partition("=")
            if not word.startswith("-"):
                arguments += 1
            elif option not in options and option != "--help":
                wrong.append((page, option, words))
            elif not equals and option != "--help" and not options[option].is_flag:
                next(waiting, None)
        taken = [entry for entry in commands[name].params if entry.param_type_name == "argument"]
        if arguments > len(taken) and all(entry.nargs == 1 for entry in taken):
            wrong.append((page, "too many arguments", words))
        for setting in settings:
            key = setting.partition("=")[0]
            if "." in key and not any(key == name or key.startswith(f"{name}.") for name in known):
                wrong.append((page, key, words))
    assert not wrong, "\n".join(map(str, wrong))
    assert seen > 40


def test_settings_in_the_text_exist() -> None:
    known = settings_known() | {"serve.key"}
    shown = re.compile(r"(?<![\w./])(?:--)?((?:data|model|train|infer|export|serve)\.[a-z_]+)(?:\.[a-z_]+)*=")
    wrong = {
        (page, key) for page in PAGES for key in shown.findall((ROOT / page).read_text("utf-8")) if key not in known
    }
    assert not wrong, wrong


@pytest.mark.parametrize("name", RUNNING)
def test_python_blocks_print_what_their_comments_say(name: str) -> None:
    names: dict[str, Any] = {}
    blocks = [
        body for language, body in BLOCK.findall((DOCS / f"{name}.md").read_text("utf-8")) if language == "python"
    ]
    assert blocks
    for body in blocks:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(body, f"{name}.md", "exec"), names)
        assert printed.getvalue().splitlines() == re.findall(r"^(?:print\(.*\)  )?# (.+)$", body, re.MULTILINE)


def test_printed_figures_belong_to_the_shipped_model() -> None:
    printed = hook("printed")
    found = [match for page in PAGES for match in printed.BLOCK.finditer((ROOT / page).read_text(encoding="utf-8"))]
    assert len(found) >= 5
    models = {match["model"] for match in found}
    assert models == {printed.shipped_model()}, "figures of an earlier model: run python docs/hooks/printed.py"
    assert all(match["body"].count("|") > 20 for match in found)


@pytest.fixture
def reader(browser: Browser, address: str) -> Iterator[Callable[..., PlaywrightPage]]:
    """Opens pages of a given width; at the end there must have been no fault and no request to another host."""
    faults: list[str] = []
    contexts = []

    def opened(path: str, *, width: int) -> PlaywrightPage:
        contexts.append(browser.new_context(viewport={"width": width, "height": 800}))
        page = contexts[-1].new_page()
        page.on("console", lambda message: faults.append(message.text) if message.type != "log" else None)
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("request", lambda request: None if request.url.startswith(address) else faults.append(request.url))
        page.on("response", lambda reply: None if reply.status < 400 else faults.append(reply.url))
        page.goto(address + path, wait_until="networkidle")
        return page

    yield opened
    for context in contexts:
        context.close()
    assert faults == []


def test_pages_fit_a_phone_in_both_languages(reader: Callable[..., PlaywrightPage], address: str) -> None:
    page = reader("", width=390)
    for path, language, heading in (
        ("", "en", "Where to go"),
        ("ru/", "ru", "С чего начать"),
        ("tuning/", "en", "Worked example"),
        ("ru/tuning/", "ru", "Пример"),
    ):
        page.goto(address + path)
        assert page.locator("html").get_attribute("lang") == language
        expect(page.get_by_role("heading", name=heading)).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
    page.wait_for_load_state("networkidle")


def test_the_search_reads_russian_and_the_language_changes_on_the_same_page(
    reader: Callable[..., PlaywrightPage], address: str
) -> None:
    page = reader("ru/tuning/", width=1200)
    box = page.locator(".md-search__input")
    box.click()
    box.fill("порог")
    box.dispatch_event("keyup")  # filling a box presses no key
    found = page.locator(".md-search-result__item a[href*='ru/tuning/']").first
    expect(found).to_be_visible(timeout=15_000)
    page.goto(f"{address}ru/tuning/")
    page.locator("header .md-select button").hover()
    page.locator("header .md-select__link", has_text="English").click()
    expect(page).to_have_url(f"{address}tuning/")
