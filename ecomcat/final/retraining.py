"""Train the chosen trial again on more rows, and merge it and the linear part into one model."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from ecomcat.command_config import SearchCommand
from ecomcat.config import SearchConfig
from ecomcat.console import step
from ecomcat.errors import UserError
from ecomcat.export.predicted_columns import pieces
from ecomcat.final.choice import (
    LINEAR,
    NETWORK,
    WHOLE,
    FinalChoice,
    FittedPart,
    Mixture,
    fit_linear,
    mix_parts,
)
from ecomcat.final.merged_network import Part, pool_models
from ecomcat.model.answers import Answers, answers_of, join_answers
from ecomcat.model.taxonomy import Taxonomy
from ecomcat.model.training import Scorer
from ecomcat.tuning.budget import (
    FINAL_MARGIN,
    FinalTraining,
    plan_final_training,
    retrain_seconds,
)
from ecomcat.tuning.jobs import Call, Job, TrialFailedError, TrialTask, ask
from ecomcat.tuning.records import TrialRecord
from ecomcat.tuning.study import Study
from ecomcat.tuning.trial import TrialInputs, build_network, trial_seed
from ecomcat.tuning.trial_files import BEST_WEIGHTS, open_arrays
from ecomcat.tuning.workers import run_all

logger = logging.getLogger("ecomcat")

Weights = list[NDArray[np.float32]]
OnEpoch = Callable[[int, Mapping[str, float]], None]
OnTraining = Callable[[FinalTraining], None]


@dataclass(frozen=True)
class FinalModel:
    """A trained model with all its parts."""

    model: keras.Model  # from ids to probabilities, without an optimizer
    values: Mapping[str, Any]  # the network's hyperparameters: how much of a text all parts read
    parts: Mapping[str, keras.Model]  # within it: the network, and the linear part
    training: FinalTraining
    mixture: Mixture  # by which the parts are one
    rows: NDArray[np.int64]  # numbers of the texts that it was trained on

    def describe(self) -> dict[str, Any]:
        """Return what `metrics.json` holds of it under `final`."""
        return {
            **self.mixture.describe(),
            "trained_texts": len(self.rows),
        }

    def answers(
        self,
        inputs: TrialInputs,
        rows: NDArray[np.int64],
        taxonomy: Taxonomy | None,
        on_texts: Callable[[int], None] = lambda _texts: None,
    ) -> tuple[Answers, dict[str, NDArray[np.int64]]]:
        """Return the whole's answers to some texts, and the classes of the whole and each part.

        `on_texts` is called with the number of texts in each chunk that is answered.
        """
        texts = inputs.examples(rows, self.values).texts
        scorers = {name: Scorer(model) for name, model in {**self.parts, WHOLE: self.model}.items()}
        whole = []
        classes = {name: np.empty(len(rows), np.int64) for name in scorers}
        for piece in pieces(len(rows), inputs.num_classes):
            chunk = np.arange(piece.start, piece.stop)
            asked = texts.take(chunk)
            for name, scorer in scorers.items():
                found = scorer(asked)
                classes[name][chunk] = found.argmax(axis=1)
            # The scorer of the whole is the last.
            label_ids = inputs.label_ids[rows[chunk]]
            whole.append(answers_of(found, label_ids, taxonomy, asked.unknown_shares))
            on_texts(len(chunk))
        return join_answers(whole), classes


def build_final(
    config: SearchCommand,
    inputs: TrialInputs,
    study: Study,
    choice: FinalChoice,
    mixture: Mixture | None,
    rows: NDArray[np.int64],
    on_epoch: OnEpoch = lambda _epoch, _logs: None,
    on_training: OnTraining = lambda _plan: None,
) -> FinalModel:
    """Train what was chosen on some rows, merge it and calibrate it.

    Without `final.retrain` the network is that of the search. `on_training` is called with the plan
    of its training before that begins, when nothing else is computed any more, and `on_epoch` with
    the number of each epoch, from 1, and its scores. Without a mixture it is learned from the
    answers of the trained network to the validation texts, which then may not be in `rows`.
    """
    record, values = choice.record, choice.record.values
    # Before the network, which takes longer: an error should come at once.
    fitted = _fit_linear_part(config, inputs, values, mixture, rows)
    if config.final.retrain:
        network, training = retrain(inputs, record, rows, config.search, on_epoch, on_training)
    else:
        network = _saved_network(inputs, record, study)
        training = FinalTraining.of_trial(config.search, record, len(rows))
    if mixture is None:
        unseen = inputs.examples(inputs.split.validation, values).texts
        mixture = mix_parts(inputs, Scorer(network)(unseen), fitted)
    parts = {NETWORK: Part(network, 1 - mixture.linear_weight, values["vocabulary_size"])}
    if (linear := mixture.linear) is not None:
        parts[LINEAR] = Part(linear.model, mixture.linear_weight, linear.vocabulary_size)
    return FinalModel(
        pool_models(list(parts.values()), mixture.temperature),
        values,
        {name: part.model for name, part in parts.items()},
        training,
        mixture,
        rows,
    )


def _fit_linear_part(
    config: SearchCommand,
    inputs: TrialInputs,
    values: Mapping[str, Any],
    mixture: Mixture | None,
    rows: NDArray[np.int64],
) -> FittedPart:
    """Fit the mixture's linear part to the rows, or return one that is not weighed yet."""
    if mixture is None and config.final.linear:
        with step("Fitting the linear part"):
            return fit_linear(inputs, values, rows)
    if mixture is not None and mixture.linear is not None:
        try:
            with step("Fitting the linear part"):
                mixture.linear.fit(inputs.examples(rows, values))
        except MemoryError as error:
            # The other parts' weights were learned with it, so it is not left out.
            raise UserError(
                f"Expected memory to fit the linear part to {len(rows):,} texts, found too little. "
                "Free some and run the same command again, or leave the part out with "
                "final.linear=false; the trials are saved."
            ) from error
    return None, []


def retrain(
    inputs: TrialInputs,
    record: TrialRecord,
    rows: NDArray[np.int64],
    search: SearchConfig,
    on_epoch: OnEpoch,
    on_training: OnTraining = lambda _plan: None,
) -> tuple[keras.Model, FinalTraining]:
    """Train a trial's configuration on the rows, as `plan_final_training` says.

    `on_training` is called with the plan, and `on_epoch` with the number of each epoch, from 1, and
    its scores.

    Returns:
        The network, and how long it was trained.

    Raises:
        UserError: The training fails.
    """
    done = _Retraining(inputs, record, rows, search, on_epoch)
    on_training(done.plan)
    return network_with(inputs, record, done.run()), done.trained


@dataclass
class _Retraining:
    """The training of the chosen trial, which is tried again after a failure that may pass."""

    inputs: TrialInputs
    record: TrialRecord
    rows: NDArray[np.int64]
    search: SearchConfig
    on_epoch: OnEpoch

    def __post_init__(self) -> None:
        self.plan = self.trained = self._planned()
        self._weights: Weights | None = None
        self._retries_left = self.search.max_retries

    def run(self) -> Weights:
        """Train the network, and return its weights."""
        with step(f"Training trial {self.record.id} again, epochs") as self._advance:
            run_all(
                *(self.search, self.inputs),
                lambda: [self.record] if self._weights is None else [],
                lambda _record: self._retrain(),
            )
        return self._weights or []

    def _planned(self, seconds_a_text: float | None = None) -> FinalTraining:
        return plan_final_training(
            *(self.search, self.record),
            max_epochs=self.inputs.max_epochs,
            training_texts=len(self.inputs.split.train),
            rows=len(self.rows),
            seconds_a_text=seconds_a_text,
        )

    def _retrain(self) -> Job:
        ends = time.monotonic() + FINAL_MARGIN * retrain_seconds(self.search)
        try:
            if self.plan.epoch_texts is not None:
                # Where time is the limit, measure how long a text takes here.
                yield from ask(self._begin())
                took = yield from ask(Call("time_batches"))
                self.plan = self._planned(took)
            yield from self._train_epochs(ends)
            self._weights = (yield from ask(Call("finish"))).weights
        except TrialFailedError as error:
            self._require_another_try(error)

    def _begin(self) -> Call:
        task = TrialTask(
            *(self.record.root, self.record.values, self.plan.epochs),
            rows=self.rows,
            watches=False,
            epoch_texts=self.plan.epoch_texts,
        )
        return Call("begin", (task,))

    def _train_epochs(self, ends: float) -> Job:
        self._log_plan()
        yield from ask(self._begin())
        self.trained = self.plan
        for _ in range(self.plan.epochs):
            left = ends - time.monotonic()
            call = Call("train_epoch", (left,), self.record.hanging_seconds)
            report = yield from ask(call)
            self._advance(fraction=report.epoch / self.plan.epochs)
            self.on_epoch(report.epoch, report.logs)
            if time.monotonic() >= ends:
                logger.warning("Retraining trial %s: stopped, its time is over.", self.record.id)
                self.trained = self.plan.until(report.epoch, len(self.rows))
                break

    def _log_plan(self) -> None:
        plan, texts = self.plan, ""
        if plan.epoch_texts is not None:
            texts = f" of {plan.epoch_texts:,} texts, on {plan.texts:,} of {len(self.rows):,} texts"
        logger.info("Retraining trial %s for %d epochs%s.", self.record.id, plan.epochs, texts)

    def _require_another_try(self, error: TrialFailedError) -> None:
        if not error.may_pass or self._retries_left == 0:
            raise UserError(
                f"Retraining trial {self.record.id} failed: {error}. The study is not lost: run "
                "the same command again, in this process (search.workers=1) if a worker ran out "
                "of memory, or without retraining (final.retrain=false)."
            ) from error
        logger.warning("Retraining trial %s again: %s.", self.record.id, error)
        self._retries_left -= 1


def _saved_network(inputs: TrialInputs, record: TrialRecord, study: Study) -> keras.Model:
    with open_arrays(study.trial_dir(record.id) / BEST_WEIGHTS) as saved:  # or they are others
        return network_with(inputs, record, [saved[name] for name in saved.files])


def network_with(inputs: TrialInputs, record: TrialRecord, weights: Weights) -> keras.Model:
    """Build a trial's network with some weights."""
    seed = trial_seed(inputs.seed, record.root)
    model = build_network(inputs, record.values, 1, seed, 1)
    model.set_weights(weights)
    return model
