"""A page in one HTML file, rendered from a template with everything escaped."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from functools import cache
from typing import TYPE_CHECKING, Any

from ecomcat.export.summary import template_environment
from ecomcat.text.tokenizer import valid_unicode

if TYPE_CHECKING:
    from jinja2 import Environment


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
        content: Template of the sections, such as `"reporting/assets/study.html"`. It calls the
            macros of `page.html`; a section that holds nothing is left out.
        title: The page's title.
        subtitle: A sentence or two below it.
        footer: A text at the end.
        refresh_seconds: Integer. Seconds after which an open page loads itself anew. Defaults to
            0, for never.
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
    environment.globals["plotly_script"] = _plotly_script
    return environment


def _sha256(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode("ascii")


@cache
def _packed(script: str) -> str:
    # Without a time, so that it is always the same.
    return base64.b64encode(gzip.compress(script.encode("utf-8"), mtime=0)).decode("ascii")


def _indented(content: Any) -> str:
    return json.dumps(content, indent=2, ensure_ascii=False)


@cache
def _plotly_script() -> str:
    from plotly.offline import get_plotlyjs

    return str(get_plotlyjs())
