"""The linear baseline: what words and pairs of words reach without a network, on the same split.

TF-IDF and LinearSVC train in seconds and are hard to beat, so a search's figures stand beside
theirs. Its settings are chosen as ours are: on validation, by models fitted on train alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecomcat.data.split import Split
from ecomcat.final.linear import (
    LinearChoice,
    NoWordsError,
    choose_linear,
    fit_linear,
    texts_fitted,
)
from ecomcat.model.scores import score_predictions

_NAME = "Linear baseline (TF-IDF + LinearSVC, same split)"


@dataclass(frozen=True)
class LinearBaseline:
    """What the linear baseline reached.

    Args:
        choice: the better settings on validation.
        validation: scores of the model fitted on train alone (of over 50,000 texts on as many of
            them), as `score_predictions` gives them.
        test: scores of the model fitted on train and validation.
        left_out: share of these texts, by lot, that were too many to be fitted to in minutes.
    """

    choice: LinearChoice
    validation: dict[str, Any]
    test: dict[str, Any]
    left_out: float = 0.0


@dataclass(frozen=True)
class NoBaseline:
    """There is no linear baseline for these texts, and why."""

    reason: str


def linear_baseline(
    texts: Sequence[str], labels: NDArray[np.int64], split: Split, classes: Sequence[str]
) -> LinearBaseline | NoBaseline:
    """Choose on validation, fit again on train and validation, score test once.

    Args:
        texts: all texts.
        labels: their class numbers, shape `(texts,)`.
        split: which of them are train, validation and test.
        classes: names of the classes.

    Returns:
        What it reached, the same each time for the same arguments; or why there is none.
    """
    try:
        return _fitted(texts, labels, split, classes)
    except NoWordsError as error:
        return NoBaseline(str(error))
    except MemoryError:
        # The network is trained by now: it is not to be lost for a comparison.
        return NoBaseline("there was not enough memory for it")


def _fitted(
    texts: Sequence[str], labels: NDArray[np.int64], split: Split, classes: Sequence[str]
) -> LinearBaseline:
    def texts_of(rows: NDArray[np.int64]) -> list[str]:
        return [texts[row] for row in rows]

    train, validation, test = split.train, split.validation, split.test
    choice, model = choose_linear(
        (texts_of(train), labels[train]), (texts_of(validation), labels[validation]), len(classes)
    )
    validated = model.predict(texts_of(validation))
    both = np.sort(np.concatenate([train, validation]))
    model = fit_linear(texts_of(both), labels[both], choice, len(classes))
    return LinearBaseline(
        choice,
        score_predictions(labels[validation], validated, classes),
        score_predictions(labels[test], model.predict(texts_of(test)), classes),
        left_out=1 - texts_fitted(labels[both], len(classes)) / len(both),
    )


def sentence(baseline: LinearBaseline | NoBaseline, ours: Mapping[str, Any]) -> str:
    """Say in a line how our figures stand to the baseline's.

    Args:
        baseline: of the same split.
        ours: test scores with `accuracy` and `macro_f1`.
    """
    if isinstance(baseline, NoBaseline):
        return f"{_NAME}: none, since {baseline.reason}."
    test = baseline.test
    fitted = ""
    if baseline.left_out:
        share = 1 - baseline.left_out
        fitted = f" It was fitted to {share:.1%} of its texts, by lot: more would take too long."
    return (
        f"{_NAME}: test accuracy {test['accuracy']:.4f}, macro-F1 {test['macro_f1']:.4f}; ours "
        f"{ours['accuracy']:.4f}, {ours['macro_f1']:.4f}: {_verdict(test, ours)}{fitted}"
    )


def _verdict(theirs: Mapping[str, Any], ours: Mapping[str, Any]) -> str:
    their_errors, our_errors = 1 - theirs["accuracy"], 1 - ours["accuracy"]
    if np.isclose(our_errors, their_errors, rtol=0, atol=1e-9):
        return (
            "ours is no better, with as many errors: on this data the linear baseline is the "
            "better choice, since it is simpler."
        )
    if our_errors > their_errors:
        factor = f": ours has {our_errors / their_errors:.2f} of its errors" if their_errors else ""
        return f"the linear baseline is better on this data{factor}."
    lower = ", but the lower macro-F1" if ours["macro_f1"] < theirs["macro_f1"] else ""
    return f"ours has {our_errors / their_errors:.2f} of its errors{lower}."
