"""The model that answers, and the threads in which requests have their turns."""

from __future__ import annotations

import logging
import math
from asyncio import wrap_future
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from fastapi import HTTPException

from ecomcat.command_config import ServeCommand
from ecomcat.data.composing import composed
from ecomcat.errors import UserError
from ecomcat.export.predicted_columns import (
    Labelled,
    Predictor,
    Scored,
    label_texts,
    level_answers,
    reason_of,
)
from ecomcat.files import expanded
from ecomcat.model.confidence import Promise
from ecomcat.serving.monitoring import Monitor
from ecomcat.serving.requests import unprocessable
from ecomcat.serving.schemas import LevelAnswer, Prediction, Word
from ecomcat.serving.served_model import Model, open_model, promised
from ecomcat.serving.turns import Job, Lane
from ecomcat.text.bounds import MAX_CHARACTERS
from ecomcat.text.fields import shown

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ecomcat.export.levels import LevelAnswers

Found = TypeVar("Found")

logger = logging.getLogger("ecomcat")

_PIECE_TEXTS = 256
_TEXT_COST = 100  # of any text, in characters
_EXPLAINED_COST = 20_000  # of a part of an explanation
_TABLES_AT_A_TIME = _EXPLAINED_AT_A_TIME = 2
_NO_ANSWER: dict[str, Any] = {
    "label": None,
    "confidence": None,
    "accept": False,
    "novel": False,
    "probabilities": None,
}


class Answers:
    """Answers requests; none keeps the others waiting for long.

    Args:
        config: The limits.
        model: The model that answers the texts; None while it is opened.

    Attributes:
        jobs: Integer. How many requests are under way.
        monitor: `Monitor`. Counts them and their answers.
    """

    def __init__(self, config: ServeCommand, model: Model | None = None) -> None:
        self.limits = config
        self.jobs = 0
        self.monitor = Monitor()
        self.monitor.queue.set_function(lambda: self.jobs)
        self._model: Model | None = None
        self._is_reloading = False
        if model is not None:
            self.serve(model)
        # A classifier may use several threads itself.
        self._inference = Lane("inference")
        self._parsing = Lane("parsing")
        self._opening = Lane("opening")
        self._explaining = Lane("explaining", _EXPLAINED_AT_A_TIME)
        self._tables = Lane("tables", _TABLES_AT_A_TIME)

    @property
    def model(self) -> Model:
        """The model that answers a request that begins now.

        Raises:
            HTTPException: 503 while there is none.
        """
        if self._model is None:
            raise HTTPException(
                HTTPStatus.SERVICE_UNAVAILABLE,
                "Expected a model, found that it is being opened. Ask again later.",
                {"retry-after": "1"},
            )
        return self._model

    def serve(self, model: Model) -> None:
        """Use a model from the next request on; requests under way keep theirs."""
        self._model = model
        self.monitor.model.info({"version": model.version, "since": model.since})

    async def open(self) -> Model:
        """Open the model in `model_dir`, and use it; if that fails nothing changes.

        Raises:
            UserError: When its files do not belong together, or its answers are invalid.
        """
        # A link may change meanwhile: all files are those of one folder.
        folder = expanded(self.limits.model_dir).resolve()
        model = await wrap_future(
            self._opening.submit(Job(math.inf), 0, open_model, folder, self.limits.runtime)
        )
        self.serve(model)
        return model

    async def reload(self) -> str | None:
        """Use the model that is now in `model_dir`; return the reason if that fails."""
        if self._is_reloading:
            return "A model is being opened already. Ask again when it is in use."
        self._is_reloading = True
        try:
            model = await self.open()
        except UserError as error:
            failure = str(error)
        except Exception:
            logger.exception("The model cannot be opened")
            failure = "The model cannot be opened; the log says why."
        else:
            logger.info("Serving the model %s from now on", model.version)
            return None
        finally:
            self._is_reloading = False
        logger.warning("The old model stays in use: %s", failure)
        return failure

    @property
    def is_ready(self) -> bool:
        """Whether a request that begins now would be answered."""
        return self._model is not None and self.jobs < self.limits.max_queue

    @contextmanager
    def job(self, *, is_small: bool) -> Iterator[Job]:
        """Begin to work on a request.

        Args:
            is_small: Boolean. Whether it takes only a moment; half as many others are accepted.

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
        """Return a function's result for a large body, one at a time."""
        return await wrap_future(self._parsing.submit(job, len(body), function, body, self.limits))

    async def predict(
        self,
        job: Job,
        rows: Sequence[str | Mapping[str, Any]],
        *,
        explain: bool = False,
        min_precision: float | None = None,
        top_k: int | None = None,
    ) -> list[Prediction]:
        """Answer texts or objects of fields, in their order, with all probabilities or some.

        Their characters can be encoded in UTF-8.

        Raises:
            HTTPException: 422 when an object has a field that the model does not read.
        """
        model, promise = self.model, promised(self.limits, min_precision)
        try:
            texts = composed(rows, model.classifier.fields)
        except UserError as error:
            raise unprocessable(str(error)) from error
        found = await self._predicted(job, model, texts, promise, top_k)
        for prediction, text, row in zip(found, texts, rows, strict=True) if explain else ():
            prediction.words = await self._words(job, model, prediction, text)
            if text != row:
                prediction.text = shown(text)
        self.monitor.texts(
            len(found),
            empty=sum(each.label is None for each in found),
            accepted=sum(each.accept for each in found),
        )
        return found

    async def _predicted(
        self, job: Job, model: Model, texts: Sequence[str], promise: Promise, top_k: int | None
    ) -> list[Prediction]:
        counted = _InTurns(model, lambda _cost, piece: self._score(model, piece))
        found: list[Prediction] = []
        for piece in _pieces(texts):
            found += await wrap_future(
                self._inference.submit(
                    job, _cost(piece), _predict, model, counted, piece, promise, top_k
                )
            )
        return found

    async def _words(self, job: Job, model: Model, prediction: Prediction, text: str) -> list[Word]:
        """Return how each word of a text bears on its prediction; none without an answer."""
        if prediction.label is None:
            return []

        def turn(function: Callable[..., Found], *given: Any) -> Found:
            return self._inference.submit(job, _EXPLAINED_COST, function, *given).result()

        explain_texts = model.classifier.explain_texts
        (weights,) = await wrap_future(
            self._explaining.submit(job, _EXPLAINED_COST, explain_texts, [text], turn)
        )
        return [Word.model_validate(each) for each in weights]

    async def table(self, job: Job, cost: float, function: Callable[[Predictor], Found]) -> Found:
        """Return a function's result for a table; the function gets the classifier."""
        model = self.model
        in_turns = _InTurns(
            model,
            lambda cost, texts: self._inference.submit(
                job, cost, self._score, model, texts
            ).result(),
        )
        return await wrap_future(self._tables.submit(job, cost, function, in_turns))

    def close(self) -> bool:
        """Stop answering; return whether no work is running any more."""
        background = (self._parsing, self._opening, self._explaining, self._tables)
        ended = [lane.close() for lane in (self._inference, *background)]
        return all(ended)

    def _score(self, model: Model, texts: Sequence[str]) -> Scored:
        probabilities, unknown_shares = model.classifier.answers(texts)
        self.monitor.answers(probabilities)
        return probabilities, unknown_shares


class _InTurns:
    """A model's classifier that answers texts in pieces, so that others have turns between."""

    def __init__(self, model: Model, score: Callable[[float, Sequence[str]], Scored]) -> None:
        self.labels = model.classifier.labels
        self.fields, self.explain_texts = model.classifier.fields, model.classifier.explain_texts
        self.thresholds, self.novel_from = model.thresholds, model.novel_from
        self.taxonomy, self.level_thresholds = model.taxonomy, model.level_thresholds
        self._score = score

    def answers(self, texts: Sequence[str]) -> Scored:
        scored = zip(*(self._score(_cost(piece), piece) for piece in _pieces(texts)), strict=True)
        probabilities, unknown_shares = map(np.concatenate, scored)
        return probabilities, unknown_shares


def _pieces(texts: Sequence[str]) -> Iterator[Sequence[str]]:
    """Yield texts in parts of bounded length; each takes a fraction of a second."""
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
    model: Model, predictor: Predictor, texts: Sequence[str], promise: Promise, top_k: int | None
) -> list[Prediction]:
    novel_from = model.novel_from(promise.max_false_alarms)
    labelled = label_texts(predictor, texts, model.thresholds(promise), novel_from)
    predictions = [Prediction(**_NO_ANSWER, reason=reason_of(text)) for text in texts]
    _add_answers(predictions, labelled, model.labels, top_k)
    if model.taxonomy is not None:
        levels = level_answers(labelled, model.taxonomy, model.level_thresholds(promise))
        _add_levels(predictions, labelled.answered, levels)
    return predictions


def _add_answers(
    predictions: list[Prediction], labelled: Labelled, labels: Sequence[str], top_k: int | None
) -> None:
    """Put in the answers to the texts that have one, with all probabilities or some."""
    count = min(top_k or len(labels), len(labels))
    likeliest = np.column_stack([labelled.label_ids, labelled.next_ids(count - 1)])
    for position, label_ids, confidence, accept, novel, row in zip(
        labelled.answered,
        likeliest.tolist(),
        labelled.confidences.tolist(),
        labelled.accepted.tolist(),
        labelled.novel.tolist(),
        np.take_along_axis(labelled.probabilities, likeliest, axis=1).tolist(),
        strict=True,
    ):
        names = [labels[label] for label in label_ids]
        predictions[position] = Prediction(
            label=names[0],
            confidence=confidence,
            accept=accept,
            novel=novel,
            probabilities=dict(zip(names, row, strict=True)),
        )


def _add_levels(
    predictions: Sequence[Prediction], answered: NDArray[np.int64], levels: LevelAnswers
) -> None:
    """Add how sure each level of a path is, and down to which one it is accepted."""
    for each in predictions:
        each.levels = each.accepted_path = each.accepted_level = None
    found = zip(answered, levels.accepted_paths, levels.accepted.tolist(), strict=True)
    for text, (position, path, accepted) in enumerate(found):
        answer = predictions[position]
        described = levels.described(text)
        answer.levels = [LevelAnswer(name=name, confidence=sure) for name, sure in described]
        answer.accepted_path, answer.accepted_level = path, accepted or None
