"""Say in words, once, what was exported and how good it is, for all that shows it.

The model card, the terminal, TensorBoard, the report and the dry run take their names, rows and
sentences from here. `metrics` is always what `metrics.json` holds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ecomcat.config import FinalConfig
from ecomcat.options import make

FIGURES = {"accuracy": "accuracy", "macro_f1": "macro-F1", "weighted_f1": "weighted F1"}
COVERAGE_HEADINGS = ("precision asked", "from confidence", "accepted automatically", "precision")
PARTS = {
    "network": "the LSTM alone",
    "memory": "the memory of training texts alone",
    "linear": "the linear model of words alone",
    "whole": "the whole model",
}

MAX_P_VALUE = 0.05  # of a difference that is no chance

Scores = Mapping[str, Any]
Metrics = Mapping[str, Any]


def validation_title(final: Mapping[str, Any]) -> str:
    """Return whose scores those of validation are: never of weights that were trained on it.

    Args:
        final: What `metrics.json` holds under `final`.
    """
    return f"validation ({'weights before retraining' if final['retrained'] else 'these weights'})"


def score_rows(metrics: Metrics) -> dict[str, Scores]:
    """Return the scores of the model and of the baseline by what they are of, test first."""
    rows = {"test (scored once)": metrics["test"]}
    if "test_without_excluded" in metrics:
        rows["test without the rows marked in data.exclude"] = metrics["test_without_excluded"]
    rows[validation_title(metrics["final"])] = metrics["validation"]
    baseline = metrics["baseline"]
    if baseline is not None:
        rows[f"linear baseline on test: {baseline['name']}"] = baseline["test"]
        if "validation" in baseline:
            rows["linear baseline on validation, fitted on train"] = baseline["validation"]
    return rows


def part_rows(metrics: Metrics) -> list[tuple[str, float, float, float, float]]:
    """Return name, accuracy and macro-F1 on validation, then on test, of each part of the model.

    A model that is a network alone has no rows.
    """
    parts = metrics.get("parts", {})
    return [
        (PARTS.get(name, name), *(found[on][key] for on in _SETS for key in _PART_FIGURES))
        for name, found in parts.items()
        if len(parts) > 2
    ]


_SETS, _PART_FIGURES = ("validation", "test"), ("accuracy", "macro_f1")
PART_HEADINGS = (
    "part",
    *(f"{on} {FIGURES[figure]}" for on in _SETS for figure in _PART_FIGURES),
)


def coverage_rows(coverage: Mapping[str, Mapping[str, Any]]) -> list[tuple[str, ...]]:
    """Return a cell for each of `COVERAGE_HEADINGS`, for each precision that was asked.

    Args:
        coverage: Part of the scores, as `ecomcat.model.metrics` gives them.
    """
    return [
        (
            asked,
            "none is enough" if found["threshold"] is None else f"{found['threshold']:.4f}",
            f"{found['coverage']:.1%}",
            "" if found["precision"] is None else f"{found['precision']:.4f}",
        )
        for asked, found in coverage.items()
    ]


def result_line(metrics: Metrics) -> str:
    """Return what was reached, in a line, beside the linear baseline."""
    test = metrics["test"]
    return (
        f"test accuracy {test['accuracy']:.4f}, macro-F1 {test['macro_f1']:.4f} "
        f"({test['rows']:,} texts, scored once). {verdict(metrics)}"
    )


def verdict(metrics: Metrics) -> str:
    """Return how the model's errors on test compare with the linear baseline's, in a sentence."""
    baseline, ours = metrics["baseline"], metrics["test"]
    if baseline is None:
        return "There is no linear baseline to compare with."
    theirs, p_value = baseline["test"], baseline["comparison"]["p_value"]
    figures = f"accuracy {theirs['accuracy']:.4f}, macro-F1 {theirs['macro_f1']:.4f}"
    name = f"the linear baseline ({figures})"
    our_errors, their_errors = (round(1 - scores["accuracy"], 9) for scores in (ours, theirs))
    times = f"It has as many errors as {name}"
    if our_errors != their_errors:
        ratio = f"{our_errors / their_errors:.2f} times the" if their_errors else "more"
        times = f"It has {ratio} errors {'of' if their_errors else 'than'} {name}"
    meaning = f"no difference that these {ours['rows']:,} texts could show"
    if p_value < MAX_P_VALUE:
        meaning = "better" if our_errors < their_errors else "worse"
        if our_errors < their_errors and ours["macro_f1"] < theirs["macro_f1"]:
            meaning += ", but with the lower macro-F1"
    return f"{times}: {meaning} (McNemar's exact test, p = {p_value:.2g})."


def model_sentences(final: Mapping[str, Any]) -> list[str]:
    """Return what the model is made of and what it was trained on, in sentences.

    Args:
        final: What `metrics.json` holds under `final`.
    """
    trials = ", ".join(
        f"trial {member['trial']} ({member['share']:.0%}, {member['epochs']} epochs)"
        for member in final["members"]
    )
    count = len(final["members"])
    networks = "One network" if count == 1 else f"The weighted mean of {count} networks"
    if final["use_all_rows"]:
        rows = "train, validation and test; the figures are of the model before the test rows"
    elif final["retrained"]:
        rows = "train and validation"
    else:
        rows = "train alone: the weights of the search, not trained again"
    return [
        f"{networks}: {trials}.",
        f"Trained on {final['trained_texts']:,} texts: {rows}.",
        *_experts(final),
    ]


def _experts(final: Mapping[str, Any]) -> list[str]:
    found = []
    if final["memory_share"] > 0:
        found.append(
            "A memory of the training texts (the categories of those with the same words) counts "
            f"for {final['memory_share']:.0%} of each answer."
        )
    if final["linear_share"] > 0:
        found.append(
            "A linear model of the words (what each says by itself) counts for "
            f"{final['linear_share']:.0%} of each answer."
        )
    return found


def planned_model(final: FinalConfig) -> str:
    """Return what would be exported, in words.

    Args:
        final: The configuration.
    """
    rows = "train and validation" if final.retrain else "train alone, as the search trained it"
    if final.use_all_rows:
        rows = "all rows, once test was scored"
    return f"{make('final.step', final.step).describe()}, trained on {rows}"


def hardest_pairs(
    test: Scores, class_names: Sequence[str], max_pairs: int
) -> list[tuple[int, int, str, str]]:
    """Return the categories most often taken for each other.

    Args:
        test: Scores with the `confusion_matrix`.
        class_names: Names of the categories, in the order of the matrix.
        max_pairs: Integer. How many pairs to return at most.

    Returns:
        Number of texts, number of all texts of the true category, its name, and the predicted one.
    """
    pairs = [
        (count, sum(row), class_names[true], class_names[predicted])
        for true, row in enumerate(test["confusion_matrix"])
        for predicted, count in enumerate(row)
        if true != predicted and count
    ]
    return sorted(pairs, key=lambda pair: -pair[0])[:max_pairs]
