"""The live page in a real browser: languages, themes, phones, the keyboard, accessibility, weight."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from turn_detection import EndpointingPolicy

from .page_reader import TABS, Reader, Server, badge, browser, probability, reader, server, wait_for_mode

#: Fixtures that this module shares with its neighbours.
__all__ = ["browser", "reader", "server"]

pytestmark = pytest.mark.slow


def test_the_language_changes_everywhere_and_is_remembered(reader: Callable[..., Reader], server: Server) -> None:
    page = reader().visit(server.port)
    expect(page.get_by_role("tab", selected=True)).to_have_text("Попробовать")
    page.get_by_role("button", name="EN").click()
    expect(page.get_by_role("tab", selected=True)).to_have_text("Try")
    expect(page.get_by_label("The caller’s words")).to_be_visible()
    assert page.title().startswith("Whose turn")
    assert page.locator("html").get_attribute("lang") == "en"
    badge(page, "wait")
    for tab in TABS:
        page.locator(f"#tab-{tab}").click()
        expect(page.locator(f"#panel-{tab} > div > *").first).to_be_visible()
    page.reload()
    assert page.locator("html").get_attribute("lang") == "en"
    page.get_by_role("button", name="RU").click()
    expect(page.locator("#tab-try")).to_have_text("Попробовать")


def test_a_reader_of_another_language_begins_with_english(reader: Callable[..., Reader], server: Server) -> None:
    page = reader(locale="de-DE").visit(server.port)
    expect(page.get_by_role("tab", selected=True)).to_have_text("Try")


def test_dark_follows_the_system_until_it_is_chosen(reader: Callable[..., Reader], server: Server) -> None:
    page = reader(color_scheme="dark").visit(server.port)
    background = "getComputedStyle(document.body).backgroundColor"
    dark = page.evaluate(background)
    assert page.locator("html").get_attribute("data-theme") == "dark"
    page.emulate_media(color_scheme="light")
    expect(page.locator("html")).to_have_attribute("data-theme", "light")
    assert page.evaluate(background) != dark
    page.emulate_media(color_scheme="dark")
    page.get_by_role("button", name="Тёмная тема").click()
    page.reload()
    assert page.locator("html").get_attribute("data-theme") == "light"


@pytest.mark.parametrize("locale", ["ru-RU", "en-US"])
def test_a_phone_never_scrolls_sideways(reader: Callable[..., Reader], server: Server, locale: str) -> None:
    page = reader(locale=locale, viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True).visit(
        server.port
    )
    for tab in TABS:
        page.locator(f"#tab-{tab}").click()
        expect(page.locator(f"#panel-{tab} > div > *").first).to_be_visible()
        width, shown = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
        assert (tab, width) == (tab, min(width, shown))
    page.locator("#tab-try").click()
    page.locator("[data-preset=story]").click()
    page.locator("#panel-try .button", has_text=re.compile("Вставить|Put in")).click()
    wait_for_mode(page, "bot")
    width, shown = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert width <= shown
    page.get_by_role("textbox").last.scroll_into_view_if_needed()
    box = page.locator(".ring-box").first.bounding_box()
    assert box is not None
    assert box["y"] >= 0  # in sight above the keyboard


def test_everything_works_from_the_keyboard(reader: Callable[..., Reader], server: Server) -> None:
    page = reader().visit(server.port)
    probability(page)
    focused = "document.activeElement.id || document.activeElement.dataset.preset || document.activeElement.className"
    page.keyboard.press("Tab")
    assert page.evaluate(focused) == "skip"
    order = []
    while not order or order[-1] != "tab-try":
        page.keyboard.press("Tab")
        order.append(page.evaluate(focused))
        assert len(order) < 10
    for key, tab in [("ArrowRight", "speak"), ("End", "tune"), ("ArrowRight", "try"), ("ArrowLeft", "tune"), ("Home", "try")]:  # fmt: skip
        page.keyboard.press(key)
        assert page.evaluate(focused) == f"tab-{tab}"
        expect(page.locator(f"#panel-{tab}")).to_be_visible()
        assert page.locator("[role=tabpanel]:visible").count() == 1
        assert page.url.endswith(f"#{tab}")
    while page.evaluate(focused) != "yes":
        page.keyboard.press("Tab")
    page.keyboard.press("Space")
    while page.evaluate(focused) != "try-words":
        page.keyboard.press("Tab")
    page.keyboard.type("да")
    badge(page, "говорить")
    page.keyboard.press("Enter")
    wait_for_mode(page, "bot")


def test_a_tab_has_an_address(reader: Callable[..., Reader], server: Server) -> None:
    page = reader().visit(server.port, "/#speak")
    expect(page.locator("#panel-speak")).to_be_visible()
    page.locator("#tab-try").click()
    page.go_back()
    expect(page.locator("#panel-speak")).to_be_visible()


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("tab", TABS)
def test_axe_finds_nothing_serious(reader: Callable[..., Reader], server: Server, tab: str, theme: str) -> None:
    page = reader(color_scheme=theme, bypass_csp=True).visit(server.port, f"/#{tab}")
    expect(page.locator(f"#panel-{tab} > div > *").first).to_be_visible()
    if tab == "try":
        page.get_by_role("button", name="Вставить сразу").click()
        wait_for_mode(page, "bot")
    violations = Axe().run(page).response["violations"]
    serious = [
        (entry["id"], [node["html"][:120] for node in entry["nodes"]])
        for entry in violations
        if entry["impact"] in ("serious", "critical")
    ]
    assert serious == []


def test_delays_drawn_on_the_page_are_those_of_the_package(reader: Callable[..., Reader], server: Server) -> None:
    page = reader().visit(server.port)
    probabilities = [0.0, 1e-9, 0.01, 0.06, 0.2, 0.5, 0.77, 0.94, 0.9999, 1.0]
    policies = [
        EndpointingPolicy(),
        EndpointingPolicy(min_delay_s=0.1, max_delay_s=1.7, threshold=0.35, gamma=0.2),
        EndpointingPolicy(threshold=0.0),
        EndpointingPolicy(threshold=1.0),
        EndpointingPolicy(mode="binary", min_delay_s=0.0, threshold=0.77),
    ]
    script = "async ([policies, ps]) => { const { delayS } = await import('./page/policy.js'); return policies.map(policy => ps.map(p => delayS(policy, p))); }"
    found = page.evaluate(script, [[policy.to_dict() for policy in policies], probabilities])
    for policy, delays in zip(policies, found, strict=True):
        assert delays == pytest.approx([policy.delay_s(p) for p in probabilities])


def test_weight_and_first_answer(reader: Callable[..., Reader], server: Server) -> None:
    """Measured and printed; the limit on time is wide, because other tests may run beside."""
    watch = """
      new MutationObserver(() => {
        if (!window.firstAnswerMs && document.querySelector('.verdict')?.dataset.p) window.firstAnswerMs = performance.now();
      }).observe(document, { subtree: true, childList: true, attributes: true });
    """
    page = reader(watch).visit(server.port)
    probability(page)
    for tab in TABS:
        page.locator(f"#tab-{tab}").click()
        expect(page.locator(f"#panel-{tab} > div > *").first).to_be_visible()
    weight = page.evaluate(
        "[...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')].filter(e => !/v1/.test(e.name))"
        ".reduce((sum, e) => sum + e.transferSize, 0)"
    )
    waits = []
    for _ in range(5):
        page.goto("about:blank")
        page.goto(f"http://127.0.0.1:{server.port}/")
        page.wait_for_function("() => window.firstAnswerMs")
        first, load = page.evaluate("[firstAnswerMs, performance.getEntriesByType('navigation')[0].loadEventEnd]")
        waits.append((first - load, first))
    after_load, after_start = (sorted(values)[2] for values in zip(*waits, strict=True))
    print(f"\nlive page: {weight} bytes on the wire; first answer {after_load:.0f} ms after load, {after_start:.0f} ms after the address was opened (median of 5)")  # fmt: skip
    assert 10_000 < weight < 200_000
    assert after_load < 2000
