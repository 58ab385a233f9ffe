"""Rows of CSV and TSV."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice, repeat
from typing import TYPE_CHECKING, TextIO

from ecomcat.rows.batch import Batch, Texts, without_surrogates
from ecomcat.table.charset import MARKED_ENCODINGS
from ecomcat.table.columns import HEAD_ROWS, Columns, prediction_columns, text_of

if TYPE_CHECKING:
    import pyarrow as pa

    from ecomcat.rows.added import Added
    from ecomcat.table.column_lookup import ColumnName
    from ecomcat.table.table import Table

_MARK = "\ufeff"


@dataclass(frozen=True)
class CsvBatch:
    """Rows of cells.

    Args:
        rows: the cells, all rows of the same length.
        columns: which of them are the text.
        names: what the columns are called where a format needs names.
    """

    rows: Sequence[list[str]]
    columns: Columns
    names: Sequence[str] = ()

    def __len__(self) -> int:
        return len(self.rows)

    def texts(self) -> Texts:
        """Return what is to be labelled."""
        return Texts([text_of(row, self.columns) for row in self.rows], {})

    def cells(self) -> Iterable[list[str]]:
        """Return the rows as they are."""
        return self.rows

    def objects(self) -> Iterator[str]:
        """Return each row as a JSON object of strings."""
        encode = json.JSONEncoder(ensure_ascii=False).encode
        return (encode(dict(zip(self.names, row, strict=True))) for row in self.rows)

    def arrow(self) -> pa.Table:
        """Return the rows as columns of strings."""
        import pyarrow as pa

        columns = zip(*self.rows, strict=True)
        arrays = [pa.array([without_surrogates(cell) for cell in column]) for column in columns]
        return pa.table(arrays, schema=_strings(self.names))


class CsvInput:
    """A table whose rows are to be labelled.

    Args:
        table: the opened table.
        format_name: `csv` or `tsv`.
        header: `true`, `false` or `auto`.
        text_column: a name, a position from 0, a sequence of these, or None.
        size: bytes of the file as it is stored; None for a stream.
    """

    def __init__(
        self,
        table: Table,
        format_name: str,
        *,
        header: str,
        text_column: object,
        size: int | None,
    ) -> None:
        self.format = format_name
        self._table = table
        self._asked = (header, text_column)
        self._size = size
        self._stream = table.rows(keep_blank=True)
        self._head = list(islice(self._stream, HEAD_ROWS))

    @property
    def name(self) -> str:
        """What messages call it."""
        return self._table.name

    @property
    def delimiter(self) -> str:
        """The character between its columns."""
        return self._table.format.delimiter

    @property
    def marked(self) -> bool:
        """Whether it begins with a byte order mark, as spreadsheets save it."""
        return self._table.format.encoding in MARKED_ENCODINGS

    @property
    def header(self) -> Sequence[str] | None:
        """The first row, where it names the columns."""
        return self._columns.header

    @property
    def names(self) -> Sequence[str]:
        """The names of the columns, their positions where there is no header."""
        return self.header or list(map(str, range(self._table.width)))

    def choose_text(self, trained_on: Sequence[ColumnName]) -> None:
        """Find the columns that hold the text."""
        header, text_column = self._asked
        self._columns = prediction_columns(
            self._head,
            header=header,
            text_column=text_column,
            trained_on=trained_on,
            name=self.name,
        )

    def batches(self, size: int) -> Iterator[Batch]:
        """Return the rows below the header, `size` at a time."""
        if self.header is not None:
            rows = chain(self._head[1:], self._stream)
        else:
            rows = chain(self._leading_blank_rows(), self._head, self._stream)
        names = self.names
        for batch in in_batches(rows, size):
            yield CsvBatch(batch, self._columns, names)

    def schema(self) -> pa.Schema:
        """Return columns of strings."""
        return _strings(self.names)

    def fraction_read(self) -> float | None:
        """Return how much of the stored file has been read."""
        return self._table.bytes_read() / self._size if self._size else None

    def _leading_blank_rows(self) -> Iterator[list[str]]:
        table = self._table
        return repeat([""], table.leading_blank_lines if table.width == 1 else 0)


class CsvOutput:
    """A CSV file that is being written.

    Args:
        stream: takes text, and leaves line ends as they are.
        delimiter: the character between the columns.
        header: names of the columns, added ones included; None for a table without a header.
        marked: whether to begin with a byte order mark, by which Excel knows UTF-8.
    """

    def __init__(
        self, stream: TextIO, delimiter: str, header: Sequence[str] | None, marked: bool = False
    ) -> None:
        self._stream = stream
        self._delimiter = delimiter
        # Readers take a lone carriage return for a line end, but Python's writer does not quote it.
        self._needs_quotes = re.compile(f'["\r\n{re.escape(delimiter)}]').search
        if marked:
            stream.write(_MARK)
        if header is not None:
            stream.write(self._line(header))

    def write(self, batch: Batch, added: Added) -> None:
        """Write rows, quoted where they must be, with what is added to them."""
        pairs = zip(batch.cells(), added.cells(), strict=True)
        self._stream.writelines(self._line([*row, *more]) for row, more in pairs)

    def _line(self, row: Sequence[str]) -> str:
        # Faster than Python's writer, which goes through long cells letter by letter.
        quoted = [self._quoted(cell) if self._needs_quotes(cell) else cell for cell in row]
        return f"{self._delimiter.join(quoted)}\n"

    @staticmethod
    def _quoted(cell: str) -> str:
        doubled = cell.replace('"', '""')
        return f'"{doubled}"'


def in_batches(rows: Iterable[list[str]], size: int) -> Iterator[list[list[str]]]:
    """Return rows in their order, `size` at a time."""
    iterator = iter(rows)
    while batch := list(islice(iterator, size)):
        yield batch


def _strings(names: Sequence[str]) -> pa.Schema:
    import pyarrow as pa

    return pa.schema([pa.field(name, pa.string()) for name in names])
