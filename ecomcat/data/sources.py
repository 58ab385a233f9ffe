"""Where labelled rows come from: the user's file, the e-commerce data set or our own sample."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

from ecomcat.config import DataConfig
from ecomcat.console import step
from ecomcat.data.download import NoNetworkError, download
from ecomcat.data.sample import generate_sample
from ecomcat.errors import UserError
from ecomcat.files import expanded
from ecomcat.rows.labelled import Cells, open_cells
from ecomcat.table.columns import Columns, text_of, training_columns

logger = logging.getLogger("ecomcat")


@dataclass(frozen=True)
class LabelledRows:
    """Rows as they stand in their source.

    Args:
        name: a short name, from the sample's or the file's.
        source: what they are, in words: a file's path or what was generated.
        rows: pairs of text and label.
        text_columns: names (or positions, without a header) of the columns joined to the text.
        licence: of the rows, where it is known.
    """

    name: str
    source: str
    rows: list[tuple[str, str]]
    text_columns: tuple[str | int, ...]
    licence: str | None = None


def load_labelled_rows(data: DataConfig) -> LabelledRows:
    """Read the rows that the configuration names.

    Raises:
        UserError: when the file cannot be had or read.
    """
    if data.source == "sample":
        return _sample(data)
    if data.path:
        path = expanded(data.path)
        return _file(data, path, path.name.partition(".")[0], data.licence)
    if data.source == "csv":
        raise UserError("Expected a file for data=csv, found none: add data.path=FILE.")
    return _ecommerce(data)


def _sample(data: DataConfig) -> LabelledRows:
    rows = generate_sample(data.sample_rows, data.sample_label_noise, data.sample_seed)
    source = (
        f"sample ({data.sample_rows} generated rows, {data.sample_label_noise:.0%} of the labels "
        f"wrong on purpose, seed {data.sample_seed})"
    )
    logger.info("Data: the project's own %s.", source)
    return LabelledRows("sample", source, [(row.text, row.label) for row in rows], ("text",))


def _ecommerce(data: DataConfig) -> LabelledRows:
    if not (data.download_path and data.url and data.blob_id):
        raise UserError(
            f"Expected data.download_path, data.url and data.blob_id for data={data.source}, found "
            "one of them empty. Leave them as they are, or name a file with data.path=FILE."
        )
    path = expanded(data.download_path)
    if not path.exists():
        try:
            logger.info("Data: %s is not there; downloading %s", path, data.url)
            with step(f"Downloading {path.name}") as advance:
                download(
                    data.url,
                    path,
                    data.blob_id,
                    on_progress=lambda done, total: advance(0, total and done / total),
                )
        except NoNetworkError as error:
            if data.source == "ecommerce":
                raise UserError(
                    f"Expected {path} or a network to download it; found neither ({error}). Put "
                    "the file there, or run with data=sample or data=csv data.path=FILE."
                ) from error
            logger.warning(
                "NO NETWORK (%s): taking the project's own GENERATED SAMPLE instead of the real "
                "data set. The figures below say nothing about real products.",
                error,
            )
            return _sample(data)
    return _file(data, path, "ecommerce", data.licence or data.download_licence)


def _file(data: DataConfig, path: Path, name: str, licence: str | None) -> LabelledRows:
    with open_cells(path, data) as table:
        columns = training_columns(
            table.head,
            header=table.header,
            text_column=data.text_column,
            label_column=data.label_column,
            name=table.name,
        )
        assert columns.label is not None
        rows = [(text_of(row, columns), row[columns.label]) for row in table.body(columns)]
    logger.info(
        "Data: %s, %s, text from column %s, label from column %s.",
        table.name,
        _head_in_words(table, columns),
        " + ".join(map(str, columns.text_names)),
        columns.header[columns.label] if columns.header is not None else columns.label,
    )
    return LabelledRows(name, str(path), rows, columns.text_names, licence)


def _head_in_words(table: Cells, columns: Columns) -> str:
    if table.names_columns:
        return "columns by name"
    return "no header" if columns.header is None else "first row taken as header"
