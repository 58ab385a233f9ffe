"""The exported model that answers: `ecomcat.load` opens it, and all commands use it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ecomcat.command_config import RUNTIMES, PredictOptions
from ecomcat.config import CONFIDENCE_LEVEL, MAX_FALSE_ALARMS
from ecomcat.data.cleaning import key_digest, normalized_key
from ecomcat.data.composing import Texts, texts_of_rows
from ecomcat.errors import UserError, first_line, nearest
from ecomcat.export.bundle import (
    ACCEPTANCE,
    CONFIG,
    LABELS,
    MODEL,
    ONNX_MODEL,
    TOKENIZER,
    TRAINED_ROWS,
    check_manifest,
    held_export,
)
from ecomcat.export.contents import (
    open_acceptance,
    open_tokenizer,
    read_labels,
    read_trained_rows,
    require_answers,
    trained_fields,
    trained_letter_groups,
    trained_separator,
)
from ecomcat.export.explanation import Turn, WordWeight, at_once, explain_texts
from ecomcat.export.predicted_columns import Labeller, Scored, label_options, label_texts
from ecomcat.model.confidence import Acceptance, Promise
from ecomcat.model.taxonomy import LevelAcceptance, Taxonomy, taxonomy_of
from ecomcat.option_fields import validate
from ecomcat.process import import_tensorflow, is_installed, require_extra
from ecomcat.text.encoding import LETTER_GROUPS, Lexicon, encode_all
from ecomcat.text.fields import Fields

if TYPE_CHECKING:
    import pandas as pd
    from tokenizers import Tokenizer

    from ecomcat.export.explanation import Score

AUTO, ONNX, KERAS = RUNTIMES


def check_runtime(runtime: str) -> None:
    """Refuse an unknown runtime, or one whose package is missing.

    Raises:
        UserError: Naming the known ones, or what to install.
    """
    if runtime not in RUNTIMES:
        raise UserError(
            f"runtime: expected one of {', '.join(RUNTIMES)}, found {runtime!r}."
            + nearest(runtime, RUNTIMES)
        )
    if runtime == KERAS:
        require_extra("train", "tensorflow", needed_for="runtime=keras")
    elif runtime == ONNX or not is_installed("tensorflow"):
        require_extra("serve", "onnxruntime", needed_for=f"runtime={runtime}")


def _open_scorer(directory: Path, files: Collection[str], runtime: str) -> Score:
    """Open the network; only `files` belong to the model, others may be left from another one."""
    if runtime == ONNX and ONNX_MODEL not in files:
        raise UserError(
            f"runtime=onnx: expected {directory / ONNX_MODEL}, found no such file in its manifest: "
            "the network was not converted when it was exported. Use runtime=keras."
        )
    if runtime != KERAS and ONNX_MODEL in files and is_installed("onnxruntime"):
        from ecomcat.export.onnx import OnnxScorer

        return OnnxScorer(directory / ONNX_MODEL)
    check_runtime(KERAS)
    import_tensorflow()
    import keras

    from ecomcat.model.training import Scorer

    try:
        return Scorer(keras.models.load_model(directory / MODEL, compile=False))
    except Exception as error:  # a damaged or forged file causes many kinds of errors
        raise UserError(
            f"Expected a Keras model of this version ({keras.__version__}) in {directory / MODEL}, "
            f"found: {first_line(error)}. Export it again."
        ) from error


@dataclass(frozen=True)
class Classifier:
    """Label texts with an exported model; `ecomcat.load` opens one.

    A pickle of it, or a copy, holds the path of its folder, which is opened again where it is read.

    Args:
        score: Function from encoded texts to class probabilities.
        tokenizer: Encodes the texts.
        labels: List of the names of the categories, in the order of the model's outputs.
        fields: `Fields`. The columns that it was trained on.
        acceptance: Validation answers for thresholds of confidence.
        levels: The same for each level; None where the labels are not paths.

    >>> model = ecomcat.load("model")
    >>> model.labels
    ['Books', 'Garden', 'Toys']
    """

    score: Score = field(repr=False)
    tokenizer: Tokenizer = field(repr=False)
    labels: list[str]
    fields: Fields
    acceptance: Acceptance = field(repr=False)
    _trained_rows: NDArray[np.uint64] = field(repr=False)
    _opened_from: tuple[Path, str] = field(repr=False)
    levels: LevelAcceptance | None = field(default=None, repr=False)
    _letter_groups: int = field(default=LETTER_GROUPS, repr=False)

    def __reduce__(self) -> tuple[Any, ...]:
        return load_classifier, self._opened_from

    @property
    def taxonomy(self) -> Taxonomy | None:
        """The tree of the labels; None where they are not paths."""
        return None if self.levels is None else self.levels.taxonomy

    @cached_property
    def _lexicon(self) -> Lexicon:
        return Lexicon(self.tokenizer, self._letter_groups)

    def predict(
        self,
        texts: Texts,
        *,
        min_precision: float | None = None,
        confidence_level: float = CONFIDENCE_LEVEL,
        precision_by: str = "all",
        max_false_alarms: float = MAX_FALSE_ALARMS,
        explain: bool | int = False,
        top_k: int = 1,
        levels: bool = False,
    ) -> pd.DataFrame:
        """Label texts.

        Args:
            texts: String, list of strings, Series, or DataFrame with the columns of training. An
                object of fields may replace a string: `{"title": "A lamp", "brand": "Acme"}`.
            min_precision: Float, above 0 to 1. Share of the accepted answers that must be right;
                adds the column `accept`. Defaults to None.
            confidence_level: Float, 0.5 to below 1. How surely this share is reached. Defaults to
                0.9.
            precision_by: String. `"all"`, the default, for all accepted answers together, or
                `"category"` for those of each category.
            max_false_alarms: Float, 0 to below 1. Share of texts like those of training for which
                the column `novel` may be true; their answers are not accepted. Defaults to 0.05.
            explain: Boolean or integer. Adds the `words` that support an answer most: five, or
                this many. Defaults to False.
            top_k: Integer. How many categories are given, the likeliest first; adds `category_2`
                with `confidence_2`, and so on. Defaults to 1.
            levels: Boolean. Adds `level_1` with `confidence_level_1`, and so on, where categories
                are paths. Defaults to False.

        Returns:
            DataFrame of `predicted_category` and `confidence` with the index of the texts. A text
            without a letter, mark or digit has neither; `reason` says so if other columns are
            added. Where categories are paths, `accept` is followed by `accepted_path` and
            `accepted_level`: the part of the path that is sure enough.

        Raises:
            UserError: When a DataFrame lacks the columns, what is given holds something else than
                texts, or a number is out of range.

        >>> frame = model.predict(["A paperback", "?"], min_precision=0.9)
        >>> list(frame)
        ['predicted_category', 'confidence', 'accept', 'novel', 'reason']
        >>> frame["reason"].tolist()
        [None, 'no letter, mark or digit']
        """
        options = PredictOptions(
            min_precision=min_precision,
            confidence_level=confidence_level,
            precision_by=precision_by,
            max_false_alarms=max_false_alarms,
            explain=bool(explain),
            words=explain if explain and explain is not True else PredictOptions.words,
            top_k=top_k,
            levels=levels,
        )
        validate(options)
        given, index = texts_of_rows(texts, self.fields)
        frame = Labeller(self, label_options(options)).label(given)
        return frame if index is None else frame.set_axis(index)

    def predict_proba(self, texts: Texts) -> pd.DataFrame:
        """Return a DataFrame of each text's probabilities, with a column for each label.

        Texts and index are those of `predict`; a text without a letter, mark or digit gets NaN.

        >>> model.predict_proba(["A paperback", "?"]).notna().all(axis=1).tolist()
        [True, False]
        """
        import pandas as pd

        given, index = texts_of_rows(texts, self.fields)
        labelled = label_texts(self, given)
        rows = np.full((len(given), len(self.labels)), np.nan, np.float32)
        rows[labelled.answered] = labelled.probabilities
        return pd.DataFrame(rows, index=index, columns=self.labels)

    def probabilities(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return each category's probability for each text, shape `(texts, classes)`."""
        return self.answers(texts)[0]

    def answers(self, texts: Sequence[str]) -> Scored:
        """Return the same, and the share of each text's words that are unknown, `(texts,)`."""
        limit = self.tokenizer.truncation["max_length"]
        encoded = encode_all(self.tokenizer, texts, limit, known=self._lexicon)
        return self.score(encoded), encoded.unknown_shares

    def threshold(
        self, min_precision: float, *, confidence_level: float = CONFIDENCE_LEVEL
    ) -> float:
        """Return the confidence from which `predict` accepts answers, unless a text is novel.

        Args:
            min_precision: Float, above 0 to 1. Share of accepted answers that must be right.
            confidence_level: Float. How surely this share is reached. Defaults to 0.9.

        Returns:
            Float, 0 to 1; infinite where validation can promise this precision of no answers.

        Raises:
            UserError: When a number is out of range.

        >>> 0 <= model.threshold(0.9) <= 1
        True
        """
        asked = PredictOptions(min_precision=min_precision, confidence_level=confidence_level)
        validate(asked)
        return float(self.thresholds(Promise(min_precision, confidence_level))[0])

    def thresholds(self, promise: Promise) -> NDArray[np.float64]:
        """Return the least confidence that is accepted for each category, infinite for none.

        It has as many digits as confidences have, and is itself accepted.
        """
        return self.acceptance.thresholds(promise, len(self.labels))

    def novel_from(self, max_false_alarms: float) -> float:
        """Return the uncertainty of an answer above which its text is novel."""
        return self.acceptance.novel_from(max_false_alarms)

    def level_thresholds(self, promise: Promise) -> NDArray[np.float64]:
        """Return the same for each level of a taxonomy, `(levels, categories)`; empty without."""
        if self.levels is None:
            return np.empty((0, len(self.labels)))
        return self.levels.thresholds(promise)

    def explain(self, texts: Texts) -> list[tuple[WordWeight, ...]]:
        """Return each text's words and how much they support its answer, strongest first.

        A list with a tuple for each text, in the order of the texts: they have different numbers of
        words, so that no table would hold them.

        >>> [{word.word for word in words} for words in model.explain(["A paperback", "A hose"])]
        [{...}, {...}]
        """
        return self.explain_texts(texts_of_rows(texts, self.fields)[0])

    def explain_texts(
        self, texts: Sequence[str], turn: Turn = at_once
    ) -> list[tuple[WordWeight, ...]]:
        """Do the same for composed texts; each part of the work is a turn."""
        return explain_texts(self.score, self.tokenizer, texts, turn, self._lexicon)

    def was_trained_on(self, texts: Sequence[str]) -> NDArray[np.bool_]:
        """Return which texts the model saw in training, spelt the same or nearly, `(texts,)`."""
        digests = b"".join(key_digest(normalized_key(text)) for text in texts)
        # By sorting: NumPy's other way fails on this byte order where the rows are few.
        return np.isin(np.frombuffer(digests, dtype=">u8"), self._trained_rows, kind="sort")


def load_classifier(directory: Path, runtime: str = AUTO) -> Classifier:
    """Open an exported folder after checking that its files belong together.

    Args:
        directory: The exported folder.
        runtime: String. `"onnx"`, `"keras"`, or `"auto"` for ONNX where it was exported.

    Raises:
        UserError: When the folder is not an export or was changed, or a package is missing.
    """
    check_runtime(runtime)
    with held_export(directory):
        return _open_classifier(directory, runtime)


def _open_classifier(directory: Path, runtime: str) -> Classifier:
    files = check_manifest(directory)
    if missing := sorted({LABELS, TOKENIZER, CONFIG, ACCEPTANCE, TRAINED_ROWS} - files):
        raise UserError(
            f"Expected {', '.join(missing)} in {directory}, found none. Export the model again."
        )
    labels = read_labels(directory)
    taxonomy = taxonomy_of(labels, trained_separator(directory))
    acceptance, levels = open_acceptance(directory, len(labels), taxonomy)
    classifier = Classifier(
        score=_open_scorer(directory, files, runtime),
        tokenizer=open_tokenizer(directory),
        labels=labels,
        fields=trained_fields(directory),
        acceptance=acceptance,
        _letter_groups=trained_letter_groups(directory),
        _trained_rows=read_trained_rows(directory),
        _opened_from=(directory.absolute(), runtime),
        levels=levels,
    )
    require_answers(directory, classifier.probabilities, classifier.labels)
    return classifier
