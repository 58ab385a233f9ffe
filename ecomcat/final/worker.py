"""What retrains a network: in this process, or in a worker that Ray places."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ecomcat.tuning.workers.messages import (
    EpochReport,
    TrialBegun,
    TrialFailure,
    TrialTask,
    describe_failure,
)
from ecomcat.tuning.workers.worker import BaseWorker

if TYPE_CHECKING:
    import keras
    import numpy as np
    from numpy.typing import NDArray

    from ecomcat.model.training import Training


class RetrainWorker(BaseWorker):
    """Train networks on all rows of `split.train`, with no validation to watch.

    Each method answers or tells what failed, and raises nothing.
    """

    _model: keras.Model
    _training: Training

    def begin(self, task: TrialTask) -> TrialBegun | TrialFailure:
        """Build a network."""
        from ecomcat.tuning.workers.trial import build_network, start_training, trial_seed

        inputs = self._inputs
        try:
            examples = inputs.examples(inputs.split.train, task.values)
            seed = trial_seed(inputs.seed, task.root)
            self._model = build_network(inputs, task.values, examples, seed)
            self._training = start_training(self._model, inputs, task.values, examples, seed)
            return TrialBegun(self._model.count_params())
        except Exception as error:
            return describe_failure(error)

    def train_epoch(self) -> EpochReport | TrialFailure:
        """Train one epoch of the network that was built."""
        try:
            logs = self._training.train_epoch()
            return EpochReport(self._training.epoch, logs)
        except Exception as error:
            return describe_failure(error)

    def weights(self) -> list[NDArray[np.float32]] | TrialFailure:
        """Return the network's weights."""
        try:
            found: list[Any] = self._model.get_weights()
            return found
        except Exception as error:
            return describe_failure(error)
