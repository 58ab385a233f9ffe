"""What a page is made of: paragraphs, facts, tables, charts, drawings and marked texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar, Protocol


class Part(Protocol):
    """Something that a section shows; its template is the macro of the name `kind`."""

    @property
    def kind(self) -> str:
        """The name of the macro that draws it."""


@dataclass(frozen=True)
class Paragraph:
    """A text in a paragraph of its own; it is escaped.

    Args:
        text: any text.
        note: whether it is set small, as a caption.
    """

    kind: ClassVar[str] = "paragraph"
    text: str
    note: bool = False


@dataclass(frozen=True)
class Facts:
    """Short values under their names, as the head of a page has them.

    Args:
        values: shown texts by name.
    """

    kind: ClassVar[str] = "facts"
    values: Mapping[str, str]


@dataclass(frozen=True)
class Table:
    """A table whose columns sort when their heading is clicked.

    Args:
        headings: of the columns.
        rows: of cells; numbers are shown as `formats` say and sort as numbers.
        caption: below it.
        formats: a format specification by heading, such as `".1%"`; others are shown as `str`.
        fold: rows after which the rest is folded away; 0 folds nothing.
        shades: a number of 0 to 1 for each cell that is to be coloured by it, None for others.
    """

    kind: ClassVar[str] = "table"
    headings: Sequence[str]
    rows: Sequence[Sequence[Any]]
    caption: str = ""
    formats: Mapping[str, str] = field(default_factory=dict)
    fold: int = 0
    shades: Sequence[Sequence[float | None]] | None = None

    def shown(self, column: int, value: object) -> str:
        """Return what stands in a cell: nothing for None."""
        if value is None:
            return ""
        pattern = self.formats.get(self.headings[column], "")
        return format(value, pattern) if isinstance(value, int | float) else str(value)

    @cached_property
    def numeric(self) -> list[bool]:
        """Whether all values of a column are numbers, so that they stand to the right."""
        columns = (
            [row[column] for row in self.rows if row[column] is not None]
            for column in range(len(self.headings))
        )
        return [
            bool(values) and all(isinstance(value, int | float) for value in values)
            for values in columns
        ]

    def shade(self, row: int, column: int) -> float | None:
        """Return how strongly a cell is coloured, 0 to 1."""
        return None if self.shades is None else self.shades[row][column]


@dataclass(frozen=True)
class Chart:
    """A chart of Plotly's.

    Args:
        title: above it, and what a reader who cannot see it is told.
        figure: a `plotly.graph_objects.Figure`, as `ecomcat.pages.charts.figure` makes them.
        caption: below it: how it is read.
        height: in pixels.
        min_width: in pixels; a narrower screen scrolls it sideways.
    """

    kind: ClassVar[str] = "chart"
    title: str
    figure: Any
    caption: str = ""
    height: int = 380
    min_width: int = 0

    @property
    def json(self) -> str:
        """The figure as JSON in which nothing ends a script element."""
        text: str = self.figure.to_json()
        return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


@dataclass(frozen=True)
class Drawing:
    """An SVG that our own code drew and escaped.

    Args:
        title: what a reader who cannot see it is told.
        svg: the element.
        caption: below it.
    """

    kind: ClassVar[str] = "drawing"
    title: str
    svg: str
    caption: str = ""


@dataclass(frozen=True)
class MarkedText:
    """A text in which some spans are marked.

    Args:
        title: above it, such as what it was taken for.
        text: any text.
        spans: `(start, end, weight)` in characters, ascending and apart; the weight, -1 to 1, is
            how strongly it is marked, and below 0 in the other colour.
        note: below it.
    """

    kind: ClassVar[str] = "marked"
    title: str
    text: str
    spans: Sequence[tuple[int, int, float]] = ()
    note: str = ""

    def pieces(self) -> list[tuple[str, float]]:
        """Return the text in pieces with their weights, 0 for what is not marked."""
        pieces, at = [], 0
        for start, end, weight in self.spans:
            pieces += [(self.text[at:start], 0.0), (self.text[start:end], weight)]
            at = end
        return [piece for piece in [*pieces, (self.text[at:], 0.0)] if piece[0]]


@dataclass(frozen=True)
class Code:
    """A text in a fixed-width font, such as a command or a configuration.

    Args:
        text: shown as it is.
        summary: of what is folded away under it; empty shows it at once.
    """

    kind: ClassVar[str] = "code"
    text: str
    summary: str = ""


@dataclass(frozen=True)
class Grid:
    """Parts side by side where there is room, below each other where there is none.

    Args:
        parts: in their order.
    """

    kind: ClassVar[str] = "grid"
    parts: Sequence[Part]


@dataclass(frozen=True)
class Section:
    """A part of the page with a heading, to which the page's index links.

    Args:
        title: the heading.
        parts: shown in their order.
    """

    title: str
    parts: Sequence[Part]
