"""The whole way from rows to `model/`: what `search` and `train` have in common."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ecomcat.artifact.export import Export, export_model
from ecomcat.artifact.replace import require_replaceable
from ecomcat.config import SearchCommand
from ecomcat.data.dataset import Dataset, load_dataset
from ecomcat.dry_run import print_dry_run
from ecomcat.model.domains import Domain
from ecomcat.preparation import data_facts, encode_once, settle, trial_inputs
from ecomcat.quiet import import_tensorflow
from ecomcat.reporting.endings import said_if_stopped, say_what_next_after_search
from ecomcat.reporting.steps import step
from ecomcat.reporting.tables import (
    best_trials_table,
    confusion_table,
    coverage_table,
    importance_table,
    output_console,
    per_class_table,
    scores_table,
    validation_title,
)
from ecomcat.text.encoding import EncodedTexts
from ecomcat.text.tokenizer import deployed_tokenizer
from ecomcat.tuning.study.facts import DATA, FINAL, write_facts
from ecomcat.tuning.study.identity import default_name, study_identity
from ecomcat.tuning.study.records import load_records
from ecomcat.tuning.study.study import Study, open_study, require_study_place
from ecomcat.watched_search import watched_search

if TYPE_CHECKING:
    from tokenizers import Tokenizer

    from ecomcat.final.build import FinalModel
    from ecomcat.final.finish import Finished
    from ecomcat.rerun import Rerun
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
    require_replaceable(Path(config.model_dir).expanduser())
    with step("Reading and cleaning the data"):
        dataset = load_dataset(config.data, config.seed)
    if rerun is not None:
        rerun.require_same_data(dataset)
    config, space = settle(config, space, dataset)
    identity = study_identity(config, dataset, space)
    name = config.search.name or default_name(config.model.name, dataset.name, identity)
    root = Path(config.outputs_dir).expanduser() / "search"
    require_study_place(root, name)
    if config.search.dry_run:
        print_dry_run(config, space, Study(root / name), identity, len(dataset.split.train))
        return
    tokenizer, texts = encode_once(dataset, space)
    with step("Starting TensorFlow"):
        import_tensorflow()
    from ecomcat.final.finish import finish_search

    inputs = trial_inputs(config, dataset, tokenizer, texts)
    if rerun is not None:
        inputs = replace(inputs, root=rerun.root)
    with open_study(
        root, name, identity, overwrite=config.search.overwrite, config=_kept_config(config)
    ) as study:
        write_facts(study, DATA, data_facts(dataset, texts, space))
        result = watched_search(config, inputs, space, study)
        with said_if_stopped(
            f"No model was exported. The same command goes on with study {study.name}, whose "
            "trials are kept."
        ):
            finished = finish_search(config, dataset, inputs, study, result, tokenizer)
            with step("Exporting the model, and checking what was exported"):
                _export(config, dataset, inputs, study, tokenizer, finished)
        _report(config, dataset, study, tokenizer, finished)
        _print_results(config, space, study, finished.metrics)
        logger.info(finished.verdict)
        if rerun is not None:
            logger.info(rerun.compare(result.best.curves))
        say_what_next_after_search(config, study.directory)


def _export(
    config: SearchCommand,
    dataset: Dataset,
    inputs: TrialInputs,
    study: Study,
    tokenizer: Tokenizer,
    finished: Finished,
) -> None:
    final = finished.final
    export = Export(
        model=final.model,
        onnx_texts=_texts_to_compare(inputs, final) if config.final.onnx else None,
        tokenizer=deployed_tokenizer(tokenizer, final.vocabulary_size, final.max_tokens),
        labels=dataset.classes,
        config=replace(config, search=replace(config.search, name=study.name)),
        text_columns=dataset.text_columns,
        metrics=finished.metrics,
        acceptance=finished.acceptance,
        trained_rows=[dataset.digests[row] for row in finished.trained_rows],
    )
    export_model(Path(config.model_dir).expanduser(), export)


def _report(
    config: SearchCommand, dataset: Dataset, study: Study, tokenizer: Tokenizer, finished: Finished
) -> None:
    from ecomcat.final.facts import final_facts
    from ecomcat.study_report.listener import say_no_report
    from ecomcat.study_report.page import write_report

    model_dir = Path(config.model_dir).expanduser()
    try:
        with (
            said_if_stopped(f"The model is in {model_dir}; its report is not written."),
            step("Writing the report"),
        ):
            write_facts(study, FINAL, final_facts(dataset, finished, tokenizer, model_dir))
            write_report(study)
    except Exception as error:
        # The model is there by now, and its figures are still to be printed.
        say_no_report(error)


def _texts_to_compare(inputs: TrialInputs, final: FinalModel) -> EncodedTexts:
    """Return validation and test texts as the exported model reads them."""
    from ecomcat.final.retrain import pooled

    rows = pooled([inputs.split.validation, inputs.split.test])
    return inputs.texts.take(rows).view(final.vocabulary_size, final.max_tokens)


def _kept_config(config: SearchCommand) -> dict[str, Any]:
    """Return the configuration as a study keeps it: its files are found from any folder."""
    data = config.data
    data = replace(data, path=_absolute(data.path), exclude=_absolute(data.exclude))
    vectors = _absolute(config.model.pretrained_vectors)
    return asdict(
        replace(config, data=data, model=replace(config.model, pretrained_vectors=vectors))
    )


def _absolute(path: str | None) -> str | None:
    return str(Path(path).expanduser().absolute()) if path else None


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
    confusion = confusion_table(metrics["test"], width=console.width)
    if confusion is not None:
        console.print(confusion)
    console.print(coverage_table("Test set, labelled without a look", metrics["test"]))
    sets = {
        validation_title(metrics["final"]): metrics["validation"],
        "test (scored once)": metrics["test"],
    }
    if "test_without_excluded" in metrics:
        sets["test without the rows marked in data.exclude"] = metrics["test_without_excluded"]
    console.print(scores_table(f"Result on {metrics['data']['source']}", sets))
