"""After the search: choose on validation, train, score the test set once, gather the figures."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from ecomcat.artifact.export import package_versions
from ecomcat.config import SearchCommand
from ecomcat.data.dataset import Dataset
from ecomcat.final.baseline import LinearBaseline, NoBaseline, linear_baseline, sentence
from ecomcat.final.build import FinalModel, build_final
from ecomcat.final.plan import FinalPlan, plan_final
from ecomcat.final.retrain import pooled
from ecomcat.final.words import known_words
from ecomcat.model.confidence import Acceptance, acceptance_of, read_acceptance, score_confidence
from ecomcat.model.scores import score_predictions
from ecomcat.model.slices import score_slices
from ecomcat.model.training import predict_probabilities
from ecomcat.reporting.steps import step
from ecomcat.reporting.tensorboard_final import FinalCurves, TestAnswers, write_final
from ecomcat.tuning.search import SearchResult
from ecomcat.tuning.study.study import Study
from ecomcat.tuning.workers.trial import TrialInputs

logger = logging.getLogger("ecomcat")


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
    validated = acceptance_of(plan.validation, dataset.labels[split.validation])
    # As the exported folder keeps it, so that its thresholds are those of the figures.
    acceptance = read_acceptance(validated.describe())
    with step("Scoring the test set"):
        answers = predict_probabilities(final.model, test.texts)
    tested = Tested(final, answers, plan.validation)
    scores = _score(answers, test.labels, dataset.classes, acceptance)
    correct = answers.argmax(axis=1) == test.labels
    scores["slices"] = score_slices([dataset.texts[row] for row in split.test], correct)
    kept = ~np.isin(split.test, dataset.excluded)
    without = {}
    if not kept.all() and kept.any():
        without["test_without_excluded"] = _score(
            answers[kept], test.labels[kept], dataset.classes, acceptance
        )
    baseline: LinearBaseline | NoBaseline = NoBaseline("final.baseline=false")
    if config.final.baseline:
        with step("Fitting the linear baseline"):
            baseline = linear_baseline(dataset.texts, dataset.labels, split, dataset.classes)
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
            plan.validation, dataset.labels[split.validation], dataset.classes, acceptance
        ),
        "baseline": _describe_baseline(baseline),
        "data": dataset.describe(),
        "search": {"study": study.name, **result.describe()},
        "final": _describe_final(config, plan, len(rows)),
        "versions": package_versions(),
        "seed": config.seed,
    }
    # The figures are of the model before test rows were added, the words of the one exported.
    judged = TestAnswers(dataset.classes, test.labels, answers)
    with step("Writing TensorBoard's pictures"):
        words = known_words(final.model, tokenizer, inputs, dataset.classes)
        write_final(study, metrics, judged, words)
    return Finished(final, tested, rows, metrics, acceptance, sentence(baseline, scores))


def _score(
    probabilities: NDArray[np.float32],
    labels: NDArray[np.int64],
    classes: Sequence[str],
    chosen_on: Acceptance,
) -> dict[str, Any]:
    return {
        **score_predictions(labels, probabilities.argmax(axis=1), classes),
        **score_confidence(acceptance_of(probabilities, labels), chosen_on),
    }


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
