"""What a trial leaves in its folder: best weights, validation probabilities, its last state."""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecomcat.errors import UserError
from ecomcat.files import atomic_path, write_json, write_text
from ecomcat.model.metrics import OBJECTIVE, Outcome
from ecomcat.tuning.study import Study, read_state

_RESULT_COLUMNS = (
    *(OBJECTIVE, "val_accuracy", "val_loss", "best_epoch", "epochs"),
    *("seconds", "parameters", "ended"),
)
RUNNING, COMPLETED, PRUNED, FAILED = "running", "completed", "pruned", "failed"
_TABLE_EVERY_SECONDS = 1.0


@dataclass
class TrialRecord:
    """One trial.

    Args:
        id: its number, padded with zeros.
        values: every hyperparameter's value, fixed ones too.
        root: number of the trial whose chance this one shares: its own, or that of the first of
            the trials that it continues.
        status: `running`, `completed`, `pruned` or `failed`.
        objective: best validation macro-F1.
        accuracy: validation accuracy after the same epoch.
        loss: validation loss after the same epoch.
        best_epoch: epochs trained by then.
        epochs: epochs trained in all.
        seconds: of wall time, interrupted attempts included.
        parameters: weights that were trained.
        ended: why: `max_epochs`, `patience`, `time`, `trial_max_minutes`, what pruned it, or what
            went wrong.
        curves: a row an epoch, with Keras's names.
        retries: how often it began anew since its worker was lost or out of memory.
        unfinished: how often it was begun and neither ended nor stopped in order.
        ended_at: seconds that the study had been searched for when it ended; None in studies that
            are older than this.
    """

    id: str
    values: dict[str, Any]
    root: int = 0
    status: str = RUNNING
    objective: float | None = None
    accuracy: float | None = None
    loss: float | None = None
    best_epoch: int = 0
    epochs: int = 0
    seconds: float = 0.0
    parameters: int = 0
    ended: str = ""
    curves: list[dict[str, float]] = field(default_factory=list)
    retries: int = 0
    unfinished: int = 0
    ended_at: float | None = None

    def forget_attempt(self) -> None:
        """Drop what a lost attempt reached; the time that it took counts."""
        self.curves = []
        self.epochs = self.best_epoch = 0
        self.objective = self.accuracy = self.loss = None

    def note_epoch(self, epoch: int, logs: dict[str, float]) -> None:
        """Add an epoch's scores; the best so far are those of the highest objective.

        Equals are told apart by the loss, as training does.
        """
        self.curves.append(logs)
        self.epochs = epoch
        best = max(self.curves, key=lambda row: (row[OBJECTIVE], -row["val_loss"]))
        self.best_epoch = epoch - len(self.curves) + self.curves.index(best) + 1
        self.objective = best[OBJECTIVE]
        self.accuracy, self.loss = best["val_accuracy"], best["val_loss"]


class TrialTable:
    """A study's trials: in memory, each of them in a file, and all in `trials.csv`.

    Args:
        study: the folder; what earlier runs recorded is read.
    """

    def __init__(self, study: Study) -> None:
        self._study = study
        self._records = {record.id: record for record in load_records(study)}
        self._written = 0.0

    @property
    def records(self) -> list[TrialRecord]:
        """Every trial, in the order of their numbers."""
        return [self._records[trial_id] for trial_id in sorted(self._records, key=int)]

    def get(self, trial_id: str) -> TrialRecord | None:
        """Return a trial, if it was recorded."""
        return self._records.get(trial_id)

    def save(self, record: TrialRecord) -> None:
        """Write a trial's file, then the table."""
        self._records[record.id] = record
        write_json(_record_path(self._study, record.id), asdict(record))
        if record.status == RUNNING:
            self.refresh()
        else:
            self._write_table()

    def refresh(self) -> None:
        """Write the table when it was not written for a second: running trials have gone on."""
        if time.monotonic() - self._written >= _TABLE_EVERY_SECONDS:
            self._write_table()

    def _write_table(self) -> None:
        # Not waited for: it can be written again from the trials' files.
        table = self._study.directory / "trials.csv"
        write_text(table, trials_csv(self.records), durable=False)
        self._written = time.monotonic()


def load_record(study: Study, trial_id: str) -> TrialRecord:
    """Read one trial's file."""
    return TrialRecord(**read_state(_record_path(study, trial_id)))


def load_records(study: Study) -> list[TrialRecord]:
    """Read every trial's file, in the order of their numbers."""
    paths = (study.directory / "trials").glob("*/record.json")
    # A copy that someone made of a trial's folder is no trial.
    trial_ids = sorted((name for path in paths if (name := path.parent.name).isdecimal()), key=int)
    return [load_record(study, trial_id) for trial_id in trial_ids]


def best_record(records: Iterable[TrialRecord]) -> TrialRecord | None:
    """Return the completed trial of the highest objective, the earliest of equals."""
    completed = (record for record in records if record.status == COMPLETED)
    return max(completed, key=lambda record: record.objective or 0.0, default=None)


def require_best(study: Study) -> TrialRecord:
    """Return the study's best trial.

    Raises:
        UserError: when no trial has completed, with the first one's reason.
    """
    records = load_records(study)
    best = best_record(records)
    if best is None:
        failed = [record for record in records if record.status == FAILED]
        if not failed:
            raise UserError(
                "Expected at least one trial to complete, but the study's time was spent before "
                f"one of {len(records)} did. Raise search.max_minutes."
            )
        raise UserError(
            f"Expected at least one trial to complete, but of {len(records)} none did. Trial "
            f"{failed[0].id}: {failed[0].ended}. Each trial's error.txt stands in "
            f"{study.directory / 'trials'}."
        )
    return best


def trials_csv(records: Sequence[TrialRecord]) -> str:
    """Return the content of `trials.csv`: a row a trial."""
    names = list(dict.fromkeys(name for record in records for name in record.values))
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(["id", "status", *names, *_RESULT_COLUMNS])
    for record in records:
        values = (record.values.get(name, "") for name in names)
        writer.writerow([record.id, record.status, *values, *_results(record)])
    return stream.getvalue()


def _results(record: TrialRecord) -> list[str]:
    """Write what stands in `_RESULT_COLUMNS`."""
    scores = (record.objective, record.accuracy, record.loss)
    return [
        *("" if score is None else f"{score:.6f}" for score in scores),
        *(str(record.best_epoch), str(record.epochs), f"{record.seconds:.1f}"),
        *(str(record.parameters), record.ended),
    ]


def _record_path(study: Study, trial_id: str) -> Path:
    return study.trial_dir(trial_id) / "record.json"


BEST_WEIGHTS, LAST_STATE, VALIDATION = "best_weights.npz", "last_state.npz", "validation.npz"


def load_outcome(directory: Path, curves: Sequence[dict[str, float]]) -> Outcome:
    """Read what a trial left for one that continues it.

    Args:
        directory: the trial's.
        curves: the trial's.
    """
    with np.load(directory / VALIDATION, allow_pickle=False) as kept:
        return Outcome(
            best_epoch=int(kept["best_epoch"]),
            epochs=len(curves),
            scores={name: float(kept[name]) for name in ("macro_f1", "accuracy", "loss")},
            probabilities=kept["probabilities"],
            weights=_load_arrays(directory / BEST_WEIGHTS),
            curves=list(curves),
            state=_load_arrays(directory / LAST_STATE),
        )


def load_best_weights(directory: Path) -> list[NDArray[Any]]:
    """Read the weights of a trial's best epoch, trained on train alone.

    Args:
        directory: the trial's.

    Raises:
        UserError: when the file is gone.
    """
    path = directory / BEST_WEIGHTS
    try:
        return _load_arrays(path)
    except FileNotFoundError as error:
        raise UserError(
            f"Expected the weights of trial {directory.name}, found no {path}. Bring the file "
            "back, or search again with search.overwrite=true."
        ) from error


def keep_outcome(outcome: Outcome, directory: Path, validation_rows: NDArray[np.int64]) -> None:
    """Write best weights, validation probabilities and, for a later continuation, the last state.

    Args:
        outcome: of the training.
        directory: the trial's.
        validation_rows: which texts the probabilities belong to.
    """
    if outcome.state:
        _save_arrays(directory / LAST_STATE, outcome.state)
    _save_arrays(directory / BEST_WEIGHTS, outcome.weights)
    kept: dict[str, Any] = {
        "probabilities": outcome.probabilities,
        "rows": validation_rows,
        "best_epoch": outcome.best_epoch,
        **outcome.scores,
    }
    with atomic_path(directory / VALIDATION) as path:
        np.savez(path, **kept)


def _save_arrays(path: Path, arrays: Sequence[NDArray[Any]]) -> None:
    # HDF5, which Keras would write, crashes the process when the disk is full.
    with atomic_path(path) as temporary:
        np.savez(temporary, *arrays)


def _load_arrays(path: Path) -> list[NDArray[Any]]:
    with np.load(path, allow_pickle=False) as kept:
        return [kept[f"arr_{number}"] for number in range(len(kept.files))]
