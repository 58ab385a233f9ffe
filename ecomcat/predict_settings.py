"""Check what `ecomcat.predict` is asked before anything heavy is imported."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from ecomcat.config import PredictCommand, PredictOptions
from ecomcat.data.checks import HEADER_CHOICES
from ecomcat.errors import UserError
from ecomcat.files import STANDARD_STREAM, require_output
from ecomcat.problems import at_least
from ecomcat.rows.formats import PARQUET, choose_formats


def check_predict(config: PredictCommand) -> tuple[str, str]:
    """Check the settings.

    Returns:
        The formats of the input and of the output.

    Raises:
        UserError: naming each value that is wrong, a line each.
    """
    from ecomcat.artifact.runtime import check_runtime

    if not config.input or not config.output:
        raise UserError(
            "Expected input=FILE and output=FILE, or - for standard input and output; found "
            f"input={config.input} output={config.output}."
        )
    problems = list(_problems(config))
    if problems:
        raise UserError("\n".join(problems))
    formats = choose_formats(
        config.input,
        config.output,
        input_format=config.input_format,
        output_format=config.output_format,
    )
    if formats[1] == PARQUET and config.output == STANDARD_STREAM and sys.stdout.isatty():
        raise UserError(
            "Expected output=FILE for Parquet, found standard output, which is a terminal. Name a "
            "file, or show the rows with output_format=jsonl."
        )
    check_runtime(config.runtime)
    require_output(config.output)
    return formats


def _problems(config: PredictCommand) -> Iterator[str]:
    yield from at_least("batch_rows", config.batch_rows, 1)
    header = str(config.data.header).lower()
    if header not in HEADER_CHOICES:
        yield f"data.header: expected one of {', '.join(HEADER_CHOICES)}, found {header!r}."
    precision = config.predict.min_precision
    if precision is not None and not 0 < precision <= 1:
        yield (
            "predict.min_precision: expected more than 0 and at most 1, such as 0.98 for 98 %, "
            f"found {precision:g}."
        )
    words = config.predict.words
    yield from at_least("predict.words", words, 1)
    if words >= 1 and words != PredictOptions.words and not config.predict.explain:
        yield (
            "predict.words: expected predict.explain=true with it, found false, so that it would "
            "do nothing. Add the one or leave the other out."
        )
