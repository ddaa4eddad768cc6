"""Readers of the live page: a real browser in front of the real server with the shipped model. Import the fixtures where they are needed."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest

pytest.importorskip("fastapi", reason="needs the extra serve")

from playwright.sync_api import Browser, BrowserContext, Page, expect

from ..browser import browser
from .test_run import Server, served

__all__ = ["browser", "reader", "server"]

TABS = ("try", "speak", "replay", "tune")
#: Nothing here is about speed, and the machine may be busy.
TIMEOUT_MS = 30_000
PATIENT = "serve.deadline_ms=30000"


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with served(PATIENT) as running:
        yield running


class Reader:
    """A page and what went wrong on it."""

    def __init__(self, context: BrowserContext) -> None:
        self.page = context.new_page()
        self.page.set_default_timeout(TIMEOUT_MS)
        self.errors: list[str] = []
        self.page.on("console", lambda entry: self.errors.append(entry.text) if entry.type == "error" else None)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))

    def visit(self, port: int, path: str = "/") -> Page:
        self.page.goto(f"http://127.0.0.1:{port}{path}")
        return self.page


@pytest.fixture
def reader(browser: Browser) -> Iterator[Callable[..., Reader]]:
    """Makes readers; by default a Russian one with a large light screen. No error may reach the console unless the test takes it away."""
    readers: list[Reader] = []
    with contextlib.ExitStack() as stack:

        def make(script: str = "", **options: Any) -> Reader:
            settings = {"locale": "ru-RU", "viewport": {"width": 1200, "height": 850}, "color_scheme": "light"}
            context = stack.enter_context(contextlib.closing(browser.new_context(**(settings | options))))
            if script:
                context.add_init_script(script)
            readers.append(Reader(context))
            return readers[-1]

        yield make
        for made in readers:
            assert made.errors == []


def verdict(page: Page, panel: str = "try") -> Any:
    return page.locator(f"#panel-{panel} .verdict")


def wait_for_mode(page: Page, mode: str, panel: str = "try") -> None:
    expect(verdict(page, panel)).to_have_attribute("data-mode", mode, timeout=TIMEOUT_MS)


def probability(page: Page, panel: str = "try") -> float:
    # Looked for and read in one go: the next question empties it again.
    shown = "panel => document.querySelector(`#panel-${panel} .verdict`)?.dataset.p || null"
    return float(page.wait_for_function(shown, arg=panel, timeout=TIMEOUT_MS).json_value())


def badge(page: Page, text: str, panel: str = "try") -> None:
    expect(verdict(page, panel).locator(".badge")).to_have_text(text, timeout=TIMEOUT_MS)


def judged_words(page: Page, n_words: int) -> list[str]:
    """What stands under each word, once all are judged."""
    shown = page.locator("#panel-try .trail-p")
    expect(shown).to_have_count(n_words, timeout=TIMEOUT_MS)
    expect(shown.filter(has_text="…")).to_have_count(0, timeout=TIMEOUT_MS)
    return shown.all_inner_texts()
