"""Read the templates of pages and of the model card, and escape their values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ecomcat.console import visible

if TYPE_CHECKING:
    from jinja2 import Environment


def template_environment() -> Environment:
    """Return the environment of the templates of pages and the model card; values are escaped.

    Control characters and overrides of the text direction are replaced, too.
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
    """Replace control characters and overrides of the direction in values that are not markup."""
    is_plain = isinstance(value, str) and not hasattr(value, "__html__")
    return visible(value) if is_plain else value
