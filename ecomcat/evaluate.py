"""`python -m ecomcat.evaluate`: score an exported model on a labelled file."""

from __future__ import annotations

import json
import logging
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from ecomcat.cli import run
from ecomcat.commands import EvaluateCommand
from ecomcat.data.dataset import file_problems, refuse_split_keys
from ecomcat.errors import UserError
from ecomcat.files import STANDARD_STREAM, expanded, require_output
from ecomcat.options import validate
from ecomcat.process import require_extra

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ecomcat.export.classifier import Classifier

logger = logging.getLogger("ecomcat")


def evaluate(config: EvaluateCommand) -> None:
    """Score every row of the file, those that the model was trained on apart.

    Raises:
        UserError: for whatever the user can mend.
    """
    from ecomcat.export.bundle import require_export
    from ecomcat.export.classifier import check_runtime

    require_extra("train", "sklearn", needed_for="Scoring a file")
    check_runtime(config.runtime)
    require_output(config.output)
    validate(config, file_problems(config.data))
    refuse_split_keys(config.data, "evaluate")
    directory = expanded(config.model_dir)
    require_export(directory)
    from ecomcat.console import log_if_stopped

    with log_if_stopped("No figures were written."):
        figures = _figures(config, directory)
    _report(config.output, figures)
    _say_what_next(config)


def _figures(config: EvaluateCommand, directory: Path) -> dict[str, Any]:
    from ecomcat.console import step
    from ecomcat.data.cleaning import clean_label, normalized_key
    from ecomcat.data.columns import Trained
    from ecomcat.data.sources import load_labelled_rows
    from ecomcat.export.classifier import (
        load_classifier,
        trained_columns,
        warn_of_other_columns,
    )

    data = config.data
    if data.text_column is None:
        data = replace(data, text_column=Trained(trained_columns(directory)))
    with step("Reading the data"):
        source = load_labelled_rows(data)
    rows = [(text, clean_label(label)) for text, label in source.rows]
    usable = [(text, label) for text, label in rows if normalized_key(text) and label]
    classifier = load_classifier(directory, config.runtime)
    warn_of_other_columns(config.data, classifier.text_columns, source.text_columns)
    numbers = {label: number for number, label in enumerate(classifier.labels)}
    unknown = Counter(label for _, label in usable if label not in numbers)
    known = [(text, numbers[label]) for text, label in usable if label in numbers]
    if not known:
        raise UserError(
            f"Expected rows of the model's categories ({', '.join(classifier.labels[:10])}), found "
            f"{len(usable)} rows of others ({', '.join(list(unknown)[:10])}). Check "
            "data.label_column and data.text_column."
        )
    with step("Labelling and scoring the rows"):
        scores = _scores(classifier, known)
    return {
        "source": source.source,
        "rows": len(rows),
        "empty_rows": len(rows) - len(usable),
        "unknown_labels": dict(unknown.most_common()),
        **scores,
    }


def _scores(classifier: Classifier, rows: list[tuple[str, int]]) -> dict[str, Any]:
    import numpy as np

    from ecomcat.model.metrics import score_answers

    texts = [text for text, _ in rows]
    labels = np.array([number for _, number in rows])
    answers = classifier.probabilities(texts)
    seen = classifier.was_trained_on(texts)

    def scored(chosen: NDArray[np.bool_]) -> dict[str, Any] | None:
        if not chosen.any():
            return None
        scores = score_answers(
            answers[chosen],
            labels[chosen],
            classifier.labels,
            classifier.acceptance,
            texts=[texts[row] for row in np.flatnonzero(chosen)],
            present_only=True,
        )
        return scores.describe()

    return {
        "trained_rows": int(seen.sum()),
        "new": scored(~seen),
        "trained_on": scored(seen),
        "all": scored(np.ones_like(seen)),
    }


def _report(output: str | None, figures: dict[str, Any]) -> None:
    """Say what was left out, write the figures, then print them."""
    from ecomcat.files import write_json

    if figures["empty_rows"]:
        logger.warning("Left out: %d rows without text or label.", figures["empty_rows"])
    for label, count in figures["unknown_labels"].items():
        logger.warning("Left out: %d rows of '%s', which the model does not know.", count, label)
    if figures["trained_rows"]:
        logger.warning(
            "%d rows were trained on; their figures flatter and are shown apart.",
            figures["trained_rows"],
        )
    if output == STANDARD_STREAM:
        # Escaped to ASCII, so that every terminal takes it.
        sys.stdout.write(json.dumps(figures, indent=2) + "\n")
        return
    if output:
        write_json(expanded(output), figures)
        logger.info("Figures: %s", output)
    _print_tables(figures, f"in {output}" if output else "with output=FILE")


def _say_what_next(config: EvaluateCommand) -> None:
    from ecomcat.console import log_next, our_command

    predict = our_command("predict", "input=FILE", "output=FILE", model_dir=config.model_dir)
    log_next({predict: "label a file with the same model"})
    if not config.output:
        logger.info("To keep the figures: the same command with output=FILE.json.")


def _print_tables(figures: dict[str, Any], where_all: str) -> None:
    from ecomcat.reporting.terminal import (
        confusion_table,
        coverage_table,
        output_console,
        per_class_table,
        scores_table,
    )

    sets = {"new to the model": "new", "trained on": "trained_on", "all": "all"}
    shown = {title: figures[key] for title, key in sets.items() if figures[key] is not None}
    judged = figures["new"] or figures["all"]
    console = output_console()
    console.print(per_class_table("By category", judged, where_all=where_all))
    confusion = confusion_table(judged, console.width)
    if confusion is not None:
        console.print(confusion)
    console.print(coverage_table("Accepted automatically, at a precision", judged))
    console.print(scores_table(f"Scores on {figures['source']}", shown))


def main() -> NoReturn:
    """Run the command."""
    run("evaluate", evaluate)


if __name__ == "__main__":
    main()
