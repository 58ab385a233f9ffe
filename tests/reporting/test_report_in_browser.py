"""Pages in Chromium: charts are drawn, tables sort, and no text does anything."""

from __future__ import annotations

import pytest
from stored_study import PLANTED, store, trials

from ecomcat.reporting.study_report import write_report
from tests.browser import opened_file, require_browser

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def opened_report(tmp_path_factory):
    require_browser()
    folder = tmp_path_factory.mktemp("report")
    records = trials(40)
    records[2].status = "cut short"
    with opened_file(write_report(store(folder, records)), folder) as page:
        page.open()
        yield page


@pytest.fixture
def report(opened_report):
    """Return the page, perhaps as an earlier test left it; at the end nothing has gone wrong."""
    yield opened_report
    opened_report.require_harmless()
    assert opened_report.texts("#problem") == [""]


def test_harmful_texts_are_shown_as_they_are_and_do_nothing(report):
    assert report.run("return document.title") == "Study made-up"
    assert report.count("img") == 0
    text = f"A red ball {PLANTED}"
    assert report.run("return document.querySelector('.marked p').textContent") == text
    assert report.texts("mark") == ["red", "ball"]
    assert report.texts("mark.against") == ["ball"]
    ticks = report.run("return [...document.querySelectorAll('.ytick')].map((x) => x.textContent)")
    assert "Toys </script><…rror=alert(1)>" in ticks


def test_no_button_sends_a_chart_anywhere(report):
    titles = report.run(
        "return [...document.querySelectorAll('.modebar-btn')].map((b) => b.dataset.title)"
    )
    assert any("Download" in title for title in titles)
    assert [title for title in titles if "loud" in title] == []
    assert report.count(".modebar a[href]") == 0


def test_a_heading_sorts_its_column_up_and_down_and_the_fold_stays(report):
    report.open()
    table = "table[data-fold='15']"

    def cells(column):
        return report.texts(f"{table} tbody tr:not([hidden]) td:nth-child({column})")

    def click(selector):
        report.run("document.querySelector(arguments[0]).click()", selector)

    by_seconds, by_score = (f"{table} th:nth-child({column}) button" for column in (6, 3))
    click(by_seconds)
    assert cells(6) == [str(seconds) for seconds in range(10, 25)]
    click(by_seconds)
    assert cells(6) == [str(seconds) for seconds in range(49, 34, -1)]
    click(f".scrolls:has({table}) + .more")
    assert len(cells(6)) == 40
    for _ in range(2):
        click(by_score)
        assert cells(3)[-1] == "", "empty cells come last"


def test_rows_of_a_long_table_are_found_by_what_is_typed(report):
    report.open()
    table = "table[data-fold='15']"
    field = report.find(f".find:has(+ .scrolls {table})")
    shown = f"{table} tbody tr:not([hidden]) td:first-child"
    field.send_keys("0031")
    assert report.texts(shown) == ["0031"]
    field.clear()
    field.send_keys(" ")
    assert report.count(f"{table} tbody tr:not([hidden])") == 15
    assert field.get_attribute("aria-label").endswith("All trials; a heading sorts them")


def test_the_browser_refuses_a_script_that_was_planted_all_the_same(report):
    report.run("const s = document.createElement('script'); s.textContent = 'window.planted = 1';"
               "document.body.append(s)")  # fmt: skip
    assert report.run("return window.planted") is None
    assert "Content Security Policy" in report.driver.get_log("browser")[0]["message"]


def test_every_chart_of_a_report_holds_a_drawing(report):
    # Confusion, categories, calibration, coverage, history, curves, timeline, importance, parallel
    # coordinates, slices.
    assert report.count(".chart[data-drawn]") == 10
    assert report.count(".chart[data-drawn]:not(:has(.main-svg))") == 0


@pytest.mark.parametrize("width", [390, 1200])
def test_nothing_sticks_out_of_the_screen(report, width):
    report.open(width)
    assert report.too_wide() == []


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
