"""Train one trial as Keras does or as ecomcat does, and take its CPU seconds apart."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any
from unittest import mock

if TYPE_CHECKING:
    from ecomcat.tuning.trial import TrialInputs, TrialTask

# What a trial's constructor calls, by what it is called in the table.
PARTS = {"build": "build_network", "compile step": "start_training", "scorer": "ValidationWatch"}


@dataclass(frozen=True)
class Cost:
    """CPU seconds of one trial.

    Args:
        marks: at its begin, and after each epoch.
        parts: of what its constructor calls, by their names.
    """

    marks: Sequence[float]
    parts: Mapping[str, float] = field(default_factory=dict)

    @property
    def later_epoch(self) -> float:
        """Median of the epochs after the first."""
        return statistics.median(after - before for before, after in pairwise(self.marks[1:]))

    @property
    def fixed(self) -> float:
        """What is spent by the end of the first epoch beyond such an epoch."""
        return self.marks[1] - self.marks[0] - self.later_epoch

    @property
    def first_batches(self) -> float:
        """What of it is none of the parts: mostly the first calls of the compiled functions."""
        return self.fixed - sum(self.parts.values())


def cost_of_keras(inputs: TrialInputs, task: TrialTask) -> Cost:
    """Train a trial as the project did before it compiled its own functions."""
    from benchmarks.keras_training import train

    marks = [time.process_time()]
    train(inputs, task, lambda: marks.append(time.process_time()))
    return Cost(marks)


def cost_of_ours(inputs: TrialInputs, task: TrialTask) -> Cost:
    """Train a trial as a worker does."""
    from ecomcat.tuning.trial import TrialTraining

    parts: dict[str, float] = {}
    marks = [time.process_time()]
    with _timed_parts(parts):
        training = TrialTraining(inputs, task)
    for _ in range(task.epochs):
        training.train_epoch()
        marks.append(time.process_time())
    return Cost(marks, parts)


@contextmanager
def _timed_parts(seconds: dict[str, float]) -> Iterator[None]:
    """Note the CPU seconds of what a trial's constructor calls."""
    from ecomcat.tuning import trial

    def timed(part: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            began = time.process_time()
            result = function(*arguments, **options)
            seconds[part] = time.process_time() - began
            return result

        return call

    with ExitStack() as patches:
        for part, name in PARTS.items():
            replaced = timed(part, getattr(trial, name))
            patches.enter_context(mock.patch.object(trial, name, replaced))
        yield
