"""Sentences and tables of what was exported and how good it is, for all that shows it.

The model card, the terminal, the report and the dry run take their tables and
sentences from here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NotRequired, TypedDict

from ecomcat.config import CONFIDENCE_LEVEL, FinalConfig
from ecomcat.errors import name_five
from ecomcat.wording.table import Table

Scores = Mapping[str, Any]


class Metrics(TypedDict):
    """What `metrics.json` of an exported model holds; older models lack some of the inner keys."""

    test: Scores | None  # None without a test set
    validation: Scores  # by weights that were not trained on it
    test_without_excluded: NotRequired[Scores]  # of `data.exclude`
    parts: Mapping[str, Mapping[str, Scores]]  # of each part of the model, by validation and test
    baseline: Scores | None  # what `linear_baseline` returns
    data: Mapping[str, Any]  # the file, what cleaning left out, texts of each class and part
    search: Mapping[str, Any]  # the study, its trials and the best of them
    final: Mapping[str, Any]  # the trial, the weight of each part, and what they were trained on
    versions: Mapping[str, str]  # of packages
    seed: int


FIGURES = {"accuracy": "accuracy", "macro_f1": "macro-F1", "weighted_f1": "weighted F1"}
_MIXED = "better by one of accuracy and macro-F1, worse by the other"
_PARTS = {
    "network": "the LSTM alone",
    "linear": "the linear model of words and letters alone",
    "whole": "the whole model",
}
NO_TEST = (
    "There is no test set (data.test_fraction=0): no figure says how good the model is on texts "
    "that no choice was made on."
)


def shown_scores(metrics: Metrics) -> tuple[str, Scores]:
    """Return the name of the set that the main figures are of, and these figures.

    Without a test set they are of validation, by weights trained on train alone: too good, since
    choices were made on it.
    """
    return ("test", metrics["test"]) if metrics["test"] else ("validation", metrics["validation"])


def score_sets(metrics: Metrics) -> dict[str, Scores]:
    """Return the scores of the model and of the baseline by what they are of, test first."""
    # Scores of validation are never those of weights that were trained on it.
    final = metrics["final"]
    is_other = final["retrained"] and not final.get("held_out_texts")
    weights = "weights before retraining" if is_other else "these weights"
    sets = {"test (scored once)": metrics["test"]} if metrics["test"] else {}
    if "test_without_excluded" in metrics:
        sets["test without the rows marked in data.exclude"] = metrics["test_without_excluded"]
    sets[f"validation ({weights})"] = metrics["validation"]
    baseline = metrics["baseline"]
    if baseline is not None:
        if metrics["test"]:
            sets[f"linear baseline on test: {_baseline_name(baseline)}"] = baseline["test"]
        name = "" if metrics["test"] else f": {baseline['name']}"
        some = f"{baseline['texts_of_train']:,} texts of " if "texts_of_train" in baseline else ""
        what = f"linear baseline on validation, fitted on {some}train{name}"
        sets[what] = baseline["validation"]
    return sets


def _baseline_name(baseline: Scores) -> str:
    """Return the tested baseline's name, and to how many texts it was fitted if not to all."""
    some = f", fitted to {baseline['texts']:,} texts" if baseline.get("left_out") else ""
    return f"{baseline['name']}{some}"


def scores_table(caption: str, sets: Mapping[str, Scores]) -> Table:
    """List accuracy and F1 of each set of texts, by what it is."""
    absent = any(scores.get("absent_classes") for scores in sets.values())
    # The baseline has no probabilities, and so no likeliest categories.
    within = {of: scores.get("top_k_accuracy") or {} for of, scores in sets.items()}
    top = {k: f"within top {k}" for found in within.values() for k in found}
    note = "; macro-F1 over the categories that occur or were predicted" if absent else ""
    return Table(
        ["of", "texts", *FIGURES.values(), *top.values()],
        [
            [
                *(of, scores["rows"], *(with_interval(scores, key) for key in FIGURES)),
                *map(within[of].get, top),
            ]
            for of, scores in sets.items()
        ],
        caption,
        f"in brackets 95 % intervals{note}",
        formats=dict.fromkeys([*FIGURES.values(), *top.values()], ".4f"),
    )


def with_interval(scores: Scores, figure: str) -> str | float:
    """Return a figure and its 95 % interval, where there is one; older studies lack some figures.

    >>> with_interval({"accuracy": 0.95, "intervals": {"accuracy": (0.888, 0.978)}}, "accuracy")
    '0.9500 (0.888 to 0.978)'
    """
    interval = scores.get("intervals", {}).get(figure)
    return f"{scores[figure]:.4f} {bracketed(interval)}" if interval else scores.get(figure, "")


def bracketed(interval: Sequence[float], pattern: str = ".3f") -> str:
    """Return an interval as it stands behind its figure."""
    return "({} to {})".format(*(format(bound, pattern) for bound in interval))


def parts_table(metrics: Metrics) -> Table | None:
    """List the scores of each part of the model; None where the model is a network alone."""
    parts = metrics["parts"]
    if len(parts) <= 2:
        return None
    sets = ("validation", "test") if metrics["test"] else ("validation",)
    columns = [(on, key) for on in sets for key in ("accuracy", "macro_f1")]
    headings = [f"{on} {FIGURES[key]}" for on, key in columns]
    return Table(
        ["part", *headings, "compared with the whole"],
        [
            [
                *(_PARTS.get(name, name), *(found[on][key] for on, key in columns)),
                None if name == "whole" else found[sets[-1]]["beside_whole"],
            ]
            for name, found in parts.items()
        ],
        "Each part of the model alone",
        f"level: no difference that the {sets[-1]} texts could show",
        formats=dict.fromkeys(headings, ".4f"),
    )


def coverage_table(caption: str, scores: Scores) -> Table:
    """List how many texts are accepted automatically for some precisions, and how precisely."""
    return Table(
        ["precision asked", "promised", "from confidence", "accepted automatically", "precision"],
        [
            [
                asked,
                found["promised"],
                "none is enough" if found["threshold"] is None else f"{found['threshold']:.4f}",
                f"{found['coverage']:.1%} {bracketed(found['coverage_interval'], '.1%')}",
                found["precision"]
                and f"{found['precision']:.4f} {bracketed(found['precision_interval'])}",
            ]
            for asked, found in scores["coverage"].items()
        ],
        caption,
        f"promised by validation, {CONFIDENCE_LEVEL:.0%} sure; in brackets 95 % intervals; "
        f"{scores['novel']:.1%} of the texts are called novel and not accepted; "
        f"expected calibration error {with_interval(scores, 'calibration_error')}",
        formats={"promised": ".4f"},
    )


def result_line(metrics: Metrics) -> str:
    """Return the result in short, compared with the linear baseline; tables have the rest."""
    (on, scores), baseline = shown_scores(metrics), metrics["baseline"]
    texts = f"{scores['rows']:,} texts"
    beside = "no linear baseline"
    if on != "test":
        texts, beside = f"{texts}, that choices were made on", "no test set"
    elif baseline is not None:
        found = baseline["comparison"]
        decisive = min(("accuracy", "macro_f1"), key=lambda figure: found[figure]["p_value"])
        meanings = {"level": "no difference shown", "better and worse": _MIXED}
        meaning = meanings.get(found["verdict"], found["verdict"])
        shown_by = f"{FIGURES[decisive]}, {_p_value(found[decisive])}"
        errors = _errors_beside(scores, baseline["test"], _baseline_name(baseline))
        beside = f"{errors}: {meaning} ({shown_by})"
    figures = f"accuracy {scores['accuracy']:.4f}, macro-F1 {scores['macro_f1']:.4f}"
    return f"{on} {figures} ({texts}); {beside}."


def verdict(metrics: Metrics) -> str:
    """Compare the model's errors on test with the linear baseline's, in a sentence."""
    baseline, ours = metrics["baseline"], metrics["test"]
    if ours is None:
        return NO_TEST
    if baseline is None:
        return "There is no linear baseline to compare with."
    theirs = baseline["test"]
    figures = f"accuracy {theirs['accuracy']:.4f}, macro-F1 {theirs['macro_f1']:.4f}"
    name = f"the linear baseline ({_baseline_name(baseline)}: {figures})"
    errors = _errors_beside(ours, theirs, name)
    return f"It has {errors}: {comparison_sentence(baseline['comparison'])}."


def _errors_beside(ours: Scores, theirs: Scores, name: str) -> str:
    """Return how many errors there are beside those of another model of this name."""
    our_errors, their_errors = (round(1 - scores["accuracy"], 9) for scores in (ours, theirs))
    if our_errors == their_errors:
        return f"as many errors as {name}"
    if not their_errors:
        return f"more errors than {name}"
    return f"{our_errors / their_errors:.2f} times the errors of {name}"


def comparison_sentence(comparison: Mapping[str, Any]) -> str:
    """Return in words how the first of two compared models differs from the other."""
    accuracy, macro_f1 = comparison["accuracy"], comparison["macro_f1"]
    meaning = {
        "level": f"no difference that these {comparison['rows']:,} texts could show",
        "better and worse": _MIXED,
    }.get(comparison["verdict"], comparison["verdict"])
    return (
        f"{meaning} (accuracy {_difference(accuracy)} by McNemar's exact test; macro-F1 "
        f"{_difference(macro_f1)} by random exchange)"
    )


def _difference(found: Mapping[str, Any]) -> str:
    return f"{found['difference']:+.4f} {bracketed(found['interval'])}, {_p_value(found)}"


def _p_value(found: Mapping[str, Any]) -> str:
    return f"p = {found['p_value']:.2g}" if found["p_value"] else "p below 1e-300"


def tied_sentence(trials: int, level: Sequence[str]) -> str:
    """Say which of so many trials differ from the best one by no more than chance.

    >>> tied_sentence(5, ["0003"])
    '1 of the 4 other trials is level with the best one: 0003'
    """
    verb = "is" if len(level) == 1 else "are"
    others = f"{len(level)} of the {trials - 1} other trials"
    return f"{others} {verb} level with the best one: {name_five(level)}"


def learning_sentence(model: str, found: Mapping[str, Any], asked_texts: int) -> str:
    """Return how accurate a model is after so many texts, and the gain of twice as many.

    >>> doubled = {"gain": 0.016, "interval": [0.002, 0.03]}
    >>> found = {"points": [{"texts": 1000, "accuracy": 0.92}], "doubled": doubled}
    >>> learning_sentence("The LSTM", found, 300)  # doctest: +ELLIPSIS
    'The LSTM trained on 1,000 texts is right on ... about 1.6 points (95 % interval 0.2 to 3.0).'
    """
    last, doubled = found["points"][-1], found["doubled"]
    low, high = (100 * bound for bound in doubled["interval"])
    return (
        f"{model} trained on {last['texts']:,} texts is right on {last['accuracy']:.1%} of "
        f"{asked_texts:,} others; twice the texts would gain about "
        f"{100 * doubled['gain']:.1f} points (95 % interval {low:.1f} to {high:.1f})."
    )


def model_sentences(final: Mapping[str, Any]) -> list[str]:
    """Return what the model is made of and what it was trained on, as `metrics.json` has it."""
    texts = final["trained_texts"]
    some = "a part of " * (final.get("network_texts", texts) < texts)
    sentences = [f"The network is that of trial {final['trial']} ({_epochs(final)})."]
    if level := final["level_trials"]:
        tied = tied_sentence(final["trials"], level)
        sentences.append(f"On validation {tied} (no difference that its texts could show).")
    if found := final.get("learning_curve"):
        sentences.append(learning_sentence("The LSTM", found, found["validation_texts"]))
    sentences.append(f"Trained on {some}{texts:,} texts: {_trained_rows(final)}.")
    if (weight := final["linear_weight"]) > 0:
        learned = final.get("linear_texts", texts)
        part = f", fitted to {learned:,} of these texts," if learned < texts else ""
        sentences.append(
            f"A linear model of words, pairs of words and letters{part} has a weight of "
            f"{weight:.0%} in each answer."
        )
    return sentences


def _trained_rows(final: Mapping[str, Any]) -> str:
    """Return which parts of the data the model was trained on."""
    rows = "train and validation"
    if final["use_all_rows"]:
        rows = "train, validation and test; the figures are of the model before the test rows"
    elif not final["retrained"]:
        rows = "train alone: the weights of the search, not trained again"
    if held_out := final.get("held_out_texts"):
        rows += f"; {held_out:,} texts of validation were kept apart to calibrate it"
    return rows


def _epochs(final: Mapping[str, Any]) -> str:
    """Return how many epochs were trained, and their texts if they did not read all."""
    epochs = f"{final['epochs']} epochs"
    if "epoch_texts" not in final:
        return epochs
    return f"{epochs} of {final['epoch_texts']:,} texts, {final['network_texts']:,} in all"


def planned_model(final: FinalConfig) -> str:
    """Return what would be exported, in words."""
    rows = "train and validation" if final.retrain else "train alone, as the search trained it"
    if final.use_all_rows:
        rows = "all rows, once test was scored"
    return f"the best configuration, trained on {rows}"


def hardest_pairs(scores: Scores, max_pairs: int) -> list[tuple[int, int, str, str]]:
    """Return the categories most often taken for each other.

    Each comes as the number of texts, that of all texts of the true category, its name, and that
    of the predicted one.
    """
    return [
        (texts, scores["per_class"][true]["rows"], true, predicted)
        for true, predicted, texts in scores.get("confusions", ())[:max_pairs]
    ]
