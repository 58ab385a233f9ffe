"""A study's trials: in memory, each of them in a file, and all in `trials.csv`."""

from __future__ import annotations

import csv
import io
import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ecomcat.files import write_text
from ecomcat.json_files import UnreadableError, read_json, write_with_digest
from ecomcat.model.metrics import OBJECTIVE
from ecomcat.tuning.records import COMPLETED, CUT_SHORT, FAILED, RUNNING, TrialRecord
from ecomcat.tuning.trial_files import open_arrays

logger = logging.getLogger("ecomcat")

TRIALS, TABLE = "trials", "trials.csv"
PLAN = "tuner/"  # the beginning of the names that Hyperband adds to a trial's values
_RESULT_COLUMNS = (
    *(OBJECTIVE, "val_accuracy", "val_loss", "best_epoch", "epochs"),
    *("seconds", "parameters", "ended"),
)


class TrialTable:
    """A study's trials.

    A trial whose file is gone or damaged is taken from `trials.csv`, which has all but its curves;
    it is `lost`, and the next search runs it again.

    Args:
        directory: Path. The study's folder; the records of earlier runs are read once.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._records: dict[str, TrialRecord] = {}
        listed = _listed_trials(directory / TABLE)
        names = {path.name for path in (directory / TRIALS).glob("*")}
        # A copy that someone made of a trial's folder is not a trial.
        for trial_id in sorted(name for name in names | set(listed) if name.isdecimal()):
            self._read(trial_id, listed.get(trial_id))

    def _read(self, trial_id: str, listed: TrialRecord | None) -> None:
        path = self._path(trial_id)
        try:
            record: TrialRecord = read_json(path, TrialRecord)
            if record.id != trial_id:
                raise UnreadableError(f"{path}: expected trial {trial_id}, found {record.id}.")
            self._records[trial_id] = record
        except UnreadableError as error:
            if listed is not None:
                self._lose(listed, error)
            elif path.exists():
                logger.warning("%s Trial %s is left out; %s lacks it, too.", error, trial_id, TABLE)

    def _lose(self, record: TrialRecord, error: UnreadableError) -> None:
        logger.warning("%s Trial %s is run again by the next search.", error, record.id)
        self._records[record.id] = record
        # All of a failed trial is known.
        record.lost = "" if record.status == FAILED else record.status

    @property
    def records(self) -> list[TrialRecord]:
        """Every trial, in the order of their numbers."""
        return [self._records[trial_id] for trial_id in sorted(self._records, key=int)]

    @property
    def next_id(self) -> str:
        """The id of the next new trial."""
        return f"{max(map(int, self._records), default=-1) + 1:04d}"

    def __getitem__(self, trial_id: str) -> TrialRecord:
        return self._records[trial_id]

    def get(self, trial_id: str) -> TrialRecord | None:
        """Return a trial, if it was recorded."""
        return self._records.get(trial_id)

    def repair(self, needed: Collection[str]) -> None:
        """Let each trial run again that is lost, or that has lost a file.

        Args:
            needed: Names of the files of arrays that each ended trial must have.
        """
        for record in self.records:
            if record.status in {COMPLETED, CUT_SHORT} and not record.lost:
                self._check_files(record, needed)
            if record.lost and record.status != RUNNING:
                record.status = RUNNING
                record.forget_attempt()
                self.save(record)
        if self._records:
            self.write()

    def _check_files(self, record: TrialRecord, needed: Iterable[str]) -> None:
        try:
            for name in needed:
                with open_arrays(self._path(record.id).with_name(name)):
                    pass
        except UnreadableError as error:
            self._lose(record, error)

    def save(self, record: TrialRecord) -> None:
        """Write a trial's file, then the table."""
        self._records[record.id] = record
        write_with_digest(self._path(record.id), asdict(record))
        self.write()

    def write(self) -> None:
        """Write the table."""
        # It need not be durable: it can be written again from the trials' files.
        write_text(self._directory / TABLE, trials_csv(self.records), durable=False)

    def _path(self, trial_id: str) -> Path:
        return self._directory / TRIALS / trial_id / "record.json"


def trials_csv(records: Sequence[TrialRecord]) -> str:
    """Return the content of `trials.csv`: one row per trial."""
    given = [{**record.values, **record.plan} for record in records]
    names = sorted({name: None for values in given for name in values}, key=_is_plan)
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(["id", "status", *names, *_RESULT_COLUMNS])
    for record, values in zip(records, given, strict=True):
        scores = (record.objective, record.accuracy, record.loss)
        rounded = ("" if score is None else f"{score:.6f}" for score in scores)
        cost = (record.best_epoch, record.epochs, f"{record.seconds:.1f}", record.parameters)
        shown = (values.get(name, "") for name in names)
        writer.writerow([record.id, record.status, *shown, *rounded, *cost, record.ended])
    return stream.getvalue()


def _is_plan(name: str) -> bool:
    return name.startswith(PLAN)


def _listed_trials(path: Path) -> dict[str, TrialRecord]:
    """Return the trials that can be read from a table, without their curves."""
    try:
        rows = list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"), newline="")))
        # A row that was cut lacks a column.
        whole = [row for row in rows if None not in row and None not in row.values()]
        return {row["id"]: _listed_trial(row) for row in whole}
    except (OSError, ValueError, KeyError, csv.Error):
        return {}


def _listed_trial(row: Mapping[str, str]) -> TrialRecord:
    names = list(row)[2 : -len(_RESULT_COLUMNS)]
    given = {name: _value_of(row[name]) for name in names if row[name]}
    objective, accuracy, loss = (
        float(row[name]) if row[name] else None for name in _RESULT_COLUMNS[:3]
    )
    return TrialRecord(
        row["id"],
        {name: value for name, value in given.items() if not _is_plan(name)},
        int(row["id"]),
        row["status"],
        objective,
        accuracy,
        loss,
        int(row["best_epoch"]),
        int(row["epochs"]),
        float(row["seconds"]),
        int(row["parameters"]),
        row["ended"],
        plan={name: value for name, value in given.items() if _is_plan(name)},
    )


def _value_of(text: str) -> Any:
    """Parse a value: a number, a truth value, or the text itself."""
    for kind in (int, float):
        try:
            value = kind(text)
        except ValueError:
            continue
        if str(value) == text:
            return value
    return {"True": True, "False": False}.get(text, text)
