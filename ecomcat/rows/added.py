"""The columns that labelling adds, as each format writes them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ecomcat.errors import UserError

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

CATEGORY, CONFIDENCE, ACCEPT, WORDS, REASON = ADDED_NAMES = (
    "predicted_category",
    "confidence",
    "accept",
    "words",
    "reason",
)


_encode = json.JSONEncoder(ensure_ascii=False).encode


def _number_cell(value: float) -> str:
    return f"{value:.4f}"


def _flag_cell(value: bool) -> str:
    return "yes" if value else "no"


_CELLS: dict[str, Callable[[Any], str]] = {
    CATEGORY: str,
    CONFIDENCE: _number_cell,
    ACCEPT: _flag_cell,
    WORDS: " ".join,
    REASON: str,
}


@dataclass(frozen=True)
class Added:
    """Values that are added to the rows of a batch.

    Args:
        columns: by name, in their order, a value a row: None where there is none, a float for
            `confidence`, a bool for `accept`, a list of words for `words`, else a string.
    """

    columns: dict[str, list[Any]]

    @classmethod
    def of(cls, frame: pd.DataFrame) -> Added:
        """Take what `Labeller.label` returns."""
        columns = {str(name): frame[name].astype(object) for name in frame}
        return cls(
            {name: each.where(each.notna(), None).tolist() for name, each in columns.items()}
        )

    def cells(self) -> Iterator[tuple[str, ...]]:
        """Return what follows the cells of each row of a CSV file."""
        shown = []
        for name, values in self.columns.items():
            cell = _CELLS[name]
            shown.append(["" if value is None else cell(value) for value in values])
        return zip(*shown, strict=True)

    def members(self) -> Iterator[str]:
        """Return what follows the members of each JSON object, without braces."""
        shown = []
        for name, values in self.columns.items():
            key = json.dumps(name)
            shown.append([f"{key}: {_encode(value)}" for value in values])
        return map(", ".join, zip(*shown, strict=True))

    def arrays(self) -> list[pa.Array]:
        """Return the columns in Parquet, of the types of `added_fields`."""
        import pyarrow as pa

        fields = added_fields(list(self.columns))
        return [
            pa.array(values, field.type)
            for field, values in zip(fields, self.columns.values(), strict=True)
        ]


def added_fields(names: Sequence[str]) -> list[pa.Field]:
    """Return the names and types in Parquet of columns that are added."""
    import pyarrow as pa

    types = {CONFIDENCE: pa.float64(), ACCEPT: pa.bool_(), WORDS: pa.list_(pa.string())}
    return [pa.field(name, types.get(name, pa.string())) for name in names]


def refuse_name_clash(
    header: Sequence[str] | None, name: str, added: Sequence[str] = (CATEGORY, CONFIDENCE)
) -> None:
    """Refuse a table that has a column of a name that is to be added.

    Args:
        header: the names of its columns, None if it has no header.
        name: the table's name for messages.
        added: the names that are to be added.

    Raises:
        UserError: if it has one.
    """
    taken = sorted(set(added) & set(header or ()))
    if taken:
        raise UserError(
            f"Expected no column {' or '.join(added)} in {name}, since predict adds them; "
            f"found {', '.join(taken)}. Rename or remove it first."
        )
