"""Write what TensorBoard shows: curves of each training, and an HPARAMS tab that ranks trials.

A trial's own folder holds its hyperparameters and its best scores, `train` and `validation` below
it the curves. TensorBoard reads one declaration of hyperparameters and metrics for all studies
under its folder and merges trials of equal names, so every study declares the same list with the
same domains, and a trial is called `<study>/<id>`.
API: https://github.com/tensorflow/tensorboard/blob/master/tensorboard/plugins/hparams/api.py
"""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import tensorflow as tf
from tensorboard.plugins.hparams import api as hparams
from tensorboard.plugins.hparams import api_pb2
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData
from tensorboard.plugins.hparams.summary import session_end_pb

from ecomcat.config import ModelConfig
from ecomcat.reporting.events import disk_errors, event_writer, write_raw
from ecomcat.reporting.progress import TELLING
from ecomcat.rules import Rule
from ecomcat.tuning.study.records import COMPLETED, FAILED, PRUNED, TrialRecord
from ecomcat.tuning.study.study import Study

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
