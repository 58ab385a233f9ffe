"""The service's routes."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any

import anyio.to_thread
from fastapi import APIRouter, FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from ecomcat import __version__
from ecomcat.commands import ServeCommand
from ecomcat.errors import nearest
from ecomcat.serving.answers import Answers
from ecomcat.serving.guard import HEALTH, LOOPBACK_HOSTS, Guard
from ecomcat.serving.requests import parse_request, read_body, request_schema
from ecomcat.serving.schemas import (
    BODY_PROBLEMS,
    ModelDescription,
    OneText,
    Prediction,
    Predictions,
    describe_model,
    problems,
)
from ecomcat.serving.tables import TableQuery, label_route
from ecomcat.text.tokenizer import valid_unicode

JSON = "application/json"
_QUICKLY_READ_BYTES = 1 << 16
_PAGE = Path(__file__).parent / "page"


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
    app.include_router(_facts(answers, metrics, config))
    app.include_router(_predict(answers, config))
    app.include_router(label_route(answers, config))
    app.mount("/page", StaticFiles(directory=_PAGE))
    return Guard(app, [*(LOOPBACK_HOSTS if config.is_local else ()), *config.allowed_hosts])


def _facts(answers: Answers, metrics: Mapping[str, Any], config: ServeCommand) -> APIRouter:
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
    return JSONResponse({"detail": valid_unicode(detail)}, HTTPStatus.UNPROCESSABLE_ENTITY)
