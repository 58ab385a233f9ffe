"""`python -m ecomcat.evaluate`: score an exported model on a labelled file."""

from __future__ import annotations

import json
import logging
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from ecomcat.command import run
from ecomcat.config import DataConfig, EvaluateCommand
from ecomcat.errors import UserError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ecomcat.artifact.classifier import Classifier

logger = logging.getLogger("ecomcat")

STANDARD_OUTPUT = "-"


def evaluate(config: EvaluateCommand) -> None:
    """Score every row of the file, those that the model was trained on apart.

    Raises:
        UserError: for whatever the user can mend.
    """
    from ecomcat.artifact.manifest import require_export
    from ecomcat.checks import check_data

    _check_output(config.output)
    check_data(config.data)
    directory = Path(config.model_dir).expanduser()
    require_export(directory)
    from ecomcat.artifact.classifier import load_classifier, trained_columns
    from ecomcat.data.clean import normalized_key
    from ecomcat.data.source import load_labelled_rows

    source = load_labelled_rows(_with_trained_columns(config.data, trained_columns(directory)))
    rows = [(text, label.strip()) for text, label in source.rows]
    usable = [(text, label) for text, label in rows if normalized_key(text) and label]
    classifier = load_classifier(directory)
    _warn_of_other_columns(config.data, classifier.text_columns, source.text_columns)
    numbers = {label: number for number, label in enumerate(classifier.labels)}
    unknown = Counter(label for _, label in usable if label not in numbers)
    known = [(text, numbers[label]) for text, label in usable if label in numbers]
    if not known:
        raise UserError(
            f"Expected rows of the model's categories ({', '.join(classifier.labels[:10])}), found "
            f"{len(usable)} rows of others ({', '.join(list(unknown)[:10])}). Check "
            "data.label_column and data.text_column."
        )
    figures: dict[str, Any] = {
        "source": source.source,
        "rows": len(rows),
        "empty_rows": len(rows) - len(usable),
        "unknown_labels": dict(unknown.most_common()),
        **_scores(classifier, known),
    }
    _report(config.output, figures)


def _check_output(output: str | None) -> None:
    """Refuse a place for the figures that cannot be one, before the work is done."""
    if not output or output == STANDARD_OUTPUT:
        return
    path = Path(output).expanduser()
    if path.is_dir():
        raise UserError(
            f"Expected a file at output={output}, or - for standard output; found a folder. Name "
            "a file in it."
        )
    if not path.parent.is_dir():
        raise UserError(
            f"Expected output={output} to be in a folder that is there, found no folder "
            f"{path.parent}. Make it, or name another file."
        )


def _with_trained_columns(data: DataConfig, trained: Sequence[str | int]) -> DataConfig:
    """Name the columns that the model was trained on, where the user names none.

    Only so are texts put together as they were in training, and known again.

    Args:
        data: how the file is to be read.
        trained: columns that the model was trained on.

    Returns:
        The same with these columns, if they are names and the file's first row has them all.
    """
    names = [column for column in trained if isinstance(column, str)]
    path = Path(data.path or "").expanduser()
    asked = _asked(data) or str(data.header).lower() == "false"
    # Only a regular file can be read twice.
    if asked or not names or len(names) < len(trained) or not path.is_file():
        return data
    from ecomcat.table.table import open_table

    with open_table(
        path, encoding=data.encoding, delimiter=data.delimiter, member=data.member
    ) as table:
        first = next(table.rows(), [])
        # Looked for once, and warned of once.
        data = replace(data, encoding=table.format.encoding)
    if not all(_holds_once(first, name) for name in names):
        return data
    return replace(data, text_column=names, header="true")


def _holds_once(row: Sequence[str], name: str) -> bool:
    from ecomcat.table.header import folded

    return row.count(name) == 1 or [folded(cell) for cell in row].count(folded(name)) == 1


def _asked(data: DataConfig) -> list[Any]:
    """Return the text columns that the user names."""
    column = data.text_column
    if column is None:
        return []
    return list(column) if isinstance(column, list | tuple) else [column]


def _warn_of_other_columns(
    data: DataConfig, trained: Sequence[str | int], found: Sequence[str | int]
) -> None:
    """Say so where texts were put together from other columns than in training."""
    from ecomcat.table.header import folded

    def compared(columns: Sequence[Any]) -> list[str]:
        return [folded(str(column)) for column in columns]

    if _asked(data):
        differs = compared(trained) not in (compared(_asked(data)), compared(found))
    else:
        differs = len(found) != len(trained)
    if differs:
        logger.warning(
            "The text is column %s, but the model was trained on %s: texts that it saw in training "
            "cannot be told apart from new ones where other columns were joined.",
            " + ".join(map(str, found)),
            " + ".join(map(str, trained)),
        )


def _scores(classifier: Classifier, rows: list[tuple[str, int]]) -> dict[str, Any]:
    import numpy as np

    from ecomcat.model.scores import score_met_classes

    texts = [text for text, _ in rows]
    labels = np.array([number for _, number in rows])
    predicted = classifier.probabilities(texts).argmax(axis=1)
    seen = classifier.was_trained_on(texts)

    def scored(chosen: NDArray[np.bool_]) -> dict[str, Any] | None:
        if not chosen.any():
            return None
        return score_met_classes(labels[chosen], predicted[chosen], classifier.labels)

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
    if output == STANDARD_OUTPUT:
        # Escaped to ASCII, so that every terminal takes it.
        sys.stdout.write(json.dumps(figures, indent=2) + "\n")
        return
    if output:
        write_json(Path(output).expanduser(), figures)
        logger.info("Figures: %s", output)
    _print_tables(figures, f"in {output}" if output else "with output=FILE")


def _print_tables(figures: dict[str, Any], where_all: str) -> None:
    from ecomcat.reporting.tables import (
        confusion_table,
        output_console,
        per_class_table,
        scores_table,
    )

    sets = {"new to the model": "new", "trained on": "trained_on", "all": "all"}
    shown = {title: figures[key] for title, key in sets.items() if figures[key] is not None}
    judged = figures["new"] or figures["all"]
    console = output_console()
    console.print(per_class_table("By category", judged, where_all=where_all))
    confusion = confusion_table(judged)
    if confusion is not None:
        console.print(confusion)
    console.print(scores_table(f"Scores on {figures['source']}", shown))


def main() -> NoReturn:
    """Run the command."""
    run("evaluate", evaluate)


if __name__ == "__main__":
    main()
