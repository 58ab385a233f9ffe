"""`python -m ecomcat.evaluate`: score an exported model on a labelled file."""

from __future__ import annotations

import logging
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from ecomcat.command import run
from ecomcat.config import EvaluateCommand
from ecomcat.errors import UserError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ecomcat.artifact.classifier import Classifier

logger = logging.getLogger("ecomcat")


def evaluate(config: EvaluateCommand) -> None:
    """Score every row of the file, those that the model was trained on apart.

    Raises:
        UserError: for whatever the user can mend.
    """
    from ecomcat.artifact.manifest import check_manifest
    from ecomcat.checks import check_data

    check_data(config.data)
    directory = Path(config.model_dir).expanduser()
    check_manifest(directory)
    from ecomcat.artifact.classifier import load_classifier
    from ecomcat.data.clean import normalized_key
    from ecomcat.data.source import load_labelled_rows

    source = load_labelled_rows(config.data)
    rows = [(text, label.strip()) for text, label in source.rows]
    usable = [(text, label) for text, label in rows if normalized_key(text) and label]
    classifier = load_classifier(directory)
    unknown = Counter(label for _, label in usable if label not in classifier.labels)
    known = [(text, label) for text, label in usable if label in classifier.labels]
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
    _report(config, figures)


def _scores(classifier: Classifier, rows: list[tuple[str, str]]) -> dict[str, Any]:
    import numpy as np

    from ecomcat.model.scores import score_predictions

    texts = [text for text, _ in rows]
    labels = np.array([classifier.labels.index(label) for _, label in rows])
    predicted = classifier.probabilities(texts).argmax(axis=1)
    seen = classifier.was_trained_on(texts)

    def scored(chosen: NDArray[np.bool_]) -> dict[str, Any] | None:
        if not chosen.any():
            return None
        return score_predictions(labels[chosen], predicted[chosen], classifier.labels)

    return {
        "trained_rows": int(seen.sum()),
        "new": scored(~seen),
        "trained_on": scored(seen),
        "all": scored(np.ones_like(seen)),
    }


def _report(config: EvaluateCommand, figures: dict[str, Any]) -> None:
    from ecomcat.files import write_json
    from ecomcat.reporting.tables import (
        confusion_table,
        output_console,
        per_class_table,
        scores_table,
    )

    if figures["empty_rows"]:
        logger.warning("Left out: %d rows without text or label.", figures["empty_rows"])
    for label, count in figures["unknown_labels"].items():
        logger.warning("Left out: %d rows of '%s', which the model does not know.", count, label)
    if figures["trained_rows"]:
        logger.warning(
            "%d rows were trained on; their figures flatter and are shown apart.",
            figures["trained_rows"],
        )
    sets = {"new to the model": "new", "trained on": "trained_on", "all": "all"}
    shown = {title: figures[key] for title, key in sets.items() if figures[key] is not None}
    judged = figures["new"] or figures["all"]
    console = output_console()
    console.print(per_class_table("By category", judged))
    confusion = confusion_table(judged)
    if confusion is not None:
        console.print(confusion)
    console.print(scores_table(f"Scores on {figures['source']}", shown))
    if config.output:
        write_json(Path(config.output).expanduser(), figures)
        logger.info("Figures: %s", config.output)


def main() -> NoReturn:
    """Run the command."""
    run("evaluate", evaluate)


if __name__ == "__main__":
    main()
