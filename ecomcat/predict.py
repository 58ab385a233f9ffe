"""`python -m ecomcat.predict`: label a file, whatever its length, in bounded memory."""

from __future__ import annotations

import logging
import math
import sys
import time
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from ecomcat.cli import run
from ecomcat.command_config import PredictCommand
from ecomcat.data.formats import JSON_LINES, PARQUET, choose_output_format, path_problems
from ecomcat.errors import UserError, name_five
from ecomcat.files import STANDARD_STREAM, expanded, require_output
from ecomcat.option_fields import validate

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ecomcat.data.formats import Table
    from ecomcat.export.predicted_columns import Labeller, LabelOptions
    from ecomcat.model.confidence import Promise

logger = logging.getLogger("ecomcat")


def predict(config: PredictCommand) -> None:
    """Write every row of the input, in order, with a category and a confidence added.

    A text without a letter, mark or digit gets no category and no confidence. In a CSV input of
    one column this includes blank lines, except before the header.

    Raises:
        UserError: For whatever the user can fix.
    """
    from ecomcat.export.bundle import require_export

    output_format = check_predict(config)
    require_export(expanded(config.model_dir))
    from ecomcat.data.reading import open_table
    from ecomcat.export.predicted_columns import label_options

    source = sys.stdin.buffer if config.input == STANDARD_STREAM else expanded(str(config.input))
    # JSON lines and Parquet always say why an answer is missing.
    reasons = output_format in {JSON_LINES, PARQUET}
    options = label_options(config.predict, reasons=reasons)
    with open_table(source, config.data, format_name=config.input_format) as table:
        _label(config, table, output_format, options)
    if config.output == STANDARD_STREAM:
        return
    logger.info("Labelled: %s", config.output)
    if config.predict.min_precision is None:
        logger.info(
            "Next: the same command with predict.min_precision=0.98 adds a column that says which "
            "answers can be accepted automatically."
        )


def _label(config: PredictCommand, table: Table, output_format: str, options: LabelOptions) -> None:
    from ecomcat.console import log_if_stopped, step
    from ecomcat.data.columns import find_text_columns, warn_of_other_columns
    from ecomcat.data.composing import RowTexts
    from ecomcat.data.writing import open_output
    from ecomcat.export.classifier import load_classifier
    from ecomcat.export.predicted_columns import Labeller

    classifier = load_classifier(expanded(config.model_dir), config.runtime)
    columns = find_text_columns(table.head, config.data.text_column, classifier.fields)
    warn_of_other_columns(config.data, classifier.fields.texts, columns.text_names)
    labeller, texts_of_rows = Labeller(classifier, options), RowTexts(columns)
    _warn_of_no_promise(labeller, classifier.labels)
    began, added = time.monotonic(), labeller.options.added
    with (
        log_if_stopped(_state_if_stopped(config)),
        open_output(str(config.output), output_format, table, columns, added) as write,
        step("Labelling the rows", draw=not _to_terminal(config)) as advance,
    ):
        for chunk in table.chunks(columns, config.batch_rows):
            texts = texts_of_rows(chunk.frame)
            write(chunk, labeller.label(texts))
            advance(len(texts), table.position())
    rate = labeller.rows / (time.monotonic() - began)
    logger.info("%s rows labelled, %s rows/s", f"{labeller.rows:,}", f"{rate:,.0f}")
    texts_of_rows.log_missing()
    _log_counts(labeller)


def _state_if_stopped(config: PredictCommand) -> str:
    if config.output == STANDARD_STREAM:
        return "What was written is labelled; the rest is not."
    return f"{config.output} is as it was before. The same command labels the whole file."


def _warn_of_no_promise(labeller: Labeller, labels: Sequence[str]) -> None:
    """Warn of categories whose answers will never be accepted."""
    promise, thresholds = labeller.options.promise, labeller.thresholds
    if promise is None or thresholds is None:
        return
    without = [label for label, at in zip(labels, thresholds, strict=True) if at == math.inf]
    if without:
        whose = "" if len(without) == len(labels) else f" of {name_five(without)}"
        logger.warning(
            "No row%s will be accepted: the validation texts do not promise that %g %% of the "
            "accepted answers are right. %s. Lower predict.min_precision or "
            "predict.confidence_level, or train on more texts.",
            whose,
            100 * promise.min_precision,
            promise.requirement,
        )


def _log_counts(labeller: Labeller) -> None:
    if labeller.unreadable:
        logger.info("Rows without a text, and so without a category: %d.", labeller.unreadable)
    promise, thresholds = labeller.options.promise, labeller.thresholds
    if promise is None or thresholds is None:
        return
    logger.info("%s.", _accepted(labeller, promise, thresholds))
    logger.info(
        "%s of %s rows (%.1f %%) are novel, unlike all that the model was trained on; among rows "
        "like its training texts it would be %g %% at most.",
        f"{labeller.novel:,}",
        f"{labeller.rows:,}",
        100 * labeller.novel / max(labeller.rows, 1),
        100 * promise.max_false_alarms,
    )


def _accepted(labeller: Labeller, promise: Promise, thresholds: NDArray[np.float64]) -> str:
    """Return how many rows are accepted, from which confidence on, and what is promised."""
    rows = max(labeller.rows, 1)
    share = labeller.accepted / rows
    line = f"{labeller.accepted:,} of {labeller.rows:,} rows ({share:.1%}) accepted"
    used = thresholds[thresholds < math.inf]
    if len(used):
        low, high = used.min(), used.max()
        least = f"{low:.4f}" if low == high else f"{low:.4f} to {high:.4f} by category"
        line += (
            f": those of confidence {least} or more, of which {100 * promise.min_precision:g} % "
            f"or more are right, for texts like those of training ({promise.confidence_level:.0%} "
            "sure)"
        )
    if labeller.options.depth:
        line += (
            f"; of {labeller.accepted_above:,} more rows ({labeller.accepted_above / rows:.1%}) a "
            "part of the path is accepted (accepted_path)"
        )
    return line


def _to_terminal(config: PredictCommand) -> bool:
    return config.output == STANDARD_STREAM and sys.stdout.isatty()


def check_predict(config: PredictCommand) -> str:
    """Check the settings.

    Returns:
        The format of the output.

    Raises:
        UserError: Naming each value that is wrong, one per line.
    """
    from ecomcat.export.classifier import check_runtime

    if not config.input or not config.output:
        raise UserError(
            "Expected input=FILE and output=FILE, or - for standard input and output; found "
            f"input={config.input} output={config.output}."
        )
    problems = [
        *path_problems("input", config.input, config.input_format),
        *path_problems("output", config.output, config.output_format),
    ]
    validate(config, problems)
    output_format = choose_output_format(
        config.input,
        config.output,
        input_format=config.input_format,
        output_format=config.output_format,
    )
    if output_format == PARQUET and _to_terminal(config):
        raise UserError(
            "Expected output=FILE for Parquet, found standard output, which is a terminal. Name a "
            "file, or show the rows with output_format=jsonl."
        )
    check_runtime(config.runtime)
    require_output(config.output)
    return output_format


main = partial(run, "predict", predict)

if __name__ == "__main__":
    main()
