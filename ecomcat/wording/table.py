"""A table of figures; a terminal, a page and the model card each show it in their own way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any


@dataclass(frozen=True)
class Table:
    """Rows of figures; a terminal, a page and the model card each show them in their own way.

    Args:
        headings: Headings of the columns.
        rows: Rows of cells; numbers are shown as `formats` says, and None as an empty cell.
        caption: What the table shows.
        note: What else a reader must know, below it.
        formats: Format specification by heading, such as `".1%"`; others are shown as `str`.
        fold: Integer. Rows after which a page folds the rest away. Defaults to 0, for none.

    >>> Table(["of", "share"], [["all", 0.5]], formats={"share": ".1%"}).texts
    [['all', '50.0%']]
    """

    headings: Sequence[str]
    rows: Sequence[Sequence[Any]]
    caption: str = ""
    note: str = ""
    formats: Mapping[str, str] = field(default_factory=dict)
    fold: int = 0

    @cached_property
    def texts(self) -> list[list[str]]:
        """The texts of the cells."""
        patterns = [self.formats.get(heading, "") for heading in self.headings]
        return [list(map(_shown, row, patterns)) for row in self.rows]

    @cached_property
    def numeric(self) -> list[bool]:
        """Whether all values of a column are numbers, which are aligned to the right."""
        columns = zip(*self.rows, strict=True) if self.rows else [()] * len(self.headings)
        kinds = [{type(cell) for cell in column if cell is not None} for column in columns]
        return [bool(found) and found <= {int, float} for found in kinds]


def _shown(cell: object, pattern: str) -> str:
    if type(cell) in {int, float}:
        return format(cell, pattern)
    return "" if cell is None else str(cell)
