"""Label texts: one rule for answers, confidences and acceptance, used by all commands."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ecomcat import command_config
from ecomcat.data.cleaning import has_words
from ecomcat.errors import UserError
from ecomcat.export.levels import ACCEPTED_LEVEL, ACCEPTED_PATH, LevelAnswers, level_columns
from ecomcat.model.confidence import Promise, rounded, uncertainty

if TYPE_CHECKING:
    import pandas as pd

    from ecomcat.export.explanation import Turn, WordWeight
    from ecomcat.model.taxonomy import Taxonomy
    from ecomcat.text.fields import Fields

CATEGORY, CONFIDENCE = "predicted_category", "confidence"
ACCEPT, NOVEL, WORDS, REASON = "accept", "novel", "words", "reason"
NEXT_CATEGORY, NEXT_CONFIDENCE = "category_", "confidence_"  # and a number from 2 on
Scored = tuple[NDArray[np.float32], NDArray[np.float64]]
"""Probabilities of texts `(texts, classes)`, and their shares of unknown words `(texts,)`."""

_MAX_TEXTS, _MAX_PROBABILITIES = 16_384, 20_000_000  # at a time; each of these has 4 bytes


class Predictor(Protocol):
    """The interface of a classifier that labelling and serving need."""

    @property
    def labels(self) -> Sequence[str]:
        """Names of the categories."""

    @property
    def fields(self) -> Fields:
        """The columns that it was trained on."""

    @property
    def taxonomy(self) -> Taxonomy | None:
        """The tree of the categories, where they are paths."""

    def answers(self, texts: Sequence[str]) -> Scored:
        """Return each category's probability for each text, and its share of unknown words."""

    def thresholds(self, promise: Promise) -> NDArray[np.float64]:
        """Return the least confidence that is accepted for each category, infinite for none."""

    def novel_from(self, max_false_alarms: float) -> float:
        """Return the uncertainty of an answer above which its text is novel."""

    def level_thresholds(self, promise: Promise) -> NDArray[np.float64]:
        """Return the same at each level of a taxonomy, `(levels, categories)`."""

    def explain_texts(
        self, texts: Sequence[str], turn: Turn = ...
    ) -> Sequence[Sequence[WordWeight]]:
        """Return the words of each text, strongest first; each part of the work is a turn."""


@dataclass(frozen=True)
class Labelled:
    """The answers to some texts; those without a letter, mark or digit have none.

    Args:
        answered: Array of the positions of the texts that have an answer.
        probabilities: Array of their probabilities, shape `(answered, classes)`.
        unknown_shares: Array of the shares of their words that are unknown, shape `(answered,)`.
        thresholds: Array of the least confidence that is accepted for each category. Defaults to
            None: no answer is accepted.
        novel_from: Float. The uncertainty above which a text is novel. Defaults to infinity.
    """

    answered: NDArray[np.int64]
    probabilities: NDArray[np.float32]
    unknown_shares: NDArray[np.float64] | None = None
    thresholds: NDArray[np.float64] | None = None
    novel_from: float = math.inf

    @cached_property
    def label_ids(self) -> NDArray[np.int64]:
        """The most probable category of each answered text."""
        best: NDArray[np.int64] = self.probabilities.argmax(axis=1)
        return best

    @cached_property
    def confidences(self) -> NDArray[np.float64]:
        """Its probability, with the digits that are shown."""
        return rounded(self.probabilities.max(axis=1, initial=0))

    def next_ids(self, count: int) -> NDArray[np.int64]:
        """Return the next likeliest categories of each text, `(answered, count)`.

        >>> Labelled(np.array([0]), np.array([[0.1, 0.6, 0.3]], np.float32)).next_ids(2)
        array([[2, 0]])
        """
        rest = -self.probabilities
        np.put_along_axis(rest, self.label_ids[:, None], np.inf, axis=1)
        # Only a few of thousands of categories are wanted: the others need no order.
        chosen = np.argpartition(rest, min(count, rest.shape[1] - 1), axis=1)[:, :count]
        keys = np.take_along_axis(rest, chosen, axis=1)
        ranked: NDArray[np.int64] = np.take_along_axis(chosen, np.lexsort((chosen, keys)), axis=1)
        return ranked

    @cached_property
    def accepted(self) -> NDArray[np.bool_]:
        """Which answers are accepted: the same rule for files, the service and Python.

        The answer to a novel text is never accepted.
        """
        if self.thresholds is None:
            return np.zeros(len(self.answered), bool)
        return (self.confidences >= self.thresholds[self.label_ids]) & ~self.novel

    @cached_property
    def novel(self) -> NDArray[np.bool_]:
        """Which texts are unlike all of training, by their answers and their unknown words."""
        if self.novel_from == math.inf:  # the logarithms of all probabilities take a while
            return np.zeros(len(self.answered), bool)
        return uncertainty(self.probabilities, self.unknown_shares) > self.novel_from


def label_texts(
    predictor: Predictor,
    texts: Sequence[str],
    thresholds: NDArray[np.float64] | None = None,
    novel_from: float = math.inf,
) -> Labelled:
    """Answer texts; without thresholds no answer is accepted."""
    answered = np.flatnonzero([has_words(text) for text in texts])
    scored = np.zeros((0, len(predictor.labels)), np.float32), np.zeros(0)
    if len(answered):
        scored = predictor.answers([texts[place] for place in answered.tolist()])
    return Labelled(answered, *scored, thresholds, novel_from)


def pieces(texts: int, categories: int) -> Iterator[slice]:
    """Yield the texts that are answered at a time, since each has a number for each category.

    >>> list(pieces(8000, 4000))
    [slice(0, 5000, None), slice(5000, 8000, None)]
    """
    size = max(1, min(_MAX_TEXTS, _MAX_PROBABILITIES // categories))
    yield from (slice(first, min(first + size, texts)) for first in range(0, texts, size))


def level_answers(
    labelled: Labelled, taxonomy: Taxonomy, thresholds: NDArray[np.float64] | None
) -> LevelAnswers:
    """Return the levels of answers, with confidences as they are shown."""
    confidences = rounded(taxonomy.confidences(labelled.probabilities, labelled.label_ids))
    return LevelAnswers(taxonomy, labelled.label_ids, confidences, thresholds, labelled.novel)


def reason_of(text: str) -> str:
    """Return why a text has no answer."""
    return "no letter, mark or digit" if text.strip() else "empty text"


@dataclass(frozen=True)
class LabelOptions:
    """What is added to a row besides its category and confidence.

    Args:
        promise: The precision of accepted answers; adds `accept`. Defaults to None.
        words: Integer. How many words explain an answer; 0, the default, adds no `words`.
        reasons: Boolean. Whether `reason` says why a row has no answer. Defaults to False.
        top_k: Integer. How many categories are given, the first included. Defaults to 1.
        levels: Boolean. Whether each level of a path has a column. Defaults to False.
        depth: Integer. Levels of the longest path, by which `accept` is followed by the accepted
            part of the path. Defaults to 0, for categories that are not paths.
    """

    promise: Promise | None = None
    words: int = 0
    reasons: bool = False
    top_k: int = 1
    levels: bool = False
    depth: int = 0

    @property
    def added(self) -> dict[str, type]:
        """The columns that are added, in their order, with the types of their values."""
        promised = self.promise is not None
        in_path = promised and self.depth > 0
        asked: dict[str, tuple[bool, type]] = {
            ACCEPT: (promised, bool),
            ACCEPTED_PATH: (in_path, str),
            ACCEPTED_LEVEL: (in_path, int),
            NOVEL: (promised, bool),
            WORDS: (self.words > 0, list),
            REASON: (self.reasons, str),
        }
        following = {
            f"{name}{place}": kind
            for place in range(2, self.top_k + 1)
            for name, kind in ((NEXT_CATEGORY, str), (NEXT_CONFIDENCE, float))
        }
        return {
            CATEGORY: str,
            CONFIDENCE: float,
            **level_columns(self.depth if self.levels else 0),
            **following,
            **{name: kind for name, (wanted, kind) in asked.items() if wanted},
        }


def label_options(asked: command_config.PredictOptions, *, reasons: bool = False) -> LabelOptions:
    """Return what is added for the command's options; a precision or words also add reasons."""
    promise = None
    if asked.min_precision is not None:
        by = asked.precision_by == command_config.CATEGORY
        promise = Promise(asked.min_precision, asked.confidence_level, by, asked.max_false_alarms)
    words = asked.words if asked.explain else 0
    reasons = reasons or promise is not None or words > 0
    return LabelOptions(promise, words, reasons=reasons, top_k=asked.top_k, levels=asked.levels)


class Labeller:
    """Labels texts batch by batch, and counts.

    Args:
        predictor: Answers the texts.
        options: What is added to each.

    Attributes:
        options: The same, with no more categories than there are, and the levels of their paths.
        thresholds: Array of the confidence from which an answer of each category is accepted,
            infinite where none is; None where no precision was asked.
        rows: How many texts were labelled so far.
        unreadable: How many of them have no words, and so no answer.
        accepted: How many of them have an accepted answer.
        novel: How many of them are unlike all of training.
        accepted_above: How many others have an answer of which some levels are accepted.

    Raises:
        UserError: Levels are asked for, and the categories are not paths.
    """

    def __init__(self, predictor: Predictor, options: LabelOptions) -> None:
        self._predictor, taxonomy = predictor, predictor.taxonomy
        if options.levels and taxonomy is None:
            raise UserError(
                "levels: expected a model whose categories are paths, found one whose categories "
                "are not. Leave it out, or train with data.label_separator."
            )
        depth = 0 if taxonomy is None else taxonomy.depth
        top_k = min(options.top_k, len(predictor.labels))
        self.options = replace(options, top_k=top_k, depth=depth)
        self._names = np.array(predictor.labels, object)
        asked = options.promise
        self.thresholds = self._level_thresholds = None
        self._novel_from = math.inf
        if asked is not None:
            self._novel_from = predictor.novel_from(asked.max_false_alarms)
            self.thresholds = predictor.thresholds(asked)
            self._level_thresholds = predictor.level_thresholds(asked) if depth else None
        self.rows = self.unreadable = self.accepted = self.accepted_above = self.novel = 0

    def label(self, texts: Sequence[str]) -> pd.DataFrame:
        """Return what is added to a row for each text, in the columns `options.added`.

        Without an answer categories and `words` are None, confidences are NaN and `accept` is
        False; with one `reason` is None.
        """
        import pandas as pd

        parts = pieces(len(texts), len(self._predictor.labels))
        frames = [self._label_piece(texts[part]) for part in parts] or [self._label_piece([])]
        return frames[0] if len(frames) == 1 else pd.concat(frames, ignore_index=True)

    def _label_piece(self, texts: Sequence[str]) -> pd.DataFrame:
        import pandas as pd

        labelled = label_texts(self._predictor, texts, self.thresholds, self._novel_from)
        rows, answered = len(texts), labelled.answered
        added = self._likeliest(labelled, rows)
        added[REASON] = np.array([reason_of(text) for text in texts], object)
        added[REASON][answered] = None
        if self._predictor.taxonomy is not None and (self.options.levels or self.options.promise):
            levels = level_answers(labelled, self._predictor.taxonomy, self._level_thresholds)
            added |= levels.columns(rows, answered)
            self.accepted_above += int(((levels.accepted > 0) & ~labelled.accepted).sum())
        if self.options.words:
            added[WORDS] = self._words(texts, answered)
        self.rows += rows
        self.unreadable += rows - len(answered)
        self.accepted += int(labelled.accepted.sum())
        self.novel += int(labelled.novel.sum())
        return pd.DataFrame(
            {name: pd.Series(added[name], dtype=added[name].dtype) for name in self.options.added}
        )

    def _likeliest(self, labelled: Labelled, rows: int) -> dict[str, NDArray[Any]]:
        """Return the columns of the likeliest category, of its acceptance, and of the next ones."""
        answered = labelled.answered
        found = {
            CATEGORY: _placed(rows, answered, self._names[labelled.label_ids]),
            CONFIDENCE: _placed(rows, answered, labelled.confidences, np.nan),
            ACCEPT: _placed(rows, answered, labelled.accepted, False),
            NOVEL: _placed(rows, answered, labelled.novel, False),
        }
        if self.options.top_k > 1:
            following = labelled.next_ids(self.options.top_k - 1)
            shares = rounded(np.take_along_axis(labelled.probabilities, following, axis=1))
            for place, (ids, share) in enumerate(zip(following.T, shares.T, strict=True), 2):
                found[f"{NEXT_CATEGORY}{place}"] = _placed(rows, answered, self._names[ids])
                found[f"{NEXT_CONFIDENCE}{place}"] = _placed(rows, answered, share, np.nan)
        return found

    def _words(self, texts: Sequence[str], answered: NDArray[np.int64]) -> NDArray[Any]:
        """Return the words that support each answer, strongest first; None without an answer."""
        positions, column = answered.tolist(), np.full(len(texts), None, object)
        explained = self._predictor.explain_texts([texts[position] for position in positions])
        for position, weights in zip(positions, explained, strict=True):
            supporting = [word.word for word in weights if word.weight > 0]
            column[position] = supporting[: self.options.words]
        return column


def _placed(
    rows: int, answered: NDArray[np.int64], values: NDArray[Any], missing: Any = None
) -> NDArray[Any]:
    column = np.full(rows, missing, values.dtype)
    column[answered] = values
    return column
