"""What trains trials, one after the other: in the search's own process or far from it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ecomcat.quiet import import_tensorflow
from ecomcat.tuning.workers.messages import (
    EpochReport,
    TrialBegun,
    TrialFailure,
    TrialTask,
    describe_failure,
)

if TYPE_CHECKING:
    from ecomcat.model.outcome import Outcome
    from ecomcat.tuning.workers.trial import TrialInputs, TrialTraining


class BaseWorker:
    """Hold what all networks share, and TensorFlow with as many threads as are allowed.

    Args:
        inputs: what all trials share.
        threads: that TensorFlow may compute in; None leaves it to TensorFlow. The result does not
            depend on it.
    """

    def __init__(self, inputs: TrialInputs, threads: int | None = None) -> None:
        import_tensorflow()
        if threads is not None:
            _limit_threads(threads)
        self._inputs = inputs

    def ready(self) -> int:
        """Answer, with the number of the process, once the worker can take a network."""
        return os.getpid()


class TrialWorker(BaseWorker):
    """Train trials; each method answers or tells what failed, and raises nothing."""

    _training: TrialTraining | None = None

    def begin(self, task: TrialTask) -> TrialBegun | TrialFailure:
        """Build a trial's network; an unfinished trial before it is forgotten."""
        from ecomcat.tuning.workers.trial import TrialTraining

        self._training = None
        try:
            self._training = TrialTraining(self._inputs, task)
            return TrialBegun(self._training.model.count_params())
        except Exception as error:
            return describe_failure(error)

    def train_epoch(self) -> EpochReport | TrialFailure:
        """Train one epoch of the trial that was begun."""
        assert self._training is not None, "train_epoch without a trial"
        try:
            return self._training.train_epoch()
        except Exception as error:
            self._training = None
            return describe_failure(error)

    def finish(self) -> Outcome | TrialFailure:
        """Return what the trial gave, and forget it."""
        assert self._training is not None, "finish without a trial"
        training, self._training = self._training, None
        try:
            return training.outcome()
        except Exception as error:
            return describe_failure(error)


def _limit_threads(threads: int) -> None:
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
