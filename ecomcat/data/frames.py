"""pandas in: texts and labels of what Python hands over, by the rules that hold for files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ecomcat.config import DataConfig
from ecomcat.errors import UserError, name_five

if TYPE_CHECKING:
    import pandas as pd

    from ecomcat.data.sources import LabelledRows

Texts = Any
"""A string, a sequence of strings, a Series, or a DataFrame that has the text columns."""


def frame_rows(frame: pd.DataFrame, data: DataConfig) -> LabelledRows:
    """Return the labelled rows of a DataFrame, whose columns are found as those of a file.

    Args:
        frame: DataFrame with a column of labels and one or more of text.
        data: Configuration. Its `text_column` and `label_column` name the columns where there are
            more than two.

    Raises:
        UserError: When a column is missing, or not named.

    >>> import pandas as pd
    >>> frame = pd.DataFrame({"category": ["Toys"], "title": ["A red ball"]})
    >>> frame_rows(frame, DataConfig()).rows
    [('A red ball', 'Toys')]
    """
    from ecomcat.data.cleaning import labelled_frame
    from ecomcat.data.columns import find_labelled_columns
    from ecomcat.data.formats import join_texts, texts_of
    from ecomcat.data.header import HEAD_ROWS, Head
    from ecomcat.data.sources import LabelledRows

    numbered = _numbered(frame)
    first = numbered.head(HEAD_ROWS)
    cells = zip(*(texts_of(first[place]) for place in first), strict=True)
    names = list(map(str, frame.columns))
    head = Head("the DataFrame", [names, *map(list, cells)])
    columns = find_labelled_columns(head, data.text_column, data.label_column)
    assert columns.label is not None
    labels = texts_of(numbered[columns.label])
    labelled = labelled_frame(join_texts(numbered, columns.text), labels)
    source = f"a DataFrame of {len(frame)} rows"
    return LabelledRows("frame", source, labelled, columns.text_names, data.licence)


def plain_texts(texts: Texts, columns: Sequence[str | int]) -> tuple[list[str], pd.Index | None]:
    """Return texts that are to be labelled, and the index that their answers get.

    Args:
        texts: String, sequence of strings, Series or DataFrame. Of a DataFrame with several
            columns, those that the model was trained on are joined.
        columns: Sequence of the names of these.

    Raises:
        UserError: When the DataFrame lacks one of them.
    """
    if isinstance(texts, str):
        return [texts], None
    if not hasattr(texts, "iloc"):
        return [value if isinstance(value, str) else _text(value) for value in texts], None
    from ecomcat.data.formats import join_texts

    frame = texts if hasattr(texts, "columns") else texts.to_frame()
    return join_texts(_numbered(frame), _text_places(frame, columns)), texts.index


def _numbered(frame: pd.DataFrame) -> pd.DataFrame:
    """Number the columns, whatever their names, and write None for what is missing."""
    plain = frame.astype(object).where(frame.notna(), None)
    return plain.set_axis(range(frame.shape[1]), axis="columns")


def _text_places(frame: pd.DataFrame, columns: Sequence[str | int]) -> list[int]:
    names = list(map(str, frame.columns))
    if len(names) == 1:
        return [0]
    wanted = list(map(str, columns))
    if not wanted or any(names.count(name) != 1 for name in wanted):
        raise UserError(
            f"Expected the columns that the model was trained on ({name_five(wanted)}), or one "
            f"column, found {name_five(names)}. Give the column of the texts: "
            "predict(frame['NAME'])."
        )
    return [names.index(name) for name in wanted]


def _text(value: Any) -> str:
    # NaN is what does not equal itself.
    return "" if value is None or value != value else str(value)
