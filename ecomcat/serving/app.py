"""The service's routes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any

import anyio.to_thread
from fastapi import APIRouter, FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.types import ASGIApp

from ecomcat import __version__
from ecomcat.commands import ServeCommand
from ecomcat.errors import nearest
from ecomcat.serving.answers import Answers
from ecomcat.serving.guard import HEALTH, Guard, is_loopback, loopback_hosts
from ecomcat.serving.requests import (
    parse_request,
    read_body,
    request_schema,
    require_media_type,
    unprocessable,
)
from ecomcat.serving.schemas import (
    BODY_PROBLEMS,
    Health,
    ModelDescription,
    OneText,
    Prediction,
    Predictions,
    describe_model,
    problems,
)
from ecomcat.serving.tables import TableQuery, label_routes

JSON = "application/json"
_QUICKLY_READ_BYTES = 1 << 16
_PAGE = Path(__file__).parent / "page"
_ASSETS = {"/": "index.html", **{f"/{name}": name for name in ("page.css", "page.js", "icon.svg")}}


def build_app(
    answers: Answers, metrics: Mapping[str, Any], config: ServeCommand, port: int
) -> ASGIApp:
    """Build the application.

    Args:
        answers: What labels texts.
        metrics: Mapping. What the exported folder's `metrics.json` holds.
        config: The limits, and which hosts are allowed.
        port: Integer. The port that it is served on.
    """
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
    app.include_router(label_routes(answers, config))
    for path, name in _ASSETS.items():
        app.add_route(path, _asset(name), include_in_schema=False)
    own = loopback_hosts(port) if is_loopback(config.host) else []
    return Guard(app, [*own, *config.allowed_hosts])


def _facts(answers: Answers, metrics: Mapping[str, Any], config: ServeCommand) -> APIRouter:
    router = APIRouter()

    @router.get(HEALTH, response_model=Health, summary="Tell that the service answers")
    async def health() -> Response:
        return JSONResponse({"status": "ok"})

    @router.get("/model", response_model=ModelDescription, summary="Describe what is served")
    async def model() -> Response:
        threshold = answers.threshold(config.min_precision)
        described = describe_model(answers.labels, metrics, config, threshold)
        return Response(described.model_dump_json(), media_type=JSON)

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
        require_media_type(request, [JSON])
        body = await read_body(request, config)
        if len(body) <= _QUICKLY_READ_BYTES:
            asked = parse_request(body, config)
        else:  # other requests go on meanwhile
            asked = await anyio.to_thread.run_sync(parse_request, body, config)
        one = isinstance(asked, OneText)
        predictions = await answers.predict(
            [asked.text] if isinstance(asked, OneText) else asked.texts,
            explain=asked.explain,
            min_precision=asked.min_precision,
        )
        answer = predictions[0] if one else Predictions(predictions=predictions)
        return Response(answer.model_dump_json(exclude_unset=True), media_type=JSON)

    return router


async def _wrong_query(_request: Request, error: Exception) -> Response:
    """Answer a wrong query parameter without repeating what was sent."""
    if not isinstance(error, RequestValidationError):
        raise error
    first = error.errors()[0]
    where = ".".join(map(str, first["loc"][1:]))[:60]
    advice = ""
    if first["type"] == "extra_forbidden":
        known = list(TableQuery.model_fields)
        advice = f" Expected some of {', '.join(known)}.{nearest(where, known)}"
    problem = unprocessable(f"{where}: {first['msg']}.{advice}")
    return JSONResponse({"detail": problem.detail}, problem.status_code)


def _asset(name: str) -> Callable[[Request], Awaitable[Response]]:
    async def asset(_request: Request) -> Response:
        return FileResponse(_PAGE / name, headers={"cache-control": "no-cache"})

    return asset
