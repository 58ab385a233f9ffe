"""Rows of Parquet, through Arrow, so that every column keeps its type."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from ecomcat.errors import UserError
from ecomcat.rows.added import Added, added_fields
from ecomcat.rows.arrow_values import cells_of, literals_of, plain_texts_of, require_text, texts_of
from ecomcat.rows.batch import Batch, Texts
from ecomcat.rows.formats import PARQUET
from ecomcat.rows.json_values import json_text
from ecomcat.rows.names import choose_text_names
from ecomcat.table.column_lookup import LABEL_KEY, TEXT_KEY

if TYPE_CHECKING:
    from ecomcat.table.column_lookup import ColumnName

_KEYS = f"{TEXT_KEY} or {LABEL_KEY}"
_ROWS = 4096  # at a time, of some columns alone
_BUFFER_BYTES = 1 << 20  # read at a time of each column: a row group need not fit in memory


@dataclass(frozen=True)
class ParquetBatch:
    """Rows of an Arrow table.

    Args:
        rows: the table.
        text: positions of the columns that hold the text, joined in this order.
    """

    rows: pa.Table
    text: Sequence[int]

    def __len__(self) -> int:
        return int(self.rows.num_rows)

    def texts(self) -> Texts:
        """Return what is to be labelled."""
        columns = [(self.rows.field(i).name, texts_of(self.rows.column(i))) for i in self.text]
        joined: list[str] = []
        absent: dict[int, str] = {}
        for position in range(len(self)):
            found = [(name, values[position]) for name, values in columns]
            joined.append(" ".join(text for _, value in found if value and (text := value.strip())))
            nulls = [f"{name} is null" for name, value in found if value is None]
            if nulls and not joined[-1]:
                absent[position] = ", ".join(nulls)
        return Texts(joined, absent)

    def cells(self) -> Iterator[list[str]]:
        """Return each row as cells: texts as they are, nothing for null, lists as JSON."""
        return map(list, zip(*map(cells_of, self.rows.columns), strict=True))

    def objects(self) -> Iterator[str]:
        """Return each row as a JSON object."""
        keys = [json_text(name) for name in self.rows.column_names]
        for row in zip(*map(literals_of, self.rows.columns), strict=True):
            members = (f"{key}: {value}" for key, value in zip(keys, row, strict=True))
            yield "{" + ", ".join(members) + "}"

    def arrow(self) -> pa.Table:
        """Return the rows as they are."""
        return self.rows


class ParquetInput:
    """A Parquet file whose rows are to be labelled.

    Args:
        file: the opened file.
        name: what messages call it.
        text_column: a name, a position from 0, a sequence of these, or None.
    """

    def __init__(self, file: pq.ParquetFile, name: str, text_column: object) -> None:
        self.name = name
        self.format = PARQUET
        self._file = file
        self._text_column = text_column
        self._read = 0
        self.names: list[str] = list(self.schema().names)

    @property
    def header(self) -> Sequence[str]:
        """The names of the columns."""
        return self.names

    def choose_text(self, trained_on: Sequence[ColumnName]) -> None:
        """Find the columns that hold the text."""
        self._text = choose_text_names(
            self.names, text_column=self._text_column, trained_on=trained_on, source=self.name
        )
        for position in self._text:
            require_text(self.schema().field(position), self.name)

    def batches(self, size: int) -> Iterator[Batch]:
        """Return the rows, `size` at a time."""
        with _explained(self.name):
            for batch in self._file.iter_batches(batch_size=size):
                if batch.num_rows:
                    yield ParquetBatch(pa.Table.from_batches([batch]), self._text)
                    self._read += batch.num_rows

    def columns(self, positions: Sequence[int]) -> Iterator[tuple[str | None, ...]]:
        """Return the texts of some columns alone, a row at a time.

        Args:
            positions: of the columns, ascending.

        Raises:
            UserError: if one holds lists or objects, or, meanwhile, if the file is damaged.
        """
        for position in positions:
            require_text(self.schema().field(position), self.name, _KEYS)
        names = list(dict.fromkeys(self.names[position] for position in positions))
        # They come in the order that they are asked for, and of one name all of them.
        read = [at for name in names for at, other in enumerate(self.names) if other == name]
        with _explained(self.name):
            for batch in self._file.iter_batches(batch_size=_ROWS, columns=names):
                table = pa.Table.from_batches([batch])
                yield from zip(
                    *(plain_texts_of(table.column(read.index(each))) for each in positions),
                    strict=True,
                )

    def schema(self) -> pa.Schema:
        """Return the file's schema, with what its writer noted in it."""
        return self._file.schema_arrow

    def fraction_read(self) -> float | None:
        """Return the share of the rows that have been read."""
        rows = self._file.metadata.num_rows
        return self._read / rows if rows else None


class _Sink(io.RawIOBase):
    """A stream that can be cut short: what is written after that is dropped."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self.cut_short = False

    def writable(self) -> bool:
        return True

    def write(self, data: Any, /) -> int:
        if not self.cut_short:
            self._stream.write(data)
        return memoryview(data).nbytes


class ParquetOutput:
    """A Parquet file that is being written, a row group a batch.

    Args:
        stream: takes bytes.
        schema: of the rows.
        added: names of the columns that are added.
    """

    def __init__(self, stream: IO[bytes], schema: pa.Schema, added: Sequence[str]) -> None:
        self._schema = schema
        for field in added_fields(added):
            self._schema = self._schema.append(field)
        self._sink = _Sink(stream)
        self._writer = pq.ParquetWriter(self._sink, self._schema)

    def __enter__(self) -> ParquetOutput:
        return self

    def __exit__(self, failure: object, *_: object) -> None:
        # Without its end no reader takes a stream that was cut short for a whole file; the writer
        # writes it also when it is not closed but forgotten.
        self._sink.cut_short = failure is not None
        self._writer.close()

    def write(self, batch: Batch, added: Added) -> None:
        """Write rows with what is added to them."""
        columns: list[Any] = [*batch.arrow().columns, *added.arrays()]
        self._writer.write_table(pa.table(columns, schema=self._schema))


@contextmanager
def open_parquet(
    source: Path | BinaryIO, *, name: str, text_column: object
) -> Iterator[ParquetInput]:
    """Open a Parquet file.

    Args:
        source: a path, or bytes that can be read in any order.
        name: what messages call it.
        text_column: see `ParquetInput`.

    Raises:
        UserError: if it is no such file, or damaged.
    """
    with _explained(name):
        file = pq.ParquetFile(source, buffer_size=_BUFFER_BYTES, pre_buffer=False)
    with file:
        yield ParquetInput(file, name, text_column)


@contextmanager
def _explained(name: str) -> Iterator[None]:
    """Tell in the user's terms what is wrong with a file that is read."""
    try:
        yield
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise UserError(
            f"{name}: expected a whole Parquet file, found one that cannot be read ({reason}). It "
            "is damaged, cut short or of another format: write it again, or give it the ending of "
            "what it is (predict takes input_format, too)."
        ) from error
