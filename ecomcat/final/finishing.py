"""After the search: choose on validation, train, score the test set once, gather the figures."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from ecomcat.config import FinalConfig, SearchCommand
from ecomcat.console import step
from ecomcat.data.dataset import Dataset
from ecomcat.export.bundle import package_versions
from ecomcat.export.explanation import WordWeight, explain_texts
from ecomcat.final.baseline import LinearBaseline, NoBaseline, linear_baseline, sentence
from ecomcat.final.calibration import calibrated_model, cross_calibrated, fit_temperature
from ecomcat.final.ensemble import (
    Member,
    choose_members,
    merge_members,
    networks_as_selected,
    networks_by_lot,
    widest_limits,
)
from ecomcat.final.experts import (
    Companions,
    choose_companions,
    companion_parts,
    merge_models,
    part_of,
)
from ecomcat.final.retraining import pooled, retrain_trials
from ecomcat.final.words import known_words
from ecomcat.model.layers import describe_networks
from ecomcat.model.metrics import (
    Acceptance,
    acceptance_of,
    read_acceptance,
    score_answers,
)
from ecomcat.model.training import OnEpoch, predict_probabilities
from ecomcat.reporting.tensorboard import FinalCurves, TestAnswers, write_final
from ecomcat.text.tokenizer import deployed_tokenizer
from ecomcat.tuning.records import TrialRecord
from ecomcat.tuning.study import Study
from ecomcat.tuning.trial import TrialInputs
from ecomcat.tuning.tuner import SearchResult

logger = logging.getLogger("ecomcat")

Explain = Callable[[Sequence[str]], list[tuple[WordWeight, ...]]]

_MOST_CHARACTERS = 1200  # of a text that is shown
_MOST_EXPLAINED = 3000  # characters: a text is answered anew without each of its words
_MOST_WORDS = 12  # that are marked in a text
_LEAST_SHARE = 0.15  # of the strongest word's weight, from which a word is marked


def confident_mistakes(
    texts: Sequence[str],
    labels: NDArray[np.int64],
    probabilities: NDArray[np.float32],
    classes: Sequence[str],
    explain: Explain,
    most: int = 30,
) -> list[dict[str, Any]]:
    """Return the wrong answers of the highest confidence, with the words that spoke for them.

    Args:
        texts: any number.
        labels: their class numbers, shape `(texts,)`.
        probabilities: of each class, shape `(texts, classes)`.
        classes: names of the classes.
        explain: weighs the words of texts for the answers to them.
        most: mistakes to return.

    Returns:
        For each the `text` (its beginning), `characters` (of the whole), the `true` class and the
        `predicted` one with their probabilities `true_probability` and `confidence`, and `spans`:
        start, end and weight of each word that is to be marked, the strongest word's weight 1; None
        for a text that is too long to weigh its words.
    """
    predicted = probabilities.argmax(axis=1)
    wrong = np.flatnonzero(predicted != labels)
    confidence = probabilities.max(axis=1)
    surest = wrong[np.argsort(-confidence[wrong], kind="stable")][:most]
    short = [row for row in surest if len(texts[row]) <= _MOST_EXPLAINED]
    words = dict(zip(short, explain([texts[row] for row in short]), strict=True))
    return [
        {
            "text": texts[row][:_MOST_CHARACTERS],
            "characters": len(texts[row]),
            "true": classes[labels[row]],
            "predicted": classes[predicted[row]],
            "true_probability": float(probabilities[row, labels[row]]),
            "confidence": float(confidence[row]),
            "spans": _spans(words[row]) if row in words else None,
        }
        for row in surest
    ]


def _spans(words: Sequence[WordWeight]) -> list[tuple[int, int, float]]:
    """Return where the strongest words for and against stand in what is shown, in their order."""
    strongest = sorted(words, key=lambda word: -abs(word.weight))[:_MOST_WORDS]
    highest = max((abs(word.weight) for word in strongest), default=0.0)
    marked = [word for word in strongest if abs(word.weight) > _LEAST_SHARE * highest]
    return sorted(
        (start, stop, round(word.weight / highest, 3))
        for word in marked
        for start, stop in word.spans
        if stop <= _MOST_CHARACTERS
    )


@dataclass(frozen=True)
class FinalPlan:
    """What is to be exported.

    Args:
        name: `single` or `ensemble`.
        best: the trial of the highest validation macro-F1.
        members: trials with their shares, which sum to 1.
        validation: probabilities of the validation texts by weights trained on train alone, each
            half of the texts calibrated by the other.
        companions: what answers beside the networks.
        temperature: of the whole's answers.
    """

    name: str
    best: TrialRecord
    members: tuple[Member, ...]
    validation: NDArray[np.float32]
    companions: Companions = field(default_factory=Companions)
    temperature: float = 1.0

    @property
    def limits(self) -> dict[str, Any]:
        """Vocabulary size and length limit of what reads the text."""
        return widest_limits([member.record for member in self.members])

    def describe(self) -> dict[str, Any]:
        """Return what `metrics.json` records under `final`."""
        members = [
            {
                "trial": member.record.id,
                "share": round(member.share, 4),
                "epochs": member.epochs,
                "val_macro_f1": member.record.objective,
                "hyperparameters": member.record.values,
            }
            for member in self.members
        ]
        return {
            "name": self.name,
            **self.companions.describe(),
            "temperature": round(self.temperature, 4),
            "members": members,
        }


def plan_final(
    final: FinalConfig, inputs: TrialInputs, study: Study, best: TrialRecord
) -> FinalPlan:
    """Choose members, companions and temperature on validation.

    Args:
        final: the configuration.
        inputs: what all trials of the study shared.
        study: with its trials.
        best: the trial of the highest validation macro-F1.
    """
    members, validation = choose_members(final, inputs, study, best)
    plan = FinalPlan(final.name, best, members, validation)

    def peers(texts: NDArray[np.int64]) -> list[NDArray[np.float32]]:
        return networks_by_lot(study, texts, count=len(members), seed=inputs.seed)

    companions, validation = choose_companions(final, inputs, plan.limits, validation, peers)
    return _calibrated(replace(plan, companions=companions, validation=validation), inputs)


def _calibrated(plan: FinalPlan, inputs: TrialInputs) -> FinalPlan:
    """Give the plan its temperature, which the train-only weights need and the others inherit."""
    labels = inputs.labels[inputs.split.validation]
    temperature = fit_temperature(plan.validation, labels)
    logger.info("Calibration: a temperature of %.2f.", temperature)
    validation = cross_calibrated(plan.validation, labels, inputs.seed)
    return replace(plan, temperature=temperature, validation=validation)


@dataclass(frozen=True)
class FinalModel:
    """What is exported.

    Args:
        model: ids in, probabilities out; without an optimizer.
        vocabulary_size: ids that it knows.
        max_tokens: tokens that it reads of a text.
    """

    model: keras.Model
    vocabulary_size: int
    max_tokens: int


def build_final(
    config: SearchCommand,
    inputs: TrialInputs,
    study: Study,
    plan: FinalPlan,
    rows: NDArray[np.int64],
    on_epoch: OnEpoch = lambda _epoch, _logs: None,
) -> FinalModel:
    """Train the plan's networks, merge them with their companions, and calibrate the whole.

    Args:
        config: of the run.
        inputs: what all trials of the study shared.
        study: with its trials' weights.
        plan: what was chosen on validation.
        rows: numbers of the texts to train on, in ascending order.
        on_epoch: called with each epoch's number and scores of the winning configuration.

    Raises:
        UserError: when a training fails.
    """
    # Before the networks, which take longer: what fails is to fail at once.
    companions = companion_parts(plan.companions, inputs, plan.limits, rows)
    network = _network(config, inputs, study, plan, rows, on_epoch)
    parts = [part_of(network, plan.companions.networks_share, plan.limits), *companions]
    merged = merge_models(parts, **plan.limits)
    return FinalModel(calibrated_model(merged, plan.temperature), **plan.limits)


def _network(
    config: SearchCommand,
    inputs: TrialInputs,
    study: Study,
    plan: FinalPlan,
    rows: NDArray[np.int64],
    on_epoch: OnEpoch,
) -> keras.Model:
    if not config.final.retrain:
        models = networks_as_selected(inputs, study, plan.members)
        return merge_members(plan.members, models, plan.limits)
    records = [member.record for member in plan.members]

    def note(trial: str, epoch: int, logs: Mapping[str, float]) -> None:
        if trial == plan.best.id:
            on_epoch(epoch, logs)

    models = retrain_trials(inputs, records, rows, config.search, note)
    return merge_members(plan.members, models, plan.limits)


def final_facts(
    dataset: Dataset, finished: Finished, tokenizer: Tokenizer, model_dir: Path
) -> dict[str, Any]:
    """Return everything that the report says of the final model.

    Args:
        dataset: all texts.
        finished: what the run ended with.
        tokenizer: of the largest vocabulary.
        model_dir: where the model was exported to.

    Returns:
        `metrics` as in `metrics.json`, the `verdict` on the baseline, `networks` (the layers of
        the model and of its first part), `calibration` and `coverage` (curves of test and
        validation), `mistakes` on test, and `model_dir`.
    """
    tested, split = finished.tested, dataset.split
    final = tested.final
    deployed = deployed_tokenizer(tokenizer, final.vocabulary_size, final.max_tokens)
    judged = {
        "test": acceptance_of(tested.test, dataset.label_ids[split.test]),
        "validation": acceptance_of(tested.validation, dataset.label_ids[split.validation]),
    }
    return {
        "model_dir": str(model_dir),
        "metrics": finished.metrics,
        "verdict": finished.verdict,
        "networks": describe_networks(final.model),
        "calibration": {part: each.calibration_bins() for part, each in judged.items()},
        "coverage": {part: each.coverage_curve() for part, each in judged.items()},
        "mistakes": confident_mistakes(
            [dataset.texts[row] for row in split.test],
            dataset.label_ids[split.test],
            tested.test,
            dataset.class_names,
            partial(explain_texts, partial(predict_probabilities, final.model), deployed),
        ),
    }


@dataclass(frozen=True)
class Tested:
    """The model that the test set was put to, and what it answered.

    Args:
        final: that model; what is exported, unless it was trained on all rows afterwards.
        test: its probabilities of the test texts, shape `(texts, classes)`.
        validation: those of the validation texts by weights trained on train alone, the same shape.
    """

    final: FinalModel
    test: NDArray[np.float32]
    validation: NDArray[np.float32]


@dataclass(frozen=True)
class Finished:
    """What a run ends with.

    Args:
        final: the model that is exported.
        tested: the model that was tested.
        trained_rows: numbers of the texts that it was trained on.
        metrics: what `metrics.json` holds.
        acceptance: confidences on validation, which thresholds are read from.
        verdict: how it stands to the linear baseline, in a line.
    """

    final: FinalModel
    tested: Tested
    trained_rows: NDArray[np.int64]
    metrics: dict[str, Any]
    acceptance: Acceptance
    verdict: str


def finish_search(
    config: SearchCommand,
    dataset: Dataset,
    inputs: TrialInputs,
    study: Study,
    result: SearchResult,
    tokenizer: Tokenizer,
) -> Finished:
    """Make the model that is exported, and score it.

    Args:
        config: of the run.
        dataset: all texts.
        inputs: what all trials of the study shared.
        study: with its trials.
        result: what the search found.
        tokenizer: that gave the texts' ids.

    Raises:
        UserError: when a training fails.
    """
    split = dataset.split
    with step("Choosing on validation what is exported"):
        plan = plan_final(config.final, inputs, study, result.best)
    rows = pooled([split.train, split.validation]) if config.final.retrain else split.train
    with closing(FinalCurves(study, result.best)) as curves:
        final = build_final(config, inputs, study, plan, rows, curves.write)
    test = inputs.examples(split.test, plan.limits)
    validated = acceptance_of(plan.validation, dataset.label_ids[split.validation])
    # As the exported folder keeps it, so that its thresholds are those of the figures.
    acceptance = read_acceptance(validated.describe())
    with step("Scoring the test set"):
        answers = predict_probabilities(final.model, test.texts)
    tested = Tested(final, answers, plan.validation)
    texts = [dataset.texts[row] for row in split.test]
    scores = _score(answers, test.labels, dataset.class_names, acceptance, texts)
    kept = ~np.isin(split.test, dataset.excluded)
    without = {}
    if not kept.all() and kept.any():
        without["test_without_excluded"] = _score(
            answers[kept], test.labels[kept], dataset.class_names, acceptance
        )
    baseline: LinearBaseline | NoBaseline = NoBaseline("final.baseline=false")
    if config.final.baseline:
        with step("Fitting the linear baseline"):
            baseline = linear_baseline(dataset.texts, dataset.label_ids, split, dataset.class_names)
    if config.final.use_all_rows:
        rows = pooled([split.train, split.validation, split.test[kept]])
        logger.info(
            "Training again on all %d texts, test included (final.use_all_rows).", len(rows)
        )
        final = build_final(config, inputs, study, plan, rows)
    metrics = {
        "test": scores,
        **without,
        "validation": _score(
            plan.validation, dataset.label_ids[split.validation], dataset.class_names, acceptance
        ),
        "baseline": _describe_baseline(baseline),
        "data": dataset.description,
        "search": {"study": study.name, **result.describe()},
        "final": _describe_final(config, plan, len(rows)),
        "versions": package_versions(),
        "seed": config.seed,
    }
    # The figures are of the model before test rows were added, the words of the one exported.
    judged = TestAnswers(dataset.class_names, test.labels, answers)
    with step("Writing TensorBoard's pictures"):
        words = known_words(final.model, tokenizer, inputs, dataset.class_names)
        write_final(study, metrics, judged, words)
    return Finished(final, tested, rows, metrics, acceptance, sentence(baseline, scores))


def _score(
    probabilities: NDArray[np.float32],
    labels: NDArray[np.int64],
    classes: Sequence[str],
    chosen_on: Acceptance,
    texts: Sequence[str] | None = None,
) -> dict[str, Any]:
    return score_answers(probabilities, labels, classes, chosen_on, texts=texts).describe()


def _describe_final(config: SearchCommand, plan: FinalPlan, rows: int) -> dict[str, Any]:
    return {
        **plan.describe(),
        "retrained": config.final.retrain,
        "trained_texts": rows,
        "use_all_rows": config.final.use_all_rows,
    }


def _describe_baseline(baseline: LinearBaseline | NoBaseline) -> dict[str, Any] | None:
    if not isinstance(baseline, LinearBaseline):
        return None
    names = ("rows", "accuracy", "macro_f1", "weighted_f1")
    return {
        "name": "TF-IDF (words and pairs of words) + LinearSVC",
        "C": baseline.choice.cost,
        "sublinear_tf": baseline.choice.sublinear_tf,
        "left_out": round(baseline.left_out, 4),
        "validation": {name: baseline.validation[name] for name in names},
        "test": {name: baseline.test[name] for name in names},
    }
