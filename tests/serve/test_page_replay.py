"""The tabs "Replay" and "Tune" of the live page, used as a person would: the shipped model, a real server, a real browser."""

from __future__ import annotations

import ast
import dataclasses
import itertools
import json
import re
import shlex
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, ConsoleMessage, Download, Page, expect

import turn_detection
from turn_detection import EndpointingPolicy
from turn_detection.data.sources import dialogue_from_record
from turn_detection.errors import InvalidInputError
from turn_detection.evaluation.pause_lengths import PauseLengths
from turn_detection.overrides import split_settings
from turn_detection.policy_file import load_policy
from turn_detection.serve.scoring import EmbeddedEngine
from turn_detection.serve.settings import ServeConfig, load_settings
from turn_detection.types import ROLE_ALIASES

from ..browser import browser  # noqa: F401
from .conftest import running

pytestmark = pytest.mark.slow

TIMED = {
    "messages": [
        {"role": "agent", "words": [{"text": "Слушаю", "start": 0.2, "end": 0.7}]},
        {
            "role": "client",
            "words": [
                {"text": "мне", "start": 1.0, "end": 1.2},
                {"text": "на", "start": 1.25, "end": 1.4},
                {"text": "среду", "start": 2.3, "end": 2.7},
            ],
        },
    ]
}
CHAT = {
    "messages": [
        {"role": "system", "content": "Ты бот."},
        {"role": "assistant", "content": "На какой день?"},
        {"role": "user", "content": "ну, давайте"},
        {"role": "user", "content": "на среду, а нет, на четверг."},
        {"role": "assistant", "content": None},
    ]
}
LABELLED = "бот: На какой день?\nклиент: ну, давайте на среду,\nа нет, на четверг.\nоператор: Хорошо."
FORMATS = {
    "labelled": (LABELLED, 1),
    "labelled with stamps": ("[00:01] Агент: Алло?\n[00:03] Абонент: да, я слушаю", 1),
    "chat": (json.dumps(CHAT, ensure_ascii=False, indent=1), 1),
    "list of messages": (json.dumps(CHAT["messages"], ensure_ascii=False), 1),
    "list of chats": (json.dumps([CHAT, CHAT], ensure_ascii=False), 2),
    "jsonl": ("\n".join([json.dumps(CHAT), "", json.dumps({"turns": ["— Алло?", "— Да"]})]), 2),
    "conversation": (json.dumps({"conversation": "— Алло?\n— Да, слушаю."}), 1),
    "dashes": ("— Алло?\n— Да, слушаю.", 1),
    "words": (json.dumps(TIMED), 1),
}
FAULTS = {
    "nothing": ("  \n", "здесь пусто"),
    "no JSON": ('{"messages": [\n {"role": "agent" "content": "а"}\n]}', "Строка 2: это не JSON"),
    "JSON that ends": ('{"messages": [\n {"role": "agent", "content": "а"},', "Строка 2: это не JSON"),
    "broken line of JSONL": (json.dumps(CHAT) + "\n{oops", "Строка 2: это не JSON"),
    "another object": ('{"speech": []}', "«messages», «turns» или «conversation»"),
    "role": ('[{"role": "martian", "content": "да"}]', "Реплика 1: у реплики нужна «role»"),
    "role in the second dialogue": (json.dumps([CHAT, {"messages": [{"content": "а"}]}]), "Разговор 2, реплика 1"),
    "content": ('[{"role": "user", "content": 5}]', "«content» должен быть строкой"),
    "words": ('[{"role": "user", "words": [{"text": "да"}]}]', "Реплика 1: «words»"),
    "times": ('[{"role": "user", "words": [{"text": "да", "start": 2, "end": 1}]}]', "время идёт назад"),
    "label": ("бот: Алло?\nклиент: да\nВаня: нет", "Строка 3: нет подписи"),
    "no label at all": ("просто текст", "Строка 1: нет подписи"),
    "no caller": ("бот: Алло?", "нет ни одной реплики абонента"),
    "too much": ("клиент: " + "да " * 7000, "больше 6000 слов"),
}


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    config = ServeConfig(deadline_ms=60_000)
    with running(config, EmbeddedEngine.load(config)) as port:
        yield f"http://127.0.0.1:{port}/"


@pytest.fixture
def faults_allowed() -> list[str]:
    """Beginnings of console messages that a test provokes."""
    return []


@pytest.fixture
def page(browser: Browser, address: str, faults_allowed: list[str]) -> Iterator[Page]:  # noqa: F811
    """A page of its own; nothing may complain on the console."""
    context = browser.new_context(base_url=address, locale="ru-RU", viewport={"width": 1200, "height": 900})
    context.set_default_timeout(60_000)
    complaints: list[str] = []

    def heard(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            complaints.append(message.text)

    page = context.new_page()
    page.on("console", heard)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    context.close()
    assert [text for text in complaints if not text.startswith(tuple(faults_allowed) or "\0")] == []


def replay(page: Page) -> Page:
    page.goto("/#replay")
    expect(page.locator("#panel-replay .replay-totals tbody tr")).to_have_count(4, timeout=60_000)
    return page


def tune(page: Page) -> Page:
    page.goto("/#tune")
    expect(page.locator("#panel-tune .tune-facts li").first).to_be_visible(timeout=60_000)
    return page


def load(page: Page, text: str) -> None:
    page.get_by_label("Свой разговор").fill(text)
    page.get_by_role("button", name="Разобрать").click()


def loaded(page: Page, text: str, n: int = 1) -> None:
    load(page, text)
    expect(page.get_by_text(f"Загружено разговоров: {n}.")).to_be_visible()


def saved(page: Page, button: str, folder: Path) -> Path:
    with page.expect_download() as waiting:
        page.get_by_role("button", name=button).click()
    download: Download = waiting.value
    path = folder / download.suggested_filename
    download.save_as(path)
    return path


def module(page: Page, name: str, expression: str, argument: object = None) -> Any:
    """Evaluate ``expression`` of the parts ``m`` of a module of the page and of ``x``."""
    if page.url == "about:blank":
        page.goto("/")
    return page.evaluate(f"async (x) => {{ const m = await import('/page/{name}'); return {expression}; }}", argument)


# --- the demos


def test_a_demo_is_there_at_once_and_says_that_it_is_invented(page: Page) -> None:
    replay(page)
    choice = page.get_by_label("Разговор", exact=True)
    assert choice.locator("option").count() >= 3
    expect(page.locator(".replay-facts")).to_contain_text("придуманы нами")
    titles = [choice.locator("option").nth(index).inner_text() for index in range(choice.locator("option").count())]
    for title in titles:
        choice.select_option(label=title)
        expect(page.locator("#panel-replay .tl-scroll .tl-text").first).to_be_attached()
        expect(choice.locator("option:checked")).to_have_text(title)


# --- reading


def test_every_format_is_read(page: Page) -> None:
    replay(page)
    for name, (text, n) in FORMATS.items():
        loaded(page, text, n)
        expect(page.locator("#replay-fault"), name).to_be_hidden()
        expect(page.locator("optgroup[label='Ваши разговоры'] option"), name).to_have_count(n)
        facts = page.locator(".replay-facts")
        expect(facts, name).to_contain_text("из ваших данных" if name == "words" else "оно придумано")
        if name in ("conversation", "dashes"):
            expect(facts, name).to_contain_text("первым считается бот")


def test_measured_words_are_drawn_and_counted_as_they_are(page: Page, tmp_path: Path) -> None:
    loaded(replay(page), json.dumps(TIMED))
    content = json.loads(saved(page, "Сохранить JSON", tmp_path).read_text(encoding="utf-8"))
    assert content["messages"] == TIMED["messages"]
    assert [(moment["text"], moment["start_s"], moment["pause_s"]) for moment in content["moments"]] == [
        ("мне на", 1.4, 0.9),
        ("мне на среду", 2.7, None),
    ]


def test_a_file_is_read_and_what_was_in_the_box_can_be_brought_back(page: Page, tmp_path: Path) -> None:
    replay(page)
    page.get_by_label("Свой разговор").fill("мой черновик")
    (tmp_path / "chats.jsonl").write_text(FORMATS["jsonl"][0], encoding="utf-8-sig")
    page.set_input_files("#replay-file", tmp_path / "chats.jsonl")
    expect(page.get_by_text("Загружено разговоров: 2.")).to_be_visible()
    page.get_by_role("button", name="Вернуть прежний текст").click()
    expect(page.get_by_label("Свой разговор")).to_have_value("мой черновик")


def test_a_file_can_be_dropped(page: Page) -> None:
    replay(page)
    files = page.evaluate_handle(
        "(text) => { const data = new DataTransfer(); data.items.add(new File([text], 'чат.txt')); return data; }",
        LABELLED,
    )
    page.dispatch_event(".replay-drop", "drop", {"dataTransfer": files})
    expect(page.get_by_text("Загружено разговоров: 1.")).to_be_visible()


def test_a_file_in_another_encoding_is_refused_with_a_remedy(page: Page, tmp_path: Path) -> None:
    replay(page)
    (tmp_path / "old.txt").write_bytes(LABELLED.encode("cp1251"))
    page.set_input_files("#replay-file", tmp_path / "old.txt")
    expect(page.locator("#replay-fault")).to_contain_text("UTF-8")


def test_a_fault_is_named_with_its_place_and_nothing_is_lost(page: Page) -> None:
    loaded(replay(page), LABELLED)
    alert, box = page.locator("#replay-fault"), page.get_by_label("Свой разговор")
    for name, (text, words) in FAULTS.items():
        load(page, text)
        expect(alert, name).to_be_visible()
        assert words.lower() in alert.inner_text().lower(), name
        expect(box, name).to_have_value(text)
        expect(box, name).to_have_attribute("aria-invalid", "true")
        expect(page.locator("optgroup[label='Ваши разговоры'] option"), name).to_have_count(1)
        box.fill(LABELLED)
        expect(alert, name).to_be_hidden()


def test_a_server_that_fails_leaves_the_text_in_the_box(page: Page, faults_allowed: list[str]) -> None:
    faults_allowed.append("Failed to load resource")
    replay(page)
    page.route("**/v1/predict/batch", lambda route: route.fulfill(status=500, json={"detail": "the engine failed"}))
    load(page, LABELLED)
    expect(page.locator("#replay-fault")).to_contain_text("the engine failed")
    expect(page.get_by_label("Свой разговор")).to_have_value(LABELLED)


def test_samples_of_all_formats_can_be_read(page: Page) -> None:
    replay(page)
    page.get_by_text("Какие форматы понимает").click()
    for sample in page.locator("[data-sample]").all():
        sample.click()
        page.get_by_role("button", name="Разобрать").click()
        expect(page.get_by_text(re.compile("Загружено разговоров"))).to_be_visible()
        expect(page.locator("#replay-fault")).to_be_hidden()


def test_chats_are_read_as_training_reads_them(page: Page) -> None:
    records = [
        CHAT,
        {"messages": [{"role": role, "content": f"слово {role}"} for role in ROLE_ALIASES]},
        {"messages": [{"role": " User ", "content": " да \n"}, {"role": "tool", "content": "5"}, {"role": "user"}]},
        {"turns": [{"speaker": "agent", "text": "алло"}, {"speaker": "client", "transcript": "да"}]},
    ]
    for record in records:
        (found,) = module(page, "dialogue.js", "m.parseDialogues(x).dialogues", json.dumps(record))
        expected = dialogue_from_record(record, dialogue_id="x", source="x").turns
        assert [(turn["role"], turn["text"]) for turn in found["turns"]] == [
            (turn.role, turn.text) for turn in expected
        ]


# --- playing


def test_it_plays_at_ten_times_to_the_end(page: Page) -> None:
    loaded(replay(page), json.dumps(TIMED))
    whole = page.locator("#panel-replay .replay-totals").inner_text()
    page.get_by_role("button", name="10×").click()
    page.get_by_role("button", name="Проиграть", exact=True).click()
    expect(page.locator("#panel-replay [role=status]", has_text="до конца")).to_be_attached()
    expect(page.get_by_role("button", name="Проиграть", exact=True)).to_be_visible()
    assert page.locator("#panel-replay .replay-totals").inner_text() == whole


def test_real_speed_is_real(page: Page) -> None:
    loaded(replay(page), json.dumps(TIMED))
    page.get_by_role("button", name="Проиграть", exact=True).click()
    place = page.get_by_label("Место в разговоре")
    page.wait_for_function("node => Number(node.value) > 0.3", arg=place.element_handle())
    first, at = float(place.input_value()), page.evaluate("performance.now()")
    page.wait_for_function("([node, from]) => Number(node.value) > from + 0.8", arg=[place.element_handle(), first])
    passed = (page.evaluate("performance.now()") - at) / 1000
    assert passed > 0.6  # a busy machine may be slower, never faster


def test_steps_show_what_is_known_at_each_moment(page: Page) -> None:
    loaded(replay(page), json.dumps(TIMED))
    live = page.locator(".replay-live")
    page.get_by_role("button", name="В начало").click()
    expect(live).to_contain_text("тишина")
    seen = []
    for _ in range(12):
        page.get_by_role("button", name="Шаг").click()
        if live.is_hidden():
            break
        seen.append(live.inner_text())
    assert any("мне на" in text and "среду" not in text and "ждёт" in text for text in seen)
    assert any("вступил" in text for text in seen)
    expect(live).to_be_hidden()  # past the last moment everything is shown


def test_totals_until_now_hold_only_what_was_heard(page: Page) -> None:
    loaded(replay(page), json.dumps(TIMED))
    page.get_by_label("Место в разговоре").fill("2.25")
    first = page.locator("#panel-replay .replay-totals tbody tr").first
    expect(first).to_contain_text("0 из 0")
    page.get_by_label("Место в разговоре").fill("2.35")
    expect(first).to_contain_text("из 1")
    page.get_by_role("button", name="Показать всё").click()
    expect(page.locator("#panel-replay")).to_contain_text("За весь разговор.")


def test_another_dialogue_is_shown_from_its_beginning(page: Page) -> None:
    replay(page)
    page.get_by_label("Место в разговоре").fill("30")
    drawing = page.locator("#panel-replay .tl-scroll")
    assert drawing.evaluate("(box) => box.scrollLeft") > 0
    page.get_by_label("Разговор", exact=True).select_option(index=1)
    assert drawing.evaluate("(box) => box.scrollLeft") == 0


def test_it_plays_for_somebody_who_wants_less_motion(page: Page) -> None:
    page.emulate_media(reduced_motion="reduce")
    loaded(replay(page), json.dumps(TIMED))
    page.get_by_role("button", name="10×").click()
    page.get_by_role("button", name="Проиграть", exact=True).click()
    expect(page.locator("#panel-replay [role=status]", has_text="до конца")).to_be_attached()


def test_the_keyboard_is_enough(page: Page) -> None:
    loaded(replay(page), json.dumps(TIMED))
    page.get_by_role("button", name="Шаг").focus()
    page.keyboard.press("Enter")
    expect(page.locator(".replay-live")).to_be_visible()
    place = page.get_by_label("Место в разговоре")
    before = float(place.input_value())
    place.focus()
    page.keyboard.press("ArrowRight")
    assert float(place.input_value()) > before
    box = page.locator("#panel-replay .tl-scroll")
    box.focus()
    expect(box).to_be_focused()
    expect(box).to_have_attribute("aria-label", re.compile("прокручивается"))


def test_the_table_says_in_words_what_the_drawing_shows(page: Page) -> None:
    loaded(replay(page), json.dumps(TIMED))
    page.get_by_text("Таблица пауз", exact=True).first.click()
    rows = page.locator("#panel-replay details table tbody tr")
    expect(rows).to_have_count(2)
    pause, end = (rows.nth(index).locator("td").all_inner_texts() for index in range(2))
    assert (pause[1], pause[2]) == ("мне на", "0,90\u00a0с")
    assert pause[6:] == ["перебил", "перебил", "дождался"]  # 0.9 s outlasts timers of 0.5 and 0.7 s
    assert end[2] == "конец"
    assert end[5:] == ["ответил"] * 4


# --- files


def test_the_saved_figures_are_those_of_the_policy(page: Page, tmp_path: Path) -> None:
    replay(page)
    content = json.loads(saved(page, "Сохранить JSON", tmp_path).read_text(encoding="utf-8"))
    policy = EndpointingPolicy.from_dict(content["policy"])
    cut = waited = ends = pauses = 0.0
    for moment in content["moments"]:
        outcome = moment["outcomes"]["detector"]
        delay_s = policy.delay_s(moment["eot_probability"])
        assert outcome["delay_s"] == pytest.approx(delay_s, abs=6e-4)
        if moment["pause_s"] is None:
            ends, waited = ends + 1, waited + delay_s
            assert not outcome["cut_off"]
            assert outcome["spoke_at_s"] == pytest.approx(moment["start_s"] + delay_s, abs=2e-3)
        else:
            pauses += 1
            cut += moment["pause_s"] > delay_s
            assert outcome["cut_off"] == (moment["pause_s"] > delay_s)
    totals = content["totals"]["detector"]
    assert (totals["pauses"], totals["cut_offs"], totals["ends"]) == (pauses, cut, ends)
    assert totals["mean_delay_s"] == pytest.approx(waited / ends, abs=6e-4)
    timer = content["totals"]["timer_0.5"]
    assert timer["cut_offs"] == sum((moment["pause_s"] or 0) > 0.5 for moment in content["moments"])


def test_what_was_saved_can_be_loaded_again(page: Page, tmp_path: Path) -> None:
    loaded(replay(page), LABELLED)
    first = saved(page, "Сохранить JSON", tmp_path).read_text(encoding="utf-8")
    loaded(page, first)
    expect(page.locator(".replay-facts")).to_contain_text("из ваших данных")
    again = json.loads(saved(page, "Сохранить JSON", tmp_path).read_text(encoding="utf-8"))
    assert json.loads(first)["times_made_up"] == "all"
    assert again["times_made_up"] == "none"
    assert again["messages"] == json.loads(first)["messages"]


def test_the_picture_is_a_picture(page: Page, tmp_path: Path) -> None:
    replay(page)
    content = saved(page, "Сохранить PNG", tmp_path).read_bytes()
    assert content.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", content[16:24])
    assert width > 1500
    assert height > 500
    pixels = zlib.decompress(b"".join(_chunks(content, b"IDAT")))
    assert len(set(pixels[:: max(1, len(pixels) // 200_000)])) > 20  # words, bars and curves, not one colour


def _chunks(png: bytes, kind: bytes) -> Iterator[bytes]:
    place = 8
    while place < len(png):
        (length,) = struct.unpack(">I", png[place : place + 4])
        if png[place + 4 : place + 8] == kind:
            yield png[place + 8 : place + 8 + length]
        place += 12 + length


# --- tuning


def test_sliders_change_the_totals_of_both_tabs(page: Page) -> None:
    replay(page)
    before = page.locator("#panel-replay .replay-totals tbody tr").first.inner_text()
    page.get_by_role("tab", name="Настроить").click()
    facts = page.locator(".tune-facts li").first
    expect(facts).to_be_visible()
    at_first = facts.inner_text()
    page.get_by_label("Порог", exact=True).fill("0.01")
    page.get_by_label("Длинная пауза").fill("0.5")
    expect(facts).not_to_have_text(at_first)
    expect(page.locator("#panel-tune .replay-totals tbody tr").first).not_to_contain_text("0 из")
    page.get_by_role("tab", name="Проиграть диалог").click()
    after = page.locator("#panel-replay .replay-totals tbody tr").first
    expect(after).not_to_have_text(before)
    expect(page.locator(".replay-settings")).to_contain_text("порог 0,01")
    page.get_by_role("tab", name="Настроить").click()
    page.get_by_role("button", name="Вернуть настройки сервера").click()
    expect(facts).to_have_text(at_first)


def test_delays_push_each_other_along_and_values_are_spoken(page: Page) -> None:
    tune(page)
    page.get_by_label("Короткая пауза").fill("1.2")
    page.get_by_label("Длинная пауза").fill("0.8")
    low, high = page.get_by_label("Короткая пауза"), page.get_by_label("Длинная пауза")
    assert (low.input_value(), high.input_value()) == ("0.8", "0.8")
    expect(low).to_have_attribute("aria-valuetext", "0,80\u00a0с")
    low.focus()
    page.keyboard.press("ArrowLeft")
    expect(low).to_have_attribute("aria-valuetext", "0,75\u00a0с")


def test_without_a_measured_curve_the_page_says_so_and_with_one_it_shows_the_point(page: Page) -> None:
    tune(page)
    assert "continuous, fitted" in page.evaluate("fetch('v1/settings').then((r) => r.json())")["curve"]["lines"]

    def without_curve(route: Any) -> None:
        route.fulfill(json=route.fetch().json() | {"curve": None})

    page.route("**/v1/settings", without_curve)
    page.reload()
    expect(page.locator(".tune-facts")).to_contain_text("нет измеренной кривой", timeout=60_000)
    page.unroute("**/v1/settings")
    rows = {
        "silence timer": [[0.2, 0.9, 0.8], [3.0, 0.05, 0.1]],
        "continuous, fitted": [[0.2, 0.37, 0.3], [3.0, 0.01, 0.1]],
    }
    lines = {name: {"line": line} for name, line in rows.items()}

    def with_curve(route: Any) -> None:
        settings = route.fetch().json()
        route.fulfill(json=settings | {"curve": {"lines": lines}})

    page.route("**/v1/settings", with_curve)
    page.reload()
    expect(page.locator(".tune-facts")).to_contain_text(
        re.compile(r"измеренной кривой при таком ожидании: 37\s%"), timeout=60_000
    )
    expect(page.locator(".plot-matching").first).to_be_attached()


def blocks(page: Page, target: str) -> dict[str, str]:
    page.locator(f"[data-target={target}]").click()
    return {node.get_attribute("data-block") or "": node.inner_text() for node in page.locator("[data-block]").all()}


def set_policy(page: Page, *, threshold: str, mode: str) -> EndpointingPolicy:
    page.get_by_label(re.compile("^плавная" if mode == "continuous" else "^две")).check()
    page.get_by_label("Порог", exact=True).fill(threshold)
    page.get_by_label("Короткая пауза").fill("0.25")
    page.get_by_label("Длинная пауза").fill("1.9")
    return EndpointingPolicy(min_delay_s=0.25, max_delay_s=1.9, threshold=float(threshold), mode=mode)  # type: ignore[arg-type]


MODES = ("continuous", "binary")


def test_settings_for_the_server_are_what_the_server_reads(
    page: Page, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    tune(page)
    for threshold, mode in itertools.product(("0.5", "0.63"), MODES):
        policy = set_policy(page, threshold=threshold, mode=mode)
        texts = blocks(page, "serve")
        (tmp_path / "policy.json").write_text(texts["policy"], encoding="utf-8")
        assert load_policy("policy.json") == policy
        keys = yaml.safe_load(texts["yaml"])
        assert set(keys) <= {entry.name for entry in dataclasses.fields(ServeConfig)}
        words = shlex.split(texts["command"])
        assert words[:3] == ["python", "-m", "turn_detection.serve"]
        arguments, overrides = split_settings(words[3:])
        assert arguments == []
        for given in ([f"serve.{key}={value}" for key, value in keys.items()], overrides):
            config = load_settings(given, {})
            assert config.policy == policy
            assert config.threshold == policy.threshold


def test_the_policy_file_can_be_saved(page: Page, tmp_path: Path) -> None:
    tune(page)
    policy = set_policy(page, threshold="0.7", mode="binary")
    page.locator("[data-target=serve]").click()
    assert load_policy(saved(page, "Скачать", tmp_path)) == policy


def test_settings_for_frameworks_are_python_that_fits_our_plugins(page: Page) -> None:
    tune(page)
    for target, mode in itertools.product(("livekit", "pipecat"), MODES):
        policy = set_policy(page, threshold="0.63", mode=mode)
        tree = ast.parse(blocks(page, target)["python"])
        calls = {
            node.func.id: {word.arg: word.value for word in node.keywords}
            for node in ast.walk(tree)
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        }
        plugin = "RussianTurnDetector" if target == "livekit" else "RussianTurnStopStrategy"
        assert calls[plugin].keys() <= _parameters(target, plugin)
        if target == "livekit" and mode == "binary":
            handling = calls["AgentSession"]["turn_handling"]
            assert isinstance(handling, ast.Dict)
            assert ast.literal_eval(handling.values[1]) == {"mode": "fixed", "min_delay": 0.25, "max_delay": 1.9}
            assert ast.literal_eval(calls[plugin]["threshold"]) == 0.63  # type: ignore[arg-type]
        else:
            values = {name: ast.literal_eval(value) for name, value in calls["EndpointingPolicy"].items()}
            assert EndpointingPolicy.from_dict(values) == policy  # type: ignore[arg-type]
            assert target == "pipecat" or "detector.use_continuous_delays(session)" in ast.unparse(tree)


def _parameters(module_name: str, class_name: str) -> set[str]:
    """Of a plugin's constructor, read from its source: its framework need not be installed here."""
    source = Path(turn_detection.__file__).with_name("plugins") / f"{module_name}.py"
    classes = [node for node in ast.parse(source.read_text(encoding="utf-8")).body if isinstance(node, ast.ClassDef)]
    (found,) = (node for node in classes if node.name == class_name)
    (init,) = (node for node in found.body if isinstance(node, ast.FunctionDef) and node.name == "__init__")
    return {argument.arg for argument in init.args.args + init.args.kwonlyargs}


def test_copying_puts_the_text_on_the_clipboard_or_marks_it(page: Page) -> None:
    tune(page)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    text = blocks(page, "pipecat")["python"]
    page.get_by_role("button", name="Скопировать").click()
    expect(page.get_by_text("Скопировано.")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()").strip() == text.strip()
    page.evaluate("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    page.get_by_role("button", name="Скопировать").click()
    expect(page.get_by_text("Ctrl+C")).to_be_visible()
    assert page.evaluate("getSelection().toString()").strip() == text.strip()


# --- the pure parts against the package


def test_delays_are_those_of_the_package(page: Page) -> None:
    probabilities = [0.0, 1e-12, 1e-4, 0.003, *np.linspace(0.01, 0.99, 33).tolist(), 0.9999, 1 - 1e-12, 1.0]
    policies = [
        EndpointingPolicy(low, high, threshold, gamma, mode)  # type: ignore[arg-type]
        for low, high, threshold, gamma, mode in itertools.product(
            (0.05, 0.3, 1.0),
            (1.0, 2.5),
            (0.0, 1e-9, 0.2, 0.5, 0.97, 1.0),
            (0.05, 0.4, 5.0, 60.0),
            ("continuous", "binary"),
        )
    ]
    expression = "x.policies.map((policy) => x.probabilities.map((p) => m.delayS(policy, p)))"
    given = {"policies": [policy.to_dict() for policy in policies], "probabilities": probabilities}
    found = np.array(module(page, "simulate.js", expression, given))
    expected = np.array([[policy.delay_s(p) for p in probabilities] for policy in policies])
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=0)


def test_what_the_package_refuses_the_page_refuses(page: Page) -> None:
    for values in (
        {"min_delay_s": 2.0, "max_delay_s": 1.0},
        {"min_delay_s": 0.0},
        {"gamma": 0.0},
        {"threshold": 1.5},
        {"max_delay_s": -1.0},
        {"mode": "other"},
        {"min_delay_s": 0.0, "mode": "binary"},
        {"gamma": 0.0, "mode": "binary"},
    ):
        try:
            EndpointingPolicy(**values)  # type: ignore[arg-type]
            accepted = True
        except InvalidInputError:
            accepted = False
        fault = module(page, "simulate.js", "m.policyFault({ ...m.DEFAULT_POLICY, ...x })", values)
        assert (fault is None) == accepted, values


def test_the_default_policy_is_that_of_the_package(page: Page) -> None:
    assert module(page, "simulate.js", "m.DEFAULT_POLICY") == EndpointingPolicy().to_dict()


def test_made_up_pauses_follow_the_curve_of_the_evaluation(page: Page) -> None:
    quantiles = [0.0, 0.1, 0.444, 0.6, 0.783, 0.85, 0.9, 0.94, 0.95, 0.99, 0.9999]
    found = module(page, "speech_times.js", "x.map(m.pauseSeconds)", quantiles)
    np.testing.assert_allclose(found, PauseLengths().seconds(np.array(quantiles)), rtol=1e-9)
    hashes = module(page, "speech_times.js", "Array.from({ length: 4000 }, (_, n) => m.unitHash('реплика ' + n))")
    assert 0.47 < np.mean(hashes) < 0.53
    assert np.std(hashes) == pytest.approx(12**-0.5, abs=0.02)


def test_made_up_times_are_the_same_every_time_and_plausible(page: Page) -> None:
    expression = """await (async () => {
      const { parseDialogues } = await import('/page/dialogue.js');
      const timed = m.withTimes(parseDialogues(x).dialogues[0]);
      return { words: timed.turns.map((turn) => turn.words), moments: m.momentsOf(timed.turns) };
    })()"""
    text = "бот: Ваш телефон?\nклиент: ну, восемь девятьсот двадцать три сорок пять. Это всё"
    first, second = (module(page, "speech_times.js", expression, text) for _ in range(2))
    assert first == second
    words = [word for turn in first["words"] for word in turn]
    assert all(word["endS"] > word["startS"] for word in words)
    assert all(left["endS"] <= right["startS"] for left, right in itertools.pairwise(words))
    paused = [moment["text"] for moment in first["moments"] if moment["isPause"]]
    assert paused == [
        "ну",
        "ну, восемь",
        "ну, восемь девятьсот двадцать три",
        "ну, восемь девятьсот двадцать три сорок пять",
    ]


# --- for everybody


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1200, 360])
def test_nothing_serious_stands_in_anybodys_way(page: Page, theme: Any, width: int) -> None:
    page.emulate_media(color_scheme=theme)
    page.set_viewport_size({"width": width, "height": 800})
    replay(page)
    page.get_by_text("Какие форматы понимает").click()
    page.get_by_text("Таблица пауз", exact=True).first.click()
    load(page, "просто текст")
    page.get_by_label("Место в разговоре").fill("12")
    check_access(page)
    page.get_by_role("tab", name="Настроить").click()
    expect(page.locator(".tune-facts li").first).to_be_visible()
    check_access(page)


def check_access(page: Page) -> None:
    violations = Axe().run(page).response["violations"]
    serious = [
        (fault["id"], [node["html"][:120] for node in fault["nodes"][:3]])
        for fault in violations
        if fault["impact"] in ("serious", "critical")
    ]
    assert serious == []
    assert page.evaluate("document.documentElement.scrollWidth") <= page.evaluate("innerWidth")


def test_both_languages_say_everything_and_switching_loses_nothing(page: Page) -> None:
    replay(page)
    for name in ("replay_words.js", "tune_words.js"):
        russian, english = module(page, name, "[Object.keys(m.words.ru), Object.keys(m.words.en)]")
        assert sorted(russian) == sorted(english)
    load(page, "просто текст")
    page.locator("[data-language=en]").click()
    expect(page.locator("#replay-fault")).to_contain_text("Line 1: no speaker")
    expect(page.get_by_label("A dialogue of your own")).to_have_value("просто текст")
    expect(page.locator("#panel-replay")).to_contain_text("Over the whole call.")
    page.get_by_role("tab", name="Tune").click()
    expect(page.locator(".tune-facts")).to_contain_text("These settings cut into")
    page.locator("[data-language=ru]").click()
    expect(page.locator(".tune-facts")).to_contain_text("Эти настройки перебивают")


def test_every_word_of_the_tabs_exists(page: Page) -> None:
    """A key without words would be shown as itself."""
    replay(page)
    page.get_by_text("Какие форматы понимает").click()
    page.get_by_label("Место в разговоре").fill("12")
    texts = [page.locator("#panel-replay").inner_text()]
    page.get_by_role("tab", name="Настроить").click()
    expect(page.locator(".tune-facts li").first).to_be_visible()
    texts.append(page.locator("#panel-tune").inner_text())
    keys = set(module(page, "replay_words.js", "Object.keys(m.words.ru)")) | set(
        module(page, "tune_words.js", "Object.keys(m.words.ru)")
    )
    shown = set(re.findall(r"\b[a-z]+(?:_[a-z]+)+\b", "\n".join(texts)))
    assert shown & keys == set()
