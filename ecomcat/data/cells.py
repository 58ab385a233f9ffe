"""Cells of any format, and values of Python, as texts."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from ecomcat.text.tokenizer import valid_unicode

if TYPE_CHECKING:
    import pandas as pd


LEVEL_END = "\x1f"
"""Between the cells of several columns of labels, until a separator is chosen."""


class Number(float):
    """A number of JSON, which keeps the digits that it was written with."""

    def __init__(self, written: str) -> None:
        self.written = written

    def __str__(self) -> str:
        return self.written


def join_texts(frame: pd.DataFrame, positions: Sequence[int]) -> list[str]:
    """Return the text of each row: its cells that are not blank, joined by one space.

    >>> import pandas as pd
    >>> join_texts(pd.DataFrame([[" a red ", None, "ball"]]), [0, 1, 2])
    ['a red ball']
    """
    columns = [[text.strip() for text in texts_of(frame[i])] for i in positions]
    return [" ".join(filter(None, cells)) for cells in zip(*columns, strict=True)]


def join_levels(columns: Iterable[Sequence[str]]) -> list[str]:
    """Join the levels in each row to one label, with a character that no text contains."""
    return [LEVEL_END.join(cells) for cells in zip(*columns, strict=True)]


def texts_of(column: pd.Series[Any]) -> list[str]:
    """Return a column's texts, the same from every format; empty for what is no text.

    Numbers are written as in JSON, true and false as pandas writes them to CSV.
    """
    return [text_of(value) for value in plain_values(column)]


def plain_values(column: pd.Series[Any]) -> list[Any]:
    """Return a column's values as Python's own: None where there is none."""
    if not hasattr(column.dtype, "pyarrow_dtype"):
        return column.astype(object).where(column.notna(), None).tolist()
    import pyarrow as pa

    array = pa.chunked_array(column.array.__arrow_array__())
    try:
        values: list[Any] = array.to_pylist()
    except UnicodeDecodeError:  # a column of texts in a file may hold bytes that are not UTF-8
        values = array.cast(pa.large_binary()).to_pylist()
    return values


def text_of(value: Any) -> str:
    """Return a value as a text that UTF-8 can hold; nothing for no text, number or bytes."""
    if isinstance(value, str):
        return valid_unicode(value)
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if value is None or is_nested(value):
        return ""
    import pandas as pd

    return "" if pd.isna(value) else str(value)


def is_nested(value: Any) -> bool:
    """Tell whether a value holds other values, as a list or an array does."""
    return not isinstance(value, str | bytes) and isinstance(value, Iterable)


def cells_of(column: pd.Series[Any]) -> list[str]:
    """Return a column's values as cells: nothing for null, bytes as base64, lists as JSON."""
    return [value if isinstance(value, str) else _cell(value) for value in plain_values(column)]


def _cell(value: Any) -> str:
    return json_of(value) if isinstance(value, list | dict) else text_of(_plain(value))


def json_of(value: Any) -> str:
    """Return a value as JSON; null for what is no number, bytes as base64, times as texts."""
    return json.dumps(_plain(value), ensure_ascii=False)


def _plain(value: Any) -> Any:
    """Return a value as JSON knows it."""
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(key): _plain(member) for key, member in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(member) for member in value]
    return base64.b64encode(value).decode("ascii") if isinstance(value, bytes) else str(value)
