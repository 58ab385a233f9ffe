"""One configuration of our network, trained without a search, where duplicates are left in.

A search removes duplicates, so the leaky protocol cannot run it: it trains `model=bilstm_64` to the
end of its schedule.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.quality_rows import Model, Rows, Task
from ecomcat.data.splitting import Split
from ecomcat.process import import_tensorflow
from ecomcat.text.encoding import encode_all
from ecomcat.text.tokenizer import fit_tokenizer

_MODEL, _EPOCHS, _PATIENCE = "bilstm_64", 8, 3
_NO_ROWS = np.zeros(0, np.int64)


@dataclass(frozen=True)
class FixedModel:
    """A network and its tokenizer, deployed as a `.keras` and a JSON file."""

    tokenizer: Any
    max_tokens: int
    network: Any
    scorer: Any

    def predict(self, texts: Sequence[str]) -> NDArray[np.int64]:
        """Return class numbers."""
        encoded = encode_all(self.tokenizer, texts, self.max_tokens)
        return np.asarray(self.scorer(encoded).argmax(axis=1))

    def size(self) -> int:
        """Return both files' bytes."""
        with tempfile.TemporaryDirectory(prefix="fixed_") as folder:
            path = Path(folder) / "model.keras"
            self.network.save(path)
            return path.stat().st_size + len(self.tokenizer.to_str().encode())


class Fixed:
    """One configuration of ours."""

    def choose(self, train: Rows, validation: Rows, task: Task) -> tuple[Mapping[str, Any], Model]:
        """Train on train; nothing is left to choose."""
        from ecomcat.tuning.trial import TrialTask, TrialTraining

        inputs, tokenizer, values = _inputs(train, validation, task)
        training = TrialTraining(inputs, TrialTask(0, values, _EPOCHS))
        while not training.train_epoch().ended:
            pass
        outcome = training.outcome()
        training.model.set_weights(outcome.weights)
        return {}, _model(tokenizer, values, training.model)

    def fit(self, rows: Rows, choice: Mapping[str, Any], task: Task) -> Model:
        """Train to the end of the schedule."""
        from ecomcat.config import SearchConfig
        from ecomcat.final.retraining import retrain_trials
        from ecomcat.tuning.records import TrialRecord

        inputs, tokenizer, values = _inputs(rows, Rows([], _NO_ROWS), task)
        record = TrialRecord("0000", values, best_epoch=_EPOCHS)
        (network,) = retrain_trials(inputs, [record], inputs.split.train, SearchConfig(workers=1))
        return _model(tokenizer, values, network)


def _inputs(train: Rows, validation: Rows, task: Task) -> tuple[Any, Any, dict[str, Any]]:
    """Return what trials share, the tokenizer, fitted on train, and the configuration's values."""
    import_tensorflow()
    from ecomcat.model.network import find_builder
    from ecomcat.tuning.trial import TrialInputs

    build, values = _configuration(len(train.texts))
    tokenizer = fit_tokenizer(train.texts, values["vocabulary_size"])
    numbers = np.arange(len(train.texts) + len(validation.texts))
    inputs = TrialInputs(
        build=find_builder(build),
        texts=encode_all(tokenizer, [*train.texts, *validation.texts], values["max_tokens"]),
        labels=np.concatenate([train.labels, validation.labels]),
        classes=task.classes,
        split=Split(numbers[: len(train.texts)], numbers[len(train.texts) :], _NO_ROWS),
        seed=task.seed,
        patience=_PATIENCE,
        max_epochs=_EPOCHS,
    )
    return inputs, tokenizer, values


def _configuration(rows: int) -> tuple[str, dict[str, Any]]:
    """Read the builder's path and the values of the fixed configuration."""
    from omegaconf import OmegaConf

    from ecomcat.config import ModelConfig, conf_dir
    from ecomcat.model.space import fixed_values, read_space, resolve_auto

    options = OmegaConf.load(conf_dir() / "model" / f"{_MODEL}.yaml")
    model: Any = OmegaConf.to_object(OmegaConf.merge(OmegaConf.structured(ModelConfig), options))
    return model.build, fixed_values(resolve_auto(read_space(model), rows))


def _model(tokenizer: Any, values: Mapping[str, Any], network: Any) -> FixedModel:
    import keras

    from ecomcat.model.training import Scorer

    # Without the optimizer, as our commands export it.
    plain = keras.Model(network.inputs, network.outputs)
    return FixedModel(tokenizer, values["max_tokens"], plain, Scorer(plain))
