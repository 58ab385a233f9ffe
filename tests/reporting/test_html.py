"""A page is one file, the same each time, without Plotly where nothing is drawn."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pages import HARM, one_of_each

from ecomcat.reporting.html import (
    Document,
    MarkedText,
    Paragraph,
    Section,
    Table,
    plotly_text,
    render,
)

MEGABYTES = 1e6


def page_of(*parts, **options):
    return render(Document("Title", "Subtitle", [Section("One", parts)], **options))


def test_the_same_document_gives_the_same_page_of_a_few_megabytes():
    first, second = render(one_of_each()), render(one_of_each())
    # Plotly names its traces' elements by nothing random.
    assert first == second
    assert len(first.encode()) < 2.2 * MEGABYTES


def test_a_page_without_charts_does_not_carry_plotly():
    assert len(page_of(Paragraph("Only words"))) < 20_000


def test_nothing_in_it_names_another_host_but_inside_plotly():
    page = re.sub(r'<script type="text/plain" id="plotly">.*?</script>', "", render(one_of_each()))
    assert re.findall(r'(?:src|href)="(?!data:|#)[^"]*"', page) == []


def test_every_harmful_text_is_escaped():
    assert HARM not in render(one_of_each())


def test_a_page_of_a_running_search_loads_itself_anew():
    assert '<meta http-equiv="refresh" content="30">' in page_of(refresh_seconds=30)
    assert "refresh" not in page_of()


def test_lone_surrogates_are_replaced_so_that_the_page_can_be_written():
    page_of(Paragraph("half \ud83d")).encode("utf-8")


@pytest.mark.parametrize(
    ("value", "shown"), [(None, ""), (0.125, "12.5%"), ("as it is", "as it is")]
)
def test_a_cell_is_shown_in_its_columns_format(value, shown):
    assert Table(["share"], [[value]], formats={"share": ".1%"}).shown(0, value) == shown


@pytest.mark.parametrize(
    ("column", "numeric"), [([1, 2.5], True), ([None, 1], True), (["a", 1], False), ([None], False)]
)
def test_a_column_of_numbers_alone_stands_to_the_right(column, numeric):
    assert Table(["x"], [[value] for value in column]).numeric == [numeric]


@given(st.text(), st.lists(st.integers(0, 50), max_size=8))
def test_marking_loses_no_letter(text, cuts):
    ends = sorted({min(cut, len(text)) for cut in cuts})
    spans = [(start, end, 0.5) for start, end in zip(ends[::2], ends[1::2], strict=False)]
    assert "".join(piece for piece, _ in MarkedText("", text, spans).pieces()) == text


@pytest.mark.parametrize(
    ("value", "shown"),
    [("<b>&", "&lt;b&gt;&amp;"), ("x" * 70 + "y" * 29, "x" * 30 + "…" + "y" * 29), (3, "3")],
)
def test_plotly_is_given_no_markup(value, shown):
    assert plotly_text(value) == shown


def test_every_box_that_may_scroll_is_reached_by_the_keyboard_and_has_a_name():
    page = render(one_of_each())
    boxes = re.findall(r'<div class="scrolls"([^>]*)>', page)
    still = [box for box in boxes if not box]  # charts that shrink with the screen
    assert len(still) == 2
    assert all(
        re.fullmatch(r' tabindex="0" role="region" aria-label="[^"]+"', box)
        for box in boxes
        if box not in still
    )
    assert re.findall(r"<pre(?! tabindex)", page) == []
