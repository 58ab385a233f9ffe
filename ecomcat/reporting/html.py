"""A page in one HTML file: its frame, tables, charts and texts, with everything escaped."""

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
# Told apart by most colour-blind readers as well: Okabe and Ito, "Color universal design" (2008),
# https://jfly.uni-koeln.de/color/
COLOURS = (
    *("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"),
    *("#7a7a7a", "#8c564b", "#5b3fa0", "#b8a200"),
)
OURS, THEIRS, FAINT = COLOURS[0], COLOURS[1], "rgba(120, 120, 120, 0.35)"


class Part(Protocol):
    """Something that a section shows; its template is the macro of the name `kind`."""

    kind: ClassVar[str]


@dataclass(frozen=True)
class Section:
    """A part of the page with a heading, to which the page's index links."""

    title: str
    parts: Sequence[Part]


@dataclass(frozen=True)
class Document:
    """A page; where it says so, an open one loads itself anew after some seconds."""

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
    page = environment.get_template("page.html").render(
        document=document,
        style=_asset("page.css"),
        script=script,
        script_sources=" ".join(map(_hash, [script, *([_plotly()[0]] if drawn else [])])),
        plotly=_plotly()[1] if drawn else "",
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


@cache
def _plotly() -> tuple[str, str]:
    """Return Plotly's script and the same packed: without a time, so that it is always the same."""
    from plotly.offline import get_plotlyjs

    script: str = get_plotlyjs()
    return script, base64.b64encode(gzip.compress(script.encode("utf-8"), mtime=0)).decode("ascii")


def figure(*, x: str = "", y: str = "", **layout: Any) -> Figure:
    """Return an empty figure in the pages' style.

    Args:
        x: Title of the horizontal axis.
        y: Title of the vertical axis.
        layout: Whatever else `plotly.graph_objects.Layout` takes.
    """
    from plotly.graph_objects import Figure

    empty = styled(Figure()).update_xaxes(title_text=plotly_text(x), automargin=True)
    return empty.update_yaxes(title_text=plotly_text(y), automargin=True).update_layout(**layout)


def styled(drawn: Figure) -> Figure:
    """Give a figure the pages' style; the page itself gives it its colours, light or dark."""
    return drawn.update_layout(
        title=None,
        template="plotly_white",
        font={"family": "system-ui, 'Segoe UI', Roboto, 'Noto Sans', sans-serif", "size": 13},
        colorway=COLOURS,
        margin={"l": 60, "r": 20, "t": 20, "b": 50},
        paper_bgcolor="rgba(0, 0, 0, 0)",
        plot_bgcolor="rgba(0, 0, 0, 0)",
        modebar={"bgcolor": "rgba(0, 0, 0, 0)"},
        hoverlabel={"align": "left"},
        legend={"orientation": "h", "yanchor": "bottom", "y": 1.0, "xanchor": "left", "x": 0.0},
    )


def plotly_text(value: object, max_characters: int = 60) -> str:
    """Return a value as text that Plotly shows as it is: it reads some HTML in every label.

    A long text loses its middle, since names that begin alike often end differently.

    >>> plotly_text("<b>Home & Kitchen > Storage > Boxes</b>", 20)
    '&lt;b&gt;Home &amp; …Boxes&lt;/b&gt;'
    """
    text = str(value)
    if len(text) > max_characters:
        end = (max_characters - 1) // 2
        text = f"{text[: max_characters - 1 - end]}…{text[-end:]}"
    return html.escape(text, quote=False)


def unique_labels(names: Sequence[str], max_characters: int = 30) -> list[str]:
    """Return different names as Plotly shows them, different where shortening made them equal."""
    labels: list[str] = []
    for name in names:
        label = plotly_text(name, max_characters)
        labels.append(label if label not in labels else f"{label} ({len(labels) + 1})")
    return labels


@dataclass(frozen=True)
class Paragraph:
    """A text in a paragraph of its own, set small where it is a note."""

    kind: ClassVar[str] = "paragraph"
    text: str
    note: bool = False


@dataclass(frozen=True)
class Facts:
    """Short values under their names, as the head of a page has them."""

    kind: ClassVar[str] = "facts"
    values: Mapping[str, str]


@dataclass(frozen=True)
class Table:
    """A table whose columns sort when their heading is clicked.

    Args:
        headings: Headings of the columns.
        rows: Rows of cells; numbers are shown as `formats` say and sort as numbers.
        caption: A text below it.
        formats: Format specification by heading, such as `".1%"`; others are shown as `str`.
        fold: Integer. Rows after which the rest is folded away. Defaults to 0, which folds nothing.
    """

    kind: ClassVar[str] = "table"
    headings: Sequence[str]
    rows: Sequence[Sequence[Any]]
    caption: str = ""
    formats: Mapping[str, str] = field(default_factory=dict)
    fold: int = 0

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
        return [bool(cells) and all(isinstance(c, int | float) for c in cells) for cells in columns]


@dataclass(frozen=True)
class Chart:
    """A chart of Plotly's.

    Args:
        title: The title above it, which a screen reader reads.
        figure: A `plotly.graph_objects.Figure`, made by `figure` or given to `styled`.
        caption: How it is read, below it.
        height: Integer. Height in pixels. Defaults to 380.
        min_width: Integer. Width in pixels, below which it scrolls sideways. Defaults to 0.
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
class MarkedText:
    """A text in which some spans are marked.

    Args:
        title: The title above it, such as what it was taken for.
        text: Any text.
        spans: `(start, end, weight)` in characters, ascending and apart; the weight, -1 to 1, is
            how strongly it is marked, and below 0 in the other colour.
        note: A text below it.
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
    """A command or a configuration, folded away under a summary if there is one."""

    kind: ClassVar[str] = "code"
    text: str
    summary: str = ""


@dataclass(frozen=True)
class Grid:
    """Parts side by side where there is room, below each other where there is none."""

    kind: ClassVar[str] = "grid"
    parts: Sequence[Part]
