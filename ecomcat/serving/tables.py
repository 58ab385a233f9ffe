"""The route that labels a table."""

from __future__ import annotations

import asyncio
import io
import re
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import IO, Annotated, Literal

import anyio.to_thread
from fastapi import APIRouter, HTTPException, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from ecomcat.commands import ServeCommand
from ecomcat.config import ReadingConfig
from ecomcat.data.columns import find_text_columns
from ecomcat.data.content import unpacked
from ecomcat.data.formats import CSV, join_texts
from ecomcat.data.tables import open_table
from ecomcat.data.writing import open_output, refuse_name_clash
from ecomcat.errors import UserError
from ecomcat.export.labelling import Labeller, LabelOptions
from ecomcat.serving.answers import Answers
from ecomcat.serving.requests import (
    MEGABYTE,
    charset_of,
    read_body,
    require_media_type,
    too_large,
    unprocessable,
)
from ecomcat.serving.schemas import BODY_PROBLEMS

_NAME = "The table"
_BATCH_ROWS = 512  # between which other requests have their turn
_IN_MEMORY_BYTES = 1 << 20  # of an answer; a longer one goes through a temporary file
_CHUNK_BYTES = 1 << 16
_PACKED = (b"\x1f\x8b", b"PK\x03\x04", b"PK\x05\x06")
_SETTING = re.compile(r"\bdata\.(?=text_column|header|delimiter|encoding|member|quote|escape)")


TABLE_TYPES = (
    *("text/csv", "text/tab-separated-values", "text/plain", "application/octet-stream"),
    *("application/gzip", "application/x-gzip", "application/zip", "application/x-zip-compressed"),
    "application/vnd.ms-excel",  # what Windows takes a CSV for
)
_TABLES_AT_A_TIME = 2
_LOOK_SECONDS = 0.5  # how often it is seen whether the client is still there


class TableQuery(BaseModel):
    """How a table is read, and what `accept` stands for.

    A misspelt parameter is refused: it would else let rows pass that were to be checked.
    """

    model_config = ConfigDict(extra="forbid")

    text_column: list[str] | None = None
    header: Literal["auto", "true", "false"] = "auto"
    delimiter: str = "auto"
    quote_character: str = '"'
    escape_character: str | None = None
    encoding: str = "auto"
    member: str | None = None
    min_precision: Annotated[float, Field(gt=0, le=1)] | None = None

    def reading(self, charset: str | None) -> ReadingConfig:
        """Return how the table is read, with the request's charset where none is asked for."""
        asked = ReadingConfig(**self.model_dump(exclude={"min_precision"}))
        return replace(asked, encoding=charset) if charset and self.encoding == "auto" else asked


def label_routes(answers: Answers, config: ServeCommand) -> APIRouter:
    """Return the route that labels a table.

    Args:
        answers: What labels the rows.
        config: The limits, and what `accept` stands for where a request does not say.
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
        description="CSV or TSV, packed with gzip or zip or not. Every row and column stays.",
    )
    async def label(request: Request, query: Annotated[TableQuery, Query()]) -> Response:
        require_media_type(request, TABLE_TYPES)
        work = TableWork(
            await read_body(request, config),
            query.reading(charset_of(request)),
            config.min_precision if query.min_precision is None else query.min_precision,
            config,
        )
        watch = asyncio.create_task(_watch(request, work.gone))
        try:
            labelled, delimiter = await anyio.to_thread.run_sync(
                label_table, work, answers, limiter=limiter
            )
        except UserError as error:
            raise unprocessable(_SETTING.sub("", str(error))) from error
        finally:
            watch.cancel()
        kind, ending = (
            ("text/tab-separated-values", "tsv") if delimiter == "\t" else ("text/csv", "csv")
        )
        disposition = {"content-disposition": f'attachment; filename="labelled.{ending}"'}
        return StreamingResponse(_chunks(labelled), media_type=kind, headers=disposition)

    return router


@dataclass(frozen=True)
class TableWork:
    """A table to be labelled.

    Args:
        body: Bytes of the table, packed with gzip or zip or not.
        reading: How the table is read.
        min_precision: Float. The share of accepted rows that are to be right.
        limits: The most bytes of the table unpacked, and the most rows.
        gone: Event that is set when the client has left.
    """

    body: bytes
    reading: ReadingConfig
    min_precision: float
    limits: ServeCommand
    gone: threading.Event = field(default_factory=threading.Event)

    def check(self, rows: int) -> None:
        """Go on no further than the client waits for, and is allowed to.

        Raises:
            HTTPException: The client has left, or there are too many rows.
        """
        if self.gone.is_set():
            raise HTTPException(HTTPStatus.BAD_REQUEST)  # which nobody reads
        if rows > self.limits.max_table_rows:
            raise unprocessable(
                f"{_NAME}: expected at most {self.limits.max_table_rows:,} rows, found more. Send "
                "it in parts, or use ecomcat.predict, which has no limit."
            )


def label_table(work: TableWork, answers: Answers) -> tuple[IO[bytes], str]:
    """Label a table: every row and column stays, and what predict adds is added.

    Args:
        work: The table.
        answers: What labels the rows, a part at a time.

    Returns:
        The labelled table in UTF-8, to be read and closed; and its delimiter.

    Raises:
        UserError: It cannot be read.
        HTTPException: It is too large, or the client has left.
    """
    output = tempfile.SpooledTemporaryFile(_IN_MEMORY_BYTES)  # noqa: SIM115 - the caller closes it
    try:
        delimiter = _write_labelled(work, output, answers)
        output.seek(0)
    except BaseException:
        output.close()
        raise
    return output, delimiter


def _write_labelled(work: TableWork, output: IO[bytes], answers: Answers) -> str:
    options = LabelOptions(min_precision=work.min_precision, reasons=True)
    plain, reading = io.BytesIO(_unpacked(work)), replace(work.reading, member=None)
    with open_table(plain, reading, format_name=CSV, name=_NAME) as table:
        columns = find_text_columns(table.head, reading.text_column, answers.text_columns)
        refuse_name_clash(columns.header or (), table.name, options.added)
        labeller = Labeller(answers, options)
        with open_output(output, CSV, table, columns, options.added) as write:
            for chunk in table.chunks(columns, _BATCH_ROWS, None):
                texts = join_texts(chunk.frame, columns.text)
                write(chunk, labeller.label(texts))
                work.check(labeller.rows)
        return table.delimiter


def _unpacked(work: TableWork) -> bytes:
    """Unpack a table no further than it may be large: a small archive can hold a huge one."""
    most = work.limits.max_body_mb * MEGABYTE
    with unpacked(io.BytesIO(work.body), _NAME, work.reading.member) as (stream, _):
        plain = stream.read(most + 1)
    if len(plain) > most:
        raise too_large(work.limits)
    if plain.startswith(_PACKED):
        raise UserError(
            f"{_NAME}: expected a table packed once, found an archive within an archive. Unpack "
            "it first."
        )
    return plain


def _chunks(stream: IO[bytes]) -> Iterator[bytes]:
    """Yield what is left of a stream, and close it."""
    with stream:
        while chunk := stream.read(_CHUNK_BYTES):
            yield chunk


async def _watch(request: Request, gone: threading.Event) -> None:
    """Say when the client has left, so that nobody works for it any longer."""
    while not await request.is_disconnected():
        await asyncio.sleep(_LOOK_SECONDS)
    gone.set()
