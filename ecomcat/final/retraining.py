"""Train what was chosen, on more rows than the search gave it, and merge it into one model."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import keras
import numpy as np
from numpy.typing import NDArray

from ecomcat.commands import SearchCommand
from ecomcat.config import SearchConfig
from ecomcat.console import step
from ecomcat.errors import UserError
from ecomcat.final.choice import NETWORK, WHOLE, Answers, FinalChoice
from ecomcat.final.merging import Part, TextLimits, merge_models, pool_models, widest
from ecomcat.model.training import predict_probabilities
from ecomcat.tuning.budget import final_epochs
from ecomcat.tuning.jobs import Call, Job, TrialFailedError, TrialTask, ask, run_jobs
from ecomcat.tuning.ray_pool import NoWorkersError
from ecomcat.tuning.records import BEST_WEIGHTS, TrialRecord, load_arrays
from ecomcat.tuning.study import Study
from ecomcat.tuning.trial import TrialInputs, build_network, trial_seed
from ecomcat.tuning.workers import open_pool

logger = logging.getLogger("ecomcat")

Weights = list[NDArray[np.float32]]
OnTrialEpoch = Callable[[str, int, Mapping[str, float]], None]


@dataclass(frozen=True)
class FinalModel:
    """A trained model with all its parts."""

    model: keras.Model  # from ids to probabilities, without an optimizer
    limits: TextLimits
    parts: Mapping[str, keras.Model]  # within it: the networks together, and each expert

    def answers(self, inputs: TrialInputs, rows: NDArray[np.int64]) -> Answers:
        """Return the answers of each part and of the whole to some texts."""
        texts = inputs.examples(rows, vars(self.limits)).texts
        models = {**self.parts, WHOLE: self.model}
        return {name: predict_probabilities(model, texts) for name, model in models.items()}


def build_final(
    config: SearchCommand,
    inputs: TrialInputs,
    study: Study,
    choice: FinalChoice,
    rows: NDArray[np.int64],
    on_epoch: OnTrialEpoch = lambda _trial, _epoch, _logs: None,
) -> FinalModel:
    """Train what was chosen on some rows, merge it and calibrate it.

    Without `final.retrain` the networks are those of the search. `on_epoch` is called with a
    trial's id, the number of its epoch, from 1, and the scores.
    """
    limits = choice.limits
    # Before the networks, which take longer: what fails is to fail at once.
    for expert in choice.experts:
        with step(f"Fitting the {expert.name} part"):
            expert.fit(inputs.examples(rows, vars(limits)))
    records = [record for record, _ in choice.members]
    if config.final.retrain:
        networks = retrain_trials(inputs, records, rows, config.search, on_epoch)
    else:
        networks = [
            network_with(inputs, record, load_arrays(study.trial_dir(record.id) / BEST_WEIGHTS))
            for record in records
        ]
    members = zip(networks, choice.members, strict=True)
    network = merge_models(
        [Part(each, weight, widest([record.values])) for each, (record, weight) in members], limits
    )
    shares = choice.experts
    parts = [Part(network, 1 - sum(shares.values()), limits)]
    parts += [Part(expert.model, share, expert.limits) for expert, share in shares.items()]
    return FinalModel(
        pool_models(parts, limits, choice.temperature),
        limits,
        {NETWORK: network, **{expert.name: expert.model for expert in shares}},
    )


def retrain_trials(
    inputs: TrialInputs,
    records: Sequence[TrialRecord],
    rows: NDArray[np.int64],
    search: SearchConfig,
    on_epoch: OnTrialEpoch = lambda _trial, _epoch, _logs: None,
) -> list[keras.Model]:
    """Train trials' configurations on the rows, each for its `final_epochs`.

    `on_epoch` is called with a trial's id, the number of its epoch, from 1, and the scores.

    Raises:
        UserError: A training fails.
    """
    epochs = {
        record.id: final_epochs(record.values, record.best_epoch, inputs.max_epochs)
        for record in records
    }
    # The longest last, from where they are taken, so that none of them is begun last.
    waiting = sorted(records, key=lambda record: epochs[record.id] * record.seconds_per_epoch)
    weights: dict[str, Weights] = {}
    retries_left = search.max_retries

    def retrain(record: TrialRecord) -> Job:
        nonlocal retries_left
        logger.info("Retraining trial %s for %d epochs.", record.id, epochs[record.id])
        task = TrialTask(record.root, record.values, epochs[record.id], rows=rows)
        # Far longer than an epoch of the search took: what takes so long hangs.
        epoch_call = Call("train_epoch", within_seconds=600 + 20 * record.seconds_per_epoch)
        try:
            yield from ask(Call("begin", (task,)))
            for _ in range(epochs[record.id]):
                report = yield from ask(epoch_call)
                advance()
                on_epoch(record.id, report.epoch, report.logs)
            outcome = yield from ask(Call("finish"))
        except TrialFailedError as error:
            _require_another_try(record, error, retries_left)
            retries_left -= 1
            waiting.append(record)
        else:
            weights[record.id] = outcome.weights

    what = f"trial {records[0].id}" if len(records) == 1 else f"{len(records)} trials"
    for settings in (search, replace(search, workers=1, cluster=None)):
        try:
            with (
                open_pool(settings, inputs, len(records), anyhow=True) as pool,
                step(f"Training {what} again, epochs", total=sum(epochs.values())) as advance,
            ):
                run_jobs(
                    pool,
                    lambda: retrain(waiting.pop()) if waiting else None,
                    lambda: bool(waiting),
                )
            break
        except NoWorkersError as error:
            # The search is done: it is not to be in vain.
            logger.warning("%s This process trains alone.", error)
            waiting[:] = [record for record in records if record.id not in weights]
    return [network_with(inputs, record, weights[record.id]) for record in records]


def _require_another_try(record: TrialRecord, error: TrialFailedError, retries_left: int) -> None:
    if not error.may_pass or retries_left == 0:
        raise UserError(
            f"Retraining trial {record.id} failed: {error}. The study is whole: run "
            "the same command again, with fewer workers (search.workers=1) where memory ran "
            "out, or without retraining (final.retrain=false)."
        ) from error
    logger.warning("Retraining trial %s again: %s.", record.id, error)


def network_with(inputs: TrialInputs, record: TrialRecord, weights: Weights) -> keras.Model:
    """Build a trial's network with some weights."""
    seed = trial_seed(inputs.seed, record.root)
    model = build_network(inputs, record.values, len(inputs.split.train), seed)
    model.set_weights(weights)
    return model
