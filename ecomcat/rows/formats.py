"""Which format a file has: by what the user says, else by the file's ending."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePath

from ecomcat.errors import UserError, nearest
from ecomcat.files import STANDARD_STREAM
from ecomcat.process import require_extra

AUTO = "auto"
CSV, TSV, JSON_LINES, PARQUET = FORMATS = ("csv", "tsv", "jsonl", "parquet")
GZIP = ".gz"

_ENDINGS = {
    ".csv": CSV,
    ".tsv": TSV,
    ".tab": TSV,
    ".jsonl": JSON_LINES,
    ".ndjson": JSON_LINES,
    ".parquet": PARQUET,
    ".pq": PARQUET,
}
_UNKNOWN_TO_US = frozenset(
    {".json", ".xlsx", ".xls", ".ods", ".feather", ".arrow", ".avro", ".orc", ".xml", ".sqlite"}
)
_CANNOT_BE_WRITTEN = frozenset({".zip", ".bz2", ".xz", ".zst", ".7z"})


def choose_formats(
    source: str, output: str, *, input_format: str, output_format: str
) -> tuple[str, str]:
    """Return the formats of the input and of the output.

    A standard stream is CSV, and so is a file whose ending says nothing; where the output's
    ending says nothing, or it is a stream, it has the input's format.

    Args:
        source: a file's path, or `-` for standard input.
        output: a file's path, or `-` for standard output.
        input_format: one of `FORMATS`, or `auto`.
        output_format: the same.

    Raises:
        UserError: naming each that is not known, or that needs a package that is missing.
    """
    problems = [
        *_name_problems("input_format", input_format),
        *_name_problems("output_format", output_format),
        *_asked_or_known("input", source, input_format),
        *_asked_or_known("output", output, output_format),
    ]
    if problems:
        raise UserError("\n".join(problems))
    chosen = format_by_ending(source) or CSV if input_format == AUTO else input_format
    written = format_by_ending(output) or chosen if output_format == AUTO else output_format
    _refuse_unwritable(output, written)
    if PARQUET in {chosen, written}:
        require_extra("parquet", "pyarrow", needed_for="Parquet")
    return chosen, written


def is_packed(path: str) -> bool:
    """Tell whether a file that is written is to be packed with gzip."""
    return path != STANDARD_STREAM and path.lower().endswith(GZIP)


def format_by_ending(path: str) -> str | None:
    """Return the format that a file's ending names; None where it says nothing."""
    if path == STANDARD_STREAM:
        return None
    return _ENDINGS.get(_ending(path))


def _ending(path: str) -> str:
    """Return a file's ending, below that of packing, in lower case."""
    name = PurePath(path).name.lower().removesuffix(GZIP).removesuffix(".zip")
    return PurePath(name).suffix


def _name_problems(key: str, name: str) -> Iterator[str]:
    if name not in (AUTO, *FORMATS):
        yield (
            f"{key}: expected one of {AUTO}, {', '.join(FORMATS)}, found {name!r}."
            f"{nearest(name.lower(), (AUTO, *FORMATS))}"
        )


def _asked_or_known(key: str, path: str, asked: str) -> Iterator[str]:
    if path != STANDARD_STREAM and asked == AUTO:
        yield from ending_problems(
            key, path, lines=f"set {key}_format=jsonl", other=f"set {key}_format to say what it is"
        )


def ending_problems(key: str, path: str, *, lines: str, other: str) -> Iterator[str]:
    """Yield what is wrong with a file whose ending names a format that we do not know.

    Args:
        key: that names the file.
        path: the file.
        lines: what to do if it holds JSON lines all the same.
        other: what to do if it has another of our formats.
    """
    ending = _ending(path)
    if ending not in _UNKNOWN_TO_US:
        return
    advice = (
        f"If it has one object a line, {lines}; one array is turned into such lines by: "
        "jq -c '.[]'."
        if ending == ".json"
        else f"Choose one of them, or {other}."
    )
    yield (
        f"{key}: expected a file whose ending is one of {', '.join(_ENDINGS)}, found {path!r}. "
        f"{advice}"
    )


def _refuse_unwritable(output: str, written: str) -> None:
    packing = PurePath(output).suffix.lower()
    if output == STANDARD_STREAM:
        return
    if packing in _CANNOT_BE_WRITTEN:
        raise UserError(
            f"output: expected a plain file, or one packed with gzip ({GZIP}), found {output!r}. "
            f"Write {PurePath(output).with_suffix(GZIP)} instead."
        )
    if written == PARQUET and is_packed(output):
        raise UserError(
            "output: expected Parquet, which is compressed within, not to be packed again, found "
            f"{output!r}. Write {PurePath(output).with_suffix('')} instead."
        )
