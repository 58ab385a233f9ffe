"""The groups of a configuration: each key's type, default, help text and bounds.

Values that differ between the options of a group are in each option's YAML file; values that all
options share have their default here. Each default is in one place.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ecomcat.option_fields import option

MAX_SAMPLE_CATEGORIES = 6  # of one level
STUDY_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
FLAGS = ("auto", "true", "false")
CONFIDENCE_LEVEL = 0.9  # how often a promised precision is reached
MAX_FALSE_ALARMS = 0.05  # share of texts like those of training that are called novel
FIDELITIES = ("auto", "rows", "epochs")


@dataclass
class ReadingConfig:
    """How a table is read."""

    member: str | None = option(None, "which file of a zip archive, or sheet of a workbook")
    encoding: str = option("auto", "auto, or any encoding that Python knows")
    delimiter: str = option("auto", "one character, or: comma, semicolon, tab, pipe, none")
    quote_character: str = option('"', "around a cell; none turns quoting off")
    escape_character: str | None = option(None, "before a quote within quotes, such as \\")
    header: Any = option("auto", "true, false or auto", choices=FLAGS)
    text_column: Any = option(None, "a name, a position from 0, or a list of these", column=True)


@dataclass
class DataConfig(ReadingConfig):
    """Where rows come from, how the file is read, and how the rows are split."""

    name: str = option(help="the second part of a study's default name")
    source: dict[str, Any] = option(
        {"_target_": "ecomcat.data.sources.FileSource"},
        help="the class that loads the rows, set by data=NAME",
    )
    path: str | None = option(None, "a CSV, TSV, JSON lines, Parquet or Excel file")
    download_path: str | None = option(None, "where the e-commerce data is, or is downloaded to")
    url: str | None = option(None, "where it is downloaded from")
    blob_id: str | None = option(None, "git's SHA-1 blob id that the download must have")
    download_licence: str | None = option(None, "its licence")
    licence: str | None = option(None, "licence of your own file, for the model card")
    label_column: Any = option(
        None, "a name or a position from 0; a list: one level in each", column=True
    )
    label_separator: str = option("auto", "between the levels of a label; none: no levels")
    category_columns: Any = option(
        None, "columns whose values are read as words, such as [brand]", column=True
    )
    number_columns: Any = option(
        None, "columns of numbers, read by quantiles, such as [price]", column=True
    )
    rare_classes: str = option(
        "refuse",
        "refuse, drop, or merge into the parent: classes under min_class_rows",
        choices=("refuse", "drop", "parent"),
    )
    min_class_rows: int = option(10, "distinct texts that a class needs", minimum=3)
    validation_path: str | None = option(None, "a separate file for validation, like data.path")
    test_path: str | None = option(None, "a separate file for test, like data.path")
    split_column: Any = option(
        None, "a column that says train, validation or test for each row", column=True
    )
    group_column: Any = option(
        None, "a column whose rows of one value stay on one side of the split", column=True
    )
    exclude: str | None = option(None, "a CSV of the audit whose marked rows are left out")
    group_near_duplicates: bool = option(False, "keep nearly equal texts on one side")
    near_duplicate_similarity: float = option(
        0.6, "share of word triples from which texts are nearly the same", minimum=0.3, maximum=1.0
    )
    validation_fraction: float = option(0.15, "share of the distinct texts", above=0.0, below=1.0)
    test_fraction: float = option(
        0.15, "share of the distinct texts; 0: no test", minimum=0.0, below=1.0
    )
    sample_rows: int = option(3000, "rows that `sample` generates", minimum=200)
    sample_label_noise: float = option(0.03, "share of wrong labels", minimum=0.0, maximum=0.5)
    sample_seed: int = option(1, "other products for another number", minimum=0)
    sample_categories: int = option(6, "its categories; many are paths of levels", minimum=2)
    sample_depth: Any = option(
        "auto", "levels of the longest path; auto: 1 to 3", minimum=1, maximum=8, auto=True
    )

    def problems(self) -> Iterator[tuple[str, str]]:
        """Yield what is wrong between the fields."""
        if self.sample_rows < 20 * self.sample_categories:
            yield (
                "sample_rows",
                f"expected 20 for each of data.sample_categories={self.sample_categories}, found "
                f"{self.sample_rows}.",
            )
        if self.sample_depth == 1 and self.sample_categories > MAX_SAMPLE_CATEGORIES:
            yield (
                "sample_depth",
                f"expected 2 or more for more than {MAX_SAMPLE_CATEGORIES} categories, found 1.",
            )
        if self.split_column is not None and (self.validation_path or self.test_path):
            yield (
                "split_column",
                "expected either this or data.validation_path and data.test_path, found both. "
                "Leave one of them out.",
            )
        together = self.validation_fraction + self.test_fraction
        if not together < 1:
            yield (
                "validation_fraction + data.test_fraction",
                f"expected less than 1 together, found {together:g}.",
            )


@dataclass
class SearchConfig:
    """How the space is explored, for how long, and under which name."""

    algorithm: dict[str, Any] = option(help="the class that chooses what is tried")
    pruner: dict[str, Any] = option(help="the class that ends hopeless trials early")
    name: str | None = option(None, "the study's folder; by default of model and data")
    max_trials: int = option(help="trials of the study, those of earlier runs counted", minimum=1)
    max_minutes: float = option(help="active minutes of the study, resumed runs added", above=0.0)
    max_epochs: Any = option(
        help="epochs of one trial; auto: as many as give max_batches, at least 4",
        minimum=1,
        auto=True,
    )
    max_batches: int = option(
        help="batches of one trial, where max_epochs is auto; guide: 'Budgets'", minimum=1
    )
    fidelity: str = option(
        "auto",
        "what a short trial has less of: epochs, or rows (each epoch then reads other ones)",
        choices=FIDELITIES,
    )
    epoch_texts: int | None = option(
        None,
        "texts of an epoch with fidelity=rows; by default from max_batches",
        minimum=1,
    )
    retrain_minutes: Any = option(
        "auto",
        "most minutes of a final training, which reads as many rows as fit; auto: max_minutes",
        above=0.0,
        auto=True,
    )
    patience: Any = option(
        "auto", "epochs without a better score; auto: a quarter", minimum=1, auto=True
    )
    stop_early: bool = option(
        True, "end where more trials could gain less than validation can show; guide: 'Budgets'"
    )
    overwrite: bool = option(False, "replace an earlier study of the same name")
    trial_max_minutes: float | None = option(
        None, "limit of one trial; none unless given", above=0.0
    )
    max_retries: int = option(
        2, "repeats of a trial whose worker was lost or out of memory", minimum=0
    )
    workers: Any = option("auto", "trials at a time; auto: as there is room", minimum=1, auto=True)
    cluster: str | None = option(None, "auto or the address of a Ray cluster, not this machine")
    cores_per_worker: int = option(1, "cores of workers that Ray places", minimum=1)
    gpus_per_worker: Any = option(
        "auto", "GPUs of a worker, or a fraction of one; auto: one, if any", minimum=0.0, auto=True
    )
    memory_gb_per_worker: float = option(2.0, "10^9 bytes", above=0.0)
    dry_run: bool = option(False, "show what would be searched, and end")
    from_trial: str | None = option(None, "train: run this trial again, <study>/<id>")

    def problems(self) -> Iterator[tuple[str, str]]:
        """Yield what is wrong between the fields."""
        if self.name is not None and not STUDY_NAME.fullmatch(self.name):
            yield (
                "name",
                "expected a letter or digit and then only letters, digits, '_', '.' and '-', found "
                f"{self.name!r}.",
            )
        gpus = self.gpus_per_worker
        if gpus != "auto" and gpus > 1 and gpus % 1:
            yield "gpus_per_worker", f"expected a part of one or a whole number, found {gpus:g}."


@dataclass
class FinalConfig:
    """What is made of the search's best trial."""

    learning_curve: bool = option(
        False, "train the best configuration on parts of the texts, too, to estimate what more gain"
    )
    retrain: bool = option(
        True, "train on train + validation; false takes the weights of the search"
    )
    linear: bool = option(True, "add a linear model of words and letters, where it helps")
    onnx: bool = option(True, "export model.onnx, too, which answers without TensorFlow")
    baseline: bool = option(True, "compare with the best of several linear models")
    use_all_rows: bool = option(False, "train on test rows as well, once they have been scored")

    def problems(self) -> Iterator[tuple[str, str]]:
        """Yield what is wrong between the fields."""
        if self.use_all_rows and not self.retrain:
            yield (
                "use_all_rows",
                "expected final.retrain=true with it, found false. Weights of the search are of "
                "train alone: leave one of the two out.",
            )
