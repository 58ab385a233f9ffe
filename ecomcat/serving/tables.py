"""The route that labels a table."""

from __future__ import annotations

import asyncio
import io
import re
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from http import HTTPStatus
from typing import IO, Annotated, Literal

import anyio.to_thread
from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from ecomcat.config import ReadingConfig, ServeCommand
from ecomcat.data.chunks import absences, join_texts
from ecomcat.data.columns import find_text_columns
from ecomcat.data.formats import CSV
from ecomcat.data.packing import open_content
from ecomcat.data.tables import open_table
from ecomcat.data.writing import open_output, refuse_name_clash
from ecomcat.errors import UserError, nearest
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


class TooLargeError(Exception):
    """A table is too large once it is unpacked."""


class AbandonedError(Exception):
    """The client has left before its table was labelled."""


def label_table(
    body: bytes,
    answers: Answers,
    reading: ReadingConfig,
    min_precision: float,
    limits: ServeCommand,
    gone: threading.Event,
) -> tuple[IO[bytes], str]:
    """Label a table: every row and column is kept, and what predict adds is added.

    Args:
        body: the table, packed with gzip or zip or not.
        answers: labels the rows, a part at a time.
        reading: how the table is read.
        min_precision: the share of accepted rows that are to be right.
        limits: the most bytes of the table unpacked, and the most rows.
        gone: set when the client has left.

    Returns:
        The labelled table in UTF-8, to be read and closed; and its delimiter.

    Raises:
        UserError: when it cannot be read.
        TooLargeError: when it is too large.
        AbandonedError: when the client has left.
    """

    def after_batch(rows: int) -> None:
        if gone.is_set():
            raise AbandonedError
        if rows > limits.max_table_rows:
            raise UserError(
                f"{_NAME}: expected at most {limits.max_table_rows:,} rows, found more. Send it "
                "in parts, or use ecomcat.predict, which has no limit."
            )

    output = tempfile.SpooledTemporaryFile(_IN_MEMORY_BYTES)  # noqa: SIM115 - the caller closes it
    try:
        plain = _unpacked(body, reading.member, limits.max_body_mb * MEGABYTE)
        delimiter = _write_labelled(plain, output, answers, reading, min_precision, after_batch)
        output.seek(0)
    except BaseException as error:
        output.close()
        if isinstance(error, UserError):
            raise UserError(_SETTING.sub("", str(error))) from error
        raise
    return output, delimiter


def chunks(stream: IO[bytes]) -> Iterator[bytes]:
    """Yield what is left of a stream, and close it."""
    with stream:
        while chunk := stream.read(_CHUNK_BYTES):
            yield chunk


def _write_labelled(
    plain: bytes,
    output: IO[bytes],
    answers: Answers,
    reading: ReadingConfig,
    min_precision: float,
    after_batch: Callable[[int], None],
) -> str:
    added = LabelOptions(min_precision=min_precision, reasons=True)
    unpacked = replace(reading, member=None)
    with open_table(io.BytesIO(plain), unpacked, format_name=CSV, name=_NAME) as table:
        columns = find_text_columns(table.head, reading.text_column, answers.text_columns)
        refuse_name_clash(columns.header or (), table.name, added.added)
        labeller = Labeller(answers, added)
        with open_output(output, CSV, table, columns, added.added) as write:
            for chunk in table.chunks(columns, _BATCH_ROWS, None):
                texts = join_texts(chunk.frame, columns.text)
                write(chunk, labeller.label(texts, absences(chunk, columns, texts)))
                after_batch(labeller.rows)
        return table.delimiter


def _unpacked(body: bytes, member: str | None, most: int) -> bytes:
    """Unpack a table no further than it may be large: a small archive can hold a huge one."""
    with open_content(io.BytesIO(body), _NAME, member) as content:
        plain = content.stream.read(most + 1)
    if len(plain) > most:
        raise TooLargeError
    if plain.startswith(_PACKED):
        raise UserError(
            f"{_NAME}: expected a table packed once, found an archive within an archive. Unpack "
            "it first."
        )
    return plain


TABLE_TYPES = (
    *("text/csv", "text/tab-separated-values", "text/plain", "application/octet-stream"),
    *("application/gzip", "application/x-gzip", "application/zip", "application/x-zip-compressed"),
    "application/vnd.ms-excel",  # what Windows takes a CSV for
)
_TABLES_AT_A_TIME = 2
_LOOK_SECONDS = 0.5  # how often it is seen whether the client is still there
_QUERY = (
    *("text_column", "header", "delimiter", "quote_character", "escape_character"),
    *("encoding", "member", "min_precision"),
)


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
        quote_character: str = '"',
        escape_character: str | None = None,
        member: str | None = None,
        min_precision: Annotated[float | None, Query(gt=0, le=1)] = None,
    ) -> Response:
        require_media_type(request, TABLE_TYPES)
        _refuse_unknown(request.query_params)
        body = await read_body(request, config)
        precision = config.min_precision if min_precision is None else min_precision
        if encoding == "auto":
            encoding = charset_of(request) or encoding
        reading = ReadingConfig(
            member=member,
            encoding=encoding,
            delimiter=delimiter,
            quote_character=quote_character,
            escape_character=escape_character,
            header=header,
            text_column=text_column,
        )
        gone = threading.Event()
        watch = asyncio.create_task(_watch(request, gone))
        try:
            labelled, found = await anyio.to_thread.run_sync(
                label_table, body, answers, reading, precision, config, gone, limiter=limiter
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
