"""The tab "Speak" of the live page; the browser's speech recogniser is scripted, see ``RECOGNISER``."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from .page_reader import TIMEOUT_MS, Reader, Server, badge, browser, reader, server, verdict, wait_for_mode

#: Fixtures that this module shares with its neighbours.
__all__ = ["browser", "reader", "server"]

pytestmark = pytest.mark.slow

#: A scripted stand-in for the browser's speech recogniser: a test says what it prints.
RECOGNISER = """
class ScriptedRecogniser {
  constructor() { window.scripted = this; this.running = false; this.results = []; }
  start() { if (this.running) throw new Error('already started'); this.running = true; }
  stop() { this.running = false; this.onend?.(); }
  fail(error) { this.onerror?.({ error }); this.stop(); }
  print(transcript, isFinal = false) {
    if (this.results.length && !this.results.at(-1).isFinal) this.results.pop();
    this.results.push(Object.assign([{ transcript }], { isFinal }));
    this.onresult({ resultIndex: this.results.length - 1, results: this.results });
  }
}
window.SpeechRecognition = window.webkitSpeechRecognition = ScriptedRecogniser;
"""


def test_a_microphone_feeds_the_stream(reader: Callable[..., Reader], server: Server) -> None:
    page = reader(RECOGNISER).visit(server.port, "/#speak")
    page.get_by_role("button", name="Включить микрофон").click()
    expect(page.get_by_role("button", name="Выключить микрофон")).to_be_visible()
    page.wait_for_function("() => window.scripted?.running")
    assert page.evaluate("[scripted.lang, scripted.interimResults, scripted.continuous]") == ["ru-RU", True, True]
    expect(verdict(page, "speak")).to_have_attribute("data-mode", "idle")
    page.evaluate("scripted.print('мне нужен билет на')")
    badge(page, "ждать", "speak")
    expect(page.locator("#panel-speak .live")).to_have_text("мне нужен билет на")
    page.evaluate("scripted.print('мне нужен билет на завтра')")
    badge(page, "говорить", "speak")
    wait_for_mode(page, "bot", "speak")
    turns = page.locator("#panel-speak .turns")
    expect(turns).to_contain_text("мне нужен билет на завтра")
    # The recogniser's final of the same words comes late and opens no turn; other words do.
    page.evaluate("scripted.print('Мне нужен билет на завтра', true)")
    page.wait_for_timeout(500)
    wait_for_mode(page, "bot", "speak")
    expect(page.locator("#panel-speak .live")).to_have_text("Пока тихо.")
    page.wait_for_timeout(3000)
    page.evaluate("scripted.print('и ещё один на')")
    badge(page, "ждать", "speak")
    page.evaluate("scripted.print('и ещё один на пятницу', true)")
    expect(turns.locator("li")).to_have_count(2, timeout=TIMEOUT_MS)
    page.get_by_role("button", name="Выключить микрофон").click()
    assert page.evaluate("scripted.running") is False


@pytest.mark.parametrize(
    ("error", "text"),
    [("not-allowed", "Доступ к микрофону запрещён"), ("network", "нужна сеть"), ("strange", "остановился (strange)")],
)
def test_a_recogniser_that_fails_says_why(reader: Callable[..., Reader], server: Server, error: str, text: str) -> None:
    page = reader(RECOGNISER).visit(server.port, "/#speak")
    page.get_by_role("button", name="Включить микрофон").click()
    page.wait_for_function("() => window.scripted?.running")
    page.evaluate("error => scripted.fail(error)", error)
    expect(page.locator("#speak-why")).to_contain_text(text)
    expect(page.get_by_role("button", name="Включить микрофон")).to_be_visible()


def test_a_recogniser_that_stops_in_a_silence_is_started_again(reader: Callable[..., Reader], server: Server) -> None:
    page = reader(RECOGNISER).visit(server.port, "/#speak")
    page.get_by_role("button", name="Включить микрофон").click()
    page.wait_for_function("() => window.scripted?.running")
    page.evaluate("scripted.fail('no-speech')")
    page.wait_for_function("() => scripted.running")
    page.locator("#tab-try").click()
    page.wait_for_function("() => !scripted.running")  # nobody listens behind another tab


def test_without_a_recogniser_the_button_says_so(reader: Callable[..., Reader], server: Server) -> None:
    none = "delete window.SpeechRecognition; delete window.webkitSpeechRecognition;"
    page = reader(none).visit(server.port, "/#speak")
    expect(page.get_by_role("button", name="Включить микрофон")).to_be_disabled()
    expect(page.locator("#speak-why")).to_contain_text("нет распознавания речи")
    expect(page.locator("#panel-speak")).to_contain_text("может передавать звук своему поставщику")
