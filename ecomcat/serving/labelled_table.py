"""Label a table that a request brings, within the limits of its size."""

from __future__ import annotations

import io
import re
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import IO

from ecomcat.config import ServeCommand
from ecomcat.errors import UserError
from ecomcat.labelling import Labeller, LabelOptions, refuse_name_clash
from ecomcat.rows.csv_rows import CsvInput, CsvOutput
from ecomcat.rows.formats import CSV
from ecomcat.serving.answers import Answers
from ecomcat.serving.bodies import MEGABYTE
from ecomcat.table.content import open_content
from ecomcat.table.table import open_table

_NAME = "The table"
_BATCH_ROWS = 512  # between which other requests have their turn
_IN_MEMORY_BYTES = 1 << 20  # of an answer; a longer one goes through a temporary file
_CHUNK_BYTES = 1 << 16
_PACKED = (b"\x1f\x8b", b"PK\x03\x04", b"PK\x05\x06")
_SETTING = re.compile(r"\bdata\.(?=text_column|header|delimiter|encoding|member)")


class TooLargeError(Exception):
    """A table is too large once it is unpacked."""


class AbandonedError(Exception):
    """The client has left before its table was labelled."""


@dataclass(frozen=True)
class TableOptions:
    """How a table is read.

    Args:
        text_column: names or positions of the columns that are the text; None to look.
        header: `auto`, `true` or `false`.
        delimiter: `auto`, one character or its name.
        encoding: `auto` or an encoding's name.
        member: which file of a zip archive; None for the only one.
        min_precision: the share of accepted rows that are to be right.
    """

    text_column: list[str] | None
    header: str
    delimiter: str
    encoding: str
    member: str | None
    min_precision: float


def label_table(
    body: bytes,
    answers: Answers,
    options: TableOptions,
    limits: ServeCommand,
    gone: threading.Event,
) -> tuple[IO[bytes], str]:
    """Label a table: every row and column is kept, and what predict adds is added.

    Args:
        body: the table, packed with gzip or zip or not.
        answers: labels the rows, a part at a time.
        options: how the table is read.
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
        plain = _unpacked(body, options.member, limits.max_body_mb * MEGABYTE)
        # What an encoding such as UTF-7 may decode to, UTF-8 may not be able to express.
        text = io.TextIOWrapper(output, "utf-8", errors="replace", newline="")
        delimiter = _write_labelled(plain, text, answers, options, after_batch)
        text.flush()
        text.detach()
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
    output: io.TextIOWrapper,
    answers: Answers,
    options: TableOptions,
    after_batch: Callable[[int], None],
) -> str:
    with open_table(
        io.BytesIO(plain), name=_NAME, encoding=options.encoding, delimiter=options.delimiter
    ) as table:
        rows = CsvInput(
            table, CSV, header=options.header, text_column=options.text_column, size=None
        )
        rows.choose_text(answers.text_columns)
        added = LabelOptions(min_precision=options.min_precision, reasons=True)
        refuse_name_clash(rows.header, rows.name, added.added)
        labeller = Labeller(answers, added)
        header = None if rows.header is None else [*rows.header, *added.added]
        written = CsvOutput(output, rows.delimiter, header, marked=rows.marked)
        for batch in rows.batches(_BATCH_ROWS):
            written.write(batch, labeller.label(batch.texts()))
            after_batch(labeller.rows)
        return rows.delimiter


def _unpacked(body: bytes, member: str | None, most: int) -> bytes:
    """Unpack a table no further than it may be large: a small archive can hold a huge one."""
    with open_content(io.BytesIO(body), name=_NAME, member=member) as content:
        plain = content.stream.read(most + 1)
    if len(plain) > most:
        raise TooLargeError
    if plain.startswith(_PACKED):
        raise UserError(
            f"{_NAME}: expected a table packed once, found an archive within an archive. Unpack "
            "it first."
        )
    return plain
