"""The model card's figures beyond accuracy: what to trust, and what the model is bad at."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

Escape = Callable[[object], str]

_MOST_PAIRS, _MOST_CATEGORIES = 5, 3


def trust_lines(test: Mapping[str, Any], temperature: float) -> list[str]:
    """Say how far the confidences can be trusted, and how much needs no second look.

    Args:
        test: scores as `ecomcat.model.confidence` gives them.
        temperature: that the probabilities were calibrated with.
    """
    return [
        f"The probabilities were calibrated on validation (temperature {temperature:.2f}). On test "
        f"the expected calibration error is {test['calibration_error']:.4f}: confidence and "
        "accuracy are so far apart on average.",
        "",
        "Answers at or above a confidence may be taken without a look. The confidence was chosen "
        "on validation for the precision asked; test shows what it is worth:",
        "",
        "| precision asked | from confidence | test texts accepted | precision reached |",
        "|---|---|---|---|",
        *(_coverage_row(asked, found) for asked, found in test["coverage"].items()),
    ]


def _coverage_row(asked: str, found: Mapping[str, Any]) -> str:
    if found["threshold"] is None:
        return f"| {asked} | none is enough | 0.0 % | |"
    reached = "" if found["precision"] is None else f"{found['precision']:.4f}"
    return f"| {asked} | {found['threshold']:.4f} | {found['coverage']:.1%} | {reached} |"


def weakness_lines(test: Mapping[str, Any], labels: Sequence[str], escape: Escape) -> list[str]:
    """Name the categories most often taken for each other, and the kinds of texts it fails at.

    Args:
        test: scores as `ecomcat.model.scores` and `ecomcat.model.slices` give them.
        labels: names of the classes.
        escape: writes a value so that Markdown shows it as it is.
    """
    return [
        *(
            f"- {count} of {total} test texts of {escape(true)} were taken for {escape(other)}."
            for count, total, true, other in _hardest_pairs(test["confusion_matrix"], labels)
        ),
        *(
            f"- Of {found['rows']} test texts of {escape(kind)}, {found['accuracy']:.1%} were "
            f"right ({test['accuracy']:.1%} of all)."
            for kinds in test["slices"].values()
            for kind, found in kinds.items()
            if found["accuracy"] < test["accuracy"]
        ),
        *(
            f"- Of {score['rows']} test texts of {escape(name)}, {score['recall']:.1%} were found."
            for name, score in _least_found(test["per_class"])
        ),
        "- Texts in languages that it was not trained on, and words that it has not met: it "
        "guesses, and its confidence says nothing.",
    ]


def _least_found(per_class: Mapping[str, Mapping[str, Any]]) -> list[tuple[str, Mapping[str, Any]]]:
    """Return the categories of the lowest recall: small ones do not show among the pairs."""
    met = [(name, score) for name, score in per_class.items() if score["rows"]]
    return sorted(met, key=lambda item: item[1]["recall"])[:_MOST_CATEGORIES]


def _hardest_pairs(
    crossed: Sequence[Sequence[int]], labels: Sequence[str]
) -> list[tuple[int, int, str, str]]:
    """Return count, all texts of the true class, its name and that of the class predicted."""
    pairs = [
        (count, sum(row), labels[true], labels[other])
        for true, row in enumerate(crossed)
        for other, count in enumerate(row)
        if true != other and count
    ]
    return sorted(pairs, key=lambda pair: -pair[0])[:_MOST_PAIRS]
