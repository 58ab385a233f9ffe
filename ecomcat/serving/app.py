"""The service's routes."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Any, Literal

import anyio.to_thread
from fastapi import APIRouter, FastAPI, HTTPException, Query
from fastapi.exceptions import RequestValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.types import ASGIApp

from ecomcat import __version__
from ecomcat.config import ServeCommand
from ecomcat.errors import UserError
from ecomcat.serving.answers import Answers
from ecomcat.serving.bodies import read_body, require_media_type, too_large
from ecomcat.serving.checks import is_loopback
from ecomcat.serving.description import describe_model
from ecomcat.serving.guard import Guard, loopback_hosts
from ecomcat.serving.labelled_table import TableOptions, TooLargeError, chunks, label_table
from ecomcat.serving.messages import (
    Health,
    ModelDescription,
    OneText,
    Prediction,
    Predictions,
    Problem,
)
from ecomcat.serving.requests import parse_request, request_schema, unprocessable

JSON = "application/json"
TABLE_TYPES = (
    *("text/csv", "text/tab-separated-values", "text/plain", "application/octet-stream"),
    *("application/gzip", "application/x-gzip", "application/zip", "application/x-zip-compressed"),
    "application/vnd.ms-excel",  # what Windows takes a CSV for
)
_PAGE = Path(__file__).parent / "page"
_ASSETS = {
    "/": ("index.html", "text/html; charset=utf-8"),
    "/page.css": ("page.css", "text/css; charset=utf-8"),
    "/page.js": ("page.js", "text/javascript; charset=utf-8"),
    "/icon.svg": ("icon.svg", "image/svg+xml"),
}
_TABLES_AT_A_TIME = 2


def _problems(*statuses: HTTPStatus) -> dict[int | str, dict[str, Any]]:
    return {status.value: {"model": Problem, "description": status.phrase} for status in statuses}


_BODY_PROBLEMS = _problems(
    HTTPStatus.FORBIDDEN,
    HTTPStatus.REQUEST_TIMEOUT,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    HTTPStatus.UNPROCESSABLE_ENTITY,
)


def build_app(
    answers: Answers, metrics: Mapping[str, Any], config: ServeCommand, port: int
) -> ASGIApp:
    """Build the application.

    Args:
        answers: labels texts.
        metrics: what the exported folder's `metrics.json` holds.
        config: the limits, and which hosts are allowed.
        port: the port that it is served on.
    """
    app = FastAPI(
        title="ecomcat",
        description="Labels texts with an exported classifier.",
        version=__version__,
        # These pages load their scripts from other hosts.
        docs_url=None,
        redoc_url=None,
        responses=_problems(HTTPStatus.BAD_REQUEST),
    )
    app.add_exception_handler(RequestValidationError, _wrong_query)
    app.include_router(_facts(answers, metrics, config))
    app.include_router(_predict(answers, config))
    app.include_router(_label(answers, config))
    _add_page(app)
    own = loopback_hosts(port) if is_loopback(config.host) else []
    return Guard(app, [*own, *config.allowed_hosts])


def _facts(answers: Answers, metrics: Mapping[str, Any], config: ServeCommand) -> APIRouter:
    router = APIRouter()

    @router.get("/health", response_model=Health, summary="Tell that the service answers")
    async def health() -> Response:
        return JSONResponse({"status": "ok"})

    @router.get("/model", response_model=ModelDescription, summary="Describe what is served")
    async def model() -> Response:
        threshold = await answers.threshold()
        described = describe_model(answers.labels, metrics, config, threshold)
        return Response(described.model_dump_json(), media_type=JSON)

    return router


def _predict(answers: Answers, config: ServeCommand) -> APIRouter:
    router = APIRouter()
    body = {"required": True, "content": {JSON: {"schema": request_schema(config)}}}

    @router.post(
        "/predict",
        response_model=Prediction | Predictions,
        responses=_BODY_PROBLEMS,
        openapi_extra={"requestBody": body},
        summary="Label one text or several",
        description="One text is answered by a prediction, texts by a list of predictions.",
    )
    async def predict(request: Request) -> Response:
        require_media_type(request, [JSON])
        asked = parse_request(await read_body(request, config), config)
        one = isinstance(asked, OneText)
        predictions = await answers.predict(
            [asked.text] if isinstance(asked, OneText) else asked.texts,
            explain=asked.explain,
            min_precision=asked.min_precision,
        )
        answer = predictions[0] if one else Predictions(predictions=predictions)
        return Response(answer.model_dump_json(exclude_unset=True), media_type=JSON)

    return router


def _label(answers: Answers, config: ServeCommand) -> APIRouter:
    router = APIRouter()
    table = {"schema": {"type": "string", "format": "binary"}}
    limiter = anyio.CapacityLimiter(_TABLES_AT_A_TIME)

    @router.post(
        "/label",
        response_class=Response,
        responses={
            HTTPStatus.OK.value: {
                "description": "The table with the columns added",
                "content": {"text/csv": table, "text/tab-separated-values": table},
            },
            **_BODY_PROBLEMS,
        },
        openapi_extra={
            "requestBody": {"required": True, "content": dict.fromkeys(TABLE_TYPES, table)}
        },
        summary="Label a table",
        description="CSV or TSV, packed with gzip or zip or not. Every row and column is kept.",
    )
    async def label(
        request: Request,
        text_column: Annotated[list[str] | None, Query()] = None,
        header: Literal["auto", "true", "false"] = "auto",
        delimiter: str = "auto",
        encoding: str = "auto",
        member: str | None = None,
    ) -> Response:
        require_media_type(request, TABLE_TYPES)
        body = await read_body(request, config)
        options = TableOptions(text_column, header, delimiter, encoding, member)
        try:
            labelled, found = await anyio.to_thread.run_sync(
                label_table, body, answers, options, config.max_body_mb, limiter=limiter
            )
        except UserError as error:
            raise unprocessable(str(error)) from error
        except TooLargeError as error:
            raise too_large(config) from error
        tabs = found == "\t"
        name = "labelled.tsv" if tabs else "labelled.csv"
        return StreamingResponse(
            chunks(labelled),
            media_type="text/tab-separated-values" if tabs else "text/csv",
            headers={"content-disposition": f'attachment; filename="{name}"'},
        )

    return router


async def _wrong_query(_request: Request, error: Exception) -> Response:
    """Answer a wrong query parameter without repeating what was sent."""
    if not isinstance(error, RequestValidationError):
        raise error
    first = error.errors()[0]
    where = ".".join(map(str, first["loc"][1:]))
    problem: HTTPException = unprocessable(f"{where}: {first['msg']}.")
    return JSONResponse({"detail": problem.detail}, problem.status_code)


def _add_page(app: FastAPI) -> None:
    for path, (name, media_type) in _ASSETS.items():
        app.add_route(path, _asset(_PAGE / name, media_type), include_in_schema=False)


def _asset(file: Path, media_type: str) -> Any:
    content = file.read_bytes()

    async def asset(_request: Request) -> Response:
        return Response(content, media_type=media_type, headers={"cache-control": "no-cache"})

    return asset
