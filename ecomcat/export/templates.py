"""Where the templates of pages and of the model card are read, and what is escaped in them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ecomcat.console import visible

if TYPE_CHECKING:
    from jinja2 import Environment


def template_environment() -> Environment:
    """Return where the templates of pages and of the model card are, with all values escaped.

    What a terminal would heed, or what turns all around it from right to left, is replaced, too.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    return Environment(
        loader=PackageLoader("ecomcat", ""),
        autoescape=True,
        finalize=_visible,
        undefined=StrictUndefined,
        extensions=["jinja2.ext.do"],
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def _visible(value: Any) -> Any:
    """Replace control characters and overrides of the direction in what is no markup."""
    is_plain = isinstance(value, str) and not hasattr(value, "__html__")
    return visible(value) if is_plain else value
