"""The service's routes, and the one thread that answers."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio.to_thread
from fastapi import APIRouter, FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from ecomcat import __version__
from ecomcat.commands import ServeCommand
from ecomcat.errors import nearest
from ecomcat.export.explanation import WordWeight
from ecomcat.export.labelling import Predictor, label_texts, reason_of
from ecomcat.serving.guard import HEALTH, Guard
from ecomcat.serving.problems import problem, problems
from ecomcat.serving.requests import parse_request, read_body, request_schema
from ecomcat.serving.schemas import (
    BODY_PROBLEMS,
    ModelDescription,
    OneText,
    Prediction,
    Predictions,
    describe_model,
)
from ecomcat.serving.tables import TableQuery, label_route
from ecomcat.text.tokenizer import valid_unicode

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

JSON = "application/json"
_QUICKLY_READ_BYTES = 1 << 16
_MAX_THRESHOLDS = 256
_NO_ANSWER = {"label": None, "confidence": None, "accept": False, "probabilities": None}
_PAGE = Path(__file__).parent / "page"


class Answers:
    """A classifier whose every call is made by one thread.

    Args:
        classifier: What answers the texts; it may use several threads itself.
        min_precision: Float. What `accept` stands for where a request does not say.
    """

    def __init__(self, classifier: Predictor, min_precision: float) -> None:
        self.labels = list(map(valid_unicode, classifier.labels))
        self.text_columns = classifier.text_columns
        self.min_precision = min_precision
        # Read off thousands of confidences, for each request anew but for this.
        self.threshold = lru_cache(_MAX_THRESHOLDS)(classifier.threshold)
        self._classifier = classifier
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="inference")

    async def predict(
        self, texts: Sequence[str], *, explain: bool = False, min_precision: float | None = None
    ) -> list[Prediction]:
        """Answer texts that UTF-8 can express, in their order."""
        return await asyncio.get_running_loop().run_in_executor(
            self._thread, self._predict, texts, explain, min_precision or self.min_precision
        )

    def probabilities(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return each class's probability for each text, to a thread that can wait for its turn."""
        return self._thread.submit(self._classifier.probabilities, texts).result()

    def explain(self, texts: Sequence[str]) -> Sequence[Sequence[WordWeight]]:
        """Return the words of each text, strongest first, to a thread that can wait."""
        return self._thread.submit(self._classifier.explain, texts).result()

    def close(self) -> None:
        """Answer no more; what waits is given up."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _predict(
        self, texts: Sequence[str], explain: bool, min_precision: float
    ) -> list[Prediction]:
        labelled = label_texts(self._classifier, texts, self.threshold(min_precision))
        blank: dict[str, Any] = {**_NO_ANSWER, **({"words": []} if explain else {})}
        predictions = [Prediction(**blank, reason=reason_of(text)) for text in texts]
        chosen = [texts[position] for position in labelled.answered]
        words = self._classifier.explain(chosen) if explain and chosen else [()] * len(chosen)
        for position, label, confidence, accept, row, weights in zip(
            labelled.answered,
            labelled.label_ids,
            labelled.confidences.tolist(),
            labelled.accepted.tolist(),
            labelled.probabilities.tolist(),
            words,
            strict=True,
        ):
            predictions[position] = Prediction(
                label=self.labels[label],
                confidence=confidence,
                accept=accept,
                probabilities=dict(zip(self.labels, row, strict=True)),
                **({"words": weights} if explain else {}),
            )
        return predictions


def build_app(answers: Answers, metrics: Mapping[str, Any], config: ServeCommand) -> ASGIApp:
    """Build the application, which tells the figures of `metrics.json` and keeps to the limits."""
    app = FastAPI(
        title="ecomcat",
        description="Labels texts with an exported classifier.",
        version=__version__,
        # These pages load their scripts from other hosts.
        docs_url=None,
        redoc_url=None,
        responses=problems(HTTPStatus.BAD_REQUEST),
    )
    app.add_exception_handler(RequestValidationError, _wrong_query)
    app.add_exception_handler(HTTPException, _refused)
    app.add_exception_handler(Exception, _failed)
    app.include_router(_described(answers, metrics, config))
    app.include_router(_predict(answers, config))
    app.include_router(label_route(answers, config))
    app.mount("/page", StaticFiles(directory=_PAGE))
    return Guard(app, config.allowed_hosts, is_local=config.is_local)


def _described(answers: Answers, metrics: Mapping[str, Any], config: ServeCommand) -> APIRouter:
    router = APIRouter()

    @router.get("/", include_in_schema=False)
    async def page() -> Response:
        return FileResponse(_PAGE / "index.html")

    @router.get(HEALTH, summary="Tell that the service answers")
    async def health() -> dict[str, str]:
        return {"status": "ok"}

    @router.get("/model", summary="Describe what is served")
    async def model() -> ModelDescription:
        threshold = answers.threshold(config.min_precision)
        return describe_model(answers.labels, metrics, config, threshold)

    return router


def _predict(answers: Answers, config: ServeCommand) -> APIRouter:
    router = APIRouter()
    request_body = {"required": True, "content": {JSON: {"schema": request_schema(config)}}}

    @router.post(
        "/predict",
        response_model=Prediction | Predictions,
        responses=BODY_PROBLEMS,
        openapi_extra={"requestBody": request_body},
        summary="Label one text or several",
        description="One text is answered by a prediction, texts by a list of predictions.",
    )
    async def predict(request: Request) -> Response:
        body = await read_body(request, config, [JSON])
        if len(body) <= _QUICKLY_READ_BYTES:
            asked = parse_request(body, config)
        else:  # other requests go on meanwhile
            asked = await anyio.to_thread.run_sync(parse_request, body, config)
        found = await answers.predict(
            [asked.text] if isinstance(asked, OneText) else asked.texts,
            explain=asked.explain,
            min_precision=asked.min_precision,
        )
        answer = found[0] if isinstance(asked, OneText) else Predictions(predictions=found)
        return Response(answer.model_dump_json(exclude_unset=True), media_type=JSON)

    return router


async def _wrong_query(_request: Request, error: Any) -> Response:
    """Answer a wrong query parameter without repeating what was sent."""
    first = error.errors()[0]
    where, known = ".".join(map(str, first["loc"][1:]))[:60], list(TableQuery.model_fields)
    advice = f" Expected some of {', '.join(known)}." if first["type"] == "extra_forbidden" else ""
    detail = f"{where}: {first['msg']}.{advice}{nearest(where, known) if advice else ''}"
    return problem(HTTPStatus.UNPROCESSABLE_ENTITY, detail)


async def _refused(_request: Request, error: Any) -> Response:
    return problem(HTTPStatus(error.status_code), error.detail, error.headers)


async def _failed(_request: Request, _error: Exception) -> Response:
    """Answer where the fault is ours, without a word of the inside, which the log tells."""
    return problem(
        HTTPStatus.INTERNAL_SERVER_ERROR, "The service failed, for a reason that its log tells."
    )
