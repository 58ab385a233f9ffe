"""Write the model card, `README.md` of an exported folder."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping, Sequence
from typing import Any

from ecomcat.data.cleaning import named
from ecomcat.errors import name_five
from ecomcat.export.templates import template_environment
from ecomcat.model.intervals import f1_interval
from ecomcat.text.tokenizer import valid_unicode
from ecomcat.wording.level_tables import level_tables
from ecomcat.wording.summary import (
    Metrics,
    coverage_table,
    hardest_pairs,
    model_sentences,
    parts_table,
    score_sets,
    scores_table,
    shown_scores,
    verdict,
)

_MAX_PAIRS, _MAX_RARELY_FOUND = 5, 3
_MAX_LISTED = 60  # categories of a card; if there are more, those of the lowest F1
# Characters that are markup to Markdown but not to HTML; an underscore between letters is not.
_MARKUP = re.compile(r"[\\`*\[\]|~#!$]|(?<![^\W_])_|_(?![^\W_])")


def model_card(metrics: Metrics, labels: Sequence[str]) -> str:
    """Write the card of a model in Markdown.

    Args:
        metrics: What `metrics.json` holds.
        labels: Names of the categories, in the order of the model's outputs.
    """
    on, scores = shown_scores(metrics)
    per_class = scores["per_class"]
    present = [(name, score) for name, score in per_class.items() if score["rows"]]
    readable = scores.get("taxonomy", {}).get("readable") or {}
    environment = template_environment().overlay(finalize=escape_markdown)
    return environment.get_template("export/card.md").render(
        **metrics,
        labels=labels,
        f1_interval=f1_interval,
        named=named,
        on=on,
        shown=scores,
        listed=_listed(labels, per_class),
        absent=name_five(scores["absent_classes"]),
        scores=scores_table("", score_sets(metrics)),
        verdict=verdict(metrics),
        table_of_parts=parts_table(metrics),
        coverage=coverage_table("", scores),
        levels=level_tables(on, scores),
        pairs=hardest_pairs(scores, _MAX_PAIRS),
        level_pairs=hardest_pairs(readable, _MAX_PAIRS),
        least_found=sorted(present, key=lambda item: item[1]["recall"])[:_MAX_RARELY_FOUND],
        sentences=model_sentences(metrics["final"]),
    )


def escape_markdown(value: object) -> str:
    """Write a value on one line so that Markdown shows it as it is; `Markup` stays.

    >>> print(escape_markdown("Home & Garden: *new* my_file"))
    Home &amp; Garden: &#42;new&#42; my_file
    """
    from markupsafe import Markup

    if isinstance(value, Markup):
        return value
    line = html.escape(" ".join(valid_unicode(str(value)).split()), quote=False)
    return Markup(_MARKUP.sub(lambda found: f"&#{ord(found[0])};", line))


def _listed(labels: Sequence[str], per_class: Mapping[str, Any]) -> list[tuple[int, str]]:
    """Return the categories of the card's table with their numbers: of many the worst by F1."""
    listed = [(number, name) for number, name in enumerate(labels, 1) if name in per_class]
    if len(listed) <= _MAX_LISTED:
        return listed
    return sorted(listed, key=lambda entry: per_class[entry[1]]["f1"])[:_MAX_LISTED]
