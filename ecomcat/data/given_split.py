"""Parts of a split that the user gives: by a column of the file, or as separate files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

import numpy as np

from ecomcat.data.cleaning import LABEL, PARTS, CleanRows, named
from ecomcat.data.header import SPLIT, folded
from ecomcat.errors import UserError

if TYPE_CHECKING:
    import pandas as pd


def number_parts(frame: pd.DataFrame, source: str) -> pd.DataFrame:
    """Replace the words of `data.split_column` by the numbers of the parts.

    Raises:
        UserError: When a row has another word.

    >>> import pandas as pd
    >>> number_parts(pd.DataFrame({"split": ["train", " Test "]}), "shop.csv")["split"].tolist()
    [0, 2]
    """
    words = frame[SPLIT].map(folded)
    unknown = Counter(frame[SPLIT][~words.isin(PARTS)])
    if unknown:
        raise UserError(
            f"{source}: expected train, validation or test in each row of data.split_column, found "
            f"{named(dict(unknown.most_common()))}. Write one of the three words there, or "
            "take these rows out."
        )
    return frame.assign(**{SPLIT: words.map(PARTS.index).astype(np.int64)})


def unknown_classes(rows: CleanRows) -> dict[str, int]:
    """Count the texts of classes that are in validation or test but not in train.

    >>> from ecomcat.data.cleaning import clean_rows, labelled_frame
    >>> rows = labelled_frame(["A ball", "A novel"], ["Toys", "Books"], split=[0, 2])
    >>> unknown_classes(clean_rows(rows))
    {'Books': 1}
    """
    found = rows.frame.groupby(LABEL)[SPLIT].agg(["min", "size"])
    return {str(name): int(size) for name, size in found["size"][found["min"] > 0].items()}


def require_parts(
    rows: CleanRows, given: Collection[str], straddling: Mapping[str, int] = {}
) -> None:
    """Refuse given parts of which no text is left.

    Args:
        rows: The rows that are left.
        given: The names of the parts.
        straddling: How many texts of each part were left to the later part of their group.
            Defaults to none.

    Raises:
        UserError: Naming the first of them, and why none is left.
    """
    left = rows.frame[SPLIT].unique()
    for part in given:
        if (number := PARTS.index(part)) in left:
            continue
        later = [each for each in PARTS[number + 1 :] if each in given]
        counts = {"that are": rows.report.shared_texts, "whose group is": straddling}
        shared = [f"{each[part]} {which}" for which, each in counts.items() if each.get(part)]
        found, keys = "none with words and a category of train", [part]
        if shared:
            found, keys = (
                f"only {' and '.join(shared)} also in {' or '.join(later)}",
                [part, *later],
            )
        paths = ["data.path" if each == PARTS[0] else f"data.{each}_path" for each in keys]
        raise UserError(
            f"Expected texts in {part}, which is given, found {found}. Check data.split_column, "
            f"{', '.join(paths)}, and the columns of text and label."
        )
