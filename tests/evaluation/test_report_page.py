"""The report page: one file that shows every figure, in both themes, on a desk and on a phone, and fetches nothing."""

from __future__ import annotations

import io
import json
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import Browser, Page

from turn_detection.errors import MissingExtraError, OutputError
from turn_detection.evaluation import report_page
from turn_detection.evaluation.report import Category, Counts, JudgeFacts
from turn_detection.evaluation.report_page import report_html, write_report
from turn_detection.evaluation.report_plots import report_plots, wilson
from turn_detection.evaluation.svg import VARIABLES

from ..browser import browser
from .made_report import band, bare_report, made_report

__all__ = ["browser"]

HOSTILE = "<script>alert(1)</script> $x_1$ | «ё» & \" ' {{ 7 * 7 }}"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("report")
    write_report(made_report().to_dict(), place)
    return place


@pytest.fixture(scope="module")
def html(folder: Path) -> str:
    return (folder / "index.html").read_text(encoding="utf-8")


class Ids(HTMLParser):
    """Remembers ids, and what refers to one."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.references: set[str] = set()
        self.elements: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        for key, value in attributes:
            if key == "id":
                self.ids.append(value or "")
            elif key.startswith("aria-"):
                self.references.update((value or "").split() if key == "aria-labelledby" else ())
            elif value is not None:
                self.references.update(re.findall(r"url\(#([^)]+)\)", value))
                if key in ("href", "xlink:href") and value.startswith("#"):
                    self.references.add(value[1:])


def test_the_three_files_are_written_and_the_json_is_the_report(folder: Path) -> None:
    assert sorted(file.name for file in folder.iterdir()) == ["index.html", "report.json", "tables.md"]
    assert json.loads((folder / "report.json").read_text(encoding="utf-8")) == made_report().to_dict()


def test_the_page_is_small_and_asks_nobody_for_anything(html: str) -> None:
    assert len(html.encode()) < 1_500_000
    assert not re.search(r"""(?:src|href)=["']?(?:https?:)?//""", html)
    assert "@import" not in html
    assert "default-src 'none'" in html


def test_equal_reports_give_equal_pages(html: str) -> None:
    assert report_html(made_report().to_dict()) == html


def test_every_section_that_is_linked_is_there_and_no_id_stands_twice(html: str) -> None:
    page = Ids(html)
    assert len(page.ids) == len(set(page.ids))
    assert page.references <= set(page.ids)


@pytest.mark.parametrize(
    "figure",
    ["0.9000", "0.8900 to 0.9100", "made:199", "last words", "48.0 %", "upper case", "not clearly different", "1,000 resamples"],
)  # fmt: skip
def test_figures_of_every_part_stand_on_the_page(html: str, figure: str) -> None:
    assert figure in html


def test_of_many_misses_only_the_surest_stand_on_the_page(html: str) -> None:
    assert "made:200" not in html


def test_drawings_take_every_colour_from_the_theme_and_explain_themselves() -> None:
    plots = report_plots(made_report().to_dict())
    assert list(plots) == [
        "roc", "precision-recall", "reliability", "histogram",
        "endpointing-1", "endpointing-1-turns", "endpointing-2", "endpointing-2-turns",
    ]  # fmt: skip
    style = (Path(report_page.__file__).parent / "page" / "report.css").read_text(encoding="utf-8")
    for name, drawing in plots.items():
        assert f'<title id="{name}-title">' in drawing
        assert f'<desc id="{name}-description">' in drawing
        assert not re.search(r"(?:fill|stroke|color): ?#", drawing), "a colour that no theme can change"
        for variable in re.findall(r"var\(--([\w-]+)\)", drawing):
            assert variable in VARIABLES.values()
            assert f"--{variable}: light-dark(" in style


def test_a_bare_report_gives_a_page_without_empty_sections() -> None:
    page = report_html(bare_report().to_dict())
    shown = Ids(page)
    assert {"decisions", "curves", "facts"} <= set(shown.ids)
    assert not {"endpointing", "slices", "cases", "comparison", "stability", "context"} & set(shown.ids)
    assert shown.references <= set(shown.ids)
    assert "None" not in page
    assert "nan" not in re.sub(r"<style>.*?</style>", "", page, flags=re.DOTALL).lower()


def hostile() -> dict[str, Any]:
    report = made_report(HOSTILE)
    other = replace(report.comparisons[0].other, judge=JudgeFacts(HOSTILE, "baseline", 0.5))
    return replace(
        report,
        cases=replace(report.cases, by_category=(Category(HOSTILE, 4, 3, band(0.75), Counts(1, 1, 1, 1)),)),
        comparisons=(replace(report.comparisons[0], other=other),),
        notes=(HOSTILE,),
    ).to_dict()


def test_names_from_data_are_shown_as_they_are_and_run_nothing(html: str) -> None:
    page = report_html(hostile())
    assert Ids(page).elements.count("script") == Ids(html).elements.count("script") == 1
    assert "{{ 7 * 7 }}" in page
    assert "$x_1$" in page


def test_nothing_is_written_when_the_page_cannot_be_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for missing in ("matplotlib", "jinja2"):
        with monkeypatch.context() as without:
            without.setitem(sys.modules, missing, None)
            with pytest.raises(MissingExtraError, match=re.escape("turn-detection[cpu]")):
                write_report(made_report().to_dict(), tmp_path)
        assert not list(tmp_path.iterdir())


def test_a_figure_that_json_does_not_know_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    report = bare_report().to_dict()
    report["facts"]["seconds"] = float("inf")
    with pytest.raises(ValueError, match="JSON"):
        write_report(report, tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_gone_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(OutputError):
        write_report(bare_report().to_dict(), tmp_path / "gone")


def test_wilsons_interval_is_the_textbooks() -> None:
    # Wilson's own kind of example: 8 of 10; R: prop.test(8, 10, correct = FALSE) gives 0.4901625 to 0.9433178.
    assert wilson(0.8, 10) == pytest.approx((0.4901625, 0.9433178), abs=1e-4)
    assert wilson(0.0, 5)[0] == 0
    assert wilson(1.0, 5)[1] == 1


@contextmanager
def opened(browser: Browser, file: Path, scheme: Any, width: int, height: int) -> Iterator[tuple[Page, list[str]]]:
    """The page and what went wrong on it: console errors, exceptions, requests of other files."""
    context = browser.new_context(color_scheme=scheme, viewport={"width": width, "height": height}, offline=True)
    try:
        page = context.new_page()
        complaints: list[str] = []
        page.on("console", lambda message: complaints.append(message.text) if message.type != "log" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: complaints.append(request.url) if request.url != file.as_uri() else None)
        page.goto(file.as_uri())
        yield page, complaints
    finally:
        context.close()


def grey(page: Page) -> np.ndarray:
    """A screenshot of the whole page, ``(height, width) uint8``."""
    with Image.open(io.BytesIO(page.screenshot(full_page=True))) as picture:
        return np.asarray(picture.convert("L"))


@pytest.mark.slow
@pytest.mark.parametrize("made", ["full", "bare", "hostile"])
@pytest.mark.parametrize(("width", "height"), [(1280, 900), (360, 740)])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_browser_shows_the_page_whole_quiet_and_accessible(
    browser: Browser, tmp_path: Path, scheme: str, width: int, height: int, made: str
) -> None:
    report = {"full": made_report().to_dict, "bare": bare_report().to_dict, "hostile": hostile}[made]()
    write_report(report, tmp_path)
    with opened(browser, tmp_path / "index.html", scheme, width, height) as (page, complaints):
        page.evaluate("document.querySelectorAll('details').forEach((part) => { part.open = true; })")
        pixels = grey(page)
        assert len(np.unique(pixels)) > 60
        assert pixels.std() > 8
        assert (pixels.mean() > 128) == (scheme == "light")
        assert page.evaluate("document.documentElement.scrollWidth") <= width, "only tables may scroll sideways"
        for plot in page.locator("svg.plot").all():
            box = plot.bounding_box()
            assert box is not None
            assert box["width"] > 0.6 * min(width, 500)
            assert box["height"] > 150
        found = Axe().run(page).response["violations"]
        assert [(fault["id"], [node["html"][:120] for node in fault["nodes"][:3]]) for fault in found] == []
        assert complaints == []


@pytest.mark.slow
def test_the_button_changes_the_theme_and_back_and_the_choice_is_kept(browser: Browser, folder: Path) -> None:
    with opened(browser, folder / "index.html", "light", 1280, 900) as (page, complaints):
        light = grey(page).mean()
        button = page.get_by_role("button", name="Dark theme")
        button.click()
        dark = grey(page).mean()
        assert light > 200 > 80 > dark
        page.reload()
        assert grey(page).mean() == pytest.approx(dark, abs=2)
        page.get_by_role("button", name="Light theme").click()
        assert grey(page).mean() == pytest.approx(light, abs=2)
        complaints = [complaint for complaint in complaints if not complaint.startswith("file:")]
        assert complaints == []


@pytest.mark.slow
def test_without_scripts_the_page_is_all_there(browser: Browser, folder: Path) -> None:
    context = browser.new_context(java_script_enabled=False, color_scheme="dark")
    try:
        page = context.new_page()
        page.goto((folder / "index.html").as_uri())
        assert grey(page).mean() < 128
        assert page.locator("table.overall").is_visible()
        assert not page.locator("#theme").is_visible()
    finally:
        context.close()
