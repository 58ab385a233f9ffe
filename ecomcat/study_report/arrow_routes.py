"""Lead an arrow that skips rows of boxes through the gaps between them."""

from __future__ import annotations

from collections.abc import Collection, Sequence

Point = tuple[float, float]


def route(
    begin: Point, end: Point, boxes: Collection[Point], *, width: float, height: float, gap: float
) -> list[Point]:
    """Return where an arrow passes each row that it skips, from above.

    Args:
        begin: where it begins, below the box that it comes from.
        end: where it ends, above the box that it leads to.
        boxes: left upper corners of all boxes; those of one row have one top.
        width: of a box.
        height: of a box.
        gap: between the boxes of a row.

    Returns:
        The upper ends of vertical lines, each as high as a box, that meet no box of their row:
        as near to the straight way as can be.
    """
    tops = sorted({top for _, top in boxes if begin[1] < top and top + height < end[1]})
    return [
        (_nearest_free(_straight(begin, end, top + height / 2), row, width, gap), top)
        for top in tops
        if (row := [left for left, row_top in boxes if row_top == top])
    ]


def path(begin: Point, end: Point, passed: Sequence[Point], height: float) -> str:
    """Return the SVG path of an arrow, without its tip.

    Args:
        begin: where it begins.
        end: where it ends.
        passed: as `route` returns it.
        height: of a box.
    """
    drawn = f"M{begin[0]},{begin[1]}"
    (x, y) = begin
    for left, top in [*passed, end]:
        bend = max((top - y) / 2, 15)
        drawn += f" C{x},{y + bend} {left},{top - bend} {left},{top}"
        x, y = left, top
        if (left, top) != end:
            y = top + height
            drawn += f" L{x},{y}"
    return drawn


def _straight(begin: Point, end: Point, y: float) -> float:
    """Return where the straight way is at some height."""
    return begin[0] + (end[0] - begin[0]) * (y - begin[1]) / (end[1] - begin[1])


def _nearest_free(wanted: float, lefts: Sequence[float], width: float, gap: float) -> float:
    """Return the place nearest to the wanted one that is clear of a row's boxes."""
    clear = gap / 2
    if all(not left - clear < wanted < left + width + clear for left in lefts):
        return wanted
    beside = [*(left - clear for left in lefts), *(left + width + clear for left in lefts)]
    return min(beside, key=lambda place: (abs(place - wanted), place))
