"""What TensorBoard shows of the final model: curves, figures, mistakes and its words.

All of it stands in `tensorboard/final` of the study.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from tensorboard.plugins.pr_curve import summary as pr_curve

from ecomcat.reporting.confusion_image import draw_confusion
from ecomcat.reporting.events import event_writer, write_raw
from ecomcat.reporting.final_text import final_report
from ecomcat.reporting.projector import WordVectors, write_projector
from ecomcat.reporting.tensorboard import CurveWriter
from ecomcat.text.tokenizer import valid_unicode
from ecomcat.tuning.study.records import TrialRecord
from ecomcat.tuning.study.study import Study

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
