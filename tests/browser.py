"""A real browser for tests of pages: the system's Chromium, driven by playwright. Import the fixture where it is needed."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

#: Another binary than the one on PATH.
VARIABLE = "TURN_DETECTION_CHROMIUM"
_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-dev-shm-usage",
]


def chromium() -> str:
    """Path of the browser; a test that needs one never skips."""
    found = os.environ.get(VARIABLE) or next(filter(None, map(shutil.which, _NAMES)), None)
    if found is None:
        pytest.fail(f"no Chromium on PATH: install it (apt-get install chromium) or name it in {VARIABLE}")
    return found


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser for a module; a context of its own belongs to each test.

    Not for the whole session: while playwright runs, no other test of the thread can start an event loop.
    """
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=chromium(), args=_ARGUMENTS)
        yield launched
        launched.close()
