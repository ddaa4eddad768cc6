"""The tab "Try" of the live page, used as a person would."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from .page_reader import (
    Reader,
    Server,
    badge,
    browser,
    judged_words,
    probability,
    reader,
    server,
    verdict,
    wait_for_mode,
)

#: Fixtures that this module shares with its neighbours.
__all__ = ["browser", "reader", "server"]

pytestmark = pytest.mark.slow


def left_s(page: Page) -> float:
    """Seconds that the ring shows."""
    return float(verdict(page).locator(".ring").get_attribute("data-left"))


def test_every_word_moves_the_probability(reader: Callable[..., Reader], server: Server) -> None:
    page = reader().visit(server.port)
    assert probability(page) < 0.5  # something to look at before the first key
    page.get_by_role("button", name="Очистить").click()
    wait_for_mode(page, "idle")
    page.get_by_label("Реплика бота").fill("Чем могу помочь?")
    box = page.get_by_label("Слова абонента")
    found = []
    for place, word in enumerate("мне нужен билет на завтра".split(), start=1):
        box.press_sequentially(f"{' ' if place > 1 else ''}{word}")
        judged_words(page, place)
        found.append(probability(page))
    assert len(set(found)) == 5
    assert found[3] < 0.2 < 0.8 < found[4]
    badge(page, "говорить")


def test_the_ring_runs_out_and_then_the_bot_speaks(reader: Callable[..., Reader], server: Server) -> None:
    page = reader().visit(server.port)
    probability(page)
    page.get_by_label("Слова абонента").fill("мне нужен билет на")
    badge(page, "ждать")
    page.get_by_label("Слова абонента").press("Enter")
    wait_for_mode(page, "silent")
    first = left_s(page)
    page.wait_for_function("first => document.querySelector('.ring').dataset.left < first - 0.5", arg=first)
    expect(verdict(page).get_by_role("status")).to_have_text("Тишина: бот ждёт")
    wait_for_mode(page, "bot")
    expect(verdict(page).locator(".ring-caption")).to_have_text("Бот говорит")
    expect(verdict(page).get_by_role("status")).to_contain_text("Бот вступил через")
    expect(verdict(page).locator(".bubble")).to_contain_text("Слушаю дальше")
    # The next words are another turn.
    page.get_by_label("Слова абонента").fill("да спасибо")
    badge(page, "говорить")
    wait_for_mode(page, "bot")


def test_typing_again_cancels_the_silence(reader: Callable[..., Reader], server: Server) -> None:
    page = reader().visit(server.port)
    probability(page)
    box = page.get_by_label("Слова абонента")
    box.fill("мне нужен билет на")
    badge(page, "ждать")
    box.press("Enter")
    wait_for_mode(page, "silent")
    box.press("End")
    box.press_sequentially(" з")
    assert verdict(page).get_attribute("data-mode") in ("speaking", "silent")
    expect(page.locator("#panel-try .trail-pause")).to_have_count(1)
    box.press_sequentially("автра")
    wait_for_mode(page, "bot")
    assert page.locator("#panel-try .message").is_hidden()
    assert probability(page) > 0.8


@pytest.mark.parametrize("preset", ["phone", "address", "hold", "yes", "story"])
def test_a_preset_put_in_at_once_is_heard_to_its_end(
    reader: Callable[..., Reader], server: Server, preset: str
) -> None:
    page = reader().visit(server.port)
    chip = page.locator(f"[data-preset={preset}]")
    chip.click()
    expect(chip).to_have_attribute("aria-pressed", "true")
    page.get_by_role("button", name="Вставить сразу").click()
    wait_for_mode(page, "bot")
    n_words = len(page.get_by_label("Слова абонента").input_value().split())
    assert n_words >= 1
    judged_words(page, n_words)


@pytest.mark.parametrize("preset", ["phone", "address"])
def test_a_preset_that_plays_is_not_cut_off_at_its_pauses(
    reader: Callable[..., Reader], server: Server, preset: str
) -> None:
    page = reader().visit(server.port)
    page.locator(f"[data-preset={preset}]").click()
    page.get_by_role("button", name="Проиграть по словам").click()
    expect(page.get_by_role("button", name="Остановить")).to_be_visible()
    wait_for_mode(page, "silent")
    wait_for_mode(page, "speaking")
    wait_for_mode(page, "bot")
    expect(page.get_by_role("button", name="Проиграть по словам")).to_be_visible()
    assert page.locator("#panel-try .message").is_hidden()
    assert page.locator("#panel-try .trail-pause").count() > 2
    expect(page.locator("#panel-try .trail-card")).to_contain_text("Бот с простым таймером тишины перебил бы")


def test_typing_into_an_example_that_plays_takes_over(reader: Callable[..., Reader], server: Server) -> None:
    page = reader().visit(server.port)
    page.locator("[data-preset=story]").click()
    page.get_by_role("button", name="Проиграть по словам").click()
    wait_for_mode(page, "speaking")
    page.get_by_label("Слова абонента").fill("да")
    expect(page.get_by_role("button", name="Проиграть по словам")).to_be_visible()
    wait_for_mode(page, "bot")
    assert page.get_by_label("Слова абонента").input_value() == "да"


def test_another_question_another_answer(reader: Callable[..., Reader], server: Server) -> None:
    page = reader().visit(server.port)
    probability(page)
    page.get_by_label("Слова абонента").fill("двадцать семь")
    page.get_by_label("Реплика бота").fill("Сколько вам полных лет?")
    badge(page, "говорить")
    page.get_by_label("Реплика бота").fill("Продиктуйте номер карты.")
    badge(page, "ждать")


def test_with_less_motion_wanted_the_ring_moves_in_steps(reader: Callable[..., Reader], server: Server) -> None:
    page = reader(reduced_motion="reduce").visit(server.port)
    probability(page)
    page.get_by_label("Слова абонента").fill("мне нужен билет на")
    badge(page, "ждать")
    page.get_by_label("Слова абонента").press("Enter")
    wait_for_mode(page, "silent")
    shown = {left_s(page) for _ in range(20)}
    assert all(abs(seconds * 4 - round(seconds * 4)) < 1e-6 for seconds in shown)
