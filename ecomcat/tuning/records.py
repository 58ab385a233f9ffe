"""The record of a trial: what it tries, its state, its scores, and which trial is the best."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ecomcat.errors import UserError
from ecomcat.model.metrics import OBJECTIVE, best_epoch

RUNNING, COMPLETED, PRUNED, FAILED = "running", "completed", "pruned", "failed"
CUT_SHORT = "cut short"
TIME, TRIAL_TIME = "time", "trial_max_minutes"  # why a trial was cut short


@dataclass
class TrialRecord:
    """One trial: what it tries, how far it came and how it ended.

    Args:
        id: String. Its number, padded with zeros.
        values: Dict. Every hyperparameter's value, fixed ones too.
        root: Integer. Number that decides the trial's randomness: its own, or that of the first
            of the trials that it continues.
        status: String. `running`, `completed`, `pruned`, `cut short` (by the clock) or `failed`.
        objective, accuracy, loss: Floats. Validation scores of the best epoch.
        best_epoch, epochs: Integers. The number of the best epoch, and of all epochs trained.
        seconds: Float. Wall time, interrupted attempts included.
        parameters: Integer. Number of weights that were trained.
        ended: String. Why: `max_epochs`, `patience`, `time`, `trial_max_minutes`, what pruned it,
            or what went wrong.
        curves: List of dicts. One row per epoch, with Keras's names.
        retries: Integer. How often it began again because its worker was lost or out of memory.
        unfinished: Integer. How often it was begun and neither ended nor stopped in order.
        ended_at: Float. Seconds that the study had been searched for when it ended.
        plan: Dict. Values that the algorithm adds, such as Hyperband's number of epochs.
        lost: String. Its status before its files were lost, until it ends again.
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
    plan: dict[str, Any] = field(default_factory=dict)
    lost: str = ""

    @property
    def is_owed(self) -> bool:
        """Whether it had ended before its files were lost, so that it costs no new time."""
        return self.lost in {COMPLETED, CUT_SHORT}

    @property
    def curve(self) -> dict[int, float]:
        """The objective by the number of the epoch, from 1."""
        return {epoch: row[OBJECTIVE] for epoch, row in enumerate(self.curves, start=1)}

    @property
    def seconds_per_epoch(self) -> float:
        """Mean wall time of an epoch; 0 before the first has ended."""
        return self.seconds / self.epochs if self.epochs else 0.0

    @property
    def hanging_seconds(self) -> float:
        """Seconds after which an epoch of its configuration counts as hanging."""
        return 600 + 20 * self.seconds_per_epoch

    def planned_epochs(self, max_epochs: int) -> int:
        """Return its last epoch, which may be earlier with Hyperband than for other trials."""
        return int(self.plan.get("tuner/epochs", max_epochs))

    def forget_attempt(self) -> None:
        """Drop the scores of an attempt that was lost or interrupted; its time counts."""
        self.curves = []
        self.epochs = self.best_epoch = 0
        self.objective = self.accuracy = self.loss = None
        self.ended = ""

    def note_epoch(self, epoch: int, logs: Mapping[str, float]) -> None:
        """Add an epoch's scores."""
        self.curves.append(dict(logs))
        self.epochs, self.best_epoch = epoch, best_epoch(self.curves)
        best = self.curves[self.best_epoch - 1]
        self.objective = best[OBJECTIVE]
        self.accuracy, self.loss = best["val_accuracy"], best["val_loss"]


def candidates(records: Sequence[TrialRecord]) -> list[TrialRecord]:
    """Return the trials that a final model may be made of, the best first.

    These are the completed ones. A trial that the clock cut short had fewer epochs than the
    others: it is among them only if it is better than all of them, or if none has completed.

    Args:
        records: Sequence of `TrialRecord`. All trials of a study.

    >>> done = TrialRecord("0000", {}, status="completed", objective=0.8)
    >>> cut = TrialRecord("0001", {}, status="cut short", objective=0.7)
    >>> [record.id for record in candidates([done, cut])]
    ['0000']
    """
    ranked = sorted(
        (record for record in records if record.status in {COMPLETED, CUT_SHORT}),
        key=lambda record: (-(record.objective or 0.0), record.status != COMPLETED),
    )
    if not any(record.status == COMPLETED for record in ranked):
        return ranked
    return [*ranked[:1], *(record for record in ranked[1:] if record.status == COMPLETED)]


def best_record(records: Sequence[TrialRecord]) -> TrialRecord | None:
    """Return the trial of the highest objective, the earliest if equal; None without any."""
    return next(iter(candidates(records)), None)


def require_best(records: Sequence[TrialRecord], directory: Path) -> TrialRecord:
    """Return a study's best trial.

    Raises:
        UserError: No trial has completed; the message says why the first failed.
    """
    best = best_record(records)
    if best is not None:
        return best
    failed = next((record for record in records if record.status == FAILED), None)
    reason = "The study's time was used up before: raise search.max_minutes."
    if failed is not None:
        folder = directory / "trials"
        reason = f"Trial {failed.id}: {failed.ended}. Each trial's error.txt is in {folder}."
    raise UserError(
        f"Expected at least one trial to complete, but of {len(records)} none did. {reason}"
    )
