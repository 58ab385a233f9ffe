"""`python -m ecomcat.evaluate`: score an exported model on a labelled file."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ecomcat.cli import run, show
from ecomcat.command_config import CompareCommand, EvaluateCommand
from ecomcat.config import DataConfig
from ecomcat.console import log_if_stopped, log_next, our_command, step
from ecomcat.data.formats import path_problems
from ecomcat.errors import UserError, name_five
from ecomcat.files import STANDARD_STREAM, expanded, require_output, write_json
from ecomcat.option_fields import validate
from ecomcat.process import require_extra

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from ecomcat.data.sources import LabelledRows
    from ecomcat.export.classifier import Classifier
    from ecomcat.model.answers import Answers

logger = logging.getLogger("ecomcat")


def evaluate(config: EvaluateCommand) -> None:
    """Score every row of the file, and separately the rows of training; show the figures."""
    require_output(config.output, config.data.path)
    with log_if_stopped("No figures were written."):
        figures = score(config)
    _report(config.output, figures)
    predict = our_command("predict", "input=FILE", "output=FILE", model_dir=config.model_dir)
    log_next({predict: "label a file with the same model"})
    if not config.output:
        logger.info("To save the figures: the same command with output=FILE.json.")


def score(
    config: EvaluateCommand, frames: Mapping[str, pd.DataFrame] | None = None
) -> dict[str, Any]:
    """Score every row, and separately the rows that the model was trained on.

    Args:
        config: Configuration of the command.
        frames: DataFrame of `train` in place of the file. Defaults to none.

    Returns:
        The `source`, the number of `rows` and `empty_rows`, `unknown_labels` with their numbers of
        rows, `trained_rows`, and the scores of the rows that are `new` to the model, `trained_on`
        and `all`.

    Raises:
        UserError: For whatever the user can fix.
    """
    from ecomcat.data.columns import warn_of_other_columns
    from ecomcat.export.classifier import load_classifier

    directory = expanded(config.model_dir)
    check_test("evaluate", config, directory)
    rows = read_rows(config.data, directory, frames)
    classifier = load_classifier(directory, config.runtime)
    warn_of_other_columns(config.data, classifier.fields.texts, rows.columns.text_names)
    return {"source": rows.source, **_figures(classifier, rows)}


def check_test(command: str, config: EvaluateCommand | CompareCommand, *folders: Path) -> None:
    """Check the settings of a command that tests models, and that these are exported.

    Raises:
        UserError: Naming what is wrong, or what is missing.
    """
    from ecomcat.data.dataset import refuse_split_keys
    from ecomcat.export.bundle import require_export
    from ecomcat.export.classifier import check_runtime

    require_extra("train", "sklearn", needed_for=f"ecomcat.{command}")
    check_runtime(config.runtime)
    validate(config, path_problems("data.path", config.data.path))
    refuse_split_keys(config.data, command)
    for folder in folders:
        require_export(folder)


def read_rows(
    data: DataConfig, directory: Path, frames: Mapping[str, pd.DataFrame] | None = None
) -> LabelledRows:
    """Read labelled rows from a file or the DataFrame `train`, from the columns of a model."""
    from ecomcat.data.sources import load_labelled_rows

    with step("Reading the data"):
        return load_labelled_rows(as_trained(data, directory), frames)


def as_trained(data: DataConfig, directory: Path) -> DataConfig:
    """Return a configuration that reads the columns that a model was trained on.

    Unless the configuration says otherwise, labels are read as the model writes them, if possible.

    Raises:
        UserError: When it names other columns of categories or numbers.
    """
    from ecomcat.data.columns import Trained
    from ecomcat.data.sources import known_paths
    from ecomcat.export.contents import trained_fields, trained_labels, trained_separator

    if data.category_columns or data.number_columns:
        raise UserError(
            "Expected data.category_columns and data.number_columns in ecomcat.search or "
            "ecomcat.train, found one of them where a model is tested, which reads the columns "
            "that it was trained on. Leave it out; rename the column in the file if need be."
        )
    fields, separator = trained_fields(directory), trained_separator(directory)
    return replace(
        data,
        text_column=Trained(fields, data.text_column, separator, trained_labels(directory)),
        label_separator=known_paths(data, separator),
        category_columns=list(fields.categories),
        number_columns=list(fields.numbers),
    )


def labels_of(classifier: Classifier, rows: LabelledRows) -> pd.Series[str]:
    """Return the labels of rows as the model writes them.

    A leaf that it does not know counts for the nearest node above that is one of its categories:
    if the leaf was rare, it was merged into that.
    """
    from ecomcat.data.cleaning import clean_label
    from ecomcat.data.label_paths import split_path

    taxonomy, labels = classifier.taxonomy, rows.frame["label"]
    if taxonomy is None:
        return labels.map(clean_label)
    known, names, merged = set(classifier.labels), {}, set()
    for label in labels.unique():
        levels = split_path(label, rows.separator or taxonomy.separator)
        paths = [taxonomy.separator.join(levels[:depth]) for depth in range(len(levels), 0, -1)]
        names[label] = next((path for path in paths if path in known), paths[0])
        merged |= {label} if names[label] != paths[0] else set()
    if merged:
        logger.warning(
            "%d rows of leaves that the model does not know count for the category above them: %s.",
            *(int(labels.isin(merged).sum()), name_five(sorted(merged))),
        )
    return labels.map(names.__getitem__)


def _figures(classifier: Classifier, rows: LabelledRows) -> dict[str, Any]:
    from ecomcat.data.cleaning import has_words

    frame, labels = rows.frame, labels_of(classifier, rows)
    usable = frame["text"].map(has_words).astype(bool) & (labels != "")
    is_known = usable & labels.isin(classifier.labels)
    unknown = labels[usable & ~is_known].value_counts()
    if not is_known.any():
        others = f"{usable.sum()} rows of others ({name_five(unknown.index)})"
        raise UserError(
            f"Expected rows of the model's categories ({name_five(classifier.labels)}), found "
            f"{others if usable.any() else f'{len(frame)} rows without text or label'}. Check "
            "data.label_column and data.text_column."
        )
    scores = _scores(classifier, frame["text"][is_known].tolist(), labels[is_known])
    return {
        "rows": len(frame),
        "empty_rows": int((~usable).sum()),
        "unknown_labels": unknown.to_dict(),
        **scores,
    }


def _scores(classifier: Classifier, texts: Sequence[str], labels: pd.Series) -> dict[str, Any]:
    import pandas as pd

    from ecomcat.model.level_scores import score_levels
    from ecomcat.model.metrics import score_answers

    label_ids = pd.Index(classifier.labels).get_indexer(pd.Index(labels))
    answers, seen = _answer(classifier, texts, label_ids), classifier.was_trained_on(texts)

    def scored(chosen: NDArray[np.bool_]) -> dict[str, Any] | None:
        if not chosen.any():
            return None
        some, ids = answers.of(chosen), label_ids[chosen]
        known = [text for text, is_chosen in zip(texts, chosen, strict=True) if is_chosen]
        scores = score_answers(some, ids, classifier.labels, classifier.acceptance, texts=known)
        return scores.describe() | score_levels(some.levels, ids, classifier.levels)

    with step("Scoring the rows"):
        return {
            "trained_rows": int(seen.sum()),
            "new": scored(~seen),
            "trained_on": scored(seen),
            "all": scored(seen | ~seen),
        }


def _answer(classifier: Classifier, texts: Sequence[str], label_ids: NDArray[np.int64]) -> Answers:
    from ecomcat.export.predicted_columns import pieces
    from ecomcat.model.answers import answers_of, join_answers

    parts = []
    with step("Labelling the rows", total=len(texts)) as advance:
        for piece in pieces(len(texts), len(classifier.labels)):
            found, unknown = classifier.answers(texts[piece])
            parts.append(answers_of(found, label_ids[piece], classifier.taxonomy, unknown))
            advance(len(found))
    return join_answers(parts)


def _report(output: str | None, figures: dict[str, Any]) -> None:
    """Log what was left out, write the figures, then print them."""
    if figures["empty_rows"]:
        logger.warning("Left out: %d rows without text or label.", figures["empty_rows"])
    if unknown := figures["unknown_labels"]:
        message = "Left out: %d rows of categories that the model does not know: %s."
        logger.warning(message, sum(unknown.values()), name_five(unknown))
    if figures["trained_rows"]:
        logger.warning(
            "The model was trained on %d rows: their figures are too good and are shown apart.",
            figures["trained_rows"],
        )
    write_figures(output, figures)
    if output != STANDARD_STREAM:
        _print_tables(figures, f"in {output}" if output else "with output=FILE")


def write_figures(output: str | None, figures: Mapping[str, Any]) -> None:
    """Write figures as JSON to a file or to standard output, if any is named."""
    if output == STANDARD_STREAM:
        # Escaped to ASCII, so that every terminal takes it.
        show(json.dumps(figures, indent=2) + "\n")
    elif output:
        write_json(expanded(output), figures)
        logger.info("Figures: %s", output)


def _print_tables(figures: dict[str, Any], where_all: str) -> None:
    from ecomcat.reporting.printed_tables import (
        confusion_table,
        output_console,
        per_class_table,
        print_tables,
    )
    from ecomcat.wording.level_tables import level_tables
    from ecomcat.wording.summary import coverage_table, scores_table

    sets = {"new to the model": "new", "trained on": "trained_on", "all": "all"}
    shown = {title: figures[key] for title, key in sets.items() if figures[key] is not None}
    shown_scores = figures["new"] or figures["all"]
    print_tables(
        per_class_table("By category", shown_scores, where_all=where_all),
        confusion_table(shown_scores, output_console().width),
        coverage_table("Accepted automatically, at a precision asked", shown_scores),
        *level_tables("All rows" if figures["new"] is None else "New rows", shown_scores),
        scores_table(f"Scores on {figures['source']}", shown),
    )


main = partial(run, "evaluate", evaluate)

if __name__ == "__main__":
    main()
