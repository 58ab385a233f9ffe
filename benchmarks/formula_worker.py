"""Trials that score a formula: all that a search does around its trainings, without them."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ecomcat.config import ModelConfig, SearchCommand, SearchConfig, conf_dir
from ecomcat.model.metrics import Outcome
from ecomcat.model.space import Domain, read_space, resolve_auto
from ecomcat.tuning.trial import EpochReport, TrialBegun, TrialTask

if TYPE_CHECKING:
    from ecomcat.tuning.records import TrialRecord
    from ecomcat.tuning.trial import TrialInputs
    from ecomcat.tuning.tuner import SearchListener
    from ecomcat.tuning.workers import WorkerPool

# The e-commerce data set's part that the other figures are measured on.
_TRAINING_TEXTS, _VALIDATION_TEXTS, _CLASSES = 9_294, 1_991, 4
_MODEL = "bilstm"


class FormulaWorker:
    """Answer as `TrialWorker` does, at once or after a sleep.

    What a trial leaves is as large as what the default model leaves: its embedding.

    Args:
        epoch_seconds: that each epoch sleeps.
        cores: what a pool of Ray's gives a worker; not used.
    """

    def __init__(self, epoch_seconds: float = 0.0, cores: int = 1) -> None:
        self._epoch_seconds = epoch_seconds

    def ready(self) -> int:
        """Answer at once."""
        return 0

    def begin(self, task: TrialTask) -> TrialBegun:
        """Begin a trial."""
        self._task, self._epoch = task, 0
        return TrialBegun(math.prod(_embedding_shape(task.values)))

    def train_epoch(self) -> EpochReport:
        """Return the formula's scores of the next epoch."""
        time.sleep(self._epoch_seconds)
        self._epoch += 1
        score = formula(self._task.values, self._epoch)
        scores = {"loss": 1 - score, "accuracy": score, "macro_f1": score}
        logs = {**scores, **{f"val_{name}": value for name, value in scores.items()}}
        ended = "max_epochs" if self._epoch >= self._task.epochs else ""
        return EpochReport(self._epoch, logs, ended)

    def finish(self) -> Outcome:
        """Return the last epoch as the best, with weights of zeros."""
        score = formula(self._task.values, self._epoch)
        return Outcome(
            best_epoch=self._epoch,
            epochs=self._epoch,
            scores={"macro_f1": score, "accuracy": score, "loss": 1 - score},
            probabilities=np.zeros((_VALIDATION_TEXTS, _CLASSES), np.float32),
            weights=[np.zeros(_embedding_shape(self._task.values), np.float32)],
        )


def formula(values: Mapping[str, Any], epoch: int) -> float:
    """Score a configuration of the default model after some epochs, 0 to 1, higher with each."""
    best: float = (
        0.96
        - 0.05 * abs(math.log10(values["learning_rate"] / 3e-3))
        - 0.10 * abs(values["dropout"] - 0.45)
        - 0.10 * abs(values["word_dropout"] - 0.2)
        - 0.05 * abs(values["spatial_dropout"] - 0.3)
        - 0.01 * abs(values["lstm_units"] - 80) / 16
        - 0.01 * (values["pooling"] == "max")
    )
    return best * (1 - 0.5**epoch)


def _embedding_shape(values: Mapping[str, Any]) -> tuple[int, int]:
    return values["vocabulary_size"], values["embedding_dim"]


def default_model(training_texts: int = _TRAINING_TEXTS) -> tuple[ModelConfig, dict[str, Domain]]:
    """Return the default model's configuration and its space.

    Args:
        training_texts: which decide the batch size.
    """
    from omegaconf import OmegaConf

    options = OmegaConf.load(conf_dir() / "model" / f"{_MODEL}.yaml")
    merged = OmegaConf.merge(OmegaConf.structured(ModelConfig), options)
    model: Any = OmegaConf.to_object(merged)
    return model, resolve_auto(read_space(model), training_texts)


def search_formula(
    search: SearchConfig,
    folder: Path,
    pool: WorkerPool,
    listeners: Sequence[SearchListener] = (),
    *,
    tensorboard: bool = False,
) -> list[TrialRecord]:
    """Search the default model's space in a folder, with formula workers of a pool.

    Args:
        search: algorithm, trials, epochs and pruning.
        folder: takes the study.
        pool: of `FormulaWorker`; it is left open.
        listeners: who is told how it goes.
        tensorboard: whether TensorBoard's events are written, as a search does.

    Returns:
        All trials.
    """
    from ecomcat.reporting.tensorboard import TensorBoardListener
    from ecomcat.tuning.records import load_records
    from ecomcat.tuning.study import open_study
    from ecomcat.tuning.tuner import run_search

    @contextmanager
    def open_pool(*_: Any) -> Iterator[WorkerPool]:
        yield pool

    model, space = default_model()
    config = SearchCommand(model=model, search=search)
    with open_study(folder, "study", {}, overwrite=False) as study:
        heard = [*listeners, *([TensorBoardListener(study)] if tensorboard else [])]
        run_search(config, _no_texts(config), space, study, heard, open_pool)
        return load_records(study)


def _no_texts(config: SearchCommand) -> TrialInputs:
    """Return what trials share, without texts."""
    from ecomcat.data.splitting import Split
    from ecomcat.model.network import lstm_classifier
    from ecomcat.text.encoding import EncodedTexts
    from ecomcat.tuning.trial import TrialInputs

    rows = np.arange(_VALIDATION_TEXTS)
    return TrialInputs(
        build=lstm_classifier,
        texts=EncodedTexts(np.zeros(0, np.int32), np.zeros(1, np.int64)),
        labels=rows[:0],
        classes=_CLASSES,
        split=Split(train=rows[:0], validation=rows, test=rows[:0]),
        seed=config.seed,
        patience=config.search.max_epochs,
        max_epochs=config.search.max_epochs,
    )
