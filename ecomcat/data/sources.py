"""Where labelled rows come from: a file, the e-commerce data set or the generated sample.

A source is a class with a method `load`, which takes a `DataConfig` and returns `LabelledRows`; a
YAML file of `conf/data` names it by `source._target_`, with its parameters if it has any.
"""

from __future__ import annotations

import hashlib
import logging
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from http.client import HTTPException
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ecomcat.config import DataConfig
from ecomcat.console import step
from ecomcat.data.cells import texts_of
from ecomcat.data.cleaning import LABEL, PARTS, TEXT, labelled_frame
from ecomcat.data.columns import Trained, find_labelled_columns
from ecomcat.data.composing import RowTexts
from ecomcat.data.given_split import number_parts
from ecomcat.data.header import HEAD_ROWS, SPLIT, Columns, Head
from ecomcat.data.label_paths import AUTO, NONE, write_paths
from ecomcat.data.sample import SEPARATOR, generate_sample
from ecomcat.errors import UserError
from ecomcat.files import atomic_path, expanded
from ecomcat.option_fields import make
from ecomcat.text.fields import Fields

if TYPE_CHECKING:
    import pandas as pd

logger = logging.getLogger("ecomcat")

_COLUMN_KEYS = (
    *("text_column", "label_column", "category_columns", "number_columns"),
    *("split_column", "group_column"),
)

SAMPLE_SOURCE = {"_target_": f"{__name__}.SampleSource"}
_TIMEOUT_SECONDS = 30  # longest silence of the server
_PLAIN = Columns((0,), (1,), None, (TEXT,), (LABEL,), fields=Fields((TEXT,), marked=False))


@dataclass(frozen=True)
class LabelledRows:
    """Rows as they are in their source.

    Args:
        name: String. A short name, the sample's or the file's.
        source: String. What the rows are: a file's path, or what was generated.
        frame: DataFrame with the columns `text` and `label`, and others that the configuration
            names, in the file's order.
        columns: `Columns`. Where they came from. By default two columns, `text` and `label`.
        licence: String. Licence of the rows. Defaults to None, not known.
        given: Tuple of the names of the parts that the rows are split into; `frame` then has
            their numbers in the column `split`. Defaults to none.
        separator: String between the levels of a label that is a path. Defaults to None, for
            labels that are not paths.
    """

    name: str
    source: str
    frame: pd.DataFrame
    columns: Columns = _PLAIN
    licence: str | None = None
    given: tuple[str, ...] = ()
    separator: str | None = None

    def __post_init__(self) -> None:
        """Refuse a table without rows."""
        if self.frame.empty:
            raise UserError(
                f"{self.source}: expected rows of text and label, found no rows. Give a table that "
                "has some."
            )

    @property
    def fields(self) -> Fields:
        """What the texts are composed of."""
        return self.columns.fields


def load_labelled_rows(
    data: DataConfig, frames: Mapping[str, pd.DataFrame] | None = None
) -> LabelledRows:
    """Return the rows of the source that a configuration names, and of the files of parts.

    Args:
        data: Configuration.
        frames: DataFrames in place of the files, by the names of the parts: `train` is the source.
            Defaults to none.

    Raises:
        UserError: When the rows cannot be found or read.
    """
    import pandas as pd

    frames = frames or {}
    source = make("data.source", data.source)
    rows = frame_rows(frames["train"], data) if "train" in frames else source.load(data)
    if data.split_column is not None:
        rows = replace(rows, frame=number_parts(rows.frame, rows.source))
    others = {part: each for part in PARTS[1:] if (each := _part(part, rows, data, frames))}
    if data.split_column is None and not others:
        return with_paths(rows, data)
    if data.split_column is not None and others:
        raise UserError(
            "Expected data.split_column, or validation and test as separate tables, found both. "
            "Leave one of them out."
        )
    tables = [rows.frame] if data.split_column is not None else [rows.frame.assign(**{SPLIT: 0})]
    tables += [each.frame.assign(**{SPLIT: PARTS.index(part)}) for part, each in others.items()]
    frame = pd.concat(tables, ignore_index=True)
    found = {"train", *others, *(PARTS[part] for part in frame[SPLIT].unique())}
    sources = [rows.source, *(f"{part}: {each.source}" for part, each in others.items())]
    given = tuple(part for part in PARTS if part in found)
    rows = replace(rows, frame=frame, source="; ".join(sources), given=given)
    return with_paths(rows, data)


def load_like(known: LabelledRows, data: DataConfig) -> LabelledRows:
    """Read another file, with the fields and the spelling of paths of known rows."""
    data = replace(
        data,
        text_column=Trained(
            known.fields, data.text_column, known.separator, known.columns.label_names
        ),
        label_separator=known_paths(data, known.separator),
        member=None,
        split_column=None,
        group_column=None,
    )
    rows = with_paths(FileSource().load(data), data)
    if rows.separator is None or known.separator is None:
        return rows
    labels = rows.frame[LABEL].str.replace(rows.separator, known.separator, regex=False)
    return replace(rows, frame=rows.frame.assign(**{LABEL: labels}), separator=known.separator)


def known_paths(data: DataConfig, separator: str | None) -> str:
    """Return `data.label_separator` given that of other labels: none if they are not paths."""
    is_found = data.label_separator == AUTO and not isinstance(data.label_column, list | tuple)
    return NONE if is_found and separator is None else data.label_separator


def with_paths(rows: LabelledRows, data: DataConfig) -> LabelledRows:
    """Return rows whose labels, where they are paths, are all written in one way."""
    trained = data.text_column
    known = trained.separator if isinstance(trained, Trained) else rows.separator
    names, separator = write_paths(Counter(rows.frame[LABEL]), data.label_separator, known)
    if separator is None:
        return replace(rows, separator=None)
    labels = rows.frame[LABEL].map(names.__getitem__)
    return replace(rows, frame=rows.frame.assign(**{LABEL: labels}), separator=separator)


def _part(
    part: str, train: LabelledRows, data: DataConfig, frames: Mapping[str, pd.DataFrame]
) -> LabelledRows | None:
    """Return the rows of a part that has its own table, from the same columns as train."""
    path = getattr(data, f"{part}_path")
    if part not in frames and path is None:
        return None
    columns: dict[str, Any] = {
        "text_column": Trained(train.fields, list(train.fields.texts)),
        "category_columns": list(train.fields.categories),
        "number_columns": list(train.fields.numbers),
        "label_column": list(train.columns.label_names),
        "split_column": None,
        "member": None,
    }
    data = replace(data, path=path, **columns)
    if part in frames:
        return frame_rows(frames[part], data, f"the DataFrame of {part}")
    return FileSource().load(data)


class FileSource:
    """The file that `data.path` names."""

    def load(self, data: DataConfig) -> LabelledRows:
        """Read the file."""
        if not data.path:
            raise UserError("Expected a file for data=csv, found none: add data.path=FILE.")
        path = expanded(data.path)
        return _read_file(path, data, path.name.partition(".")[0], data.licence)


class SampleSource:
    """The project's own generated products; needs neither a file nor the network."""

    def load(self, data: DataConfig) -> LabelledRows:
        """Generate the rows."""
        if data.path:
            raise UserError(
                f"data.path: expected none with data=sample, found {data.path!r}. Use data=csv."
            )
        for key in _COLUMN_KEYS:
            if isinstance(asked := getattr(data, key), str | int | list) and asked != []:
                raise UserError(
                    f"data.{key}: expected none with the generated sample, whose rows are a text "
                    f"and a label, found {asked!r}. Leave it out, or name a file in data.path."
                )
        depth = None if data.sample_depth == AUTO else data.sample_depth
        rows = generate_sample(
            *(data.sample_rows, data.sample_label_noise, data.sample_seed),
            *(data.sample_categories, depth),
        )
        source = (
            f"sample ({data.sample_rows} generated rows, {data.sample_label_noise:.0%} of the "
            f"labels wrong on purpose, seed {data.sample_seed})"
        )
        logger.info("Data: the project's own %s.", source)
        frame = labelled_frame([row.text for row in rows], [row.label for row in rows])
        separator = SEPARATOR if any(SEPARATOR in row.label for row in rows) else None
        return LabelledRows("sample", source, frame, separator=separator)


class EcommerceSource:
    """The e-commerce data set: its file, or a download; or the file that `data.path` names."""

    def load(self, data: DataConfig) -> LabelledRows:
        """Read the file, downloaded if need be."""
        if data.path:
            return FileSource().load(data)
        if not (data.download_path and data.url and data.blob_id):
            raise UserError(
                "Expected data.download_path, data.url and data.blob_id for this data set, found "
                "one of them empty. Leave them as they are, or name a file with data.path=FILE."
            )
        path = expanded(data.download_path)
        if not path.exists():
            download(data.url, path, data.blob_id)
        return _read_file(path, data, "ecommerce", data.licence or data.download_licence)


class AutoSource(EcommerceSource):
    """Like `EcommerceSource`, but it takes the generated sample where there is no network."""

    def load(self, data: DataConfig) -> LabelledRows:
        """Read the file, or generate the sample, with a warning."""
        try:
            return super().load(data)
        except NoNetworkError:
            logger.warning(
                "NO NETWORK to %s: taking the project's own GENERATED SAMPLE instead of the real "
                "data set. The figures below say nothing about real products.",
                data.url,
            )
            return SampleSource().load(data)


class NoNetworkError(UserError):
    """Report that a server cannot be reached; the caller may do without it."""


def download(url: str, path: Path, blob_id: str) -> None:
    """Download a file, whole or not at all.

    Args:
        url: String. Address of the file.
        path: Path. Where it goes.
        blob_id: String. Git's SHA-1 blob id that its content must have.

    Raises:
        NoNetworkError: When the server cannot be reached, or does not answer in time.
        UserError: When the server refuses, or the address or the content is not as expected.
    """
    advice = f"Put the file at {path} by hand, or run with data=sample or data.path=FILE."
    logger.info("Data: %s is not there; downloading %s", path, url)
    try:
        request = urllib.request.Request(url, headers={"User-Agent": "ecomcat"})
        with (
            step(f"Downloading {path.name}"),
            urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS) as response,
        ):
            body = response.read()
    except (urllib.error.HTTPError, ValueError) as error:
        raise UserError(f"data.url: expected a file at {url}, found {error}. {advice}") from error
    except (OSError, HTTPException) as error:
        raise NoNetworkError(
            f"Expected {path} or a network to download it from {url}; found neither ({error}). "
            f"{advice}"
        ) from error
    found = hashlib.sha1(b"blob %d\0%s" % (len(body), body), usedforsecurity=False).hexdigest()
    if found != blob_id:
        raise UserError(
            f"data.blob_id: expected {blob_id} of {url}, found {found}: it is not the same file. "
            f"{advice}"
        )
    with atomic_path(path) as temporary:
        temporary.write_bytes(body)


def _read_file(path: Path, data: DataConfig, name: str, licence: str | None) -> LabelledRows:
    from ecomcat.data.reading import read_labelled

    return LabelledRows(name, str(path), *read_labelled(path, data), licence)


def frame_rows(frame: pd.DataFrame, data: DataConfig, name: str = "the DataFrame") -> LabelledRows:
    """Return the labelled rows of a DataFrame; its columns are found as in a file.

    Args:
        frame: DataFrame with a column of labels and one or more of text.
        data: Configuration. Its `text_column` and `label_column` name the columns where there are
            more than two.
        name: String. What messages call it.

    Raises:
        UserError: When a column is missing, or not named.

    >>> import pandas as pd
    >>> frame = pd.DataFrame({"category": ["Toys"], "title": ["A red ball"]})
    >>> frame_rows(frame, DataConfig()).frame.to_numpy().tolist()
    [['A red ball', 'Toys']]
    """
    table = frame.set_axis(range(frame.shape[1]), axis="columns")
    cells = zip(*(texts_of(table[place][:HEAD_ROWS]) for place in table), strict=True)
    head = Head(name, [[*map(str, frame.columns)], *map(list, cells)], "true")
    columns = find_labelled_columns(head, data)
    compose = RowTexts(columns)
    labelled = compose.labelled(table)
    compose.log_missing()
    source = f"a DataFrame of {len(frame)} rows"
    return LabelledRows("frame", source, labelled, columns, data.licence)
