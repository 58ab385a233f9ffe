"""What the formats have in common: rows in batches, which show themselves in any format."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from ecomcat.table.column_lookup import ColumnName

if TYPE_CHECKING:
    import pyarrow as pa

    from ecomcat.rows.added import Added


_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True)
class Texts:
    """The texts of a batch.

    Args:
        values: a text a row, empty where there is none.
        absent: why there is none, by position in the batch, where the format tells.
    """

    values: list[str]
    absent: dict[int, str]


class Batch(Protocol):
    """Some rows as they were read."""

    def __len__(self) -> int: ...

    def texts(self) -> Texts:
        """Return what is to be labelled."""
        ...

    def cells(self) -> Iterable[list[str]]:
        """Return each row as the cells of a CSV file."""
        ...

    def objects(self) -> Iterable[str]:
        """Return each row as a JSON object."""
        ...

    def arrow(self) -> pa.Table:
        """Return the rows as a table of the input's `schema`."""
        ...


class Input(Protocol):
    """An opened input, read once from its beginning to its end."""

    @property
    def name(self) -> str:
        """What messages call it."""
        ...

    @property
    def format(self) -> str:
        """One of `FORMATS`."""
        ...

    @property
    def header(self) -> Sequence[str] | None:
        """The header of a CSV file; None for a table without one. After `choose_text`."""
        ...

    @property
    def names(self) -> Sequence[str]:
        """What the columns are called in JSON and Parquet. After `choose_text`."""
        ...

    def choose_text(self, trained_on: Sequence[ColumnName]) -> None:
        """Find the columns that hold the text, before anything else is asked.

        Args:
            trained_on: names or positions of those that the model was trained on.

        Raises:
            UserError: if they cannot be found.
        """
        ...

    def batches(self, size: int) -> Iterator[Batch]:
        """Return the rows, `size` at a time.

        Raises:
            UserError: while iterating, at a row that cannot be read.
        """
        ...

    def schema(self) -> pa.Schema:
        """Return the names and types of the columns in Parquet."""
        ...

    def fraction_read(self) -> float | None:
        """Return how much has been read, from 0 to 1; None where the end is not known."""
        ...


class Output(Protocol):
    """Where labelled rows go."""

    def write(self, batch: Batch, added: Added) -> None:
        """Write rows with what is added to them."""
        ...


def without_surrogates(text: str) -> str:
    r"""Write lone surrogates, which no encoding takes, as JSON escapes them: `\ud800`."""
    if text.isascii():
        return text
    return _SURROGATE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)
