"""The route that labels a table."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterable
from http import HTTPStatus
from typing import Annotated, Literal

import anyio.to_thread
from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from ecomcat.config import ServeCommand
from ecomcat.errors import UserError, nearest
from ecomcat.serving.answers import Answers
from ecomcat.serving.bodies import read_body, require_media_type, too_large
from ecomcat.serving.labelled_table import (
    AbandonedError,
    TableOptions,
    TooLargeError,
    chunks,
    label_table,
)
from ecomcat.serving.problems import BODY_PROBLEMS
from ecomcat.serving.requests import unprocessable

TABLE_TYPES = (
    *("text/csv", "text/tab-separated-values", "text/plain", "application/octet-stream"),
    *("application/gzip", "application/x-gzip", "application/zip", "application/x-zip-compressed"),
    "application/vnd.ms-excel",  # what Windows takes a CSV for
)
_TABLES_AT_A_TIME = 2
_LOOK_SECONDS = 0.5  # how often it is seen whether the client is still there
_QUERY = (*("text_column", "header", "delimiter", "encoding", "member"), "min_precision")


def label_routes(answers: Answers, config: ServeCommand) -> APIRouter:
    """Return the route that labels a table.

    Args:
        answers: labels the rows.
        config: the limits, and what `accept` stands for where a request does not say.
    """
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
            **BODY_PROBLEMS,
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
        min_precision: Annotated[float | None, Query(gt=0, le=1)] = None,
    ) -> Response:
        require_media_type(request, TABLE_TYPES)
        _refuse_unknown(request.query_params)
        body = await read_body(request, config)
        precision = config.min_precision if min_precision is None else min_precision
        options = TableOptions(text_column, header, delimiter, encoding, member, precision)
        gone = threading.Event()
        watch = asyncio.create_task(_watch(request, gone))
        try:
            labelled, found = await anyio.to_thread.run_sync(
                label_table, body, answers, options, config, gone, limiter=limiter
            )
        except UserError as error:
            raise unprocessable(str(error)) from error
        except TooLargeError as error:
            raise too_large(config) from error
        except AbandonedError:
            return Response(status_code=HTTPStatus.BAD_REQUEST)  # which nobody reads
        finally:
            watch.cancel()
        tabs = found == "\t"
        name = "labelled.tsv" if tabs else "labelled.csv"
        return StreamingResponse(
            chunks(labelled),
            media_type="text/tab-separated-values" if tabs else "text/csv",
            headers={"content-disposition": f'attachment; filename="{name}"'},
        )

    return router


def _refuse_unknown(names: Iterable[str]) -> None:
    """Refuse a misspelt parameter, which would else let rows pass that were to be checked."""
    for name in names:
        if name not in _QUERY:
            raise unprocessable(
                f"Expected in the query some of {', '.join(_QUERY)}, found {name[:60]!r}."
                + nearest(name[:60], _QUERY)
            )


async def _watch(request: Request, gone: threading.Event) -> None:
    """Say when the client has left, so that nobody works for it any longer."""
    while not await request.is_disconnected():
        await asyncio.sleep(_LOOK_SECONDS)
    gone.set()
