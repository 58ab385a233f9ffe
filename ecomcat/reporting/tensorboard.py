"""What TensorBoard shows: each trial's curves and HPARAMS, and the final model.

The final model is in `tensorboard/final` of the study.
"""

from __future__ import annotations

import dataclasses
import logging
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from tensorboard.plugins.hparams import api as hparams
from tensorboard.plugins.hparams import api_pb2
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData
from tensorboard.plugins.hparams.summary import session_end_pb

from ecomcat.errors import UserError
from ecomcat.hyperparameters import ModelConfig
from ecomcat.option_fields import Rule
from ecomcat.reporting.printed_tables import SHOWN_FIRST
from ecomcat.tuning.listeners import SearchListener
from ecomcat.tuning.records import COMPLETED, CUT_SHORT, FAILED, PRUNED, TrialRecord
from ecomcat.tuning.study import Study
from ecomcat.wording.summary import Metrics, shown_scores

_METRICS = {
    "objective": ("best/macro_f1", "val macro-F1 (best epoch)"),
    "accuracy": ("best/accuracy", "val accuracy (best epoch)"),
    "best_epoch": ("best/epoch", "best epoch"),
    "seconds": ("best/seconds", "seconds"),
    "parameters": ("best/parameters", "parameters"),
}
_CURVES = ("loss", "accuracy", "macro_f1")
_ENDED = "ended"
_STATUS = {
    COMPLETED: api_pb2.STATUS_SUCCESS,
    PRUNED: api_pb2.STATUS_UNKNOWN,
    CUT_SHORT: api_pb2.STATUS_UNKNOWN,
    FAILED: api_pb2.STATUS_FAILURE,
}
FINAL = "final"
_MAX_CLASSES, _MAX_NAME = 40, 26  # classes in the picture of the confusion matrix; characters


class TensorBoardListener(SearchListener):
    """Write each trial's curves and its row in the HPARAMS tab.

    Args:
        study: The study's folder.
        extra: Names of a builder's own hyperparameters.
    """

    def __init__(self, study: Study, extra: Sequence[str] = ()) -> None:
        self._study = study
        self._curves: dict[str, _Curves] = {}
        _declare(study.tensorboard_dir, extra)

    def trial_begins(self, record: TrialRecord, epochs: int) -> None:
        """Begin a trial's curves; those of an interrupted attempt are removed."""
        self._forget(record)
        self._curves[record.id] = _Curves(self._study.tensorboard_dir / record.id)

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
        with _event_writer(self._study.tensorboard_dir / record.id):
            values = {
                name: value if isinstance(value, bool | int | float | str) else str(value)
                for name, value in record.values.items()
            }
            # A column of its own: TensorBoard has no status for pruned.
            values[_ENDED] = record.status
            hparams.hparams(values, trial_id=f"{self._study.name}/{record.id}")
            if record.objective is not None:
                for attribute, (tag, _) in _METRICS.items():
                    tf.summary.scalar(tag, getattr(record, attribute), step=record.best_epoch)
            _write_raw(session_end_pb(_STATUS[record.status]))


def _declare(directory: Path, extra: Sequence[str]) -> None:
    declared = [hparams.HParam(_ENDED, hparams.Discrete(list(_STATUS)))]
    declared += [
        hparams.HParam(entry.name, _domain(entry.metadata["rule"]))
        for entry in dataclasses.fields(ModelConfig)
        if "rule" in entry.metadata
    ]
    for old in directory.glob("events.out.tfevents.*"):
        old.unlink()
    config = hparams.hparams_config_pb(
        hparams=[*declared, *(hparams.HParam(name) for name in extra)],
        metrics=[hparams.Metric(tag, display_name=name) for tag, name in _METRICS.values()],
    )
    # The table shows at first five of those that "differ", in alphabetical order.
    plugin = config.value[0].metadata.plugin_data
    content = HParamsPluginData.FromString(plugin.content)
    for info in content.experiment.hparam_infos:
        info.differs = info.name in {_ENDED, *SHOWN_FIRST}
    plugin.content = content.SerializeToString()
    with _event_writer(directory):
        _write_raw(config)


def _domain(rule: Rule) -> Any:
    """Declare all values that the schema allows: one study's range would hide other studies."""
    if rule.kind == "bool":
        return hparams.Discrete([False, True])
    if rule.kind == "name":
        return hparams.Discrete(rule.words())
    return hparams.RealInterval(float(rule.low or 0.0), float(rule.high or 0.0))


class _Curves:
    """Write train and validation curves into `train` and `validation` below a folder."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._writers = {
            prefix: tf.summary.create_file_writer(str(directory / name))
            for prefix, name in (("", "train"), ("val_", "validation"))
        }

    def write(self, epoch: int, logs: Mapping[str, float]) -> None:
        """Add the scores of an epoch, counted from 1, under Keras's names."""
        for prefix, writer in self._writers.items():
            with _disk_errors(self._directory), writer.as_default():
                for name in _CURVES:
                    if f"{prefix}{name}" in logs:
                        tf.summary.scalar(name, float(logs[f"{prefix}{name}"]), step=epoch)
                writer.flush()

    def close(self) -> None:
        """End the files."""
        with _disk_errors(self._directory):
            for writer in self._writers.values():
                writer.close()


class FinalCurves(_Curves):
    """Write the curves of the final training.

    The final training has no rows left to validate on, so its validation curve is that of the
    winning trial: the same configuration, trained on train alone.

    Args:
        study: The study's folder.
        best: The winning trial.
    """

    def __init__(self, study: Study, best: TrialRecord) -> None:
        shutil.rmtree(study.tensorboard_dir / FINAL, ignore_errors=True)
        super().__init__(study.tensorboard_dir / FINAL)
        self._best = best

    def write(self, epoch: int, logs: Mapping[str, float]) -> None:
        """Add a point to both curves, of an epoch's number from 1."""
        rows = self._best.curves[epoch - 1 : epoch]
        scores = {name: row[name] for row in rows for name in row if name.startswith("val_")}
        super().write(epoch, {**logs, **scores})


def write_confusion(study: Study, metrics: Metrics) -> None:
    """Write the confusion matrix of the scores that are shown of what `metrics.json` holds.

    For a taxonomy the matrix of a level, the hierarchical scores, and the scores of each level
    follow, one step for each.
    """
    on, scores = shown_scores(metrics)
    taxonomy = scores.get("taxonomy") or {"levels": [], "hierarchical": {}, "readable": None}
    with _event_writer(study.tensorboard_dir / FINAL):
        pictures = {"confusion matrix": scores}
        if readable := taxonomy["readable"]:
            pictures[f"confusion matrix of level {readable['level']}"] = readable
        for name, shown in pictures.items():
            tf.summary.image(name, draw_confusion(shown, on)[None], step=0)
        for name, score in taxonomy["hierarchical"].items():
            tf.summary.scalar(f"hierarchical/{name}", score, step=0)
        for depth, level in enumerate(taxonomy["levels"], 1):
            for name in ("nodes", "accuracy", "macro_f1"):
                tf.summary.scalar(f"level/{name}", float(level[name]), step=depth)


def draw_confusion(scores: Mapping[str, Any], on: str = "test") -> NDArray[np.uint8]:
    """Draw the confusion matrix: true categories by row, predicted ones by column.

    If there are more than 40 categories, those with the most mistakes are shown. A name with
    letters that the font lacks is shown as `#` and its number, from 1. The array of shape
    `(height, width, 3)` holds red, green and blue of each pixel.
    """
    # Matplotlib logs at level WARNING that it makes a cache of the fonts.
    logging.getLogger("matplotlib").setLevel(logging.ERROR)
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from sklearn.metrics import ConfusionMatrixDisplay

    per_class = scores["per_class"]
    shown = _most_confused(scores)
    numbers = {name: number for number, name in enumerate(per_class)}
    names = [_drawable_name(numbers[name], name) for name in shown]
    matrix, inches = _cells(scores, shown), 4 + 0.4 * len(names)
    figure = Figure(figsize=(inches, inches), dpi=100, layout="constrained")
    canvas = FigureCanvasAgg(figure)
    which = "" if len(names) == len(per_class) else f", the {len(names)} with the most mistakes"
    axes = figure.add_subplot(title=f"{on.capitalize()} texts by category{which}")
    display = ConfusionMatrixDisplay(matrix, display_labels=names)
    display.plot(ax=axes, cmap="Blues", colorbar=False, values_format="d", xticks_rotation=90)
    for label in (*axes.get_xticklabels(), *axes.get_yticklabels()):
        label.set_parse_math(False)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[:, :, :3].copy()


def _most_confused(scores: Mapping[str, Any]) -> list[str]:
    """Return the categories with the most mistakes, in the order of all."""
    mistakes: Counter[str] = Counter()
    for true, predicted, texts in scores["confusions"]:
        mistakes.update({true: texts, predicted: texts})
    names = list(scores["per_class"])
    chosen = set(sorted(names, key=lambda name: -mistakes[name])[:_MAX_CLASSES])
    return [name for name in names if name in chosen]


def _cells(scores: Mapping[str, Any], names: Sequence[str]) -> NDArray[np.int64]:
    """Return the confusion matrix of some categories."""
    places = {name: place for place, name in enumerate(names)}
    found = (scores["per_class"][name] for name in names)
    matrix = np.diag([round(score["recall"] * score["rows"]) for score in found])
    for true, predicted, texts in scores["confusions"]:
        if true in places and predicted in places:
            matrix[places[true], places[predicted]] = texts
    return matrix


def _drawable_name(number: int, name: str) -> str:
    """Return a name on one line, or its number where the font lacks a letter of it."""
    from matplotlib.font_manager import findfont, get_font

    font = get_font(findfont("DejaVu Sans"))
    line = " ".join(name.split())
    if not line or not all(font.get_char_index(ord(letter)) for letter in line):
        return f"#{number + 1}"
    end = _MAX_NAME // 2  # paths that begin alike end differently
    return line if len(line) <= _MAX_NAME else f"{line[: end - 1]}…{line[-end:]}"


@contextmanager
def _event_writer(directory: Path) -> Iterator[Any]:
    """Open a new file of events in a folder, and make it where `tf.summary` writes to."""
    with _disk_errors(directory):
        writer = tf.summary.create_file_writer(str(directory))
        with writer.as_default():
            yield writer
        writer.close()


@contextmanager
def _disk_errors(directory: Path) -> Iterator[None]:
    """Explain a full disk, or a folder that cannot be written to, to the user."""
    try:
        yield
    except tf.errors.OpError as error:
        raise UserError(
            f"Cannot write TensorBoard's events to {directory}: {error.message}. Make room, or "
            "choose a place that you may write to, and run the same command again."
        ) from error


def _write_raw(summary: Any) -> None:
    tf.summary.experimental.write_raw_pb(summary.SerializeToString(), step=0)
