"""`python -m ecomcat.compare OLD NEW`: whether a new model is worse, on labelled rows."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from ecomcat.cli import end, run
from ecomcat.command_config import CompareCommand
from ecomcat.console import log_if_stopped, step
from ecomcat.errors import UserError, name_five
from ecomcat.evaluate import as_trained, check_test, labels_of, read_rows, write_figures
from ecomcat.files import STANDARD_STREAM, expanded, require_output
from ecomcat.text.fields import shown

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from ecomcat.config import DataConfig
    from ecomcat.data.sources import LabelledRows
    from ecomcat.export.classifier import Classifier
    from ecomcat.model.comparison import Comparison
    from ecomcat.wording.table import Table

logger = logging.getLogger("ecomcat")

EXIT_WORSE = 3
OLD, NEW = "old", "new"
_MAX_CLASSES = 40  # in the list


@dataclass(frozen=True)
class Compared:
    """How two models answer the same rows.

    Args:
        figures: Dictionary: scores of the `old` and the `new` model on the rows that neither was
            trained on, the `comparison` of them, and what was left out.
        changes: DataFrame of the rows whose answer changed: `row`, `text`, `label`, each model's
            answer and confidence, and `change`: gained, lost, or neither.

    >>> figures = {"comparison": {"verdict": "worse: accuracy, p = 0.01"}}
    >>> Compared(figures, changes=None).is_worse
    True
    """

    figures: dict[str, Any]
    changes: pd.DataFrame

    @property
    def is_worse(self) -> bool:
        """Whether the new model is worse by a test of accuracy or of macro-F1."""
        return "worse" in str(self.figures["comparison"]["verdict"])


def compare(config: CompareCommand) -> None:
    """Compare two models, show how they differ, and end with 3 where the new one is worse."""
    require_output(config.output, config.data.path)
    require_output(config.changes, config.data.path, "changes")
    with log_if_stopped("Nothing was written."):
        compared = compare_models(config)
    _report(config, compared)
    if compared.is_worse:
        end(EXIT_WORSE)


def compare_models(
    config: CompareCommand, frames: Mapping[str, pd.DataFrame] | None = None
) -> Compared:
    """Let two models label the same rows, and test how they differ.

    Args:
        config: Configuration of the command.
        frames: DataFrame of `train` in place of the file. Defaults to none.

    Raises:
        UserError: For whatever the user can fix; also if every row was trained on by one of the
            models.
    """
    from ecomcat.export.classifier import load_classifier

    if config.old is None or config.new is None:
        raise UserError(
            "Expected the folders of two models, found "
            f"{'none' if config.old is None else 'one'}: python -m ecomcat.compare OLD NEW "
            "data.path=FILE."
        )
    folders = {OLD: expanded(config.old), NEW: expanded(config.new)}
    check_test("compare", config, *folders.values())
    given = _read(config.data, folders, frames)
    models = {of: load_classifier(folder, config.runtime) for of, folder in folders.items()}
    _warn_of_different_columns(config.data, models, given)
    spelling = _common_spelling(models)
    answers = {of: _answers(models[of], given[of], spelling[of]) for of in models}
    labels = {of: set(map(spelling[of], model.labels)) for of, model in models.items()}
    for of, other in ((OLD, NEW), (NEW, OLD)):
        if only := sorted(labels[of] - labels[other]):
            logger.warning("Categories of the %s model alone: %s.", of, name_five(only))
    return _compared(answers, labels, given[NEW].source)


def _read(
    data: DataConfig, folders: Mapping[str, Path], frames: Mapping[str, pd.DataFrame] | None
) -> dict[str, LabelledRows]:
    """Read the rows as each model does: once where both read the same columns."""
    old = read_rows(data, folders[OLD], frames)
    is_same = as_trained(data, folders[OLD]) == as_trained(data, folders[NEW])
    new = old if is_same else read_rows(data, folders[NEW], frames)
    if new.columns.label != old.columns.label:
        columns = [" + ".join(map(str, each.columns.label_names)) for each in (old, new)]
        raise UserError(
            f"Expected the same labels for both models, found the columns {columns[0]} for the old "
            f"one and {columns[1]} for the new one, as in training. Set data.label_column."
        )
    return {OLD: old, NEW: new}


def _warn_of_different_columns(
    data: DataConfig, models: Mapping[str, Classifier], given: Mapping[str, LabelledRows]
) -> None:
    from ecomcat.data.columns import warn_of_other_columns

    fields = [model.fields for model in models.values()]
    if fields[0] != fields[1]:
        logger.warning(
            "The old model reads the columns %s, the new one %s.",
            *(" + ".join(map(str, each.names)) for each in fields),
        )
    found = {models[of].fields.texts: given[of].columns.text_names for of in models}
    for trained, columns in found.items():
        warn_of_other_columns(data, trained, columns)


def _common_spelling(models: Mapping[str, Classifier]) -> dict[str, Callable[[str], str]]:
    """Return functions that write both models' labels as the new one does, so that paths agree."""
    from ecomcat.data.label_paths import split_path

    trees = {of: model.taxonomy for of, model in models.items()}
    common = trees[NEW] or trees[OLD]
    if common is None:
        return dict.fromkeys(models, str)

    written = common.separator

    def spelling(own: str) -> Callable[[str], str]:
        return lambda label: written.join(split_path(label, own))

    return {of: spelling((tree or common).separator) for of, tree in trees.items()}


def _answers(model: Classifier, rows: LabelledRows, spelling: Callable[[str], str]) -> pd.DataFrame:
    """Return for each row of the file its text and label, and the model's answer."""
    from ecomcat.data.cleaning import has_words
    from ecomcat.export.predicted_columns import Labeller, LabelOptions

    texts = rows.frame["text"]
    readable = texts.map(has_words).astype(bool)
    with step("Labelling the rows"):
        answered = Labeller(model, LabelOptions()).label(texts.tolist())
    return answered.assign(
        predicted_category=answered["predicted_category"].map(spelling, na_action="ignore"),
        text=texts.to_numpy(),
        label=labels_of(model, rows).map(spelling).to_numpy(),
        usable=readable.to_numpy(),
        trained_on=model.was_trained_on(texts.tolist()),
    )


def _compared(
    answers: Mapping[str, pd.DataFrame], labels_of_models: Mapping[str, set[str]], source: str
) -> Compared:
    """Score the rows that neither model was trained on, and say what was left out."""
    old, new = answers[OLD], answers[NEW]
    known = labels_of_models[OLD] | labels_of_models[NEW]
    labelled = old["usable"] & new["usable"] & (new["label"] != "")
    is_known = labelled & new["label"].isin(known)
    trained = is_known & (old["trained_on"] | new["trained_on"])
    chosen = is_known & ~trained
    _require_new_rows(len(new), int(trained.sum()), int(chosen.sum()))
    for of, each in answers.items():
        _require_known(of, each["label"][chosen], labels_of_models[of])
    right = {of: each["predicted_category"] == each["label"] for of, each in answers.items()}
    figures = _figures(answers, right, chosen, sorted(known))
    left_out = {
        "empty_rows": int((~labelled).sum()),
        "unknown_labels": new["label"][labelled & ~is_known].value_counts().to_dict(),
        "trained_rows": int(trained.sum()),
    }
    changes = _changes(answers, right, chosen)
    return Compared({"source": source, "rows": len(new), **left_out, **figures}, changes)


def _require_new_rows(rows: int, trained: int, new: int) -> None:
    if not new:
        found = f"{rows:,} rows, none of them with a text and a category of theirs"
        if trained:
            found = f"{trained:,} of their categories, all trained on by one or both"
        raise UserError(
            f"Expected labelled rows that neither model was trained on, found {found}. Compare "
            "them on rows of a later day, or on rows that were not trained on."
        )


def _require_known(of: str, found: pd.Series, labels: Collection[str]) -> None:
    """Refuse rows without any category of a model, as where it writes categories differently."""
    if not found.isin(labels).any():
        raise UserError(
            f"Expected rows of categories that both models know, found none of the {of} model's "
            f"({name_five(sorted(labels))}) among {name_five(sorted(set(found)))}. Check "
            "data.label_column and data.label_separator."
        )


def _figures(
    answers: Mapping[str, pd.DataFrame],
    right: Mapping[str, pd.Series],
    chosen: pd.Series,
    class_names: Sequence[str],
) -> dict[str, Any]:
    import numpy as np

    from ecomcat.model.comparison import compare_answers
    from ecomcat.model.metrics import score_predictions

    number = {name: place for place, name in enumerate(class_names)}
    label_ids: Any = answers[NEW]["label"][chosen].map(number).to_numpy(np.int64)
    predicted = {
        # A rare leaf may be merged into another category in one of the models alone.
        of: np.where(right[of][chosen], label_ids, each["predicted_category"][chosen].map(number))
        for of, each in answers.items()
    }
    scores = {of: score_predictions(label_ids, each, class_names) for of, each in predicted.items()}
    comparison: Comparison = compare_answers(label_ids, predicted[NEW], predicted[OLD])
    figures = {of: each.describe() for of, each in scores.items()}
    return {**figures, "comparison": comparison.describe()}


def _changes(
    answers: Mapping[str, pd.DataFrame], right: Mapping[str, pd.Series], chosen: pd.Series
) -> pd.DataFrame:
    """Return the rows whose answer changed, the lost ones first."""
    import numpy as np
    import pandas as pd

    old, new = answers[OLD], answers[NEW]
    differ = chosen & (old["predicted_category"] != new["predicted_category"])
    change = np.select([right[NEW] & ~right[OLD], right[OLD] & ~right[NEW]], ["gained", "lost"], "")
    found = pd.DataFrame(
        {
            "row": np.arange(1, len(new) + 1),
            "text": new["text"].map(shown),
            "label": new["label"],
            **{of: each["predicted_category"] for of, each in answers.items()},
            **{f"{of}_confidence": each["confidence"] for of, each in answers.items()},
            "change": np.where(change == "", "neither", change),
        }
    )[differ]
    order = found["change"].map({"lost": 0, "gained": 1, "neither": 2})
    return found.iloc[order.argsort(kind="stable")].reset_index(drop=True)


def _report(config: CompareCommand, compared: Compared) -> None:
    """Log what was left out, write the outputs, and print the figures."""
    from ecomcat.data.writing import write_spreadsheet

    figures = compared.figures
    for rows, what in (
        (figures["empty_rows"], "without text or label"),
        (sum(figures["unknown_labels"].values()), "of categories that neither model knows"),
        (figures["trained_rows"], "that one of the models was trained on"),
    ):
        if rows:
            logger.warning("Left out: %d rows %s.", rows, what)
    if config.changes:
        write_spreadsheet(expanded(config.changes), compared.changes)
        logger.info("Rows with another answer than before: %s", config.changes)
    write_figures(config.output, figures)
    if config.output != STANDARD_STREAM:
        _print(config, figures, compared.changes)


def _print(config: CompareCommand, figures: Mapping[str, Any], changes: pd.DataFrame) -> None:
    from ecomcat.reporting.printed_tables import print_tables
    from ecomcat.wording.summary import comparison_sentence, scores_table

    counts = changes["change"].value_counts()
    print_tables(
        _classes_table(figures),
        scores_table(
            f"Rows of {figures['source']} that neither model was trained on",
            {f"old: {config.old}": figures[OLD], f"new: {config.new}": figures[NEW]},
        ),
    )
    logger.info(
        "%d of %d answers changed: %s.",
        len(changes),
        figures["comparison"]["rows"],
        ", ".join(f"{counts.get(kind, 0)} {kind}" for kind in ("gained", "lost", "neither")),
    )
    sentence = comparison_sentence(figures["comparison"])
    logger.info("The new model compared with the old one: %s.", sentence)


def _classes_table(figures: Mapping[str, Any]) -> Table:
    from ecomcat.wording.table import Table

    classes = {of: figures[of]["per_class"] for of in (OLD, NEW)}
    f1 = [
        [name, score["rows"], *(classes[of].get(name, {}).get("f1") for of in (OLD, NEW))]
        for name, score in classes[NEW].items()
    ]
    return Table(
        ["category", "texts", "old F1", "new F1"],
        sorted(f1, key=lambda row: (row[3] or 0.0) - (row[2] or 0.0))[:_MAX_CLASSES],
        "By category, the largest loss first",
        formats={"old F1": ".4f", "new F1": ".4f"},
    )


main = partial(run, "compare", compare)

if __name__ == "__main__":
    main()
