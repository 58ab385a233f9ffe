"""The whole way from rows to `model/`: what `search` and `train` have in common."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from contextlib import closing
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ecomcat.artifact.export import Export, export_model, package_versions
from ecomcat.artifact.replace import require_replaceable
from ecomcat.config import SearchCommand
from ecomcat.data.dataset import Dataset, load_dataset
from ecomcat.dry_run import print_dry_run
from ecomcat.model.scores import score_predictions
from ecomcat.model.space import Domain, resolve_auto
from ecomcat.quiet import import_tensorflow
from ecomcat.reporting.tables import (
    best_trials_table,
    confusion_table,
    importance_table,
    output_console,
    per_class_table,
    scores_table,
)
from ecomcat.text.encoding import EncodedTexts, encode_all
from ecomcat.text.tokenizer import deployed_tokenizer, fit_tokenizer
from ecomcat.tuning.oracles.budget import decide_epochs
from ecomcat.tuning.study.identity import default_name, study_identity
from ecomcat.tuning.study.records import load_records
from ecomcat.tuning.study.study import Study, open_study, require_study_place
from ecomcat.watched_search import watched_search

if TYPE_CHECKING:
    import keras

    from ecomcat.rerun import Rerun
    from ecomcat.tuning.search import SearchResult
    from ecomcat.tuning.workers.trial import TrialInputs

logger = logging.getLogger("ecomcat")


def search_and_export(
    config: SearchCommand, space: Mapping[str, Domain], rerun: Rerun | None = None
) -> None:
    """Read the data, search, retrain the best, score the test set once and export.

    Args:
        config: of the run.
        space: the domains that the configuration declares.
        rerun: the trial that is trained again, if it is one.

    Raises:
        UserError: for whatever the user can mend.
    """
    model_dir = Path(config.model_dir).expanduser()
    require_replaceable(model_dir)
    dataset = load_dataset(config.data, config.seed)
    if rerun is not None:
        rerun.require_same_data(dataset.content_hash)
    space = resolve_auto(space, len(dataset.split.train))
    config = replace(config, search=decide_epochs(config.search, space, len(dataset.split.train)))
    identity = study_identity(config, dataset, space)
    name = config.search.name or default_name(config.model.name, dataset.name, identity)
    root = Path(config.outputs_dir).expanduser() / "search"
    require_study_place(root, name)
    if config.search.dry_run:
        print_dry_run(config, space, Study(root / name), identity, len(dataset.split.train))
        return
    tokenizer, texts = _encode_once(dataset, space)
    import_tensorflow()
    inputs = _trial_inputs(config, dataset, texts)
    if rerun is not None:
        inputs = replace(inputs, root=rerun.root)
    with open_study(
        root, name, identity, overwrite=config.search.overwrite, config=_kept_config(config)
    ) as study:
        result = watched_search(config, inputs, space, study)
        metrics, model = _retrain_and_score(config, dataset, inputs, study, result)
        values = result.best.values
        export = Export(
            model=model,
            tokenizer=deployed_tokenizer(
                tokenizer, values["vocabulary_size"], values["max_tokens"]
            ),
            labels=dataset.classes,
            config=replace(config, search=replace(config.search, name=study.name)),
            text_columns=dataset.text_columns,
            metrics=metrics,
            trained_rows=[
                dataset.digests[row] for row in (*dataset.split.train, *dataset.split.validation)
            ],
        )
        export_model(model_dir, export)
        _print_results(config, space, study, metrics)
        if rerun is not None:
            logger.info(rerun.compare(result.best.curves))
        logger.info(
            "Model: %s (label a file with: python -m ecomcat.predict input=FILE output=FILE). "
            "Study: %s. Watch it: tensorboard --logdir %s",
            model_dir,
            study.directory,
            config.outputs_dir,
        )


def _trial_inputs(config: SearchCommand, dataset: Dataset, texts: EncodedTexts) -> TrialInputs:
    """Gather what all trials share; a builder that is not there is refused here."""
    from ecomcat.model.builder import find_builder
    from ecomcat.tuning.workers.trial import TrialInputs

    return TrialInputs(
        build=find_builder(config.model.build),
        texts=texts,
        labels=dataset.labels,
        classes=len(dataset.classes),
        split=dataset.split,
        seed=config.seed,
        patience=config.search.patience,
        max_epochs=config.search.max_epochs,
        keep_state=config.search.algorithm == "hyperband",
    )


def _kept_config(config: SearchCommand) -> dict[str, Any]:
    """Return the configuration as a study keeps it: its file is found from any folder."""
    path = config.data.path
    data = replace(config.data, path=str(Path(path).expanduser().absolute()) if path else None)
    return asdict(replace(config, data=data))


def _encode_once(dataset: Dataset, space: Mapping[str, Domain]) -> tuple[Any, EncodedTexts]:
    """Fit the largest vocabulary on train and encode every text to the longest limit."""
    training_texts = (dataset.texts[row] for row in dataset.split.train)
    tokenizer = fit_tokenizer(training_texts, int(space["vocabulary_size"].highest))
    texts = encode_all(tokenizer, dataset.texts, int(space["max_tokens"].highest))
    logger.info(
        "Encoded: %d words in the vocabulary, %.0f tokens a text on average.",
        tokenizer.get_vocab_size(),
        texts.lengths.mean(),
    )
    return tokenizer, texts


def _retrain_and_score(
    config: SearchCommand,
    dataset: Dataset,
    inputs: TrialInputs,
    study: Study,
    result: SearchResult,
) -> tuple[dict[str, Any], keras.Model]:
    from ecomcat.final.retrain import retrain_best
    from ecomcat.model.training import predict_probabilities
    from ecomcat.reporting.tensorboard import FinalCurves
    from ecomcat.tuning.study.kept import VALIDATION

    best = result.best
    logger.info(
        "Retraining trial %s on train + validation for %d epochs.", best.id, best.best_epoch
    )
    with closing(FinalCurves(study, best)) as curves:
        model = retrain_best(inputs, best, curves.write)
    test = inputs.examples(dataset.split.test, best.values)
    predicted = predict_probabilities(model, test.texts).argmax(axis=1)
    with np.load(study.trial_dir(best.id) / VALIDATION, allow_pickle=False) as kept:
        validated = kept["probabilities"].argmax(axis=1)
    metrics = {
        "test": score_predictions(test.labels, predicted, dataset.classes),
        "validation": score_predictions(
            dataset.labels[dataset.split.validation], validated, dataset.classes
        ),
        "data": dataset.describe(),
        "search": {"study": study.name, **result.describe()},
        "versions": package_versions(),
        "seed": config.seed,
    }
    return metrics, model


def _print_results(
    config: SearchCommand, space: Mapping[str, Domain], study: Study, metrics: Mapping[str, Any]
) -> None:
    from ecomcat.tuning.oracles.importance import importances

    console, records = output_console(), load_records(study)
    console.print(best_trials_table(records))
    shares = importances(records, space, config.seed)
    if shares:
        console.print(importance_table(shares))
    console.print(per_class_table("Test set, by category", metrics["test"]))
    confusion = confusion_table(metrics["test"])
    if confusion is not None:
        console.print(confusion)
    sets = {
        "validation (weights before retraining)": metrics["validation"],
        "test (scored once)": metrics["test"],
    }
    console.print(scores_table(f"Result on {metrics['data']['source']}", sets))
