"""The linear baseline: the best of several linear models of the same split, without a network.

TF-IDF with LinearSVC or complement naive Bayes trains in seconds and is hard to beat, so a
search's figures are compared with theirs. The features and the other settings are chosen like
ours: on validation, by models fitted on train alone.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecomcat.data.dataset import Dataset
from ecomcat.data.splitting import Split
from ecomcat.final.linear_features import FEATURES, max_characters
from ecomcat.final.linear_models import (
    MAX_HYPERPLANES,
    MAX_WEIGHTS,
    MODELS,
    SMOOTHING,
    can_fit_svc,
    has_converged,
    predict_classes,
    rows_to_fit,
)
from ecomcat.model.comparison import compare_answers
from ecomcat.model.metrics import macro_f1, score_predictions
from ecomcat.process import raise_if_requested

logger = logging.getLogger("ecomcat")

# Each class is a separate model, fitted to all texts: where texts times classes are more, trying
# all costs would take longer than a quick search, so the cost is 1 and the smoothing 0.3.
_MAX_WORK_TUNED = 2_500_000
_SMOOTHINGS: tuple[float, ...] = (0.03, 0.1, 0.3, 1.0)  # of naive Bayes, to try
# Sizes of random samples of texts: for the choice of settings, and for the fit of the model, of
# which LinearSVC takes a part.
_MAX_TEXTS_TUNED, _MAX_TEXTS = 50_000, 1_000_000
_NO_MEMORY = "there was not enough memory"

LabelledTexts = tuple[Sequence[str], NDArray[np.int64]]


class NothingToLearnError(ValueError):
    """The texts, or their classes, leave a linear model nothing to learn."""


@contextmanager
def optional(title: str) -> Iterator[None]:
    """Log why an optional part of a search is missing, and continue without it."""
    try:
        yield
    except NothingToLearnError as error:
        logger.info("%s: none, since %s.", title, error)
    except MemoryError:
        logger.info("%s: none, since there was not enough memory for it.", title)


@dataclass(frozen=True)
class LinearChoice:
    """The features (one of `FEATURES`), the model (one of `MODELS`), and their settings.

    With `sublinear_tf` the logarithm of a feature's count is used.
    """

    features: str
    model: str
    setting: float
    sublinear_tf: bool

    @property
    def title(self) -> str:
        """The model's name in sentences."""
        return f"TF-IDF ({FEATURES[self.features].title}) + {MODELS[self.model].title}"

    def describe(self) -> dict[str, Any]:
        """Return what `metrics.json` holds of it under `baseline`."""
        return {
            "name": self.title,
            "features": self.features,
            **{kind.setting: None for kind in MODELS.values()},
            MODELS[self.model].setting: self.setting,
            "sublinear_tf": self.sublinear_tf,
        }


def linear_candidates(
    features: str, texts: int, num_classes: int, *, with_svc: bool
) -> list[LinearChoice]:
    """Return the settings to try for some features, of naive Bayes alone or of LinearSVC, too."""
    kind = FEATURES[features]
    few = texts * num_classes <= _MAX_WORK_TUNED
    settings = {
        "svc": () if not with_svc else kind.costs if few else (1.0,),
        "bayes": _SMOOTHINGS if few else (SMOOTHING,),
    }
    return [
        LinearChoice(features, model, setting, each)
        for model, tried in settings.items()
        for each in kind.sublinear_tf
        for setting in tried
    ]


@dataclass(frozen=True)
class LinearFit:
    """A choice, its macro-F1 on validation, and its model, a scikit-learn pipeline from texts.

    `texts` is how many the model was fitted to.
    """

    choice: LinearChoice
    score: float
    model: Any
    texts: int


def choose_linear(
    train: LabelledTexts,
    validation: LabelledTexts,
    num_classes: int,
    kinds: Iterable[str] = tuple(FEATURES),
) -> list[LinearFit]:
    """Fit each of the `linear_candidates` on train and choose on validation.

    Features from which nothing can be learned, or for which memory is too small, are left out.

    Args:
        train: Texts and their class numbers.
        validation: The same of the validation set.
        num_classes: Integer. Number of classes.
        kinds: Iterable of keys of `FEATURES`. Defaults to all.

    Returns:
        The best fit of each kind of features, best first; among equals the first.

    Raises:
        NothingToLearnError: When there is nothing to learn.
    """
    best: list[LinearFit] = []
    reasons: dict[str, str] = {}
    for kind in kinds:
        try:
            fits = _candidate_fits(kind, train, validation, num_classes)
            best.append(max(fits, key=lambda fit: fit.score))
        except NothingToLearnError as error:
            reasons[kind] = str(error)
        except MemoryError:
            reasons[kind] = _NO_MEMORY
    if not best:
        raise NothingToLearnError("; ".join(dict.fromkeys(reasons.values())))
    for kind, reason in reasons.items():
        _log_left_out(kind, reason)
    return sorted(best, key=lambda fit: -fit.score)


def _log_left_out(kind: str, reason: str) -> None:
    logger.info("Linear baseline: without %s, since %s.", FEATURES[kind].title, reason)


def _candidate_fits(
    kind: str, train: LabelledTexts, validation: LabelledTexts, num_classes: int
) -> Iterator[LinearFit]:
    """Yield the fits of the candidates of some features one by one: a model may be 400 MB."""
    chosen = linear_sample(kind, train, num_classes, _MAX_TEXTS_TUNED, 0.25)
    counter, counts, label_ids = _count(kind, train, chosen, num_classes)
    # Validation is counted once; only the weights of the counts depend on the choice.
    unseen = counter.transform(validation[0])
    with_svc = can_fit_svc(len(train[1]), counts.shape[1], num_classes)
    for choice in linear_candidates(kind, len(label_ids), num_classes, with_svc=with_svc):
        model = _fit(counter, counts, label_ids, choice)
        score = macro_f1(validation[1], predict_classes(model[1:], unseen), num_classes)
        yield LinearFit(choice, score, model, len(label_ids))


def fit_linear(rows: LabelledTexts, choice: LinearChoice, num_classes: int) -> Any:
    """Fit one model to texts and their class numbers, and return it as `choose_linear` does."""
    chosen = linear_sample(choice.features, rows, num_classes)
    return _fit(*_count(choice.features, rows, chosen, num_classes), choice)


class _Interruptible(list[str]):
    """Texts that a request to stop interrupts while they are counted, which may take a minute."""

    def __iter__(self) -> Iterator[str]:
        for text in super().__iter__():
            raise_if_requested()
            yield text


def _count(
    kind: str, rows: LabelledTexts, chosen: NDArray[np.int64], num_classes: int
) -> tuple[Any, Any, Any]:
    """Return a fitted counter, what it counted in some texts, and their class numbers."""
    label_ids = rows[1][chosen]
    if len(np.unique(label_ids)) < 2:
        raise NothingToLearnError("all training texts are of one class")
    max_features = MAX_WEIGHTS // num_classes if num_classes <= MAX_HYPERPLANES else None
    counter = FEATURES[kind].new_counter(max_features)
    try:
        texts = _Interruptible(rows[0][row] for row in chosen)
        return counter, counter.fit_transform(texts), label_ids
    except ValueError as error:
        # What scikit-learn raises for it has no type of its own.
        raise NothingToLearnError("the training texts have no words") from error


def linear_sample(
    kind: str,
    rows: LabelledTexts,
    num_classes: int,
    max_texts: int = _MAX_TEXTS,
    share: float = 1,
) -> NDArray[np.int64]:
    """Return the numbers of the texts that a linear model of some features is fitted to.

    Args:
        kind: String. A key of `FEATURES`.
        rows: Texts and their class numbers.
        num_classes: Integer. Number of classes.
        max_texts: Integer. The most texts. Defaults to a million.
        share: Float. Fraction of the characters that these features may take. Defaults to 1.
    """
    features, characters = FEATURES[kind], sum(map(len, rows[0])) / len(rows[0])
    affordable = share * features.max_characters
    if most := features.max_distinct:
        affordable = min(affordable, max_characters(rows[0], features.counted, most))
    max_texts = max(1, min(max_texts, int(affordable / max(characters, 1))))
    return rows_to_fit(rows[1], num_classes, np.random.default_rng(0), max_texts)


def _fit(counter: Any, counts: Any, label_ids: NDArray[np.int64], choice: LinearChoice) -> Any:
    from sklearn.pipeline import Pipeline

    weights = FEATURES[choice.features].new_weights(sublinear_tf=choice.sublinear_tf).fit(counts)
    weighed = weights.transform(counts)
    model = MODELS[choice.model].fit(weighed, label_ids, choice.setting)
    return Pipeline([("count", counter), ("weigh", weights), ("classify", model)])


@dataclass(frozen=True)
class Baseline:
    """The best linear model: its figures, and the class numbers that it answers to test texts."""

    figures: dict[str, Any]
    predicted: NDArray[np.int64] | None  # None where there is no test set

    def beside(self, label_ids: NDArray[np.int64], ours: NDArray[np.int64]) -> dict[str, Any]:
        """Return its figures, and how our own answers to the test texts compare with its."""
        if self.predicted is None:
            return self.figures
        compared = compare_answers(label_ids, ours, self.predicted)
        return {**self.figures, "comparison": compared.describe()}


def linear_baseline(dataset: Dataset, scored: Split) -> Baseline:
    """Choose on validation, fit again on train and validation, and score test once, if any.

    Args:
        dataset: All texts.
        scored: Which texts of validation and test are scored.

    Raises:
        NothingToLearnError: When there is nothing to learn.
    """
    quantiles = dataset.fields.vocabulary([dataset.texts[row] for row in dataset.split.train])
    texts = dataset.fields.with_quantiles(dataset.texts, quantiles)

    def labelled(rows: NDArray[np.int64]) -> LabelledTexts:
        return [texts[row] for row in rows], dataset.label_ids[rows]

    split, names = dataset.split, dataset.class_names
    validation = labelled(scored.validation)
    fits = choose_linear(labelled(split.train), validation, len(names))
    best, tested, answers = fits[0], dict[str, Any](), None
    if len(scored.test):
        both = labelled(np.union1d(split.train, split.validation))
        best, tested, answers = _test(fits, both, labelled(scored.test), names)
    elif not has_converged(best.model["classify"]):
        logger.info("Linear baseline: the fit of %s did not converge.", best.choice.title)
    predicted = predict_classes(best.model, validation[0])
    figures = {
        **best.choice.describe(),
        "texts_of_train": best.texts,  # for the choice
        "compared": {fit.choice.features: fit.score for fit in fits},  # macro-F1 on validation
        "validation": score_predictions(validation[1], predicted, names).totals(),
        **tested,
    }
    return Baseline(figures, answers)


def _test(
    fits: Sequence[LinearFit],
    rows: LabelledTexts,
    test: LabelledTexts,
    class_names: Sequence[str],
) -> tuple[LinearFit, dict[str, Any], NDArray[np.int64]]:
    """Fit to all rows but test, and return the choice, its scores on test and its answers."""
    best, model = _fit_again(fits, rows, len(class_names))
    predicted = predict_classes(model, test[0])
    fitted = linear_sample(best.choice.features, rows, len(class_names))
    figures = {
        "texts": len(fitted),
        "left_out": round(1 - len(fitted) / len(rows[1]), 4),  # of train and validation
        "test": score_predictions(test[1], predicted, class_names).totals(),
    }
    return best, figures, predicted


def _fit_again(
    fits: Sequence[LinearFit], rows: LabelledTexts, num_classes: int
) -> tuple[LinearFit, Any]:
    """Fit the choices until one fits into memory and converges; if none does, take the first."""
    unfinished = None
    for fit in fits:
        try:
            model = fit_linear(rows, fit.choice, num_classes)
        except MemoryError:
            _log_left_out(fit.choice.features, _NO_MEMORY)
            continue
        if has_converged(model["classify"]):
            return fit, model
        logger.info("Linear baseline: the fit of %s did not converge.", fit.choice.title)
        unfinished = unfinished or (fit, model)
    if unfinished is None:
        raise MemoryError
    taken = unfinished[0].choice.title
    logger.info("Linear baseline: no fit converged; %s is taken, the best on validation.", taken)
    return unfinished
