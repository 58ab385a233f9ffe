"""Pages in Chromium: charts are drawn, tables sort, and no text does anything."""

from __future__ import annotations

import pytest
from pages import HARM, one_of_each
from stored_study import store, trials

from ecomcat.reporting.study_page import write_report
from tests.browser import require_browser
from tests.opened_page import opened_page

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def opened_parts(tmp_path_factory):
    require_browser()
    folder = tmp_path_factory.mktemp("page")
    path = folder / "page.html"
    path.write_text(one_of_each(), encoding="utf-8")
    with opened_page(path, folder) as page:
        yield page


@pytest.fixture(scope="module")
def opened_report(tmp_path_factory):
    require_browser()
    folder = tmp_path_factory.mktemp("report")
    records = trials(40)
    records[2].status = "cut short"
    with opened_page(write_report(store(folder, records)), folder) as page:
        yield page


@pytest.fixture
def parts(opened_parts):
    opened_parts.open()
    yield opened_parts
    opened_parts.require_harmless()


@pytest.fixture
def report(opened_report):
    opened_report.open()
    yield opened_report
    opened_report.require_harmless()


def test_harmful_texts_are_shown_as_they_are_and_do_nothing(parts):
    assert parts.run("return document.title") == HARM
    assert parts.texts("h1") == [HARM]
    assert parts.texts("main p")[:1] == [HARM]
    assert parts.count("img") == 0
    assert parts.run("return document.querySelector('.marked p').textContent") == HARM
    assert parts.texts("mark") == ["</script>", "<script>"]
    assert parts.texts("mark.against") == ["<script>"]
    assert HARM[:20] in parts.run("return document.querySelector('.xtitle').textContent")


def test_no_button_sends_a_chart_anywhere(parts):
    titles = parts.run(
        "return [...document.querySelectorAll('.modebar-btn')].map((b) => b.dataset.title)"
    )
    assert any("Download" in title for title in titles)
    assert [title for title in titles if "loud" in title] == []
    assert parts.count(".modebar a[href]") == 0


def test_a_heading_sorts_its_column_up_and_down_and_the_fold_stays(parts):
    def shares():
        return [text for text in parts.texts("td:nth-child(2)") if text]

    assert shares() == ["12.5%", "50.0%"]
    heading = parts.driver.find_element("css selector", "th:nth-child(2) button")
    heading.click()
    assert shares() == ["12.5%", "25.0%"]
    heading.click()
    assert shares() == ["50.0%", "25.0%"]
    parts.driver.find_element("css selector", ".more").click()
    assert shares() == ["50.0%", "25.0%", "12.5%"]
    heading = parts.driver.find_element("css selector", "th:nth-child(3) button")
    for _ in range(2):
        heading.click()
        assert parts.texts("td:nth-child(3)")[-1] == "", "empty cells come last"


def test_the_browser_refuses_a_script_that_was_planted_all_the_same(parts):
    parts.run("const s = document.createElement('script'); s.textContent = 'window.planted = 1';"
              "document.body.append(s)")  # fmt: skip
    assert parts.run("return window.planted") is None
    assert "Content Security Policy" in parts.driver.get_log("browser")[0]["message"]


def test_every_chart_of_a_report_holds_a_drawing(report):
    # Confusion, categories, calibration, coverage, history, curves, timeline, importance, parallel
    # coordinates, slices.
    assert report.count(".chart[data-drawn]") == 10
    assert report.count(".chart[data-drawn]:not(:has(.main-svg))") == 0


@pytest.mark.parametrize("width", [390, 1200])
def test_nothing_sticks_out_of_the_screen(parts, report, width):
    for page in (parts, report):
        page.open(width)
        assert page.too_wide() == []


def test_in_the_dark_the_page_is_dark_and_its_charts_are_light_on_it(report):
    media = {"features": [{"name": "prefers-color-scheme", "value": "dark"}]}
    report.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
    report.open()
    colour = "return getComputedStyle({}).{}"
    assert report.run(colour.format("document.body", "backgroundColor")) == "rgb(24, 24, 23)"
    tick = "document.querySelector('.xtick text')"
    assert report.run(colour.format(tick, "fill")) == "rgb(232, 230, 225)"
    report.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


def test_a_report_prints(report):
    assert len(report.driver.print_page()) > 50_000
