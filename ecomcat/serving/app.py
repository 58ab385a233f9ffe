"""The service's routes."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from pathlib import Path
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from ecomcat import __version__
from ecomcat.command_config import ServeCommand
from ecomcat.errors import nearest
from ecomcat.serving.access_log import Access
from ecomcat.serving.guard import HEALTH, METRICS, READY, Guard, is_from_here
from ecomcat.serving.label_route import TableQuery, label_route
from ecomcat.serving.monitoring import METRICS_TYPE
from ecomcat.serving.problems import problem, problems
from ecomcat.serving.queue import Answers
from ecomcat.serving.requests import (
    MEGABYTE,
    QUICKLY_READ_BYTES,
    Memory,
    parse_request,
    read_body,
    request_schema,
    unprocessable,
    while_waited_for,
)
from ecomcat.serving.schemas import (
    BODY_PROBLEMS,
    ModelDescription,
    OneText,
    Prediction,
    Predictions,
    describe_model,
)
from ecomcat.serving.turns import Job

JSON = "application/json"
_BODIES_HELD = 4  # of the largest size, in memory at a time
_SECONDS_BETWEEN_METRICS = 0.01
_PAGE, _FILES = Path(__file__).parent / "page", "/page"  # the page's folder, and where it is served


def build_app(answers: Answers, config: ServeCommand) -> ASGIApp:
    """Build the application with its limits."""
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
    app.add_exception_handler(MemoryError, _too_large)
    app.add_exception_handler(Exception, _failed)
    routers = [make(answers, config) for make in (_described, _predict, label_route)]
    for router in routers:
        app.include_router(router)
    app.mount(_FILES, StaticFiles(directory=_PAGE))
    bounded = Memory(app, _BODIES_HELD * config.max_body_mb * MEGABYTE)
    guarded = Guard(bounded, config.allowed_hosts, is_local=config.is_local)
    routes = [each.path for router in routers for each in router.routes if isinstance(each, Route)]
    return Access(
        guarded, answers.monitor, [*routes, f"{_FILES}/"], is_logged=config.log_format == "json"
    )


def _described(answers: Answers, config: ServeCommand) -> APIRouter:
    router, one_at_a_time = APIRouter(), asyncio.Lock()

    @router.get("/", include_in_schema=False)
    async def page() -> Response:
        return FileResponse(_PAGE / "index.html")

    @router.get(HEALTH, summary="Tell that the service answers")
    async def health() -> dict[str, str]:
        return {"status": "ok"}

    @router.get(
        READY,
        responses=problems(HTTPStatus.SERVICE_UNAVAILABLE),
        summary="Tell whether a request would be answered",
    )
    async def ready() -> dict[str, str]:
        if not answers.is_ready:
            raise HTTPException(
                HTTPStatus.SERVICE_UNAVAILABLE,
                "Expected a model and room for a request, found none. Ask again later.",
                {"retry-after": "1"},
            )
        return {"status": "ready"}

    @router.get(METRICS, include_in_schema=False)
    async def metrics() -> Response:
        async with one_at_a_time:  # and with pauses: writing it takes longer than most answers
            await asyncio.sleep(_SECONDS_BETWEEN_METRICS)
            return Response(answers.monitor.page(), media_type=METRICS_TYPE)

    @router.get(
        "/model",
        responses=problems(HTTPStatus.SERVICE_UNAVAILABLE),
        summary="Describe what is served",
    )
    async def model() -> ModelDescription:
        return describe_model(answers.model, config)

    @router.post(
        "/reload",
        responses=problems(
            HTTPStatus.FORBIDDEN, HTTPStatus.UNPROCESSABLE_ENTITY, HTTPStatus.SERVICE_UNAVAILABLE
        ),
        summary="Open the model in model_dir again, and use it",
        description="For programs of the same machine. If it fails, the old model stays in use.",
    )
    async def reload(request: Request) -> ModelDescription:
        if not is_from_here(request.scope):
            raise HTTPException(
                HTTPStatus.FORBIDDEN,
                "Expected a request from this machine to an address of its loopback, found "
                "another. Send it there: curl -X POST http://127.0.0.1:PORT/reload.",
            )
        if (failure := await answers.reload()) is not None:
            raise unprocessable(failure)
        return describe_model(answers.model, config)

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
        description="The answer to text is a prediction, to texts a list of predictions.",
    )
    async def predict(request: Request) -> Response:
        body = await read_body(request, config, [JSON])
        with answers.job(is_small=len(body) <= QUICKLY_READ_BYTES) as job:
            return await while_waited_for(request, job, _answer(answers, job, body))

    return router


async def _answer(answers: Answers, job: Job, body: bytes) -> Response:
    if len(body) <= QUICKLY_READ_BYTES:
        asked = parse_request(body, answers.limits)
    else:  # other requests continue meanwhile
        asked = await answers.parsed(job, parse_request, body)
    found = await answers.predict(
        job,
        [asked.text] if isinstance(asked, OneText) else asked.texts,
        explain=asked.explain,
        min_precision=asked.min_precision,
        top_k=None if asked.top_k == "all" else asked.top_k,
    )
    answer = found[0] if isinstance(asked, OneText) else Predictions(predictions=found)
    return Response(answer.model_dump_json(exclude_unset=True), media_type=JSON)


async def _wrong_query(_request: Request, error: Any) -> Response:
    """Answer a wrong query parameter without repeating what was sent."""
    first = error.errors()[0]
    where, known = ".".join(map(str, first["loc"][1:]))[:60], list(TableQuery.model_fields)
    advice = f" Expected some of {', '.join(known)}." if first["type"] == "extra_forbidden" else ""
    detail = f"{where}: {first['msg']}.{advice}{nearest(where, known) if advice else ''}"
    return problem(HTTPStatus.UNPROCESSABLE_ENTITY, detail)


async def _refused(_request: Request, error: Any) -> Response:
    return problem(HTTPStatus(error.status_code), error.detail, error.headers)


async def _too_large(_request: Request, _error: Exception) -> Response:
    return problem(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        "Expected a request for which there is memory, found a larger one. Send it in parts.",
    )


async def _failed(_request: Request, _error: Exception) -> Response:
    """Answer where the fault is ours, without internal details, which are in the log."""
    return problem(HTTPStatus.INTERNAL_SERVER_ERROR, "The service failed; its log says why.")
