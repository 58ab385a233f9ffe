"""The report in Chromium: every chart drawn, nothing planted at work, wide and narrow."""

from __future__ import annotations

import pytest
from stored_study import store, trials

from ecomcat.reporting.study_page import write_report
from tests.browser import require_browser
from tests.opened_page import opened_page

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    require_browser()
    folder = tmp_path_factory.mktemp("report")
    path = write_report(store(folder, trials(40)))
    with opened_page(path, folder) as page:
        yield page


@pytest.fixture
def page(opened):
    opened.open()
    yield opened
    opened.require_harmless()


def test_every_chart_holds_a_drawing(page):
    # Calibration, coverage, categories, 2 of the best so far, curves, time, importance, parallel
    # coordinates, 4 hyperparameters, balance, lengths.
    assert page.count(".chart[data-drawn]") == 15
    assert page.count(".chart[data-drawn]:not(:has(.main-svg))") == 0


def test_planted_texts_are_shown_and_do_nothing(page):
    assert page.run("return document.title") == "Study made-up"
    assert page.count("img") == 0
    assert "</script>" in page.run("return document.querySelector('.marked p').textContent")
    assert page.count("svg.layers img, svg.layers script") == 0


def test_marked_words_of_a_mistake(page):
    assert page.texts("mark") == ["red", "ball"]
    assert page.texts("mark.against") == ["ball"]


def test_a_point_tells_its_trial_under_the_pointer(page):
    text = page.run(
        "const chart = document.querySelectorAll('.chart')[3];"
        "Plotly.Fx.hover(chart, [{curveNumber: 0, pointNumber: 0}]);"
        "return chart.querySelector('.hoverlayer').textContent;"
    )
    assert "trial 0002" in text
    assert "lstm_units=24" in text


@pytest.mark.parametrize("width", [360, 1200])
def test_nothing_sticks_out(page, width):
    page.open(width)
    assert page.too_wide() == []


def test_it_prints(page):
    pdf = page.driver.print_page()
    assert len(pdf) > 50_000


def test_the_drawings_styles_do_not_reach_the_charts(page):
    anchors = page.run(
        "return [...document.querySelectorAll('.chart .legendtext')]"
        ".map((text) => getComputedStyle(text).textAnchor)"
    )
    assert set(anchors) == {"start"}
