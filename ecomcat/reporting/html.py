"""What a page is made of: paragraphs, facts, tables, charts, drawings and marked texts."""

from __future__ import annotations

import base64
import gzip
import hashlib
import html
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from importlib import resources
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True)
class Document:
    """A page.

    Args:
        title: the heading, and the name of the browser's tab.
        subtitle: a line below it.
        sections: in their order.
        footer: the last line.
        refresh_seconds: after which an open page loads itself anew; 0 is never.
    """

    title: str
    subtitle: str
    sections: Sequence[Section]
    footer: str = ""
    refresh_seconds: int = 0


def render(document: Document) -> str:
    """Return the page as one HTML file; lone surrogates are replaced."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("ecomcat", "reporting/assets"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    script = _asset("page.js")
    drawn = any(_has_chart(section.parts) for section in document.sections)
    hashes = [_hash(script), *([_hash(_plotly())] if drawn else [])]
    page = environment.get_template("page.html").render(
        document=document,
        style=_asset("page.css"),
        script=script,
        script_sources=" ".join(hashes),
        plotly=_packed_plotly() if drawn else "",
    )
    return _SURROGATE.sub("\ufffd", page.lstrip())


def _has_chart(parts: Sequence[Part]) -> bool:
    return any(
        isinstance(part, Chart) or (isinstance(part, Grid) and _has_chart(part.parts))
        for part in parts
    )


def _asset(name: str) -> str:
    return resources.files("ecomcat.reporting").joinpath("assets", name).read_text(encoding="utf-8")


def _hash(script: str) -> str:
    digest = hashlib.sha256(script.encode("utf-8")).digest()
    return f"'sha256-{base64.b64encode(digest).decode('ascii')}'"


def _plotly() -> str:
    from plotly.offline import get_plotlyjs

    script: str = get_plotlyjs()
    return script


@cache
def _packed_plotly() -> str:
    # No time in the header: the same study gives the same page.
    return base64.b64encode(gzip.compress(_plotly().encode("utf-8"), mtime=0)).decode("ascii")


# Told apart by most colour-blind readers as well: Okabe and Ito, "Color universal design" (2008),
# https://jfly.uni-koeln.de/color/
COLOURS = (
    *("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"),
    *("#7a7a7a", "#8c564b", "#5b3fa0", "#b8a200"),
)
OURS, THEIRS, FAINT = COLOURS[0], COLOURS[1], "rgba(120, 120, 120, 0.35)"
SCORE_SCALE = "Viridis_r"  # the better, the darker


def figure(*, x: str = "", y: str = "", **layout: Any) -> Figure:
    """Return an empty figure in the pages' style.

    Args:
        x: title of the horizontal axis.
        y: title of the vertical axis.
        layout: whatever else `plotly.graph_objects.Layout` takes.
    """
    from plotly.graph_objects import Figure

    empty = Figure()
    empty.update_layout(
        template="plotly_white",
        font={"family": "system-ui, 'Segoe UI', Roboto, 'Noto Sans', sans-serif", "size": 13},
        colorway=COLOURS,
        margin={"l": 60, "r": 20, "t": 20, "b": 50},
        xaxis={"title": {"text": plotly_text(x)}, "automargin": True},
        yaxis={"title": {"text": plotly_text(y)}, "automargin": True},
        modebar={"bgcolor": "rgba(0, 0, 0, 0)"},
        hoverlabel={"align": "left"},
        legend={"orientation": "h", "yanchor": "bottom", "y": 1.0, "xanchor": "left", "x": 0.0},
    )
    return empty.update_layout(**layout)


def plotly_text(value: object, most: int = 60) -> str:
    """Return a value as text that Plotly shows as it is: it reads some HTML in every label.

    Args:
        value: anything.
        most: characters to show.
    """
    return html.escape(shortened(value, most), quote=False)


def shortened(value: object, most: int) -> str:
    """Return a value as text without its middle: names that begin alike often end differently.

    Args:
        value: anything.
        most: characters to keep, at least 3.
    """
    text = str(value)
    if len(text) <= most:
        return text
    end = (most - 1) // 2
    return f"{text[: most - 1 - end]}…{text[-end:]}"


def unique_labels(names: Sequence[str], most: int = 30) -> list[str]:
    """Return names as Plotly shows them, told apart where shortening made them equal.

    Args:
        names: different ones.
        most: characters to show of each.
    """
    labels: list[str] = []
    for name in names:
        label = plotly_text(name, most)
        labels.append(label if label not in labels else f"{label} ({len(labels) + 1})")
    return labels


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
        figure: a `plotly.graph_objects.Figure`, as `ecomcat.reporting.html.figure` makes them.
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
