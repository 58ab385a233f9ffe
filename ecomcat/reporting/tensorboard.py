"""What TensorBoard shows of the final model: curves, figures, mistakes and its words.

All of it stands in `tensorboard/final` of the study.
"""

from __future__ import annotations

import dataclasses
import logging
import re
import shutil
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from tensorboard.plugins.hparams import api as hparams
from tensorboard.plugins.hparams import api_pb2
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData
from tensorboard.plugins.hparams.summary import session_end_pb
from tensorboard.plugins.pr_curve import summary as pr_curve

from ecomcat.config import ModelConfig, Rule
from ecomcat.errors import UserError
from ecomcat.reporting.projector import WordVectors, write_projector
from ecomcat.reporting.terminal import (
    COVERAGE_HEADINGS,
    TELLING,
    coverage_rows,
    plain_value,
    validation_title,
)
from ecomcat.text.tokenizer import valid_unicode
from ecomcat.tuning.records import COMPLETED, FAILED, PRUNED, TrialRecord
from ecomcat.tuning.study import Study


@contextmanager
def event_writer(directory: Path) -> Iterator[Any]:
    """Open a new file of events in a folder, and make it where `tf.summary` writes to.

    Raises:
        UserError: when the disk is full or the folder cannot be written to.
    """
    with disk_errors(directory):
        writer = tf.summary.create_file_writer(str(directory))
        with writer.as_default():
            yield writer
        writer.close()


@contextmanager
def disk_errors(directory: Path) -> Iterator[None]:
    """Say what a full disk or a folder that cannot be written to means for the user."""
    try:
        yield
    except tf.errors.OpError as error:
        raise UserError(
            f"Cannot write TensorBoard's events to {directory}: {error.message}. Make room, or "
            "choose a place that you may write to, and run the same command again."
        ) from error


def write_raw(summary: Any) -> None:
    """Write a plugin's own summary with the writer that is the default."""
    tf.summary.experimental.write_raw_pb(summary.SerializeToString(), step=0)


_MOST_CLASSES = 40  # that are told apart; the rest becomes one row and column
_MOST_ZEROS = 12  # classes up to which a count of 0 is written, too
_LONGEST_NAME = 26  # characters
_INK = "#1f2933"


def draw_confusion(crossed: Sequence[Sequence[int]], classes: Sequence[str]) -> NDArray[np.uint8]:
    """Draw true classes by row and predicted ones by column, each with its count of texts.

    Of more than 40 classes those with the most mistakes are told apart. A name with letters that
    the font lacks is shown as `#` and its number, from 1.

    Args:
        crossed: counts of texts, a row a true class, a column a predicted one.
        classes: their names.

    Returns:
        Red, green and blue of each pixel, shape `(height, width, 3)`.
    """
    # It says at level WARNING that it makes a cache of the fonts.
    logging.getLogger("matplotlib").setLevel(logging.ERROR)
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    counts, names = _most_confused(np.asarray(crossed, np.int64), _drawable_names(classes))
    many = len(names)
    cell = 0.62 if many <= _MOST_ZEROS else 0.36  # inches
    left = 0.25 + (0.1 if many <= _MOST_ZEROS else 0.085) * max(map(len, names))
    width, height = max(left + cell * many + 0.3, 5.6), left + cell * many + 0.75
    figure = Figure(figsize=(width, height), dpi=100, facecolor="white")
    canvas = FigureCanvasAgg(figure)
    axes = figure.add_axes((left / width, left / height, cell * many / width, cell * many / height))
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    _write_names(axes, names)
    _write_counts(axes, counts, shares)
    title = "Texts of the test set: true category by row, predicted by column"
    figure.text(0.15 / width, 1 - 0.32 / height, title, color=_INK, fontsize=11, va="center")
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[:, :, :3].copy()


def _write_names(axes: Any, names: Sequence[str]) -> None:
    places, size = range(len(names)), 11 if len(names) <= _MOST_ZEROS else 9
    for write, options in (
        (axes.set_xticks, {"rotation": 90}),
        (axes.set_yticks, {}),
    ):
        write(places, names, fontsize=size, color=_INK, parse_math=False, **options)
    axes.tick_params(length=0)
    axes.set_xticks(np.arange(len(names) + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(len(names) + 1) - 0.5, minor=True)
    axes.grid(which="minor", color="white", linewidth=1)
    axes.tick_params(which="minor", length=0)
    for side in axes.spines.values():
        side.set_visible(False)


def _write_counts(axes: Any, counts: NDArray[np.int64], shares: NDArray[np.float64]) -> None:
    many = len(counts)
    size = 12 if many <= _MOST_ZEROS else 7
    for row, column in np.ndindex(counts.shape):
        count = int(counts[row, column])
        if count == 0 and many > _MOST_ZEROS:
            continue
        dark = shares[row, column] > 0.5
        colour = "white" if dark else _INK if count else "#9aa5b1"
        axes.text(column, row, str(count), ha="center", va="center", fontsize=size, color=colour)


def _most_confused(
    counts: NDArray[np.int64], names: Sequence[str]
) -> tuple[NDArray[np.int64], list[str]]:
    """Keep the classes with the most mistakes in their order, and add the others up."""
    if len(names) <= _MOST_CLASSES:
        return counts, list(names)
    mistakes = counts.sum(axis=0) + counts.sum(axis=1) - 2 * np.diag(counts)
    kept = np.sort(np.argsort(-mistakes, kind="stable")[: _MOST_CLASSES - 1])
    place = np.full(len(names), len(kept))
    place[kept] = np.arange(len(kept))
    merged = np.zeros((len(kept) + 1, len(kept) + 1), np.int64)
    np.add.at(merged, (place[:, None], place[None, :]), counts)
    return merged, [*(names[each] for each in kept), f"{len(names) - len(kept)} others"]


def _drawable_names(classes: Sequence[str]) -> list[str]:
    from matplotlib.font_manager import FontProperties, findfont, get_font

    font = get_font(findfont(FontProperties(family="DejaVu Sans")))
    names = []
    for number, name in enumerate(classes, start=1):
        line = " ".join(name.split())
        # Drawn letter by letter from left to right, which Arabic and Hebrew cannot be.
        drawable = all(
            font.get_char_index(ord(letter))
            and unicodedata.bidirectional(letter) not in {"R", "AL", "RLO", "RLE", "RLI"}
            and letter.isprintable()
            for letter in line
        )
        short = line if len(line) <= _LONGEST_NAME else f"{line[: _LONGEST_NAME - 1]}…"
        names.append(short if line and drawable else f"#{number}")
    return names


_METRICS = {
    "best/macro_f1": "val macro-F1 (best epoch)",
    "best/accuracy": "val accuracy (best epoch)",
    "best/epoch": "best epoch",
    "best/seconds": "seconds",
    "best/parameters": "parameters",
}
_CURVES = ("loss", "accuracy", "macro_f1")
_ENDED = "ended"
_STATUS = {
    COMPLETED: api_pb2.STATUS_SUCCESS,
    PRUNED: api_pb2.STATUS_UNKNOWN,
    FAILED: api_pb2.STATUS_FAILURE,
}


class TensorBoardListener:
    """Write each trial's curves and its row in the HPARAMS tab.

    Args:
        study: the folder.
        extra: names of a builder's own hyperparameters.
    """

    def __init__(self, study: Study, extra: Sequence[str] = ()) -> None:
        self._study = study
        self._curves: dict[str, CurveWriter] = {}
        _declare(study.tensorboard_dir, extra)

    def trial_begins(self, record: TrialRecord, epochs: int) -> None:
        """Begin a trial's curves; those of an interrupted attempt go."""
        self._forget(record)
        self._curves[record.id] = CurveWriter(self._study.tensorboard_dir / record.id)

    def epoch_ends(self, record: TrialRecord, epoch: int, logs: Mapping[str, float]) -> None:
        """Add a point to the curves."""
        self._curves[record.id].write(epoch, logs)

    def trial_retries(self, record: TrialRecord, reason: str) -> None:
        """Drop the curves of the attempt that was lost."""
        self._forget(record)

    def _forget(self, record: TrialRecord) -> None:
        if record.id in self._curves:
            self._curves.pop(record.id).close()
        shutil.rmtree(self._study.tensorboard_dir / record.id, ignore_errors=True)

    def trial_ends(self, record: TrialRecord) -> None:
        """Write the trial's hyperparameters, best scores and status."""
        self._curves.pop(record.id).close()
        with event_writer(self._study.tensorboard_dir / record.id):
            values = {name: _plain(value) for name, value in record.values.items()}
            # A column of its own: TensorBoard's statuses know no word for pruned.
            values[_ENDED] = record.status
            hparams.hparams(values, trial_id=f"{self._study.name}/{record.id}")
            tf.summary.text(_ENDED, f"`{record.status}`: {record.ended}", step=0)
            if record.objective is not None:
                scores = (record.objective, record.accuracy, record.best_epoch)
                figures = (*scores, record.seconds, record.parameters)
                for tag, figure in zip(_METRICS, figures, strict=True):
                    tf.summary.scalar(tag, figure, step=record.best_epoch)
            write_raw(session_end_pb(_STATUS[record.status]))


class CurveWriter:
    """Write train and validation curves into `train` and `validation` below a folder."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._writers = {
            prefix: tf.summary.create_file_writer(str(directory / name))
            for prefix, name in (("", "train"), ("val_", "validation"))
        }

    def write(self, epoch: int, logs: Mapping[str, float]) -> None:
        """Add the scores that an epoch's logs hold.

        Args:
            epoch: its number, from 1.
            logs: with Keras's names, `val_` for validation.
        """
        for prefix, writer in self._writers.items():
            with disk_errors(self._directory), writer.as_default():
                for name in _CURVES:
                    if f"{prefix}{name}" in logs:
                        tf.summary.scalar(name, float(logs[f"{prefix}{name}"]), step=epoch)
                writer.flush()

    def close(self) -> None:
        """End the files."""
        with disk_errors(self._directory):
            for writer in self._writers.values():
                writer.close()


def _declare(directory: Path, extra: Sequence[str]) -> None:
    rules = {
        entry.name: entry.metadata["rule"]
        for entry in dataclasses.fields(ModelConfig)
        if "rule" in entry.metadata
    }
    declared = [hparams.HParam(_ENDED, hparams.Discrete(list(_STATUS)))]
    declared += [hparams.HParam(name, _domain(rule)) for name, rule in rules.items()]
    for old in directory.glob("events.out.tfevents.*"):
        old.unlink()
    config = hparams.hparams_config_pb(
        hparams=[*declared, *(hparams.HParam(name) for name in extra)],
        metrics=[hparams.Metric(tag, display_name=name) for tag, name in _METRICS.items()],
    )
    with event_writer(directory):
        write_raw(_with_first_columns(config))


def _with_first_columns(config: Any) -> Any:
    """Mark what the table shows at first: five of those that "differ", in alphabetical order."""
    plugin = config.value[0].metadata.plugin_data
    content = HParamsPluginData.FromString(plugin.content)
    for info in content.experiment.hparam_infos:
        info.differs = info.name in {_ENDED, *TELLING}
    plugin.content = content.SerializeToString()
    return config


def _domain(rule: Rule) -> Any:
    """Declare all that the schema allows: a study's own range would hide other studies' trials."""
    if rule.kind == "bool":
        return hparams.Discrete([False, True])
    if rule.kind == "name":
        return hparams.Discrete(rule.words())
    return hparams.RealInterval(float(rule.low or 0.0), float(rule.high or 0.0))


def _plain(value: Any) -> Any:
    return value if isinstance(value, bool | int | float | str) else str(value)


_PLAIN = re.compile(r"[^\w ,]|_")
_MOST_CLASSES_IN_TEXT = 1000


def final_report(metrics: Mapping[str, Any], classes: Sequence[str]) -> str:
    """Write what was exported and what it reached.

    Args:
        metrics: what `metrics.json` holds.
        classes: names of the categories, in the order of the model's outputs.
    """
    final, test = metrics["final"], metrics["test"]
    return "\n".join(
        [
            f"## The model of study {_shown(metrics['search']['study'])}",
            "",
            *_sets(metrics),
            "",
            *_verdict(metrics),
            "",
            "### By category, on test",
            "",
            *_categories(test["per_class"], classes),
            "",
            "### Labelled without a look, on test",
            "",
            *_table(COVERAGE_HEADINGS, coverage_rows(test["coverage"])),
            "",
            "### What was exported",
            "",
            *_exported(final),
        ]
    )


def _sets(metrics: Mapping[str, Any]) -> list[str]:
    sets = {
        "test (scored once)": metrics["test"],
        validation_title(metrics["final"]): metrics["validation"],
    }
    baseline = metrics["baseline"]
    if baseline is not None:
        sets[f"{baseline['name']}, on test"] = baseline["test"]
    return _table(
        ("set", "texts", "accuracy", "macro-F1", "weighted F1"),
        (
            (name, scores["rows"], *_figures(scores, "accuracy", "macro_f1", "weighted_f1"))
            for name, scores in sets.items()
        ),
    )


def _verdict(metrics: Mapping[str, Any]) -> list[str]:
    if metrics["baseline"] is None:
        return ["No linear baseline was computed."]
    ours, theirs = (metrics[key] for key in ("test", "baseline"))
    better = theirs["test"]["accuracy"] >= ours["accuracy"]
    return [
        "The linear baseline is as good or better on this data."
        if better
        else "The model has fewer errors than the linear baseline."
    ]


def _categories(
    per_class: Mapping[str, Mapping[str, Any]], classes: Sequence[str]
) -> Iterable[str]:
    """List each category with its number, by which the confusion matrix may call it."""
    lines = _table(
        ("#", "category", "precision", "recall", "F1", "test texts"),
        (
            (
                number,
                name,
                *_figures(per_class[name], "precision", "recall", "f1"),
                per_class[name]["rows"],
            )
            for number, name in enumerate(classes[:_MOST_CLASSES_IN_TEXT], start=1)
        ),
    )
    if len(classes) > _MOST_CLASSES_IN_TEXT:
        more = f"The first {_MOST_CLASSES_IN_TEXT} of {len(classes)}; all stand in metrics.json."
        return [*lines, "", more]
    return lines


def _exported(final: Mapping[str, Any]) -> list[str]:
    trained = {
        (True, False): "train and validation",
        (True, True): "train, validation and test; the figures are of the model before that",
        (False, False): "train alone, the weights of the search",
    }[final["retrained"], final["use_all_rows"]]
    lines = [
        f"- `final={final['name']}`, trained on {final['trained_texts']:,} texts: {trained}.",
        f"- The memory of the training texts counts for {final['memory_share']:.0%}, the linear "
        f"part of the words for {final['linear_share']:.0%}; "
        f"temperature {final['temperature']:.2f}.",
    ]
    rows = (
        (
            member["trial"],
            f"{member['share']:.0%}",
            member["epochs"],
            ", ".join(
                f"{name} {plain_value(value)}" for name, value in member["hyperparameters"].items()
            ),
        )
        for member in final["members"]
    )
    return [*lines, "", *_table(("trial", "share", "epochs", "hyperparameters"), rows)]


def _figures(scores: Mapping[str, Any], *names: str) -> list[str]:
    return [f"{scores[name]:.4f}" for name in names]


def _table(headings: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    return [
        f"| {' | '.join(headings)} |",
        f"|{'---|' * len(headings)}",
        *(f"| {' | '.join(map(_shown, row))} |" for row in rows),
    ]


def _shown(value: object) -> str:
    """Write a value on one line as character references, which are no markup to anyone."""
    line = " ".join(valid_unicode(str(value)).split())
    return _PLAIN.sub(lambda found: f"&#{ord(found[0])};", line)


FINAL = "final"
MOST_PR_CURVES = 24


class FinalCurves:
    """Write the curves of the final training.

    The final training has no rows left to validate on, so its validation curve is that of the
    winning trial: the same configuration, trained on train alone.

    Args:
        study: the folder.
        best: the winning trial.
    """

    def __init__(self, study: Study, best: TrialRecord) -> None:
        directory = study.tensorboard_dir / FINAL
        shutil.rmtree(directory, ignore_errors=True)
        self._curves = CurveWriter(directory)
        self._validation = [
            {name: value for name, value in row.items() if name.startswith("val_")}
            for row in best.curves
        ]
        with event_writer(directory):
            note = (
                f"`final/train`: the configuration of the best trial, {best.id}, in the final "
                "training on train + validation, if it is among what is exported. "
                "`final/validation`: that trial, trained on train alone; the final training has "
                "no rows left to validate on."
            )
            tf.summary.text("about", note, step=0)

    def write(self, epoch: int, logs: Mapping[str, float]) -> None:
        """Add a point to both curves, of an epoch's number from 1."""
        validation = self._validation[epoch - 1] if epoch <= len(self._validation) else {}
        self._curves.write(epoch, {**logs, **validation})

    def close(self) -> None:
        """End the files."""
        self._curves.close()


@dataclass(frozen=True)
class TestAnswers:
    """What the final model answered to the test set.

    Args:
        classes: names of the categories.
        labels: true class numbers, shape `(texts,)`.
        probabilities: shape `(texts, classes)`.
    """

    __test__ = False  # pytest would take it for a test

    classes: Sequence[str]
    labels: NDArray[np.int64]
    probabilities: NDArray[np.float32]


def write_final(
    study: Study, metrics: Mapping[str, Any], answers: TestAnswers, words: WordVectors | None
) -> None:
    """Write the report, the confusion matrix, precision-recall curves and the words.

    Args:
        study: the folder.
        metrics: what `metrics.json` holds.
        answers: of the model whose figures these are.
        words: of the exported model; None where it has no embedding of words.

    Raises:
        UserError: when the disk is full or the folder cannot be written to.
    """
    directory = study.tensorboard_dir / FINAL
    with event_writer(directory):
        tf.summary.text("report", final_report(metrics, answers.classes), step=0)
        picture = draw_confusion(metrics["test"]["confusion_matrix"], answers.classes)
        tf.summary.image("confusion matrix", picture[None], step=0)
        _write_pr_curves(metrics["test"]["per_class"], answers)
    if words is not None:
        write_projector(directory, words)


def _write_pr_curves(per_class: Mapping[str, Mapping[str, Any]], answers: TestAnswers) -> None:
    """Write the curve of each category with texts; of very many, those of the lowest F1."""
    met = [number for number, name in enumerate(answers.classes) if per_class[name]["rows"]]
    shown = sorted(met, key=lambda number: per_class[answers.classes[number]]["f1"])
    left_out = len(shown) - MOST_PR_CURVES
    note = "This category against all others, on the test set."
    if left_out > 0:
        note += (
            f" Shown are the {MOST_PR_CURVES} categories of the lowest F1; {left_out} more are "
            "left out."
        )
    width = len(str(len(answers.classes)))
    for number in sorted(shown[:MOST_PR_CURVES]):
        curve = pr_curve.pb(
            f"precision and recall/{number + 1:0{width}}",
            answers.labels == number,
            np.clip(answers.probabilities[:, number], 0.0, 1.0),
            display_name=valid_unicode(answers.classes[number]),
            description=note,
        )
        write_raw(curve)
