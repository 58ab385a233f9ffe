"""Rows with their predicted category and its confidence added, written as they are read."""

from __future__ import annotations

import csv
import logging
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, TextIO

from ecomcat.data.clean import normalized_key
from ecomcat.errors import UserError
from ecomcat.table.columns import Columns, text_of

if TYPE_CHECKING:
    from ecomcat.artifact.classifier import Classifier

logger = logging.getLogger("ecomcat")

ADDED_COLUMNS = ("predicted_category", "confidence")


def write_labelled(
    output: TextIO,
    rows: Iterable[list[str]],
    columns: Columns,
    classifier: Classifier,
    *,
    delimiter: str,
    batch_rows: int,
) -> None:
    """Write rows in their order, each with a category and a confidence added.

    A text without a letter, mark or digit gets an empty category and an empty confidence. The
    header is written first if the table has one.

    Args:
        output: a text stream that leaves line ends as they are.
        rows: the rows below the header.
        columns: which cells are the text, and the header.
        classifier: labels the texts.
        delimiter: the character between the columns.
        batch_rows: how many rows are labelled at a time.
    """
    if columns.header is not None:
        _write_rows(output, [[*columns.header, *ADDED_COLUMNS]], delimiter)
    labelled = 0
    for batch in _batches(rows, batch_rows):
        _write_rows(output, _label_rows(classifier, columns, batch), delimiter)
        labelled += len(batch)
        logger.info("%d rows labelled", labelled)


def refuse_name_clash(header: Sequence[str] | None, name: str) -> None:
    """Refuse a table that has a column of a name that is to be added.

    Args:
        header: the names of its columns, None if it has no header.
        name: the table's name for messages.

    Raises:
        UserError: if it has one.
    """
    taken = sorted(set(ADDED_COLUMNS) & set(header or ()))
    if taken:
        raise UserError(
            f"Expected no column {' or '.join(ADDED_COLUMNS)} in {name}, since predict adds them; "
            f"found {', '.join(taken)}. Rename or remove it first."
        )


def _write_rows(output: TextIO, rows: Iterable[list[str]], delimiter: str) -> None:
    """Write rows, quoted where they must be."""
    plain = csv.writer(output, delimiter=delimiter, lineterminator="\n")
    quoted = csv.writer(output, delimiter=delimiter, lineterminator="\n", quoting=csv.QUOTE_ALL)
    for row in rows:
        # Readers take a lone carriage return for a line end, but Python 3.11 does not quote it.
        holds_return = any("\r" in cell for cell in row)
        (quoted if holds_return else plain).writerow(row)


def _label_rows(
    classifier: Classifier, columns: Columns, rows: Sequence[list[str]]
) -> Iterator[list[str]]:
    texts = [text_of(row, columns) for row in rows]
    probabilities = classifier.probabilities(texts)
    best, confidence = probabilities.argmax(axis=1), probabilities.max(axis=1)
    for index, row in enumerate(rows):
        if normalized_key(texts[index]):
            yield [*row, classifier.labels[best[index]], f"{confidence[index]:.4f}"]
        else:
            yield [*row, "", ""]


def _batches(rows: Iterable[list[str]], size: int) -> Iterator[list[list[str]]]:
    iterator = iter(rows)
    while batch := list(islice(iterator, size)):
        yield batch
