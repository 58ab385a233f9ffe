"""The whole way from rows to `model/`, which `search` and `train` share."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ecomcat.command_config import SearchCommand
from ecomcat.console import format_seconds, log_if_stopped, log_next, our_command, step
from ecomcat.data.dataset import Dataset, describe_lengths, load_dataset
from ecomcat.data.sources import load_labelled_rows
from ecomcat.data.splitting import scored_rows
from ecomcat.export.bundle import require_replaceable
from ecomcat.files import expanded
from ecomcat.model.space import EXTRA, Domain, resolve_auto, space_size
from ecomcat.process import import_tensorflow, package_versions, usable_cores
from ecomcat.reporting.live_progress import SearchProgress
from ecomcat.reporting.printed_tables import (
    best_trials_table,
    final_tables,
    importance_table,
    output_console,
    print_dry_run,
    print_tables,
)
from ecomcat.text.encoding import EncodedTexts, Lexicon, encode_all, letter_groups_of
from ecomcat.text.tokenizer import fit_tokenizer, mean_words
from ecomcat.tuning.algorithms import make_algorithm
from ecomcat.tuning.budget import decide_epochs, seconds_after_trials
from ecomcat.tuning.records import RUNNING, TrialRecord, best_record
from ecomcat.tuning.study import (
    DATA,
    Study,
    default_name,
    needed_files,
    open_study,
    require_study_place,
    study_identity,
)
from ecomcat.tuning.tpe import importances
from ecomcat.wording.summary import Metrics, result_line

if TYPE_CHECKING:
    import pandas as pd
    from tokenizers import Tokenizer

    from ecomcat.export.classifier import Classifier
    from ecomcat.tuning.from_trial import Rerun
    from ecomcat.tuning.trial import TrialInputs
    from ecomcat.tuning.tuner import SearchResult

logger = logging.getLogger("ecomcat")

_COUNTED_TEXTS = 2000  # whose words are counted before all texts are encoded


@dataclass(frozen=True)
class Result:
    """The result of a search or a training.

    Args:
        model_dir: Path of the exported folder.
        study: Path of the study's folder: its trials, report and curves.
        metrics: Dictionary, what `metrics.json` holds.

    >>> Result(Path("model"), Path("outputs"), {"test": {"macro_f1": 0.95}}).metrics["test"]
    {'macro_f1': 0.95}
    """

    model_dir: Path
    study: Path
    metrics: Metrics = field(repr=False)

    @cached_property
    def trials(self) -> pd.DataFrame:
        """A row for each trial, in the order of their numbers, as in `trials.csv`."""
        import pandas as pd

        return pd.read_csv(self.study / "trials.csv", dtype={"id": str})

    @cached_property
    def model(self) -> Classifier:
        """The exported classifier, opened at first use."""
        from ecomcat.export.classifier import load_classifier

        return load_classifier(self.model_dir)


def search_and_export(
    config: SearchCommand,
    space: Mapping[str, Domain],
    rerun: Rerun | None = None,
    frames: Mapping[str, pd.DataFrame] | None = None,
) -> Result | None:
    """Read the data, search, retrain the best, score the test set once and export.

    Args:
        config: The configuration of the run.
        space: The domain of each hyperparameter that the configuration declares.
        rerun: The trial that is trained again. Defaults to none.
        frames: DataFrames in place of files, by the names of the parts. Defaults to none.

    Returns:
        The result of the run; `None` for a dry run.

    Raises:
        UserError: For whatever the user can fix.
    """
    root, model_dir = expanded(config.outputs_dir) / "search", expanded(config.model_dir)
    require_replaceable(model_dir)
    require_study_place(root, config.search.name, model_dir)
    dataset = _read(config, rerun, frames)
    config, space = resolve_auto_settings(config, space, dataset)
    identity = study_identity(config, dataset, space)
    name = config.search.name or default_name(config.model.name, dataset.name, identity)
    require_study_place(root, name, model_dir)
    if config.search.dry_run:
        print_dry_run(config, space, Study(root / name), identity, len(dataset.split.train))
        return None
    tokenizer, texts = _encode_once(dataset, space)
    with step("Starting TensorFlow"):
        import_tensorflow(gpus=config.search.gpus_per_worker != 0)
    inputs = _trial_inputs(config, dataset, texts, rerun)
    with open_study(
        *(root, name, identity),
        overwrite=config.search.overwrite,
        config=_config_to_store(config),
        needed=needed_files(config),
    ) as study:
        return _search_study(config, dataset, tokenizer, inputs, space, study, rerun)


def _read(
    config: SearchCommand, rerun: Rerun | None, frames: Mapping[str, pd.DataFrame] | None
) -> Dataset:
    with step("Reading and cleaning the data"):
        dataset = load_dataset(config.data, config.seed, load_labelled_rows(config.data, frames))
    if rerun is not None:
        rerun.require_same_data(dataset)
    return dataset


def _search_study(
    config: SearchCommand,
    dataset: Dataset,
    tokenizer: Tokenizer,
    inputs: TrialInputs,
    space: Mapping[str, Domain],
    study: Study,
    rerun: Rerun | None,
) -> Result:
    """Search, finish, export and show what was found."""
    from ecomcat.final.results import export_finished, final_snapshot, finish_search
    from ecomcat.reporting.study_report import report_final

    lengths = describe_lengths(dataset.texts, inputs.texts.lengths, int(max(space["max_tokens"])))
    about = {"data": dataset.description, "lengths": lengths, "versions": package_versions()}
    study.write(DATA, about)
    result = _search_with_progress(config, inputs, space, study)
    with log_if_stopped(
        f"No model was exported. The same command continues study {study.name}, whose trials "
        "are saved."
    ):
        finished = finish_search(config, dataset, inputs, study, result)
        with step("Exporting the model, and checking what was exported"):
            export_finished(config, dataset, inputs, study, tokenizer, finished)
    model_dir, metrics = expanded(config.model_dir), finished.metrics
    report_final(study, model_dir, lambda: final_snapshot(dataset, finished, tokenizer, model_dir))
    try:
        _print_results(config, space, study, metrics)
    finally:
        if rerun is not None:
            logger.info(rerun.compare(result.best.curves))
        _log_summary(config, study, metrics)
    return Result(model_dir, study.directory, metrics)


def _config_to_store(config: SearchCommand) -> dict[str, Any]:
    """Return the configuration as a study stores it: with absolute paths of files."""
    keys = ("path", "validation_path", "test_path", "exclude")
    given = {key: path for key in keys if (path := getattr(config.data, key))}
    found: dict[str, Any] = {key: str(expanded(path).absolute()) for key, path in given.items()}
    return asdict(replace(config, data=replace(config.data, **found)))


def _print_results(
    config: SearchCommand, space: Mapping[str, Domain], study: Study, metrics: Metrics
) -> None:
    records = study.trials.records
    shares = importances(records, space, config.seed)
    print_tables(
        best_trials_table(records),
        importance_table(shares) if shares else None,
        *final_tables(metrics, output_console().width),
    )


def _log_summary(config: SearchCommand, study: Study, metrics: Metrics) -> None:
    """Log the result, where it is, and what to type next: a line each."""
    logger.info("Result: %s", result_line(metrics))
    report = study.directory / "report.html"
    logger.info("Model: %s (its card: README.md); report: %s", config.model_dir, report)
    predict = our_command("predict", "input=FILE", "output=FILE", model_dir=config.model_dir)
    log_next({predict: "label a file"})


def resolve_auto_settings(
    config: SearchCommand, space: Mapping[str, Domain], dataset: Dataset
) -> tuple[SearchCommand, dict[str, Domain]]:
    """Put numbers in place of `auto`: batch size, epochs and patience."""
    train = dataset.split.train
    space = resolve_auto(space, len(train))
    search = decide_epochs(
        config.search,
        space,
        training_texts=len(train),
        categories=len(dataset.class_names),
        # Texts are in the order of their digests, so the first ones are a random sample.
        mean_words=mean_words([dataset.texts[row] for row in train[:_COUNTED_TEXTS]]),
    )
    return replace(config, search=search), space


def _encode_once(dataset: Dataset, space: Mapping[str, Domain]) -> tuple[Tokenizer, EncodedTexts]:
    """Fit the largest vocabulary on train and encode every text to the longest limit."""
    training_texts = [dataset.texts[row] for row in dataset.split.train]
    counting = step("Counting words", total=len(training_texts), in_log=False)
    with step("Fitting the vocabulary"), counting as advance:
        vocabulary_size = int(max(space["vocabulary_size"]))
        tokenizer = fit_tokenizer(training_texts, vocabulary_size, dataset.fields, advance)
    with step("Encoding the texts", total=len(dataset.texts)) as advance:
        max_tokens = int(max(space["max_tokens"]))
        known = Lexicon(tokenizer, letter_groups_of(len(training_texts)))
        texts = encode_all(tokenizer, dataset.texts, max_tokens, known=known, on_texts=advance)
    logger.info(
        "Encoded: %d words in the vocabulary, %.0f tokens per text on average.",
        tokenizer.get_vocab_size(),
        texts.lengths.mean(),
    )
    return tokenizer, texts


def _trial_inputs(
    config: SearchCommand, dataset: Dataset, texts: EncodedTexts, rerun: Rerun | None
) -> TrialInputs:
    """Gather what all trials share."""
    from ecomcat.model.network import find_builder
    from ecomcat.tuning.trial import TrialInputs

    num_classes = len(dataset.class_names)
    return TrialInputs(
        build=find_builder(config.model.build),
        texts=texts,
        label_ids=dataset.label_ids,
        num_classes=num_classes,
        split=scored_rows(dataset.split, num_classes, config.seed),
        seed=config.seed,
        patience=config.search.patience,
        max_epochs=config.search.max_epochs,
        keep_state=make_algorithm(config.search).continues_trials,
        root=None if rerun is None else rerun.trial.root,
    )


def _search_with_progress(
    config: SearchCommand, inputs: TrialInputs, space: Mapping[str, Domain], study: Study
) -> SearchResult:
    """Search, with a progress display, TensorBoard and the report."""
    from ecomcat.reporting.study_report import ReportListener
    from ecomcat.reporting.tensorboard import TensorBoardListener
    from ecomcat.tuning.tuner import run_search

    ended = [record for record in study.trials.records if record.status != RUNNING]
    seconds_left = config.search.max_minutes * 60 - study.active_seconds
    _log_start(config, space, study, ended, seconds_left)
    progress = SearchProgress(
        config.search.max_trials,
        seconds_left,
        names=[name for name, domain in space.items() if not domain.fixed],
        earlier=ended,
        seconds_after=_time_to_end(config, inputs),
    )
    extra = [name for name in space if name.startswith(EXTRA)]
    report = ReportListener(study)
    try:
        with progress.live():
            listeners = (progress, TensorBoardListener(study, extra), report)
            return run_search(config, inputs, space, study, listeners)
    except (KeyboardInterrupt, SystemExit):
        _log_how_to_resume(config, study)
        raise
    finally:
        report.close()


def _time_to_end(config: SearchCommand, inputs: TrialInputs) -> Callable[[TrialRecord], float]:
    """Return how many seconds a run takes from its last trial to its end, given the best trial."""
    train = inputs.split.train
    return partial(
        seconds_after_trials,
        config,
        training_tokens=int(inputs.texts.lengths[train].sum()),
        training_texts=len(train),
        workers=usable_cores() // config.search.cores_per_worker,
    )


def _log_how_to_resume(config: SearchCommand, study: Study) -> None:
    afresh = " without search.overwrite=true" if config.search.overwrite else ""
    logger.info("Stopped. The same command%s continues study %s.", afresh, study.name)
    records = study.trials.records
    if best_record(records) is not None:
        ended = sum(record.status != RUNNING for record in records)
        logger.info(
            "Its trials so far: %s. To export the best of them: the same command%s with "
            "search.max_trials=%d.",
            *(study.directory / "trials.csv", afresh, ended),
        )


def _log_start(
    config: SearchCommand,
    space: Mapping[str, Domain],
    study: Study,
    ended: Sequence[TrialRecord],
    seconds_left: float,
) -> None:
    if ended:
        logger.info(
            "Resuming study %s: %d trials are there, %s of %g minutes are left.",
            *(study.name, len(ended), format_seconds(max(0.0, seconds_left))),
            config.search.max_minutes,
        )
        return
    size = space_size(space)
    named = {1: "one configuration", math.inf: "a continuous space"}
    counted = named.get(size, f"{size:.0f} configurations")
    algorithm = make_algorithm(config.search).name
    logger.info("Study: %s (%s search of %s)", study.directory, algorithm, counted)
