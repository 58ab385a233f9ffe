"""Draw a network as SVG: a box a layer, in rows from the ids down to the probabilities."""

from __future__ import annotations

import html
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

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


_BOX_WIDTH, _BOX_HEIGHT = 190, 54  # pixels
_GAP, _ROW_GAP, _MARGIN, _LINE_HEIGHT = 24, 46, 16, 12
# Within the drawing alone: a page has one set of styles for all of its drawings.
_STYLE = (
    ".layers text{font:12px system-ui,sans-serif;text-anchor:middle;fill:#1d1c1a}"
    ".layers .small{font-size:11px;fill:#625f58}"
    ".layers .label{paint-order:stroke;stroke:#fff;stroke-width:3px}"
    ".layers rect{fill:#eef3fb;stroke:#5b7db1}.layers path{fill:none;stroke:#5b7db1}"
)
_MOST_BOXES_A_ROW = 12


def draw_layers(network: Mapping[str, Any]) -> str:
    """Return an SVG of a network's layers, every name in it escaped.

    Args:
        network: one level, as `ecomcat.model.layers.describe_networks` gives them.
    """
    arrows = [tuple(arrow) for arrow in network["arrows"]]
    rows = _rows([layer["name"] for layer in network["layers"]], arrows)
    layers = {layer["name"]: layer for layer in network["layers"]}
    widest = max(min(len(row), _MOST_BOXES_A_ROW) for row in rows)
    width = 2 * _MARGIN + widest * (_BOX_WIDTH + _GAP) - _GAP
    places = _places(rows, width)
    height = 2 * _MARGIN + len(rows) * (_BOX_HEIGHT + _ROW_GAP) - _ROW_GAP
    drawn = [_box(layers[name], *place) for name, place in places.items()]
    lines = [
        _arrow(source, target, places, labels, near_source=near_source)
        for (source, target), labels, near_source in _labelled(arrows)
        if source in places and target in places
    ]
    return (
        f'<svg class="layers" xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}"><style>{_STYLE}</style>'
        f"{''.join(lines)}{''.join(drawn)}</svg>"
    )


def _rows(names: Sequence[str], arrows: Sequence[tuple[str, ...]]) -> list[list[str]]:
    """Put each layer below all that lead to it, in its model's order."""
    sources = defaultdict(set)
    for source, target, _ in arrows:
        sources[target].add(source)
    depth: dict[str, int] = {}
    # Keras lists layers in order of their calls; a shared one may stand before its source, and one
    # that is called on its own answer would sink for ever.
    for _ in names:
        before = dict(depth)
        for name in names:
            depth[name] = max((depth.get(source, 0) + 1 for source in sources[name]), default=0)
        if depth == before:
            break
    rows: dict[int, list[str]] = defaultdict(list)
    for name in names:
        rows[depth[name]].append(name)
    return [rows[number] for number in sorted(rows)]


def _places(rows: Sequence[Sequence[str]], width: int) -> dict[str, Point]:
    """Return the left upper corner of each layer's box, each row in the middle of the width."""
    places: dict[str, Point] = {}
    for number, row in enumerate(rows):
        # Of very many parts side by side the first are drawn: the others are like them.
        shown = row[:_MOST_BOXES_A_ROW]
        left = (width - len(shown) * (_BOX_WIDTH + _GAP) + _GAP) / 2
        top = _MARGIN + number * (_BOX_HEIGHT + _ROW_GAP)
        for column, name in enumerate(shown):
            places[name] = (left + column * (_BOX_WIDTH + _GAP), top)
    return places


def _box(layer: Mapping[str, Any], x: float, y: float) -> str:
    shape = " x ".join("tokens" if size is None else str(size) for size in layer["shape"])
    weights = f", {layer['weights']:,} weights" if layer["weights"] else ""
    middle = x + _BOX_WIDTH / 2
    return (
        f'<rect x="{x}" y="{y}" width="{_BOX_WIDTH}" height="{_BOX_HEIGHT}" rx="6"/>'
        f'<text x="{middle}" y="{y + 17}">{_text(layer["name"])}</text>'
        f'<text class="small" x="{middle}" y="{y + 32}">{_text(layer["type"])}</text>'
        f'<text class="small" x="{middle}" y="{y + 47}">{_text(shape + weights, most=40)}</text>'
    )


def _labelled(
    arrows: Sequence[tuple[str, ...]],
) -> Iterator[tuple[tuple[str, str], list[str], bool]]:
    """Yield each pair of layers once, with the labels of its arrows and where they have room.

    Where arrows meet at one layer they are apart at their sources, else at their tips.
    """
    of_pair: dict[tuple[str, str], set[str]] = defaultdict(set)
    for source, target, label in arrows:
        of_pair[source, target].add(label)
    named = [pair for pair, labels in of_pair.items() if any(labels)]
    parting = Counter(source for source, _ in named)
    meeting = Counter(target for _, target in named)
    for (source, target), labels in of_pair.items():
        also = "also " if "" in labels else ""
        shown = [f"{also}{label}" for label in sorted(labels) if label]
        yield (source, target), shown, meeting[target] > parting[source]


def _arrow(
    source: str,
    target: str,
    places: Mapping[str, Point],
    labels: Sequence[str],
    *,
    near_source: bool,
) -> str:
    x1, y1 = places[source][0] + _BOX_WIDTH / 2, places[source][1] + _BOX_HEIGHT
    x2, y2 = places[target][0] + _BOX_WIDTH / 2, places[target][1]
    passed = route(
        (x1, y1), (x2, y2), places.values(), width=_BOX_WIDTH, height=_BOX_HEIGHT, gap=_GAP
    )
    line = path((x1, y1), (x2, y2), passed, _BOX_HEIGHT)
    # Drawn with the line, which comes from above: a marker would need a name that no other has.
    tip = f"M{x2 - 3.5},{y2 - 7} L{x2},{y2} L{x2 + 3.5},{y2 - 7}"
    ends = [x1, *(x for x, _ in passed), x2]
    first, last = ends[:2] if near_source else ends[:-3:-1]
    x = first + (last - first) * 0.2
    top = y1 + 14 if near_source else y2 - 4 - _LINE_HEIGHT * len(labels)
    text = "".join(
        f'<text class="small label" x="{x}" y="{top + _LINE_HEIGHT * number}">{_text(label)}</text>'
        for number, label in enumerate(labels)
    )
    return f'<path d="{line} {tip}"/>{text}'


def _text(value: str, most: int = 30) -> str:
    shown = value if len(value) <= most else f"{value[: most - 1]}…"
    return html.escape(shown)
