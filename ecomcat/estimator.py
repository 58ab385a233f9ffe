"""A search as a scikit-learn estimator."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, redirect_stderr
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted, column_or_1d

from ecomcat.api import load, search
from ecomcat.data.cleaning import clean_label
from ecomcat.data.composing import as_pandas, texts_of_rows
from ecomcat.data.header import CATEGORY, FURTHER, NUMBER, column_key
from ecomcat.errors import UserError, name_five
from ecomcat.export.classifier import Classifier
from ecomcat.export.predicted_columns import label_texts


class TextClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Find, train and hold the best LSTM classifier of some texts.

    `fit` searches with `ecomcat.search` in a temporary folder, and trains the best configuration
    on all of the rows. The fitted estimator holds the exported files, so that it can be pickled.

    Args:
        budget: String. `"quick"`, `"default"` or `"thorough"`. Defaults to `"quick"`.
        overrides: Dictionary of overrides as keywords, such as `{"model": {"dropout": 0.3}}`.
            Defaults to None.
        seed: Integer. Seed of split, search and training. Defaults to 1.
        verbose: Boolean. Whether progress and figures are shown. Defaults to False.

    Attributes:
        classes_: Array of the labels, sorted.
        metrics_: Dictionary, what `metrics.json` holds.
        trials_: DataFrame of the trials.
        classifier_: `ecomcat.Classifier` that answers.

    >>> from sklearn.pipeline import make_pipeline
    >>> make_pipeline(ecomcat.TextClassifier(overrides={"model": {"dropout": 0.3}}))
    Pipeline(steps=[('textclassifier',
                     TextClassifier(overrides={'model': {'dropout': 0.3}}))])
    """

    def __init__(
        self,
        budget: str = "quick",
        overrides: Mapping[str, Any] | None = None,
        seed: int = 1,
        verbose: bool = False,
    ) -> None:
        self.budget = budget
        self.overrides = overrides
        self.seed = seed
        self.verbose = verbose

    def fit(self, X: Any, y: Sequence[Any]) -> TextClassifier:  # noqa: N803
        """Search and train.

        Args:
            X: List, array or Series of texts, or of objects of fields, or a DataFrame: its columns
                are read as texts, except those that `overrides` name in `data.category_columns`,
                `data.number_columns`, `data.group_column` and so on.
            y: Labels, one for each text.

        Raises:
            UserError: For whatever the user can fix, such as labels that are missing, or that
                differ only in spaces at their ends.

        >>> len(classifier.fit(texts, labels).classes_)
        3
        """
        values, names = _labels(y)
        frame = _frame(_rows(X))
        label = "label" + "_" * sum(map(len, frame.columns))  # a name that no column has
        overrides = _overrides(self.overrides, [*frame], label)
        self._search(frame.assign(**{label: names}), overrides)
        by_name = dict(zip(names, values, strict=True))
        known = np.array([by_name[label] for label in self.classifier_.labels], values.dtype)
        self._order = np.argsort(known)
        self.classes_ = known[self._order]
        self._prior = np.array([(values == label).mean() for label in self.classes_])
        self.n_features_in_ = 1
        return self

    def _search(self, frame: pd.DataFrame, overrides: Mapping[str, Any]) -> None:
        """Search in a temporary folder, and keep what was found."""
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ecomcat-")))
            if not self.verbose:
                stack.enter_context(redirect_stderr(StringIO()))
            result = search(
                frame,
                "final.use_all_rows=true",
                "data.label_separator=none",  # labels come back as they are given
                budget=self.budget,
                seed=self.seed,
                model_dir=folder / "model",
                outputs_dir=folder / "outputs",
                **overrides,
            )
            self.metrics_, self.trials_ = dict(result.metrics), result.trials
            self._files = {path.name: path.read_bytes() for path in result.model_dir.iterdir()}
            self.classifier_: Classifier = result.model

    def predict(self, X: Any) -> NDArray[Any]:  # noqa: N803
        """Return the most probable label of each text; without any words, the most frequent.

        >>> classifier.predict(["A paperback", "A garden hose"]).shape
        (2,)
        """
        probabilities = self.predict_proba(X)
        best: NDArray[Any] = self.classes_[probabilities.argmax(axis=1)]
        return best

    def predict_proba(self, X: Any) -> NDArray[np.float64]:  # noqa: N803
        """Return the probability of each of `classes_`, shape `(texts, classes)`.

        A text without a letter, mark or digit gets the shares that the labels had in training.

        >>> classifier.predict_proba(["A paperback", "?"]).shape
        (2, 3)
        """
        check_is_fitted(self)
        texts, _ = texts_of_rows(_rows(X), self.classifier_.fields)
        labelled = label_texts(self.classifier_, texts)
        found: NDArray[np.float64] = np.tile(self._prior, (len(texts), 1))
        found[labelled.answered] = labelled.probabilities[:, self._order]
        found /= found.sum(axis=1, keepdims=True)
        return found

    def __getstate__(self) -> dict[str, Any]:
        state: dict[str, Any] = super().__getstate__()
        return {name: value for name, value in state.items() if name != "classifier_"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        if "_files" in state:
            with tempfile.TemporaryDirectory(prefix="ecomcat-") as folder:
                for name, content in self._files.items():
                    (Path(folder) / name).write_bytes(content)
                self.classifier_ = load(folder)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.string, tags.input_tags.one_d_array = True, True
        tags.input_tags.two_d_array = False
        return tags


def _labels(y: Any) -> tuple[NDArray[Any], list[str]]:
    """Return labels as an array, and what each is called in the data."""
    if y is None:
        raise UserError("Expected a label for each text, found none. Give them as y.")
    given = pd.Series(column_or_1d(np.asarray(y, object)), dtype=object)
    names = given.map(lambda value: clean_label(str(value)))
    if missing := int((given.isna() | (names == "")).sum()):
        raise UserError(
            f"Expected a label for each text, found {missing} texts without one. Leave them out of "
            "X and y."
        )
    values = np.asarray(given.tolist())
    spellings = pd.Series(values).groupby(names.to_numpy()).unique()
    if len(alike := spellings[spellings.map(len) > 1]):
        raise UserError(
            "Expected labels that differ in what can be seen, found alike: "
            f"{name_five(' and '.join(map(repr, each.tolist())) for each in alike)}. Write those "
            "that mean the same in one way."
        )
    return values, names.tolist()


def _overrides(given: Any, names: list[str], label: str) -> dict[str, Any]:
    """Return the overrides with those of the data in one place; other columns are texts."""
    if not isinstance(given, Mapping | None):
        raise UserError(
            "overrides: expected a dictionary, such as {'search': {'max_trials': 3}}, found "
            f"{given!r}."
        )
    overrides = dict(given or {})
    data = dict(overrides.pop("data", {}))
    for key in [key for key in overrides if key.startswith("data.")]:
        data[key.removeprefix("data.")] = overrides.pop(key)
    beside = [
        str(name)
        for kind in (*FURTHER, CATEGORY, NUMBER)
        for name in np.atleast_1d(data.get(column_key(kind).removeprefix("data."), [])).tolist()
    ]
    texts = [name for name in names if name not in beside]
    return overrides | {"data": {"text_column": texts, "label_column": label, **data}}


def _frame(rows: Any) -> pd.DataFrame:
    """Return rows to train on as a table; objects of fields may lack some of them."""
    if isinstance(rows, pd.DataFrame):
        return rows
    rows = list(rows)
    are_objects = rows and all(isinstance(row, Mapping) for row in rows)
    return pd.DataFrame(rows if are_objects else {"text": rows}, dtype=object)


def _rows(values: Any) -> Any:
    """Return scikit-learn's input as a table, a Series, or a list of texts or objects."""
    if isinstance(values, str):
        raise UserError("Expected several texts, found one string. Put it in a list: [text].")
    values = as_pandas(values)
    if hasattr(values, "columns") or np.ndim(values) == 2:
        return pd.DataFrame(values).rename(columns=str)
    return values if isinstance(values, pd.Series) else list(values)
