"""Join the columns of a file to texts as it was done in training, or say that it was not."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ecomcat.config import DataConfig
from ecomcat.rows.labelled import open_cells
from ecomcat.table.header import folded

logger = logging.getLogger("ecomcat")


def with_trained_columns(data: DataConfig, trained: Sequence[str | int]) -> DataConfig:
    """Name the columns that the model was trained on, where the user names none.

    Only so are texts put together as they were in training, and known again.

    Args:
        data: how the file is to be read.
        trained: columns that the model was trained on.

    Returns:
        The same with these columns, if they are names and the file's first row has them all.
    """
    names = [column for column in trained if isinstance(column, str)]
    path = Path(data.path or "").expanduser()
    asked = _asked(data) or str(data.header).lower() == "false"
    # Only a regular file can be read twice.
    if asked or not names or len(names) < len(trained) or not path.is_file():
        return data
    with open_cells(path, data) as table:
        first = table.head[0] if table.head else []
        # Looked for once, and warned of once.
        data = replace(data, encoding=table.encoding)
    if not all(_holds_once(first, name) for name in names):
        return data
    return replace(data, text_column=names, header="true")


def _holds_once(row: Sequence[str], name: str) -> bool:
    return row.count(name) == 1 or [folded(cell) for cell in row].count(folded(name)) == 1


def _asked(data: DataConfig) -> list[Any]:
    """Return the text columns that the user names."""
    column = data.text_column
    if column is None:
        return []
    return list(column) if isinstance(column, list | tuple) else [column]


def warn_of_other_columns(
    data: DataConfig, trained: Sequence[str | int], found: Sequence[str | int]
) -> None:
    """Say so where texts were put together from other columns than in training.

    Args:
        data: how the file was read.
        trained: columns that the model was trained on.
        found: columns that the file's texts came from.
    """

    def compared(columns: Sequence[Any]) -> list[str]:
        return [folded(str(column)) for column in columns]

    if _asked(data):
        differs = compared(trained) not in (compared(_asked(data)), compared(found))
    else:
        differs = len(found) != len(trained)
    if differs:
        logger.warning(
            "The text is column %s, but the model was trained on %s: texts that it saw in training "
            "cannot be told apart from new ones where other columns were joined.",
            " + ".join(map(str, found)),
            " + ".join(map(str, trained)),
        )
