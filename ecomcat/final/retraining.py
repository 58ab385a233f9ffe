"""Train the chosen trials again on more rows, and merge them into one model."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

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
from ecomcat.final.merged_network import Part, TextLimits, merge_models, pool_models, widest
from ecomcat.model.answers import Answers, answers_of, join_answers
from ecomcat.model.taxonomy import Taxonomy
from ecomcat.model.training import Scorer
from ecomcat.tuning.budget import FinalTraining, plan_final_training, retrain_seconds
from ecomcat.tuning.jobs import Call, Job, TrialFailedError, TrialTask, ask
from ecomcat.tuning.records import TrialRecord
from ecomcat.tuning.study import Study
from ecomcat.tuning.trial import TrialInputs, build_network, trial_seed
from ecomcat.tuning.trial_files import BEST_WEIGHTS, open_arrays
from ecomcat.tuning.workers import run_all

logger = logging.getLogger("ecomcat")

_MARGIN = 1.25  # times the planned time that a training may take, so that its schedule ends

Weights = list[NDArray[np.float32]]
OnTrialEpoch = Callable[[str, int, Mapping[str, float]], None]


@dataclass(frozen=True)
class FinalModel:
    """A trained model with all its parts."""

    model: keras.Model  # from ids to probabilities, without an optimizer
    limits: TextLimits
    parts: Mapping[str, keras.Model]  # within it: the networks together, and the linear part
    trainings: Mapping[str, FinalTraining]  # by the trial's id; none without retraining
    mixture: Mixture  # by which the parts are one

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
        texts = inputs.examples(rows, vars(self.limits)).texts
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
            labels = inputs.labels[rows[chunk]]
            whole.append(answers_of(found, labels, taxonomy, asked.unknown_shares))
            on_texts(len(chunk))
        return join_answers(whole), classes


def build_final(
    config: SearchCommand,
    inputs: TrialInputs,
    study: Study,
    choice: FinalChoice,
    mixture: Mixture | None,
    rows: NDArray[np.int64],
    on_epoch: OnTrialEpoch = lambda _trial, _epoch, _logs: None,
) -> FinalModel:
    """Train what was chosen on some rows, merge it and calibrate it.

    Without `final.retrain` the networks are those of the search. `on_epoch` is called with a
    trial's id, the number of its epoch, from 1, and the scores. Without a mixture it is learned
    from the trained networks' answers to the validation texts, which then may not be in `rows`.
    """
    limits = choice.limits
    linear = mixture.linear if mixture else None
    fitted: FittedPart = (None, [])
    # Before the networks, which take longer: an error should come at once.
    if linear is not None:
        with step("Fitting the linear part"), _linear_advice(len(rows)):
            linear.fit(inputs.examples(rows, vars(limits)))
    elif mixture is None and config.final.linear:
        with step("Fitting the linear part"):
            fitted = fit_linear(inputs, limits, rows)
    records = [record for record, _ in choice.members]
    trainings: dict[str, FinalTraining] = {}
    if config.final.retrain:
        networks, trainings = retrain_trials(inputs, records, rows, config.search, on_epoch)
    else:
        networks = [_saved_network(inputs, record, study) for record in records]
    members = zip(networks, choice.members, strict=True)
    network = merge_models(
        [Part(each, weight, widest([record.values])) for each, (record, weight) in members], limits
    )
    if mixture is None:
        unseen = inputs.examples(inputs.split.validation, vars(limits)).texts
        mixture = mix_parts(inputs, Scorer(network)(unseen), fitted)
    parts = {NETWORK: Part(network, 1 - mixture.linear_weight, limits)}
    if (linear := mixture.linear) is not None:
        parts[LINEAR] = Part(linear.model, mixture.linear_weight, linear.limits)
    return FinalModel(
        pool_models(list(parts.values()), limits, mixture.temperature),
        limits,
        {name: part.model for name, part in parts.items()},
        trainings,
        mixture,
    )


@contextmanager
def _linear_advice(texts: int) -> Iterator[None]:
    """Say what to do where memory is too small; the other parts' weights were learned with it."""
    try:
        yield
    except MemoryError as error:
        raise UserError(
            f"Expected memory to fit the linear part to {texts:,} texts, found too little. Free "
            "some and run the same command again, or leave the part out with final.linear=false; "
            "the trials are saved."
        ) from error


def retrain_trials(
    inputs: TrialInputs,
    records: Sequence[TrialRecord],
    rows: NDArray[np.int64],
    search: SearchConfig,
    on_epoch: OnTrialEpoch = lambda _trial, _epoch, _logs: None,
) -> tuple[list[keras.Model], dict[str, FinalTraining]]:
    """Train trials' configurations on the rows, each as `plan_final_training` says.

    `on_epoch` is called with a trial's id, the number of its epoch, from 1, and the scores.

    Returns:
        The networks, and how long each was trained, by the trial's id.

    Raises:
        UserError: A training fails.
    """
    limits = {
        "max_epochs": inputs.max_epochs,
        "training_texts": len(inputs.split.train),
        "rows": len(rows),
    }
    plans = {record.id: plan_final_training(search, record, **limits) for record in records}
    longest_last = sorted(records, key=lambda record: plans[record.id].seconds)
    weights: dict[str, Weights] = {}
    done: dict[str, int] = {}
    retries_left = search.max_retries

    def retrain(record: TrialRecord) -> Job:
        nonlocal retries_left
        plan = plans[record.id]
        task = TrialTask(
            *(record.root, record.values, plan.epochs),
            rows=rows,
            watches=False,
            epoch_texts=plan.epoch_texts,
        )
        ends = time.monotonic() + _MARGIN * retrain_seconds(search)
        try:
            if plan.epoch_texts is not None:
                # Where time is the limit, measure how long a text takes here.
                yield from ask(Call("begin", (task,)))
                took = yield from ask(Call("time_batches"))
                plan = plan_final_training(search, record, **limits, seconds_a_text=took)
                plans[record.id] = plan
                task = replace(task, epochs=plan.epochs, epoch_texts=plan.epoch_texts)
            _log_plan(record, plan, len(rows))
            yield from ask(Call("begin", (task,)))
            for _ in range(plan.epochs):
                left = ends - time.monotonic()
                report = yield from ask(Call("train_epoch", (left,), record.hanging_seconds))
                done[record.id] = report.epoch
                planned = sum(each.epochs for each in plans.values())
                advance(fraction=sum(done.values()) / planned)
                on_epoch(record.id, report.epoch, report.logs)
                if time.monotonic() >= ends:
                    logger.warning("Retraining trial %s: stopped, its time is over.", record.id)
                    plans[record.id] = plan.until(report.epoch, len(rows))
                    break
            outcome = yield from ask(Call("finish"))
        except TrialFailedError as error:
            _require_another_try(record, error, retries_left)
            retries_left -= 1
        else:
            weights[record.id] = outcome.weights

    what = f"trial {records[0].id}" if len(records) == 1 else f"{len(records)} trials"
    with step(f"Training {what} again, epochs") as advance:
        run_all(
            *(search, inputs),
            lambda: [record for record in longest_last if record.id not in weights],
            retrain,
        )
    return [network_with(inputs, record, weights[record.id]) for record in records], plans


def _log_plan(record: TrialRecord, plan: FinalTraining, rows: int) -> None:
    texts = ""
    if plan.epoch_texts is not None:
        texts = f" of {plan.epoch_texts:,} texts, on {plan.texts:,} of {rows:,} texts"
    logger.info("Retraining trial %s for %d epochs%s.", record.id, plan.epochs, texts)


def _require_another_try(record: TrialRecord, error: TrialFailedError, retries_left: int) -> None:
    if not error.may_pass or retries_left == 0:
        raise UserError(
            f"Retraining trial {record.id} failed: {error}. The study is not lost: run "
            "the same command again, with fewer workers (search.workers=1) if memory ran "
            "out, or without retraining (final.retrain=false)."
        ) from error
    logger.warning("Retraining trial %s again: %s.", record.id, error)


def _saved_network(inputs: TrialInputs, record: TrialRecord, study: Study) -> keras.Model:
    with open_arrays(study.trial_dir(record.id) / BEST_WEIGHTS) as saved:  # or they are others
        return network_with(inputs, record, [saved[name] for name in saved.files])


def network_with(inputs: TrialInputs, record: TrialRecord, weights: Weights) -> keras.Model:
    """Build a trial's network with some weights."""
    seed = trial_seed(inputs.seed, record.root)
    model = build_network(inputs, record.values, 1, seed, 1)
    model.set_weights(weights)
    return model
