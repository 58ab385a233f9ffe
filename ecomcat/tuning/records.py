"""What a trial was and gave: one small file a trial, and the table of all of them."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ecomcat.errors import UserError
from ecomcat.files import write_json, write_text
from ecomcat.model.scores import OBJECTIVE
from ecomcat.tuning.study import Study

_RESULT_COLUMNS = (
    *(OBJECTIVE, "val_accuracy", "val_loss", "best_epoch", "epochs"),
    *("seconds", "parameters", "ended"),
)
RUNNING, COMPLETED, FAILED = "running", "completed", "failed"


@dataclass
class TrialRecord:
    """One trial.

    Args:
        id: its number, padded with zeros.
        values: every hyperparameter's value, fixed ones too.
        root: number of the trial whose chance this one shares: its own, or that of the first of
            the trials that it continues.
        status: `running`, `completed` or `failed`.
        objective: best validation macro-F1.
        accuracy: validation accuracy after the same epoch.
        loss: validation loss after the same epoch.
        best_epoch: epochs trained by then.
        epochs: epochs trained in all.
        seconds: of wall time, interrupted attempts included.
        parameters: weights that were trained.
        ended: why: `max_epochs`, `patience`, `time`, or what went wrong.
        curves: a row an epoch, with Keras's names.
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


def save_record(study: Study, record: TrialRecord) -> None:
    """Write one trial's file, then the table of all trials."""
    write_json(_record_path(study, record.id), asdict(record))
    write_trials_table(study)


def load_record(study: Study, trial_id: str) -> TrialRecord:
    """Read one trial's file."""
    return TrialRecord(**json.loads(_record_path(study, trial_id).read_text(encoding="utf-8")))


def load_records(study: Study) -> list[TrialRecord]:
    """Read every trial's file, in the order of their numbers."""
    paths = sorted((study.directory / "trials").glob("*/record.json"))
    return [load_record(study, path.parent.name) for path in paths]


def best_record(records: Iterable[TrialRecord]) -> TrialRecord | None:
    """Return the completed trial of the highest objective, the earliest of equals."""
    completed = [record for record in records if record.status == COMPLETED]
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


def active_seconds(study: Study) -> float:
    """Return how long the study's trials took so far, in seconds of wall time."""
    return sum(record.seconds for record in load_records(study))


def write_trials_table(study: Study) -> None:
    """Write `trials.csv`: a row a trial."""
    records = load_records(study)
    names = list(dict.fromkeys(name for record in records for name in record.values))
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(["id", "status", *names, *_RESULT_COLUMNS])
    for record in records:
        values = (record.values.get(name, "") for name in names)
        writer.writerow([record.id, record.status, *values, *_results(record)])
    write_text(study.directory / "trials.csv", stream.getvalue())


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
