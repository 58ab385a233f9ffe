"""The route that labels a table."""

from __future__ import annotations

import asyncio
import io
import re
from contextlib import suppress
from dataclasses import dataclass, replace
from email.message import Message
from functools import partial
from http import HTTPStatus
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from ecomcat.command_config import ServeCommand
from ecomcat.config import ReadingConfig
from ecomcat.data.columns import find_text_columns
from ecomcat.data.composing import RowTexts
from ecomcat.data.formats import CSV
from ecomcat.data.reading import open_table
from ecomcat.data.unpacking import packing_of, unpacked
from ecomcat.data.writing import open_output
from ecomcat.errors import UserError
from ecomcat.export.predicted_columns import Labeller, LabelOptions, Predictor
from ecomcat.serving.queue import Answers
from ecomcat.serving.requests import (
    MEGABYTE,
    read_body,
    share_of,
    too_large,
    unprocessable,
    while_waited_for,
)
from ecomcat.serving.schemas import BODY_PROBLEMS, Precision
from ecomcat.serving.served_model import promised
from ecomcat.serving.turns import Job

_NAME = "The table"
_BATCH_ROWS = 512  # after which other requests have their turn
_PACKINGS = (None, "gzip", "zip")
_ENTRY, _MAX_ENTRIES = b"PK\x01\x02", 1000  # of a zip archive, each an object in memory
_SETTING = re.compile(r"\bdata\.(?=text_column|header|delimiter|encoding|member|quote|escape)")
_TABLE_TYPES = (
    *("text/csv", "text/tab-separated-values", "text/plain", "application/octet-stream"),
    *("application/gzip", "application/x-gzip", "application/zip", "application/x-zip-compressed"),
    "application/vnd.ms-excel",  # what Windows takes a CSV for
)
_MAX_LINE_BYTES, _MAX_COLUMNS = 10**6, 1000
_MAX_TOP_K = 10  # each adds two columns
_LONG_LINE = re.compile(rb"(?:\A|[\r\n])[^\r\n]{%d}" % (_MAX_LINE_BYTES + 1))
_SENT_BYTES = 1 << 16  # of an answer at a time
_SENDING_SECONDS, _MIN_BYTES_A_SECOND = 30.0, 10**5  # limits, since it holds memory meanwhile


class TableQuery(BaseModel):
    """How a table is read, and what `accept` means.

    A misspelt parameter is refused: otherwise rows could be accepted that should be checked.
    """

    model_config = ConfigDict(extra="forbid")

    text_column: list[str] | None = None
    header: Literal["auto", "true", "false"] = "auto"
    delimiter: str = "auto"
    quote_character: str = '"'
    escape_character: str | None = None
    encoding: str = "auto"
    member: str | None = None
    min_precision: Precision | None = None
    top_k: Annotated[int, Field(ge=1, le=_MAX_TOP_K)] = 1
    levels: bool = False


@dataclass(frozen=True)
class TableWork:
    """A table to label, with or without gzip or zip."""

    body: bytes
    reading: ReadingConfig
    options: LabelOptions
    limits: ServeCommand
    job: Job

    def check(self, rows: int) -> None:
        """Stop if the client has left or the table has too many rows."""
        self.job.check()
        if rows > self.limits.max_table_rows:
            raise unprocessable(
                f"{_NAME}: expected at most {self.limits.max_table_rows:,} rows, found more. Send "
                "it in parts, or use ecomcat.predict, which has no limit."
            )


class Labelled(Response):
    """A labelled table, sent no faster than it is read."""

    def __init__(self, table: memoryview, labeller: Labeller, **options: Any) -> None:
        super().__init__(**options)
        self.table, self.labeller = table, labeller
        self.headers["content-length"] = str(len(table))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it piece by piece."""
        start = {"type": "http.response.start", "status": 200, "headers": self.raw_headers}
        await send(start)
        seconds = _SENDING_SECONDS + len(self.table) / _MIN_BYTES_A_SECOND
        with suppress(TimeoutError):  # and the server closes the connection
            async with asyncio.timeout(seconds):
                for first in range(0, len(self.table), _SENT_BYTES):
                    piece = bytes(self.table[first : first + _SENT_BYTES])
                    await send({"type": "http.response.body", "body": piece, "more_body": True})
                await send({"type": "http.response.body", "body": b""})


def label_route(answers: Answers, config: ServeCommand) -> APIRouter:
    """Return the route that labels a table."""
    router = APIRouter()
    table = {"schema": {"type": "string", "format": "binary"}}
    labelled = dict.fromkeys(_TABLE_TYPES[:2], table)
    described = {"description": "The table with the columns added", "content": labelled}

    @router.post(
        "/label",
        response_class=Response,
        responses={HTTPStatus.OK.value: described, **BODY_PROBLEMS},
        openapi_extra={
            "requestBody": {"required": True, "content": dict.fromkeys(_TABLE_TYPES, table)}
        },
        summary="Label a table",
        description="CSV or TSV, packed with gzip or zip or not. Every row and column stays.",
    )
    async def label(request: Request, query: Annotated[TableQuery, Query()]) -> Response:
        labelled = await _labelled(answers, config, request, query)
        counts = labelled.labeller
        answers.monitor.texts(counts.rows, empty=counts.unreadable, accepted=counts.accepted)
        return labelled

    return router


async def _labelled(
    answers: Answers, config: ServeCommand, request: Request, query: TableQuery
) -> Labelled:
    """Label the table of a request while its client waits."""
    body = await read_body(request, config, _TABLE_TYPES)
    promise = promised(config, query.min_precision)
    options = LabelOptions(promise, reasons=True, top_k=query.top_k, levels=query.levels)
    with answers.job(is_small=False) as job:
        work = TableWork(body, _reading(request, query), options, config, job)
        labelling = answers.table(job, len(body), partial(label_table, work))
        try:
            labelled = await while_waited_for(request, job, labelling)
        except UserError as error:
            raise unprocessable(_SETTING.sub("", str(error))) from error
    share_of(request).grow(len(body) + len(labelled.table))
    return labelled


def _reading(request: Request, query: TableQuery) -> ReadingConfig:
    """Return how the table is read, with the request's charset where no encoding is asked for."""
    header = Message()
    header["content-type"] = request.headers["content-type"]
    asked = query.model_dump(exclude={"min_precision", "top_k", "levels"}, exclude_defaults=True)
    charset = header.get_content_charset()
    return ReadingConfig(**({"encoding": charset} if charset else {}) | asked)


def label_table(work: TableWork, answers: Predictor) -> Labelled:
    """Label a table: every row and column stays, and the columns of predict are added.

    Raises:
        UserError: It cannot be read.
        HTTPException: It is too large.
        StoppedError: The client has left.
    """
    plain, reading, output = _unpacked(work), replace(work.reading, member=None), io.BytesIO()
    with open_table(io.BytesIO(plain), reading, format_name=CSV, name=_NAME) as table:
        if table.head.width > _MAX_COLUMNS:
            raise UserError(
                f"{_NAME}: expected at most {_MAX_COLUMNS:,} columns, found {table.head.width:,}. "
                "Send those of the text."
            )
        columns = find_text_columns(table.head, reading.text_column, answers.fields)
        labeller, texts_of_rows = Labeller(answers, work.options), RowTexts(columns)
        with open_output(output, CSV, table, columns, labeller.options.added) as write:
            for chunk in table.chunks(columns, _BATCH_ROWS):
                write(chunk, labeller.label(texts_of_rows(chunk.frame)))
                work.check(labeller.rows)
    tabs = table.delimiter == "\t"
    name = f"labelled.{'tsv' if tabs else 'csv'}"
    headers = {"content-disposition": f'attachment; filename="{name}"'}
    return Labelled(output.getbuffer(), labeller, headers=headers, media_type=_TABLE_TYPES[tabs])


def _unpacked(work: TableWork) -> bytes:
    """Unpack a table up to the largest size allowed: a small archive can hold a huge one."""
    most, packing = work.limits.max_body_mb * MEGABYTE, packing_of(work.body)
    many = packing == "zip" and work.body.count(_ENTRY) > _MAX_ENTRIES
    if many or packing not in _PACKINGS:
        raise UserError(
            f"{_NAME}: expected a table as it is, or packed with gzip, or in a zip archive of at "
            f"most {_MAX_ENTRIES:,} files, found {'more files' if many else packing}. Send it in "
            "one of these ways."
        )
    with unpacked(io.BytesIO(work.body), _NAME, work.reading.member) as (stream, _):
        plain = stream.read(most + 1)
    if len(plain) > most:
        raise too_large(work.limits)
    if packing_of(plain):
        raise UserError(
            f"{_NAME}: expected a table packed once, found an archive within an archive. Unpack "
            "it first."
        )
    if _LONG_LINE.search(plain):
        raise UserError(
            f"{_NAME}: expected lines of at most {_MAX_LINE_BYTES:,} bytes, found a longer one. "
            "Only the beginning of a text is read: cut it."
        )
    return plain
