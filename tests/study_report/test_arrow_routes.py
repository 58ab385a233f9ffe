"""Arrows pass the rows that they skip between the boxes, not behind them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecomcat.reporting.layers_drawing import path, route

WIDTH, HEIGHT, GAP = 100, 20, 10
BEGIN, END = (200.0, 20.0), (200.0, 80.0)


@pytest.mark.parametrize(
    ("lefts", "passes"),
    [
        ([], []),
        ([0.0], [200]),  # the box is out of the way
        ([150.0], [145]),  # of equally near sides the left one
        ([140.0], [245]),
        ([95.0, 205.0], [200]),  # between two boxes
        ([80.0, 190.0, 300.0], [185]),
    ],
)
def test_a_row_is_passed_as_near_to_the_straight_way_as_its_boxes_let(
    lefts: list[float], passes: list[float]
) -> None:
    boxes = [(left, 40.0) for left in lefts]
    found = route(BEGIN, END, boxes, width=WIDTH, height=HEIGHT, gap=GAP)
    assert found == [(x, 40.0) for x in passes]


@given(st.floats(0, 900), st.floats(0, 900), st.lists(st.integers(1, 5), min_size=1, max_size=4))
def test_no_box_is_crossed(begin: float, end: float, rows: list[int]) -> None:
    boxes = [
        (500 - row * (WIDTH + GAP) / 2 + column * (WIDTH + GAP), 40.0 * number)
        for number, row in enumerate(rows, start=1)
        for column in range(row)
    ]
    last = 40.0 * (len(rows) + 1)
    found = route((begin, 20), (end, last), boxes, width=WIDTH, height=HEIGHT, gap=GAP)
    assert [top for _, top in found] == [40.0 * number for number in range(1, len(rows) + 1)]
    for x, top in found:
        assert all(not left < x < left + WIDTH for left, box_top in boxes if box_top == top)


def test_an_arrow_that_skips_nothing_passes_nothing() -> None:
    boxes = [(0.0, 0.0), (0.0, 40.0)]
    assert route((50, 20), (50, 40), boxes, width=WIDTH, height=HEIGHT, gap=GAP) == []
    assert route((50, 60), (50, 40), boxes, width=WIDTH, height=HEIGHT, gap=GAP) == []


def test_the_path_goes_straight_down_beside_the_boxes() -> None:
    drawn = path(BEGIN, END, [(145.0, 40.0)], HEIGHT)
    assert drawn.startswith("M200.0,20.0 C")
    assert " 145.0,40.0 L145.0,60.0 C" in drawn
    assert drawn.endswith(" 200.0,80.0")
