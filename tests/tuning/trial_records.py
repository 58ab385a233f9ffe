"""Records of trials as tests make them up, and the table that is written of them."""

from __future__ import annotations

import csv
from typing import Any

from ecomcat.model.metrics import OBJECTIVE
from ecomcat.tuning.records import COMPLETED, TrialRecord
from ecomcat.tuning.study import Study
from ecomcat.tuning.trial_table import TrialTable

VALUES = {"lstm_units": 64, "dropout": 0.3, "bidirectional": True, "pooling": "max+mean"}


def epoch(objective: float, loss: float = 0.5, accuracy: float = 0.9) -> dict[str, float]:
    """Return what an epoch is logged with."""
    return {"loss": 0.4, OBJECTIVE: objective, "val_accuracy": accuracy, "val_loss": loss}


def trained(*epochs: dict[str, float], number: int = 0) -> TrialRecord:
    """Return the record of a trial that runs and has trained these epochs."""
    record = TrialRecord(f"{number:04}", dict(VALUES))
    for count, logs in enumerate(epochs, start=1):
        record.note_epoch(count, logs)
    return record


def ended(number: int, objective: float | None, status: str = COMPLETED) -> TrialRecord:
    """Return the record of a trial with its score, without epochs."""
    return TrialRecord(f"{number:04}", {"units": number}, status=status, objective=objective)


def outline(record: TrialRecord) -> tuple[Any, ...]:
    """Return what must be the same however often a search was stopped."""
    return record.id, record.status, record.values, record.objective, record.curves, record.plan


def saved(study: Study, *records: TrialRecord) -> TrialTable:
    """Return a study's table in which the records were saved one after the other."""
    for record in records:
        study.trials.save(record)
    return study.trials


def table_of(study: Study) -> list[dict[str, str]]:
    """Read a study's table."""
    with (study.directory / "trials.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))
