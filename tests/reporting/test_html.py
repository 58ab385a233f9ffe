"""A page is one file, the same each time, without Plotly where nothing is drawn."""

from __future__ import annotations

import html
import re

import pytest
from pages import HARM, one_of_each

from ecomcat.reporting.html import MarkedText, render


def page_of(*parts, **options):
    return render("Title", "Subtitle", {"One": parts}, **options)


def test_the_same_document_gives_the_same_page_of_a_few_megabytes():
    first, second = one_of_each(), one_of_each()
    # Plotly names its traces' elements by nothing random.
    assert first == second
    assert len(first.encode()) < 2.2e6


def test_a_page_without_charts_does_not_carry_plotly():
    assert len(page_of("Only words")) < 20_000


def test_nothing_in_it_names_another_host_but_inside_plotly():
    page = re.sub(r'<script type="text/plain" id="plotly">.*?</script>', "", one_of_each())
    assert re.findall(r'(?:src|href)="(?!data:|#)[^"]*"', page) == []


def test_every_harmful_text_is_escaped():
    assert HARM not in one_of_each()


def test_a_page_of_a_running_search_loads_itself_anew():
    assert '<meta http-equiv="refresh" content="30">' in page_of(refresh_seconds=30)
    assert "refresh" not in page_of()


def test_lone_surrogates_are_replaced_so_that_the_page_can_be_written():
    page_of("half \ud83d").encode("utf-8")


@pytest.mark.parametrize(
    "spans", [[], [(0, 4, 1.0)], [(0, 1, 0.5), (1, 2, -0.5)], [(2, 2, 0.5), (3, 4, -1.0)]]
)
def test_marking_loses_no_letter(spans):
    page = page_of(MarkedText("", "a<b&", spans))
    (shown,) = re.findall(r'<p dir="auto">(.*?)</p>', page)
    assert html.unescape(re.sub("<.*?>", "", shown)) == "a<b&"


def test_every_box_that_may_scroll_is_reached_by_the_keyboard_and_has_a_name():
    page = one_of_each()
    boxes = re.findall(r'<div class="scrolls"([^>]*)>', page)
    named = [box for box in boxes if re.search(r' tabindex="0" role="region" aria-label=".+"', box)]
    # The others are charts that shrink with the screen.
    assert len(boxes) == len(named) + 2
    assert re.findall(r"<pre(?! tabindex)", page) == []
