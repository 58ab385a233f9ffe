"""What TensorBoard's Text tab says of the final model, in Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ecomcat.reporting.progress import plain_value
from ecomcat.reporting.tables import COVERAGE_HEADINGS, coverage_rows, validation_title
from ecomcat.text.tokenizer import valid_unicode

_PLAIN = re.compile(r"[^\w ,]|_")
_MOST_CLASSES = 1000


def final_report(metrics: Mapping[str, Any], classes: Sequence[str]) -> str:
    """Write what was exported and what it reached.

    Args:
        metrics: what `metrics.json` holds.
        classes: names of the categories, in the order of the model's outputs.
    """
    final, test = metrics["final"], metrics["test"]
    return "\n".join(
        [
            f"## The model of study {_shown(metrics['search']['study'])}",
            "",
            *_sets(metrics),
            "",
            *_verdict(metrics),
            "",
            "### By category, on test",
            "",
            *_categories(test["per_class"], classes),
            "",
            "### Labelled without a look, on test",
            "",
            *_table(COVERAGE_HEADINGS, coverage_rows(test["coverage"])),
            "",
            "### What was exported",
            "",
            *_exported(final),
        ]
    )


def _sets(metrics: Mapping[str, Any]) -> list[str]:
    sets = {
        "test (scored once)": metrics["test"],
        validation_title(metrics["final"]): metrics["validation"],
    }
    baseline = metrics["baseline"]
    if baseline is not None:
        sets[f"{baseline['name']}, on test"] = baseline["test"]
    return _table(
        ("set", "texts", "accuracy", "macro-F1", "weighted F1"),
        (
            (name, scores["rows"], *_figures(scores, "accuracy", "macro_f1", "weighted_f1"))
            for name, scores in sets.items()
        ),
    )


def _verdict(metrics: Mapping[str, Any]) -> list[str]:
    if metrics["baseline"] is None:
        return ["No linear baseline was computed."]
    ours, theirs = (metrics[key] for key in ("test", "baseline"))
    better = theirs["test"]["accuracy"] >= ours["accuracy"]
    return [
        "The linear baseline is as good or better on this data."
        if better
        else "The model has fewer errors than the linear baseline."
    ]


def _categories(
    per_class: Mapping[str, Mapping[str, Any]], classes: Sequence[str]
) -> Iterable[str]:
    """List each category with its number, by which the confusion matrix may call it."""
    lines = _table(
        ("#", "category", "precision", "recall", "F1", "test texts"),
        (
            (
                number,
                name,
                *_figures(per_class[name], "precision", "recall", "f1"),
                per_class[name]["rows"],
            )
            for number, name in enumerate(classes[:_MOST_CLASSES], start=1)
        ),
    )
    if len(classes) > _MOST_CLASSES:
        more = f"The first {_MOST_CLASSES} of {len(classes)}; all stand in metrics.json."
        return [*lines, "", more]
    return lines


def _exported(final: Mapping[str, Any]) -> list[str]:
    teachers = final.get("teachers")
    members = final["members"] if teachers is None else teachers
    trained = {
        (True, False): "train and validation",
        (True, True): "train, validation and test; the figures are of the model before that",
        (False, False): "train alone, the weights of the search",
    }[final["retrained"], final["use_all_rows"]]
    lines = [
        f"- `final={final['name']}`, trained on {final['trained_texts']:,} texts: {trained}.",
        f"- The memory of the training texts counts for {final['memory_share']:.0%}, the linear "
        f"part of the words for {final['linear_share']:.0%}; "
        f"temperature {final['temperature']:.2f}.",
    ]
    if teachers is not None:
        student = final["student"]
        lines.append(
            f"- One network of trial {_shown(student['configuration'])}'s configuration, taught "
            f"for {student['epochs']} epochs by the networks below."
        )
    rows = (
        (
            member["trial"],
            f"{member['share']:.0%}",
            member["epochs"],
            ", ".join(
                f"{name} {plain_value(value)}" for name, value in member["hyperparameters"].items()
            ),
        )
        for member in members
    )
    return [*lines, "", *_table(("trial", "share", "epochs", "hyperparameters"), rows)]


def _figures(scores: Mapping[str, Any], *names: str) -> list[str]:
    return [f"{scores[name]:.4f}" for name in names]


def _table(headings: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    return [
        f"| {' | '.join(headings)} |",
        f"|{'---|' * len(headings)}",
        *(f"| {' | '.join(map(_shown, row))} |" for row in rows),
    ]


def _shown(value: object) -> str:
    """Write a value on one line as character references, which are no markup to anyone."""
    line = " ".join(valid_unicode(str(value)).split())
    return _PLAIN.sub(lambda found: f"&#{ord(found[0])};", line)
