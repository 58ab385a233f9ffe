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

    _model: keras.Model | None = None
    _training: Training | None = None

    def begin(self, task: TrialTask) -> TrialBegun | TrialFailure:
        """Build a network."""
        from ecomcat.tuning.workers.trial import build_network, start_training, trial_seed

        inputs = self._inputs
        # The network before it makes room.
        self._model = self._training = None
        try:
            examples = inputs.examples(inputs.split.train, task.values)
            seed = trial_seed(inputs.seed, task.root)
            self._model = build_network(inputs, task.values, len(examples), seed)
            self._training = start_training(self._model, inputs, task.values, examples, seed)
            return TrialBegun(self._model.count_params())
        except Exception as error:
            return describe_failure(error)

    def train_epoch(self) -> EpochReport | TrialFailure:
        """Train one epoch of the network that was built."""
        assert self._training is not None, "train_epoch without a network"
        try:
            logs = self._training.train_epoch()
            return EpochReport(self._training.epoch, logs)
        except Exception as error:
            return describe_failure(error)

    def weights(self) -> list[NDArray[np.float32]] | TrialFailure:
        """Return the network's weights."""
        assert self._model is not None, "weights without a network"
        try:
            found: list[Any] = self._model.get_weights()
            return found
        except Exception as error:
            return describe_failure(error)
