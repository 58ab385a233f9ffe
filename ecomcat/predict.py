"""`python -m ecomcat.predict`: label a file, whatever its length, in bounded memory."""

from __future__ import annotations

import csv
import logging
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, TextIO

from ecomcat.command import run
from ecomcat.config import PredictCommand
from ecomcat.errors import UserError

if TYPE_CHECKING:
    from ecomcat.artifact.classifier import Classifier
    from ecomcat.table.columns import Columns
    from ecomcat.table.table import Table

logger = logging.getLogger("ecomcat")

ADDED_COLUMNS = ("predicted_category", "confidence")
STANDARD_STREAM = "-"


def predict(config: PredictCommand) -> None:
    """Write every row of the input, in order, with a category and a confidence added.

    A text without a letter, mark or digit gets an empty category and an empty confidence.

    Raises:
        UserError: for whatever the user can mend.
    """
    from ecomcat.artifact.manifest import check_manifest
    from ecomcat.checks import HEADER_CHOICES

    if not config.input or not config.output:
        raise UserError(
            "Expected input=FILE and output=FILE, or - for standard input and output; found "
            f"input={config.input} output={config.output}."
        )
    if config.batch_rows < 1:
        raise UserError(f"batch_rows: expected 1 or more, found {config.batch_rows}.")
    header = str(config.data.header).lower()
    if header not in HEADER_CHOICES:
        raise UserError(
            f"data.header: expected one of {', '.join(HEADER_CHOICES)}, found {header!r}."
        )
    if config.output != STANDARD_STREAM and Path(config.output).expanduser().is_dir():
        raise UserError(f"Expected a file at output={config.output}, found a folder.")
    directory = Path(config.model_dir).expanduser()
    check_manifest(directory)
    with _open_input(config) as table:
        _label_table(config, table, directory)


@contextmanager
def _open_input(config: PredictCommand) -> Iterator[Table]:
    from ecomcat.table.table import open_table

    data = config.data
    from_stream = config.input == STANDARD_STREAM
    source = sys.stdin.buffer if from_stream else Path(str(config.input)).expanduser()
    with open_table(
        source,
        name="standard input" if from_stream else None,
        encoding=data.encoding,
        delimiter=data.delimiter,
        member=data.member,
    ) as table:
        yield table


def _label_table(config: PredictCommand, table: Table, directory: Path) -> None:
    from ecomcat.artifact.classifier import load_classifier
    from ecomcat.data.source import HEAD_ROWS
    from ecomcat.table.columns import prediction_columns

    stream = table.rows()
    head = list(islice(stream, HEAD_ROWS))
    classifier = load_classifier(directory)
    columns = prediction_columns(
        head,
        header=str(config.data.header).lower(),
        text_column=config.data.text_column,
        trained_on=classifier.text_columns,
        name=table.name,
    )
    header = columns.header
    _refuse_name_clash(header, table.name)
    rows = chain(head[1:] if header is not None else head, stream)
    with _open_output(str(config.output)) as output:
        writer = csv.writer(output, delimiter=table.format.delimiter, lineterminator="\n")
        if header is not None:
            writer.writerow([*header, *ADDED_COLUMNS])
        labelled = 0
        for batch in _batches(rows, config.batch_rows):
            writer.writerows(_label_rows(classifier, columns, batch))
            labelled += len(batch)
            logger.info("%d rows labelled", labelled)


def _label_rows(
    classifier: Classifier, columns: Columns, rows: Sequence[list[str]]
) -> Iterator[list[str]]:
    from ecomcat.data.clean import normalized_key
    from ecomcat.table.columns import text_of

    texts = [text_of(row, columns) for row in rows]
    probabilities = classifier.probabilities(texts)
    best, confidence = probabilities.argmax(axis=1), probabilities.max(axis=1)
    for index, row in enumerate(rows):
        if normalized_key(texts[index]):
            yield [*row, classifier.labels[best[index]], f"{confidence[index]:.4f}"]
        else:
            yield [*row, "", ""]


def _refuse_name_clash(header: Sequence[str] | None, name: str) -> None:
    taken = sorted(set(ADDED_COLUMNS) & set(header or ()))
    if taken:
        raise UserError(
            f"Expected no column {' or '.join(ADDED_COLUMNS)} in {name}, since predict adds them; "
            f"found {', '.join(taken)}. Rename or remove it first."
        )


def _batches(rows: Iterable[list[str]], size: int) -> Iterator[list[list[str]]]:
    iterator = iter(rows)
    while batch := list(islice(iterator, size)):
        yield batch


@contextmanager
def _open_output(output: str) -> Iterator[TextIO]:
    """Open standard output, or a file that appears under its name only when it is whole."""
    if output == STANDARD_STREAM:
        sys.stdout.reconfigure(encoding="utf-8", newline="")  # type: ignore[union-attr]
        yield sys.stdout
        return
    from ecomcat.files import atomic_path

    path = Path(output).expanduser()
    with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        yield file


def main() -> NoReturn:
    """Run the command."""
    run("predict", predict)


if __name__ == "__main__":
    main()
