"""What answers: a model, and the threads in which requests have their turns."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache, partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from fastapi import HTTPException

from ecomcat.commands import ServeCommand
from ecomcat.export.labelling import Predictor, label_texts, reason_of
from ecomcat.serving.schemas import Prediction, Word
from ecomcat.serving.turns import Job, Lane
from ecomcat.text.bounds import MAX_CHARACTERS
from ecomcat.text.tokenizer import valid_unicode

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ecomcat.export.explanation import WordWeight

Found = TypeVar("Found")

_MAX_THRESHOLDS = 256
_PIECE_TEXTS = 256
_TEXT_COST = 100  # of any text, in characters
_EXPLAINED_COST = 20_000  # of a part of an explanation
_TABLES_AT_A_TIME = _EXPLAINED_AT_A_TIME = 2
_NO_ANSWER: dict[str, Any] = {
    "label": None,
    "confidence": None,
    "accept": False,
    "probabilities": None,
}


class Model:
    """A classifier as it is served.

    Args:
        classifier: What answers the texts.
    """

    def __init__(self, classifier: Predictor) -> None:
        self.classifier = classifier
        self.labels = list(map(valid_unicode, classifier.labels))
        # Read off thousands of confidences, for each request anew but for this.
        self.threshold = lru_cache(_MAX_THRESHOLDS)(classifier.threshold)


class Answers:
    """Answers requests, of which none keeps the others waiting for long.

    Args:
        model: What answers the texts.
        config: The limits.
    """

    def __init__(self, model: Model, config: ServeCommand) -> None:
        self.model = model
        self.limits = config
        self.jobs = 0
        # A classifier may use several threads itself.
        self._inference = Lane("inference")
        self._parsing = Lane("parsing")
        self._explaining = Lane("explaining", _EXPLAINED_AT_A_TIME)
        self._tables = Lane("tables", _TABLES_AT_A_TIME)

    @property
    def is_full(self) -> bool:
        """Whether a request would be refused, whatever it asks."""
        return self.jobs >= self.limits.max_queue

    @contextmanager
    def job(self, *, is_small: bool) -> Iterator[Job]:
        """Begin to work at a request.

        Args:
            is_small: Boolean. Whether it takes a moment; of the others half as many are taken.

        Raises:
            HTTPException: 429 where too many are waiting already.
        """
        most = self.limits.max_queue if is_small else self.limits.max_queue // 2
        if self.jobs >= most:
            raise HTTPException(
                HTTPStatus.TOO_MANY_REQUESTS,
                f"Expected at most {most} requests that wait, found as many. Ask again later.",
                {"retry-after": "1"},
            )
        job = Job(self.limits.max_request_seconds)
        self.jobs += 1
        try:
            yield job
        finally:
            self.jobs -= 1
            job.stop()

    async def parsed(self, job: Job, function: Callable[..., Found], body: bytes) -> Found:
        """Return what a function makes of a large body, one at a time."""
        return await self._parsing.run(job, len(body), function, body, self.limits)

    async def predict(
        self,
        job: Job,
        texts: Sequence[str],
        *,
        explain: bool = False,
        min_precision: float | None = None,
        top_k: int | None = None,
    ) -> list[Prediction]:
        """Answer texts that UTF-8 can express, in their order, with all probabilities or some."""
        model, precision = self.model, min_precision or self.limits.min_precision
        found: list[Prediction] = []
        for piece in _pieces(texts):
            found += await self._inference.run(
                job, _cost(piece), _predict, model, piece, precision, top_k
            )
        for prediction, text in zip(found, texts, strict=True) if explain else ():
            weights: Sequence[WordWeight] = ()
            if prediction.label is not None:
                turn = partial(self._inference.wait, job, _EXPLAINED_COST)
                (weights,) = await self._explaining.run(
                    job, _EXPLAINED_COST, model.classifier.explain, [text], turn
                )
            prediction.words = [Word.model_validate(each) for each in weights]
        return found

    async def table(self, job: Job, cost: float, function: Callable[[Predictor], Found]) -> Found:
        """Return what a function makes of a table, given what answers its texts."""
        turn = partial(self._inference.wait, job)
        return await self._tables.run(job, cost, function, _InTurns(self.model, turn))

    def close(self) -> bool:
        """Answer no more; return whether nothing is worked at any longer."""
        lanes = (self._inference, self._parsing, self._explaining, self._tables)
        ended = [lane.close() for lane in lanes]
        return all(ended)


class _InTurns:
    """A classifier for the thread that labels a table: other requests have turns between."""

    def __init__(self, model: Model, turn: Callable[..., NDArray[np.float32]]) -> None:
        self.labels = model.classifier.labels
        self.text_columns = model.classifier.text_columns
        self.threshold, self.explain = model.threshold, model.classifier.explain
        self._score, self._turn = model.classifier.probabilities, turn

    def probabilities(self, texts: Sequence[str]) -> NDArray[np.float32]:
        pieces = [self._turn(_cost(piece), self._score, piece) for piece in _pieces(texts)]
        return np.concatenate(pieces)


def _pieces(texts: Sequence[str]) -> Iterator[Sequence[str]]:
    """Yield texts in parts of bounded length, each of which takes a fraction of a second."""
    first = characters = 0
    for number, text in enumerate(texts):
        characters += min(len(text), MAX_CHARACTERS)
        if number > first and (characters > MAX_CHARACTERS or number - first >= _PIECE_TEXTS):
            yield texts[first:number]
            first, characters = number, min(len(text), MAX_CHARACTERS)
    yield texts[first:]


def _cost(texts: Sequence[str]) -> float:
    return sum(_TEXT_COST + min(len(text), MAX_CHARACTERS) for text in texts)


def _predict(
    model: Model, texts: Sequence[str], min_precision: float, top_k: int | None
) -> list[Prediction]:
    count = min(top_k or len(model.labels), len(model.labels))
    labelled = label_texts(model.classifier, texts, model.threshold(min_precision))
    predictions = [Prediction(**_NO_ANSWER, reason=reason_of(text)) for text in texts]
    likeliest = np.column_stack([labelled.label_ids, labelled.next_ids(count - 1)])
    for position, label_ids, confidence, accept, row in zip(
        labelled.answered,
        likeliest.tolist(),
        labelled.confidences.tolist(),
        labelled.accepted.tolist(),
        np.take_along_axis(labelled.probabilities, likeliest, axis=1).tolist(),
        strict=True,
    ):
        names = [model.labels[label] for label in label_ids]
        predictions[position] = Prediction(
            label=names[0],
            confidence=confidence,
            accept=accept,
            probabilities=dict(zip(names, row, strict=True)),
        )
    return predictions
