"""The model card, `model/README.md`: what the model is, how good, and what it is bad at."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ecomcat.export.summary import (
    coverage_table,
    hardest_pairs,
    model_sentences,
    parts_table,
    score_sets,
    scores_table,
    template_environment,
    verdict,
)
from ecomcat.text.tokenizer import valid_unicode

if TYPE_CHECKING:
    from markupsafe import Markup

_MAX_PAIRS, _MAX_RARELY_FOUND = 5, 3
# What Markdown could take for markup beside HTML's; an underscore between letters never is.
_MARKUP = re.compile(r"[\\`*\[\]|~#!$]|(?<![^\W_])_|_(?![^\W_])")


def model_card(metrics: Mapping[str, Any], labels: Sequence[str]) -> str:
    """Write the card of a model in Markdown.

    Args:
        metrics: What `metrics.json` holds.
        labels: Names of the categories, in the order of the model's outputs.
    """
    test = metrics["test"]
    present = [(name, score) for name, score in test["per_class"].items() if score["rows"]]
    environment = template_environment().overlay(finalize=_escaped)
    return environment.get_template("export/card.md").render(
        **metrics,
        labels=labels,
        scores=scores_table("", score_sets(metrics)),
        verdict=verdict(metrics),
        table_of_parts=parts_table(metrics),
        coverage=coverage_table("", test),
        pairs=hardest_pairs(test, labels, _MAX_PAIRS),
        least_found=sorted(present, key=lambda item: item[1]["recall"])[:_MAX_RARELY_FOUND],
        sentences=model_sentences(metrics["final"]),
    )


def _escaped(value: object) -> Markup:
    from markupsafe import Markup

    return value if isinstance(value, Markup) else Markup(escape_markdown(value))


def escape_markdown(value: object) -> str:
    """Write a value on one line so that Markdown shows it as it is.

    >>> escape_markdown("Home & Garden: *new* my_file")
    'Home &amp; Garden: &#42;new&#42; my_file'
    """
    line = html.escape(" ".join(valid_unicode(str(value)).split()), quote=False)
    return _MARKUP.sub(lambda found: f"&#{ord(found[0])};", line)
