"""The whole way from rows to `model/`: what `search` and `train` have in common."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.text import Text

from ecomcat.config import (
    DISTILLED,
    ENSEMBLE,
    SINGLE,
    DataConfig,
    FinalConfig,
    ModelConfig,
    SearchCommand,
)
from ecomcat.console import format_seconds, said_if_stopped, say_what_next_after_search, step
from ecomcat.data.dataset import Dataset, describe_lengths, load_dataset
from ecomcat.errors import UserError
from ecomcat.export.bundle import Export, export_model, package_versions, require_replaceable
from ecomcat.model.metrics import OBJECTIVE
from ecomcat.model.space import EXTRA, Domain, resolve_auto, space_size
from ecomcat.process import import_tensorflow
from ecomcat.reporting.fitting import FittingTable
from ecomcat.reporting.terminal import (
    SearchProgress,
    best_trials_table,
    confusion_table,
    coverage_table,
    importance_table,
    output_console,
    per_class_table,
    scores_table,
    validation_title,
)
from ecomcat.text.encoding import EncodedTexts, encode_all
from ecomcat.text.tokenizer import deployed_tokenizer, fit_tokenizer, mean_words
from ecomcat.tuning.budget import decide_epochs
from ecomcat.tuning.records import RUNNING, TrialRecord, best_record, load_records
from ecomcat.tuning.study import (
    DATA,
    EXCLUDED,
    FINAL,
    TOGETHER,
    Study,
    active_seconds,
    default_name,
    file_hash,
    open_study,
    read_state,
    read_study,
    require_study_place,
    split_identity,
    study_identity,
    write_facts,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from tokenizers import Tokenizer

    from ecomcat.final.finishing import FinalModel, Finished
    from ecomcat.tuning.trial import TrialInputs
    from ecomcat.tuning.tuner import SearchResult

logger = logging.getLogger("ecomcat")

_COUNTED_TEXTS = 2000  # of which the words are counted before all are encoded


def settle(
    config: SearchCommand, space: Mapping[str, Domain], dataset: Dataset
) -> tuple[SearchCommand, dict[str, Domain]]:
    """Decide what `auto` leaves to the data: the batch size, the epochs and the patience.

    Args:
        config: of the run.
        space: domain of each hyperparameter.
        dataset: all texts, and which of them are train.

    Returns:
        The configuration and the space with numbers in place of `auto`.
    """
    train = dataset.split.train
    # Texts stand in the order of their digests, and so the first ones are any.
    counted = train[:_COUNTED_TEXTS]
    space = resolve_auto(space, len(train))
    search = decide_epochs(
        config.search,
        space,
        training_texts=len(train),
        categories=len(dataset.classes),
        mean_words=mean_words([dataset.texts[row] for row in counted]),
    )
    return replace(config, search=search), space


def encode_once(dataset: Dataset, space: Mapping[str, Domain]) -> tuple[Tokenizer, EncodedTexts]:
    """Fit the largest vocabulary on train and encode every text to the longest limit.

    Args:
        dataset: all texts, and which of them are train.
        space: domain of each hyperparameter.
    """
    training_texts = (dataset.texts[row] for row in dataset.split.train)
    with step("Fitting the vocabulary"):
        tokenizer = fit_tokenizer(training_texts, int(space["vocabulary_size"].highest))
    with step("Encoding the texts", total=len(dataset.texts)) as advance:
        texts = encode_all(
            tokenizer, dataset.texts, int(space["max_tokens"].highest), on_texts=advance
        )
    logger.info(
        "Encoded: %d words in the vocabulary, %.0f tokens a text on average.",
        tokenizer.get_vocab_size(),
        texts.lengths.mean(),
    )
    return tokenizer, texts


def trial_inputs(
    config: SearchCommand, dataset: Dataset, tokenizer: Tokenizer, texts: EncodedTexts
) -> TrialInputs:
    """Gather what all trials share.

    Args:
        config: of the run.
        dataset: all texts.
        tokenizer: of the largest vocabulary.
        texts: encoded by it.

    Raises:
        UserError: when the network's builder or the file of word vectors cannot be had.
    """
    from ecomcat.model.network import find_builder
    from ecomcat.tuning.trial import TrialInputs

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
        vectors=_load_vectors(config, tokenizer),
    )


def _load_vectors(config: SearchCommand, tokenizer: Tokenizer) -> NDArray[np.float32] | None:
    if config.model.pretrained_vectors is None:
        return None
    from ecomcat.text.vectors import load_vectors

    path = Path(config.model.pretrained_vectors).expanduser()
    return load_vectors(path, tokenizer.get_vocab())


def data_facts(
    dataset: Dataset, texts: EncodedTexts, space: Mapping[str, Domain]
) -> dict[str, Any]:
    """Return what the report says of the data, from the moment that the search begins.

    Args:
        dataset: all texts.
        texts: encoded to the longest limit.
        space: domain of each hyperparameter.
    """
    limit = int(space["max_tokens"].highest)
    return {
        "data": dataset.describe(),
        "lengths": describe_lengths(dataset.texts, texts.lengths, limit),
        "versions": package_versions(),
    }


def print_dry_run(
    config: SearchCommand,
    space: Mapping[str, Domain],
    study: Study,
    identity: Mapping[str, Any],
    training_texts: int,
) -> None:
    """Print the space, its size, and what a search of it would run.

    Args:
        config: of the run, with the epochs decided.
        space: domain of each hyperparameter, with the batch size decided.
        study: where it would stand.
        identity: what must agree with what the study was begun with.
        training_texts: that each trial would train on.
    """
    table = FittingTable("Search space")
    table.add_words("hyperparameter")
    table.add_words("domain")
    table.add_figures("values")
    for name, domain in space.items():
        table.add_row(Text(name), Text(str(domain)), _count(domain.size))
    console = output_console()
    console.print(table)
    search, size = config.search, space_size(space)
    pruning = "" if search.pruner == "none" else f", {search.pruner} pruning"
    console.print(f"Configurations: {_count(size)}")
    trials = int(min(search.max_trials, size))
    console.print(
        f"Would run: {search.algorithm}{pruning}, at most {_counted(trials)} "
        f"of at most {search.max_epochs} epochs over {training_texts:,} texts, within "
        f"{search.max_minutes:g} minutes, {_workers(config)}"
    )
    if config.data.group_near_duplicates:
        similarity = config.data.near_duplicate_similarity
        console.print(f"Split: near-duplicates (similarity from {similarity:g}) stay on one side")
    if config.data.exclude:
        console.print(f"Left out of train and validation: rows marked in {config.data.exclude}")
    state = _state(study, identity, overwrite=search.overwrite)
    console.print(f"Study: {study.directory} ({state})", soft_wrap=True)
    console.print(f"Model: {config.model_dir} ({_final(config.final)})", soft_wrap=True)


def _count(size: float) -> str:
    return "continuous" if math.isinf(size) else f"{size:,.0f}"


def _workers(config: SearchCommand) -> str:
    search = config.search
    place = f"on the Ray cluster {search.cluster}" if search.cluster else "on this machine"
    plural = "worker" if search.workers == 1 else "workers"
    return f"{search.workers} {plural} {place}"


def _final(final: FinalConfig) -> str:
    """Say in words what would be exported."""
    members = f"{final.max_members} trial{'' if final.max_members == 1 else 's'}"
    what = {
        SINGLE: "the best configuration",
        ENSEMBLE: f"an ensemble of at most {members}",
        DISTILLED: f"the best configuration, taught by at most {members}",
    }[final.name]
    rows = "train and validation" if final.retrain else "train alone, as the search trained it"
    if final.use_all_rows:
        rows = "all rows, once test was scored"
    return f"{what}, trained on {rows}"


def _state(study: Study, identity: Mapping[str, Any], *, overwrite: bool) -> str:
    """Say in words what a run would make of the study's folder."""
    trials = len(load_records(study))
    if not trials:
        return "new"
    if overwrite:
        return f"begins afresh, without the {_counted(trials)} that are there"
    if read_study(study.directory)["identity"] != identity:
        return "would be refused: it was begun with something else"
    return f"goes on from {_counted(trials)}"


def _counted(trials: int) -> str:
    return f"{trials} {'trial' if trials == 1 else 'trials'}"


def watched_search(
    config: SearchCommand, inputs: TrialInputs, space: Mapping[str, Domain], study: Study
) -> SearchResult:
    """Search, and tell the user and TensorBoard how it goes.

    Args:
        config: of the run.
        inputs: what all trials share.
        space: domain of each hyperparameter.
        study: the folder.

    Raises:
        UserError: when no trial has completed.
    """
    from ecomcat.reporting.study_page import ReportListener
    from ecomcat.reporting.tensorboard import TensorBoardListener
    from ecomcat.tuning.tuner import run_search

    records = load_records(study)
    ended = [record for record in records if record.status != RUNNING]
    seconds_left = config.search.max_minutes * 60 - active_seconds(study)
    _say_what_begins(config, space, study, ended, seconds_left)
    progress = SearchProgress(
        config.search.max_trials,
        seconds_left,
        names=[name for name, domain in space.items() if not domain.fixed],
        done=len(ended),
        best=best_record(records),
    )
    extra = [name for name in space if name.startswith(EXTRA)]
    report = ReportListener(study)
    try:
        with progress.live():
            listeners = (progress, TensorBoardListener(study, extra), report)
            return run_search(config, inputs, space, study, listeners)
    except (KeyboardInterrupt, SystemExit):
        _say_how_to_go_on(config, study)
        raise
    finally:
        report.close()


def _say_how_to_go_on(config: SearchCommand, study: Study) -> None:
    afresh = " without search.overwrite=true" if config.search.overwrite else ""
    logger.info("Stopped. The same command%s goes on with study %s.", afresh, study.name)
    records = load_records(study)
    ended = sum(record.status != RUNNING for record in records)
    if best_record(records) is not None:
        logger.info(
            "Its trials so far: %s. To export the best of them: the same command%s with "
            "search.max_trials=%d.",
            study.directory / "trials.csv",
            afresh,
            ended,
        )


def _say_what_begins(
    config: SearchCommand,
    space: Mapping[str, Domain],
    study: Study,
    ended: Sequence[TrialRecord],
    seconds_left: float,
) -> None:
    if ended:
        logger.info(
            "Resuming study %s: %d trials are there, %s of %g minutes are left.",
            study.name,
            len(ended),
            format_seconds(max(0.0, seconds_left)),
            config.search.max_minutes,
        )
        return
    size = space_size(space)
    counted = "a continuous space" if math.isinf(size) else f"{size:.0f} configurations"
    if size == 1:
        counted = "one configuration"
    logger.info("Study: %s (%s search of %s)", study.directory, config.search.algorithm, counted)


_TOGETHER_KEYS = ("group_near_duplicates", "near_duplicate_similarity")


@dataclass(frozen=True)
class Rerun:
    """What is known of the trial.

    Args:
        study: the study's name.
        trial_id: the trial's.
        root: number whose chance it takes.
        identity: what had to agree with the study.
        objective: macro-F1 that it reached; None when it failed.
        epochs: that it trained.
    """

    study: str
    trial_id: str
    root: int
    identity: Mapping[str, Any]
    objective: float | None
    epochs: int

    def compare(self, curves: Sequence[Mapping[str, float]]) -> str:
        """Say in a line how the trial's score then and now compare, over the same epochs."""
        now = max(row[OBJECTIVE] for row in curves[: self.epochs or None])
        then = "failed" if self.objective is None else f"macro-F1 {self.objective:.6f}"
        return (
            f"Trial {self.trial_id} of {self.study}, {self.epochs} epochs: {then} then, {now:.6f} "
            "now."
        )

    def require_same_data(self, dataset: Dataset) -> None:
        """Refuse other data than the study's.

        Raises:
            UserError: when the texts, their labels, their groups or the rows left out differ.
        """
        expected, found = self.identity["data"], dataset.content_hash
        if found != expected:
            raise UserError(
                f"Expected the data of the study {self.study} (hash {expected[:12]}), found other "
                f"texts or labels (hash {found[:12]}). Name the file that the study was searched "
                "on with data.path=FILE."
            )
        options = {"data.exclude": EXCLUDED, "data.group_near_duplicates": TOGETHER}
        now = split_identity(dataset)
        for option, name in options.items():
            then = self.identity.get(name, "none")
            if then != now.get(name, "none"):
                raise UserError(
                    f"Expected the split of the study {self.study}, found another by {option}: "
                    f"{then} then, {now.get(name, 'none')} now. Put the marks back that the file "
                    "had, and the versions of the packages."
                )


def configure_rerun(config: SearchCommand) -> tuple[SearchCommand, Rerun]:
    """Return a configuration that trains a study's trial again, and what is known of the trial.

    Hyperparameters, seed, split and epochs are the study's, and so is the data unless
    `data.path` names a file.

    Args:
        config: with `search.from_trial`.

    Raises:
        UserError: when there is no such study or trial.
    """
    study_name, _, trial_id = str(config.search.from_trial).partition("/")
    directory = Path(config.outputs_dir).expanduser() / "search" / study_name
    if not study_name or not (directory / "study.json").is_file():
        raise UserError(
            f"search.from_trial: expected <study>/<trial>, such as my-study/0007, of a study in "
            f"{directory.parent}; found {config.search.from_trial!r}."
        )
    stored = read_study(directory)
    record = _read_record(directory, trial_id)
    identity = stored["identity"]
    kept = DataConfig(**stored["config"]["data"])
    data = config.data if config.data.path else kept
    fractions = {key: identity[key] for key in ("validation_fraction", "test_fraction")}
    together = {key: getattr(kept, key) for key in _TOGETHER_KEYS}
    search = replace(
        config.search,
        max_trials=1,
        max_epochs=identity["max_epochs"],
        patience=identity["patience"],
        pruner="none",
        workers=1,
    )
    rerun = Rerun(
        study_name,
        trial_id,
        record["root"],
        identity,
        record["objective"],
        record["epochs"],
    )
    model_dir = config.model_dir
    if model_dir == SearchCommand.model_dir:
        # A trial that is looked at again does not take the place of the model in use.
        model_dir = str(Path(config.outputs_dir) / "rerun" / f"{study_name}-{trial_id}")
    return replace(
        config,
        model_dir=model_dir,
        data=replace(data, exclude=config.data.exclude or kept.exclude, **fractions, **together),
        model=replace(
            _model(f"rerun-{study_name}-{trial_id}", identity["build"], record["values"]),
            pretrained_vectors=_vectors(config, stored),
        ),
        search=search,
        seed=identity["seed"],
    ), rerun


def _vectors(config: SearchCommand, stored: dict[str, Any]) -> str | None:
    """Return the file of word vectors: the study's, where it is or where the command says.

    Raises:
        UserError: when it is not the file that the study was searched with.
    """
    expected = stored["identity"].get("pretrained_vectors")
    if expected is None:
        return None
    path = config.model.pretrained_vectors or stored["config"]["model"]["pretrained_vectors"]
    if not Path(path).expanduser().is_file() or file_hash(path) != expected:
        raise UserError(
            f"model.pretrained_vectors: expected the file that the study was searched with (hash "
            f"{expected}), found another or none at {path}. Name it."
        )
    return str(path)


def _read_record(directory: Path, trial_id: str) -> dict[str, Any]:
    path = directory / "trials" / trial_id / "record.json"
    if not trial_id or not path.is_file():
        found = sorted(entry.name for entry in (directory / "trials").glob("*"))
        raise UserError(
            f"search.from_trial: expected a trial of the study {directory.name}, one of "
            f"{', '.join(found[:3])} to {found[-1] if found else 'none'}, found {trial_id!r}."
        )
    return read_state(path)


def _model(name: str, build: str, values: dict[str, Any]) -> ModelConfig:
    extra = {key.removeprefix(EXTRA): value for key, value in values.items() if EXTRA in key}
    names = {entry.name for entry in fields(ModelConfig)}
    # Studies that are older than this hyperparameter let the LSTM read all.
    values = {"lstm_tokens": values["max_tokens"], **values}
    known = {key: value for key, value in values.items() if key in names}
    return ModelConfig(name=name, build=build, extra=extra, **known)


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
    from ecomcat.final.finishing import finish_search

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
    from ecomcat.final.finishing import final_facts
    from ecomcat.reporting.study_page import say_no_report, write_report

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
    from ecomcat.final.retraining import pooled

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
    from ecomcat.tuning.tpe import importances

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
