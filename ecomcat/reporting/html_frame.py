"""A page in one HTML file, rendered from a template that escapes all values; style of charts."""

from __future__ import annotations

import base64
import gzip
import hashlib
import html
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from ecomcat.export.templates import template_environment
from ecomcat.text.tokenizer import valid_unicode
from ecomcat.wording.table import Table

if TYPE_CHECKING:
    from jinja2 import Environment
    from plotly.graph_objects import Figure

# Different to most colour-blind readers as well: Okabe and Ito, "Color universal design" (2008),
# https://jfly.uni-koeln.de/color/
COLOURS = (
    *("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"),
    *("#7a7a7a", "#8c564b", "#5b3fa0", "#b8a200"),
)
OURS, THEIRS, FAINT = COLOURS[0], COLOURS[1], "rgba(120, 120, 120, 0.35)"


def render(
    content: str,
    *,
    title: str,
    subtitle: str,
    footer: str = "",
    refresh_seconds: int = 0,
    **values: Any,
) -> str:
    """Return a page as one HTML file; lone surrogates are replaced.

    Args:
        content: Template of the sections, such as `"reporting/assets/report.html"`. It calls the
            macros of `page.html`; a section that holds nothing is left out.
        title: The page's title.
        subtitle: A sentence or two below it.
        footer: A text at the end.
        refresh_seconds: Integer. Seconds after which an open page reloads itself. Defaults to 0,
            for never.
        **values: What the template shows.
    """
    page = _environment().get_template("reporting/assets/page.html")
    frame = {"title": title, "subtitle": subtitle, "footer": footer}
    rendered = page.render(content=content, refresh_seconds=refresh_seconds, **frame, **values)
    return valid_unicode(rendered.lstrip())


@cache
def _environment() -> Environment:
    environment = template_environment()
    environment.filters.update(sha256=_sha256, packed=_packed, indented=_indented)
    environment.globals.update(plotly_script=_plotly_script, Table=Table)
    return environment


def _sha256(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode("ascii")


@cache
def _packed(script: str) -> str:
    # Without a time, so that the result is always the same.
    return base64.b64encode(gzip.compress(script.encode("utf-8"), mtime=0)).decode("ascii")


def _indented(content: Any) -> str:
    return json.dumps(content, indent=2, ensure_ascii=False)


@cache
def _plotly_script() -> str:
    from plotly.offline import get_plotlyjs

    return str(get_plotlyjs())


@dataclass(frozen=True)
class Chart:
    """A chart of Plotly's.

    Args:
        title: The title above it, which a screen reader reads.
        figure: A `plotly.graph_objects.Figure`, made by `figure` or given to `styled`.
        caption: How to read it, below it.
        height: Integer. Height in pixels. Defaults to 380.
        min_width: Integer. Width in pixels, below which it scrolls sideways. Defaults to 0.
    """

    title: str
    figure: Any
    caption: str = ""
    height: int = 380
    min_width: int = 0


def figure(*, x: str = "", y: str = "", **layout: Any) -> Figure:
    """Return an empty figure in the pages' style, with titles of its axes, and `layout` updated."""
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
