"""A page in Chromium: charts are drawn, tables sort, and no text does anything."""

from __future__ import annotations

import pytest
from pages import HARM, one_of_each

from ecomcat.reporting.html import render
from tests.browser import require_browser
from tests.opened_page import opened_page

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    require_browser()
    folder = tmp_path_factory.mktemp("page")
    path = folder / "page.html"
    path.write_text(render(one_of_each()), encoding="utf-8")
    with opened_page(path, folder) as page:
        yield page


@pytest.fixture
def page(opened):
    opened.open()
    yield opened
    opened.require_harmless()


def test_every_chart_is_drawn(page):
    assert page.count(".chart[data-drawn] .main-svg") >= 2
    assert page.count(".chart .bars path") == 2
    assert page.count(".chart canvas.gl-canvas-context") == 1


def test_harmful_texts_are_shown_as_they_are_and_do_nothing(page):
    assert page.run("return document.title") == HARM
    assert page.texts("h1") == [HARM]
    assert page.texts("main p")[:1] == [HARM]
    assert page.count("img") == 0
    assert page.run("return document.querySelector('.marked p').textContent") == HARM
    assert HARM[:20] in page.run("return document.querySelector('.xtitle').textContent")


def test_no_button_sends_a_chart_anywhere(page):
    titles = page.run(
        "return [...document.querySelectorAll('.modebar-btn')].map((b) => b.dataset.title)"
    )
    assert any("Download" in title for title in titles)
    assert [title for title in titles if "loud" in title] == []
    assert page.count(".modebar a[href]") == 0


def test_marked_spans_show_for_and_against(page):
    assert page.texts("mark") == ["</script>", "<script>"]
    assert page.texts("mark.against") == ["<script>"]


def test_a_heading_sorts_its_column_up_and_down_and_the_fold_stays(page):
    def shares():
        return [text for text in page.texts("td:nth-child(2)") if text]

    assert shares() == ["12.5%", "50.0%"]
    heading = page.driver.find_element("css selector", "th:nth-child(2) button")
    heading.click()
    assert shares() == ["12.5%", "25.0%"]
    heading.click()
    assert shares() == ["50.0%", "25.0%"]
    page.driver.find_element("css selector", ".more").click()
    assert shares() == ["50.0%", "25.0%", "12.5%"]


def test_empty_cells_come_last_whichever_way_a_column_is_sorted(page):
    page.driver.find_element("css selector", ".more").click()
    heading = page.driver.find_element("css selector", "th:nth-child(3) button")
    for _ in range(2):
        heading.click()
        assert page.texts("td:nth-child(3)")[-1] == ""


@pytest.mark.parametrize("width", [360, 1200])
def test_nothing_sticks_out_of_the_screen(page, width):
    page.open(width)
    assert page.too_wide() == []


def test_a_caption_is_read_whole_where_its_table_scrolls(page):
    page.open(360)
    right = page.run("return document.querySelector('caption span').getBoundingClientRect().right")
    assert right <= 360


def test_the_browser_refuses_a_script_that_was_planted_all_the_same(page):
    page.run("const s = document.createElement('script'); s.textContent = 'window.planted = 1';"
             "document.body.append(s)")  # fmt: skip
    assert page.run("return window.planted") is None
    assert "Content Security Policy" in page.driver.get_log("browser")[0]["message"]
