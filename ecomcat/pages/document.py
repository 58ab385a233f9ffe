"""Put sections into one HTML file that needs no other file and no other host.

Plotly's script is packed into the page and unpacked by the browser (DecompressionStream, in
browsers since 2023), which makes it 2 MB instead of 5. The page's own content security policy
allows these scripts by their hashes alone and no connection at all, so that a text that was not
escaped could still do nothing.
https://developer.mozilla.org/en-US/docs/Web/HTTP/Reference/Headers/Content-Security-Policy
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources

from ecomcat.pages.parts import Chart, Grid, Part, Section

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
        loader=PackageLoader("ecomcat", "pages/assets"),
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
    return resources.files("ecomcat.pages").joinpath("assets", name).read_text(encoding="utf-8")


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
