"""Which format a file has: by what the user says, else by the file's ending."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import PurePath

from ecomcat.errors import UserError, nearest
from ecomcat.files import STANDARD_STREAM
from ecomcat.process import require_extra

AUTO = "auto"
CSV, TSV, JSON_LINES, PARQUET, EXCEL = ("csv", "tsv", "jsonl", "parquet", "excel")
INPUT_FORMATS = (AUTO, CSV, TSV, JSON_LINES, PARQUET, EXCEL)
OUTPUT_FORMATS = (AUTO, CSV, TSV, JSON_LINES, PARQUET)
GZIP = ".gz"

_ENDINGS = {
    ".csv": CSV,
    ".tsv": TSV,
    ".tab": TSV,
    ".jsonl": JSON_LINES,
    ".ndjson": JSON_LINES,
    ".parquet": PARQUET,
    ".pq": PARQUET,
    ".xlsx": EXCEL,
}
_PACKINGS = (GZIP, ".zip", ".bz2", ".xz", ".zst")
_UNKNOWN = frozenset(
    {".json", ".xls", ".ods", ".feather", ".arrow", ".avro", ".orc", ".xml", ".sqlite"}
)


def bare_name(path: str) -> str:
    """Return a file's name in lower case, without the ending of its packing."""
    name = PurePath(path).name.lower()
    packing = PurePath(name).suffix
    return name.removesuffix(packing) if packing in _PACKINGS else name


def format_by_ending(path: str) -> str | None:
    """Return the format that a file's ending names; None where it tells nothing.

    >>> format_by_ending("products.CSV.gz")
    'csv'
    """
    return _ENDINGS.get(PurePath(bare_name(path)).suffix)


def choose_formats(
    source: str, output: str, *, input_format: str = AUTO, output_format: str = AUTO
) -> tuple[str, str]:
    """Return the formats of what is labelled and of what is written.

    A standard stream is CSV, and so is a file whose ending tells nothing; where the output's
    ending tells nothing, or it is a stream, it has the input's format.

    Args:
        source: String. A file's path, or `-` for standard input.
        output: String. A file's path, or `-` for standard output.
        input_format: String. One of `INPUT_FORMATS`.
        output_format: String. One of `OUTPUT_FORMATS`.

    Raises:
        UserError: naming each that is not known, or that needs a package that is missing.
    """
    problems = [
        *_name_problems("input_format", input_format, INPUT_FORMATS),
        *_name_problems("output_format", output_format, OUTPUT_FORMATS),
        *(path_problems("input", source) if input_format == AUTO else ()),
        *(path_problems("output", output) if output_format == AUTO else ()),
    ]
    if problems:
        raise UserError("\n".join(problems))
    chosen = format_by_ending(source) or CSV if input_format == AUTO else input_format
    like_input = CSV if chosen == EXCEL else chosen
    written = format_by_ending(output) or like_input if output_format == AUTO else output_format
    if output != STANDARD_STREAM:
        _refuse_unwritable(output, written)
    require_package(chosen)
    return chosen, written


def _name_problems(key: str, name: str, known: Sequence[str]) -> Iterator[str]:
    if name not in known:
        hint = nearest(name.lower(), known)
        yield f"{key}: expected one of {', '.join(known)}, found {name!r}.{hint}"


def require_package(format_name: str) -> None:
    """Refuse Excel without the package that reads it."""
    if format_name == EXCEL:
        require_extra("excel", "openpyxl", needed_for="Excel")


def path_problems(key: str, path: str) -> Iterator[str]:
    """Yield what is wrong with the name of a file.

    Args:
        key: String. The setting that names it.
        path: String. The file, or `-`.
    """
    ending = PurePath(bare_name(path)).suffix
    if ending not in _UNKNOWN:
        return
    advice = "Write it in one of these formats."
    if ending == ".json":
        lines = "give it the ending .jsonl"
        if key in ("input", "output"):
            lines = f"set {key}_format=jsonl"
        advice = (
            f"If it has one object a line, {lines}; one array is turned into such lines by: "
            "jq -c '.[]'."
        )
    yield (
        f"{key}: expected a file whose ending is one of {', '.join(_ENDINGS)}, found {path!r}. "
        f"{advice}"
    )


def _refuse_unwritable(output: str, written: str) -> None:
    packing = PurePath(output).suffix.lower()
    if written == EXCEL:
        raise UserError(
            f"output: expected CSV, TSV, JSON lines or Parquet, found {output!r}. Excel is read "
            f"and not written: write {PurePath(output).with_suffix('.csv')} instead."
        )
    if packing in _PACKINGS and packing != GZIP:
        raise UserError(
            f"output: expected a plain file, or one packed with gzip ({GZIP}), found {output!r}. "
            f"Write {PurePath(output).with_suffix(GZIP)} instead."
        )
    if written == PARQUET and packing == GZIP:
        raise UserError(
            "output: expected Parquet, which is compressed within, not to be packed again, found "
            f"{output!r}. Write {PurePath(output).with_suffix('')} instead."
        )
