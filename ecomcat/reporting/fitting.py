"""A table that fits the terminal: where there is little room, figures stay whole."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

_NARROW = 72  # columns, below which a table has no frame
_BOUNDLESS = 10_000


class FittingTable(Table):
    """A table whose figures are never cut.

    Below 72 columns it has no frame, and columns that may be missing are left out.
    """

    def __init__(self, title: str, **options: Any) -> None:
        super().__init__(title=Text(title, style="table.title"), **options)
        self._dispensable: set[int] = set()

    def add_figures(self, heading: str, *, dispensable: bool = False) -> None:
        """Add a column of figures.

        Args:
            heading: may break between words.
            dispensable: whether it may be missing where there is little room.
        """
        if dispensable:
            self._dispensable.add(len(self.columns))
        self.add_column(heading, justify="right", overflow="fold")

    def add_words(self, heading: str = "") -> None:
        """Add a column of names, which may break, between letters if there is no blank."""
        self.add_column(heading, overflow="fold", min_width=4)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Any]:
        """Draw it for the width that there is."""
        table, boundless = self._fitted(options.max_width), options.update(max_width=_BOUNDLESS)
        # Headings break first, then figures with words; only a fixed width is kept by `Table`.
        for width_of in (_widest_cell, _widest_word):
            if Measurement.get(console, boundless, table).maximum <= options.max_width:
                break
            table.columns = [
                replace(column, width=width_of(column)) if column.justify == "right" else column
                for column in table.columns
            ]
        yield from Table.__rich_console__(table, console, options)

    def _fitted(self, width: int) -> Table:
        table = copy.copy(self)
        # A figure breaks nowhere: its column is at least as wide as the widest.
        table.columns = [
            replace(column, min_width=_widest_word(column)) if column.justify == "right" else column
            for column in self.columns
        ]
        if width < _NARROW:
            table.box, table.pad_edge = None, False
            table.padding = (0, 1, 0, 0)
            kept = [
                column
                for number, column in enumerate(table.columns)
                if number not in self._dispensable
            ]
            table.columns = [replace(column, _index=number) for number, column in enumerate(kept)]
        return table


def _widest_cell(column: Any) -> int:
    """Return the width of the widest cell of a column, and of its heading's widest word."""
    return max([cell_len(str(cell)) for cell in column.cells] + [_widest_word(column)])


def _widest_word(column: Any) -> int:
    """Return the width of the widest word of a column, its heading included."""
    cells = [column.header, *column.cells]
    words = (word for cell in cells for word in str(cell).split())
    return max(map(cell_len, words), default=0)
