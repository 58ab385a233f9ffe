"""The results of a search: the exported model, its figures, and the report's part about it."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from ecomcat.command_config import SearchCommand
from ecomcat.console import step
from ecomcat.data.dataset import Dataset
from ecomcat.data.splitting import Split
from ecomcat.export.bundle import export_model
from ecomcat.export.explanation import explain_texts
from ecomcat.files import expanded
from ecomcat.final.baseline import Baseline, linear_baseline, optional
from ecomcat.final.choice import (
    WHOLE,
    FinalChoice,
    FittedPart,
    choose_final,
    fit_linear,
    mix_parts,
)
from ecomcat.final.mistakes import confident_mistakes
from ecomcat.final.network_learning_curve import learn_from_parts
from ecomcat.final.retraining import FinalModel, build_final
from ecomcat.model.answers import Answers, answers_of
from ecomcat.model.comparison import compare_answers
from ecomcat.model.confidence import Acceptance, read_acceptance
from ecomcat.model.level_scores import score_levels
from ecomcat.model.metrics import macro_f1, score_answers, score_predictions
from ecomcat.model.taxonomy import LevelAcceptance, read_levels
from ecomcat.model.training import Scorer
from ecomcat.process import Beside, package_versions
from ecomcat.reporting.tensorboard import FinalCurves, write_confusion
from ecomcat.text.encoding import Lexicon
from ecomcat.text.tokenizer import deployed_tokenizer
from ecomcat.tuning.budget import FinalTraining, leaves_a_core, outgrows_trials
from ecomcat.tuning.study import Study
from ecomcat.tuning.trial import TrialInputs
from ecomcat.tuning.tuner import SearchResult
from ecomcat.wording.summary import Metrics

logger = logging.getLogger("ecomcat")

Acceptances = tuple[Acceptance, LevelAcceptance | None]  # of leaves, and by level
Classes = Mapping[str, Mapping[str, NDArray[np.int64]]]  # answered, by set of texts and part


@dataclass(frozen=True)
class Finished:
    """The results of a run."""

    final: FinalModel  # the exported one
    tested: FinalModel  # the same, unless test rows were trained on afterwards
    # To the scored texts of `test`, if any, and to those of `validation`, by weights that were not
    # trained on them.
    answers: dict[str, Answers]
    split: Split  # with only the texts that are scored
    metrics: Metrics
    acceptance: Acceptance  # of validation texts, from which thresholds are found
    letter_groups: int  # that are read of a text
    levels: LevelAcceptance | None = None  # the same by level, where there is a taxonomy


def finish_search(
    config: SearchCommand, dataset: Dataset, inputs: TrialInputs, study: Study, result: SearchResult
) -> Finished:
    """Make the model that is exported, and score it."""
    split, final = dataset.split, config.final
    with step("Choosing on validation what is exported"):
        choice = choose_final(inputs, study)
    curve = None
    if final.learning_curve:
        curve = learn_from_parts(config, inputs, study, choice.record)
    with Beside(partial(_fit_baseline, dataset, inputs.split)) as baseline_fit:

        def on_training(plan: FinalTraining) -> None:
            if final.baseline and leaves_a_core(config.search, plan):
                baseline_fit.start()

        tested, held_out = _train(config, split, inputs, study, choice, on_training)
        answers, classes = _answer(dataset, inputs, tested)
        chosen_on = _acceptances(answers["validation"])
        scores = _score(dataset, inputs.split, answers, classes, chosen_on)
        baseline = None
        if final.baseline:
            baseline = _beside_ours(baseline_fit, dataset, inputs.split, classes)
    exported = tested
    if final.use_all_rows and len(split.test):
        rows = np.union1d(tested.rows, split.test[_unmarked(dataset, split)])
        logger.info("Training again on all %d texts, test included.", len(rows))
        exported = build_final(config, inputs, study, choice, tested.mixture, rows)
    about_final = {
        **choice.describe(exported.training),
        **exported.describe(),
        "letter_groups": inputs.texts.letter_groups if len(exported.model.inputs) > 1 else 0,
        "learning_curve": curve,
        "retrained": final.retrain,
        "held_out_texts": held_out,
        "use_all_rows": exported is not tested,
    }
    about_search = {"study": study.name, **result.describe()}
    figures = {**scores, "baseline": baseline}
    metrics = _metrics(figures, dataset, about_search, about_final, config.seed)
    with step("Writing TensorBoard's picture"):
        write_confusion(study, metrics)
    acceptance, levels = chosen_on
    read = inputs.texts.letter_groups
    return Finished(exported, tested, answers, inputs.split, metrics, acceptance, read, levels)


def _train(
    config: SearchCommand,
    split: Split,
    inputs: TrialInputs,
    study: Study,
    choice: FinalChoice,
    on_training: Callable[[FinalTraining], None],
) -> tuple[FinalModel, int]:
    """Return the model, and how many texts were kept to calibrate it.

    `on_training` is called with the plan of the network's training when that begins.
    """
    final, mixture, held_out = config.final, None, inputs.split.validation[:0]
    if final.retrain and outgrows_trials(config.search, len(split.train)):
        # Its weight, its calibration and its thresholds must come from its own answers to
        # validation, so it is not trained on these texts.
        held_out = inputs.split.validation
    else:
        with step("Learning on validation the weight of each part"):
            fitted: FittedPart = (None, [])
            if final.linear:
                fitted = fit_linear(inputs, choice.record.values, split.train)
            mixture = mix_parts(inputs, choice.answers, fitted, choice.comparable)
    rows = np.union1d(split.train, split.validation) if final.retrain else split.train
    rows = np.setdiff1d(rows, held_out)
    with closing(FinalCurves(study, choice.record)) as curves:
        listeners = curves.write, on_training
        model = build_final(config, inputs, study, choice, mixture, rows, *listeners)
    return model, len(held_out)


def _answer(
    dataset: Dataset, inputs: TrialInputs, tested: FinalModel
) -> tuple[dict[str, Answers], dict[str, dict[str, NDArray[np.int64]]]]:
    """Return the answers to validation and test, and the classes that each part answers."""
    split, taxonomy, parts = inputs.split, dataset.taxonomy, tested.mixture.answers
    label_ids = dataset.label_ids[split.validation]
    texts = inputs.examples(split.validation, tested.values).texts
    given = parts[WHOLE], label_ids, taxonomy, texts.unknown_shares
    answers = {"validation": answers_of(*given)}
    classes = {"validation": {part: each.argmax(axis=1) for part, each in parts.items()}}
    if asked := len(split.test):
        with step("Scoring the test set", total=asked) as advance:
            found = tested.answers(inputs, split.test, taxonomy, advance)
            answers["test"], classes["test"] = found
    return answers, classes


def _fit_baseline(dataset: Dataset, split: Split) -> Baseline | None:
    """Fit the best linear model; return None, with a line, where it cannot be fitted."""
    with optional("Linear baseline"):
        return linear_baseline(dataset, split)
    return None


def _beside_ours(
    fit: Beside[Baseline | None], dataset: Dataset, split: Split, classes: Classes
) -> dict[str, Any] | None:
    """Return the figures of the baseline, beside our own answers to the test texts."""
    with step("Fitting the linear baseline"):
        baseline = fit.result()
    if baseline is None:
        return None
    ours = classes["test"][WHOLE] if "test" in classes else split.test
    return baseline.beside(dataset.label_ids[split.test], ours)


def _acceptances(answers: Answers) -> Acceptances:
    """Return the answers for thresholds, as the exported folder will store them."""
    acceptance, levels = read_acceptance(answers.leaves.describe()), answers.levels
    if levels is None:
        return acceptance, None
    return acceptance, read_levels(levels.taxonomy, acceptance, levels.describe())


def _score(
    dataset: Dataset,
    split: Split,
    whole: Mapping[str, Answers],
    classes: Mapping[str, Mapping[str, NDArray[np.int64]]],
    chosen_on: Acceptances,
) -> dict[str, Any]:
    """Return the scores of `metrics.json`, with thresholds from the answers `chosen_on`."""
    names, (acceptance, levels) = dataset.class_names, chosen_on
    label_ids = {on: dataset.label_ids[getattr(split, on)] for on in whole}
    scores: dict[str, Any] = {"test": None}
    for on, given in whole.items():
        texts = [dataset.texts[row] for row in getattr(split, on)]
        found = score_answers(given, label_ids[on], names, acceptance, texts=texts)
        scores[on] = found.describe() | score_levels(given.levels, label_ids[on], levels)
    unmarked = _unmarked(dataset, split)
    if not unmarked.all() and unmarked.any():
        predicted = classes["test"][WHOLE][unmarked]
        without = score_predictions(label_ids["test"][unmarked], predicted, names)
        scores["test_without_excluded"] = without.totals()
    parts = {
        part: {on: _figures(label_ids[on], each[part], each[WHOLE]) for on, each in classes.items()}
        for part in classes["validation"]
    }
    return {**scores, "parts": parts}


def _metrics(
    figures: dict[str, Any],
    dataset: Dataset,
    search: dict[str, Any],
    final: dict[str, Any],
    seed: int,
) -> Metrics:
    """Return what `metrics.json` holds."""
    metrics = {
        **figures,
        "data": dataset.description,
        "search": search,
        "final": final,
        "versions": package_versions(),
        "seed": seed,
    }
    as_in_file: Metrics = json.loads(json.dumps(metrics))  # pairs are lists there
    return as_in_file


def _figures(
    label_ids: NDArray[np.int64], predicted: NDArray[np.int64], whole: NDArray[np.int64]
) -> dict[str, Any]:
    """Return the scores of a part of the model, and how it compares with the whole."""
    return {
        "accuracy": float(np.mean(predicted == label_ids)),
        "macro_f1": macro_f1(label_ids, predicted, int(max(label_ids.max(), predicted.max())) + 1),
        "beside_whole": compare_answers(label_ids, predicted, whole).verdict,
    }


def _unmarked(dataset: Dataset, split: Split) -> NDArray[np.bool_]:
    """Return which test texts are not marked by `data.exclude`."""
    return ~np.isin(split.test, dataset.excluded)


def export_finished(
    config: SearchCommand,
    dataset: Dataset,
    inputs: TrialInputs,
    study: Study,
    tokenizer: Tokenizer,
    finished: Finished,
) -> None:
    """Write `model_dir`, and check what was written."""
    final = finished.final
    held_out = np.union1d(inputs.split.validation, inputs.split.test)
    compared = inputs.examples(held_out, final.values).texts
    export_model(
        expanded(config.model_dir),
        model=final.model,
        onnx_texts=compared if config.final.onnx else None,
        tokenizer=_deployed(tokenizer, final),
        labels=dataset.class_names,
        config=replace(config, search=replace(config.search, name=study.name)),
        trained_on={
            **dataset.fields.describe(),
            "label_columns": [*dataset.label_columns],
            "letter_groups": finished.letter_groups,
        },
        metrics=finished.metrics,
        acceptance=finished.acceptance,
        levels=finished.levels,
        trained_rows=[dataset.digests[row] for row in final.rows],
    )


def _deployed(tokenizer: Tokenizer, model: FinalModel) -> Tokenizer:
    values = model.values
    return deployed_tokenizer(tokenizer, values["vocabulary_size"], values["max_tokens"])


def final_snapshot(
    dataset: Dataset, finished: Finished, tokenizer: Tokenizer, model_dir: Path
) -> dict[str, Any]:
    """Return everything that the report shows of the final model, which is in `model_dir`."""
    split, tested = finished.split, finished.tested
    answers = {part: each.leaves for part, each in finished.answers.items()}
    mistakes = []
    if "test" in answers:
        deployed = _deployed(tokenizer, tested)
        known = Lexicon(deployed, finished.letter_groups)
        mistakes = confident_mistakes(
            [dataset.texts[row] for row in split.test],
            dataset.label_ids[split.test],
            finished.answers["test"],
            dataset.class_names,
            partial(explain_texts, Scorer(tested.model), deployed, known=known),
        )
    return {
        "model_dir": str(model_dir),
        "metrics": finished.metrics,
        "calibration": {part: each.calibration_bins() for part, each in answers.items()},
        "coverage": {part: each.coverage_curve() for part, each in answers.items()},
        "mistakes": mistakes,
    }
