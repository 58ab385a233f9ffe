"""`python -m ecomcat.predict`: label a file, whatever its length, in bounded memory."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain, islice, repeat
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, TextIO

from ecomcat.checks import HEADER_CHOICES, STANDARD_STREAM, require_output
from ecomcat.command import run
from ecomcat.config import PredictCommand
from ecomcat.errors import UserError

if TYPE_CHECKING:
    from ecomcat.table.table import Table


def predict(config: PredictCommand) -> None:
    """Write every row of the input, in order, with a category and a confidence added.

    A text without a letter, mark or digit gets an empty category and an empty confidence.
    Where the input has one column, so does a blank line, except before a header, which stands
    first.

    Raises:
        UserError: for whatever the user can mend.
    """
    from ecomcat.artifact.manifest import require_export

    _check_settings(config)
    require_output(config.output)
    directory = Path(config.model_dir).expanduser()
    require_export(directory)
    with _open_input(config) as table:
        _label_table(config, table, directory)


def _check_settings(config: PredictCommand) -> None:
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
    from ecomcat.labelling import refuse_name_clash, write_labelled
    from ecomcat.table.columns import prediction_columns

    stream = table.rows(keep_blank=True)
    head = list(islice(stream, HEAD_ROWS))
    classifier = load_classifier(directory)
    columns = prediction_columns(
        head,
        header=str(config.data.header).lower(),
        text_column=config.data.text_column,
        trained_on=classifier.text_columns,
        name=table.name,
    )
    refuse_name_clash(columns.header, table.name)
    if columns.header is not None:
        rows = chain(head[1:], stream)
    else:
        rows = chain(_leading_blank_rows(table), head, stream)
    with _open_output(str(config.output)) as output:
        write_labelled(
            output,
            rows,
            columns,
            classifier,
            delimiter=table.format.delimiter,
            batch_rows=config.batch_rows,
        )


def _leading_blank_rows(table: Table) -> Iterator[list[str]]:
    return repeat([""], table.leading_blank_lines if table.width == 1 else 0)


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
