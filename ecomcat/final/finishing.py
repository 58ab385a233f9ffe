"""After the search: choose on validation, train, score the test set once, gather the figures."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from ecomcat.commands import SearchCommand
from ecomcat.console import step
from ecomcat.data.dataset import Dataset
from ecomcat.export.bundle import package_versions
from ecomcat.final.baseline import linear_baseline, optional
from ecomcat.final.experts import Part, TextLimits, calibrated_model, merge_models, widest
from ecomcat.final.plan import NETWORK, WEIGHT, WHOLE, Answers, FinalPlan, plan_final
from ecomcat.final.retraining import network_with, retrain_trials
from ecomcat.model.metrics import (
    Acceptance,
    acceptance_of,
    macro_f1,
    read_acceptance,
    score_answers,
)
from ecomcat.model.training import OnEpoch, predict_probabilities
from ecomcat.reporting.tensorboard import FinalCurves, write_final
from ecomcat.tuning.records import TrialRecord, load_best_weights
from ecomcat.tuning.study import Study
from ecomcat.tuning.trial import TrialInputs
from ecomcat.tuning.tuner import SearchResult

logger = logging.getLogger("ecomcat")


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


@dataclass(frozen=True)
class Finished:
    """What a run ends with."""

    final: FinalModel  # the exported one
    tested: FinalModel  # the same, unless test rows were trained on afterwards
    answers: Answers  # to `test` and, by weights trained on train alone, to `validation`
    trained_rows: NDArray[np.int64]  # numbers of the texts that the exported one was trained on
    metrics: dict[str, Any]  # of `metrics.json`
    acceptance: Acceptance  # of validation texts, which thresholds are read from


def finish_search(
    config: SearchCommand, dataset: Dataset, inputs: TrialInputs, study: Study, result: SearchResult
) -> Finished:
    """Make the model that is exported, and score it."""
    split, final = dataset.split, config.final
    with step("Choosing on validation what is exported"):
        plan = plan_final(final, inputs, study)
    rows = np.union1d(split.train, split.validation) if final.retrain else split.train
    with closing(FinalCurves(study, result.best)) as curves:
        tested = _build(config, inputs, study, plan, rows, result.best, curves.write)
    with step("Scoring the test set"):
        answers = {"test": tested.answers(inputs, split.test), "validation": plan.validation}
    scores, acceptance = _score(dataset, answers)
    baseline = None
    if final.baseline:
        with step("Fitting the linear baseline"), optional("Linear baseline"):
            correct = answers["test"][WHOLE].argmax(axis=1) == dataset.label_ids[split.test]
            baseline = linear_baseline(dataset, correct)
    exported = tested
    if final.use_all_rows:
        rows = np.union1d(rows, split.test[_unmarked(dataset)])
        logger.info("Training again on all %d texts, test included.", len(rows))
        exported = _build(config, inputs, study, plan, rows, result.best)
    metrics = {
        **scores,
        "baseline": baseline,
        "data": dataset.description,
        "search": {"study": study.name, **result.describe()},
        "final": {
            **plan.describe(inputs.max_epochs),
            "retrained": final.retrain,
            "trained_texts": len(rows),
            "use_all_rows": final.use_all_rows,
        },
        "versions": package_versions(),
        "seed": config.seed,
    }
    whole = {on: parts[WHOLE] for on, parts in answers.items()}
    with step("Writing TensorBoard's pictures"):
        labels = dataset.label_ids[split.test]
        write_final(study, metrics, dataset.class_names, labels, whole["test"])
    return Finished(exported, tested, whole, rows, metrics, acceptance)


def _build(
    config: SearchCommand,
    inputs: TrialInputs,
    study: Study,
    plan: FinalPlan,
    rows: NDArray[np.int64],
    best: TrialRecord,
    on_epoch: OnEpoch = lambda _epoch, _logs: None,
) -> FinalModel:
    """Train networks and experts, merge and calibrate them; `on_epoch` hears of the best trial."""
    limits = plan.limits
    # Before the networks, which take longer: what fails is to fail at once.
    for expert in plan.experts:
        with step(f"Fitting the {expert.name} part"):
            expert.fit(inputs.examples(rows, vars(limits)))

    def report(trial: str, epoch: int, logs: Mapping[str, float]) -> None:
        if trial == best.id:
            on_epoch(epoch, logs)

    records = [member.record for member in plan.members]
    if config.final.retrain:
        networks = retrain_trials(inputs, records, rows, config.search, report)
    else:
        networks = [
            network_with(inputs, record, load_best_weights(study.trial_dir(record.id)))
            for record in records
        ]
    members = zip(networks, plan.members, strict=True)
    parts = [Part(each, member.weight, widest([member.record.values])) for each, member in members]
    network = merge_models(parts, limits)
    parts = [Part(network, 1 - WEIGHT * len(plan.experts), limits)]
    parts += [Part(each.model, WEIGHT, each.limits) for each in plan.experts]
    return FinalModel(
        calibrated_model(merge_models(parts, limits), plan.temperature),
        limits,
        {NETWORK: network, **{expert.name: expert.model for expert in plan.experts}},
    )


def _score(dataset: Dataset, answers: Mapping[str, Answers]) -> tuple[dict[str, Any], Acceptance]:
    """Return the scores of `metrics.json`, and the answers that thresholds are read from."""
    split, names = dataset.split, dataset.class_names
    labels = {on: dataset.label_ids[getattr(split, on)] for on in answers}
    whole = {on: parts[WHOLE] for on, parts in answers.items()}
    # As the exported folder holds them, which the figures are of.
    acceptance = read_acceptance(
        acceptance_of(whole["validation"], labels["validation"]).describe()
    )
    texts = [dataset.texts[row] for row in split.test]
    scores = {
        "test": score_answers(whole["test"], labels["test"], names, acceptance, texts=texts),
        "validation": score_answers(whole["validation"], labels["validation"], names, acceptance),
    }
    unmarked = _unmarked(dataset)
    if not unmarked.all() and unmarked.any():
        scores["test_without_excluded"] = score_answers(
            whole["test"][unmarked], labels["test"][unmarked], names, acceptance
        )
    parts: dict[str, dict[str, dict[str, float]]] = {part: {} for part in answers["test"]}
    for part, on in itertools.product(parts, answers):
        predicted = answers[on][part].argmax(axis=1)
        parts[part][on] = {
            "accuracy": float(np.mean(predicted == labels[on])),
            "macro_f1": macro_f1(labels[on], predicted, len(names)),
        }
    return {**{on: each.describe() for on, each in scores.items()}, "parts": parts}, acceptance


def _unmarked(dataset: Dataset) -> NDArray[np.bool_]:
    """Return which test texts are not marked by `data.exclude`."""
    return ~np.isin(dataset.split.test, dataset.excluded)
