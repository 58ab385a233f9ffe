"""Rows of JSON lines: an object a line."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple, TextIO

from ecomcat.config import PredictDataConfig
from ecomcat.errors import UserError
from ecomcat.rows.added import refuse_name_clash
from ecomcat.rows.batch import Batch, Texts
from ecomcat.rows.formats import JSON_LINES
from ecomcat.rows.json_values import absence, cell_text, plain_text, read_object
from ecomcat.rows.names import choose_text_names, listing
from ecomcat.table.charset import choose_encoding
from ecomcat.table.columns import HEAD_ROWS
from ecomcat.table.content import Content, open_content
from ecomcat.table.lines import Lines

if TYPE_CHECKING:
    import pyarrow as pa

    from ecomcat.rows.added import Added
    from ecomcat.table.column_lookup import ColumnName


class Row(NamedTuple):
    """A line, its number from 1, and what it holds."""

    line: str
    number: int
    values: dict[str, Any]


@dataclass(frozen=True)
class JsonBatch:
    """Objects as they stand on their lines.

    Args:
        rows: the lines.
        text_names: members that hold the text, joined in this order.
        source: the input that they come from.
    """

    rows: Sequence[Row]
    text_names: Sequence[str]
    source: JsonInput

    def __len__(self) -> int:
        return len(self.rows)

    def texts(self) -> Texts:
        """Return what is to be labelled: strings, and other plain values as they are written."""
        values: list[str] = []
        absent: dict[int, str] = {}
        for position, row in enumerate(self.rows):
            parts = [plain_text(row.values.get(name)) for name in self.text_names]
            values.append(" ".join(filter(None, parts)))
            why = "" if values[-1] else absence(row.values, self.text_names)
            if why:
                absent[position] = why
        return Texts(values, absent)

    def cells(self) -> Iterator[list[str]]:
        """Return the members in the order of the first lines' columns."""
        names, known = self.source.names, set(self.source.names)
        for row in self.rows:
            self.source.refuse_new_names(row, known)
            yield [cell_text(row.values.get(name)) for name in names]

    def objects(self) -> Iterator[str]:
        """Return the lines as they were read."""
        return (row.line for row in self.rows)

    def arrow(self) -> pa.Table:
        """Return the members as columns of the types that the first lines have."""
        from ecomcat.rows.json_types import to_table

        known = set(self.source.names)
        for row in self.rows:
            self.source.refuse_new_names(row, known)
        return to_table(
            [row.values for row in self.rows],
            self.source.names,
            self.source.schema(),
            lambda position: self.source.place(self.rows[position].number),
        )


class JsonInput:
    """JSON lines whose rows are to be labelled.

    Args:
        content: the bytes of the file.
        encoding: what they are decoded with.
        text_column: a name, a position among the members of the first lines, a sequence of
            these, or None.
        reserved: names that no member may have.
        size: bytes of the file as it is stored; None for a stream.
    """

    def __init__(
        self,
        content: Content,
        encoding: str,
        *,
        text_column: object,
        reserved: Sequence[str],
        size: int | None,
    ) -> None:
        self.name = content.name
        self.format = JSON_LINES
        self._content, self.encoding = content, encoding
        self._reserved = frozenset(reserved)
        self._text_column = text_column
        self._size = size
        self._rows = self._read()
        self._head = list(islice(self._rows, HEAD_ROWS))
        if not self._head:
            raise UserError(
                f"{self.name}: expected JSON objects, one a line, found an empty file. Give a "
                "file that has rows."
            )
        self.names: list[str] = list(dict.fromkeys(chain(*(row.values for row in self._head))))
        self._schema: pa.Schema | None = None

    @property
    def header(self) -> Sequence[str]:
        """The names of all members of the first lines."""
        return self.names

    def choose_text(self, trained_on: Sequence[ColumnName]) -> None:
        """Find the members that hold the text."""
        found = choose_text_names(
            self.names, text_column=self._text_column, trained_on=trained_on, source=self.name
        )
        self._text_names = [self.names[position] for position in found]

    def rows(self) -> Iterator[Row]:
        """Return the lines, those of the head included; blank ones are no rows."""
        return chain(self._head, self._rows)

    def batches(self, size: int) -> Iterator[Batch]:
        """Return the lines, `size` at a time; blank ones are no rows."""
        rows = self.rows()
        while batch := list(islice(rows, size)):
            yield JsonBatch(batch, self._text_names, self)

    def schema(self) -> pa.Schema:
        """Return the columns with the types that the first lines have in common."""
        from ecomcat.rows.json_types import infer_schema

        if self._schema is None:
            self._schema = infer_schema(self.names, [row.values for row in self._head])
        return self._schema

    def fraction_read(self) -> float | None:
        """Return how much of the stored file has been read."""
        return self._content.position() / self._size if self._size else None

    def place(self, number: int) -> str:
        """Return what messages call a line."""
        return f"{self.name}, line {number}"

    def refuse_new_names(self, row: Row, known: set[str]) -> None:
        """Refuse a member for which an output of fixed columns has none."""
        new = [name for name in row.values if name not in known]
        if new:
            raise UserError(
                f"{self.place(row.number)}: expected members among those of the first "
                f"{HEAD_ROWS:,} lines ({listing(self.names)}), which are the columns of the "
                f"output, found {listing(new)}. Write JSON lines (output_format=jsonl), or give "
                "the first line this member, if only as null."
            )

    def _read(self) -> Iterator[Row]:
        with io.TextIOWrapper(self._content.stream, self.encoding, newline="\n") as text:
            lines = Lines(self.name, text)
            for line in lines:
                if stripped := line.strip(" \t\r\n"):
                    place = self.place(lines.number)
                    values = read_object(stripped, place)
                    if not self._reserved.isdisjoint(values):
                        refuse_name_clash(list(values), place, sorted(self._reserved))
                    yield Row(stripped, lines.number, values)


class JsonOutput:
    """JSON lines that are being written.

    Args:
        stream: takes text, and leaves line ends as they are.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, batch: Batch, added: Added) -> None:
        """Write rows with what is added to them, each an object on a line of its own."""
        for row, members in zip(batch.objects(), added.members(), strict=True):
            beginning = row[:-1].rstrip()
            comma = "" if beginning == "{" else ", "
            self._stream.write(f"{beginning}{comma}{members}}}\n")


@contextmanager
def open_json(
    source: Path | BinaryIO,
    data: PredictDataConfig,
    *,
    name: str,
    reserved: Sequence[str],
    size: int | None,
) -> Iterator[JsonInput]:
    """Open JSON lines, packed with gzip or not.

    Args:
        source: a path, or a binary stream, which is read but not closed.
        data: how it is read.
        name: what messages call it.
        reserved: names that no member may have.
        size: bytes of the file as it is stored; None for a stream.

    Raises:
        UserError: if it cannot be opened or its first lines cannot be read.
    """
    with open_content(source, name=name, member=data.member) as content:
        encoding = choose_encoding(content, data.encoding, whole=False)
        yield JsonInput(
            content, encoding, text_column=data.text_column, reserved=reserved, size=size
        )
