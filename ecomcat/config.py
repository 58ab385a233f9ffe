"""The groups of a configuration: each key's type, default, help text and bounds.

Values that differ from one option of a group to the next stand in that option's YAML file; values
that all options share have their default here. Each default stands in one place.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ecomcat.options import Rule, option, searchable

STUDY_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
FLAGS = ("auto", "true", "false")


@dataclass
class ReadingConfig:
    """How a table is read."""

    member: str | None = option(None, help="which file of a zip archive, or sheet of a workbook")
    encoding: str = option("auto", help="auto, or any encoding that Python knows")
    delimiter: str = option("auto", help="one character, or: comma, semicolon, tab, pipe, none")
    quote_character: str = option('"', help="around a cell; none turns quoting off")
    escape_character: str | None = option(
        None, help="character before a quote within quotes, such as \\"
    )
    header: Any = option("auto", help="true, false or auto", choices=FLAGS)
    text_column: Any = option(
        None, help="a name, a position from 0, or a list of these joined in order", column=True
    )


@dataclass
class DataConfig(ReadingConfig):
    """Where rows come from, how the file is read, and how the rows are split."""

    name: str = option(help="the second part of a study's default name")
    source: dict[str, Any] = option(
        {"_target_": "ecomcat.data.sources.FileSource"},
        help="the class that loads the rows; data=csv, sample, ecommerce or auto sets it",
    )
    path: str | None = option(None, help="a CSV, TSV, JSON lines, Parquet or Excel file")
    download_path: str | None = option(
        None, help="where the e-commerce data set is, or is downloaded to"
    )
    url: str | None = option(None, help="where it is downloaded from")
    blob_id: str | None = option(None, help="git's SHA-1 blob id that the download must have")
    download_licence: str | None = option(None, help="its licence")
    licence: str | None = option(None, help="licence of a file of one's own, for the model's card")
    label_column: Any = option(None, help="a name or a position from 0", column=True)
    rare_classes: str = option(
        "refuse",
        help="refuse or drop: what becomes of classes under min_class_rows",
        choices=("refuse", "drop"),
    )
    min_class_rows: int = option(
        10, help="distinct texts that a class needs to be split", minimum=3
    )
    exclude: str | None = option(
        None, help="a CSV of the audit's with rows marked that are not trained on"
    )
    group_near_duplicates: bool = option(
        False, help="keep texts that are nearly the same on one side"
    )
    near_duplicate_similarity: float = option(
        0.6,
        help="share of word triples from which texts are nearly the same",
        minimum=0.3,
        maximum=1.0,
    )
    validation_fraction: float = option(
        0.15, help="share of the distinct texts", above=0.0, below=1.0
    )
    test_fraction: float = option(0.15, help="share of the distinct texts", above=0.0, below=1.0)
    sample_rows: int = option(4000, help="rows that `sample` generates", minimum=200)
    sample_label_noise: float = option(
        0.03, help="share of its labels that are wrong", minimum=0.0, maximum=0.5
    )
    sample_seed: int = option(1, help="other products for another number", minimum=0)
    sample_categories: int = option(
        6, help="its categories, paths of two or three levels where they are many", minimum=2
    )

    def problems(self) -> Iterator[tuple[str, str]]:
        """Yield what is wrong between the fields."""
        if self.sample_rows < 20 * self.sample_categories:
            yield (
                "sample_rows",
                f"expected 20 for each of data.sample_categories={self.sample_categories}, found "
                f"{self.sample_rows}.",
            )
        together = self.validation_fraction + self.test_fraction
        if not together < 1:
            yield (
                "validation_fraction + data.test_fraction",
                f"expected less than 1 together, found {together:g}.",
            )


@dataclass
class ModelConfig:
    """A network's builder and its hyperparameters, each fixed or searched."""

    name: str = option(help="the first part of a study's default name")
    build: str = option(help="dotted path of the function that builds the network")
    vocabulary_size: Any = searchable(
        Rule("int", 10, 10_000_000), help="words, most frequent first"
    )
    max_tokens: Any = searchable(Rule("int", 1, 100_000), help="words read of a text")
    lstm_tokens: Any = searchable(
        Rule("int", 1, 100_000), help="words of these that the LSTM reads"
    )
    embedding_dim: Any = searchable(Rule("int", 1, 8192), help="numbers a word")
    lstm_units: Any = searchable(Rule("int", 1, 8192), help="per direction")
    lstm_layers: Any = searchable(Rule("int", 1, 8), help="one on top of the other")
    bidirectional: Any = searchable(Rule("bool"), help="whether texts are read backwards, too")
    pooling: Any = searchable(
        Rule("name", names=("last", "max", "mean"), joined=True),
        help="pooling of the LSTM's states: last, max, mean, or several joined by +",
    )
    embedding_pooling: Any = searchable(
        Rule("name", names=("max", "mean"), joined=True, none=True),
        help="pooling of the words themselves: max, mean, max+mean or none",
    )
    word_dropout: Any = searchable(
        Rule("float", 0.0, 0.9), help="share of words hidden; less in short texts"
    )
    spatial_dropout: Any = searchable(
        Rule("float", 0.0, 0.95), help="share of whole embedding channels"
    )
    dropout: Any = searchable(Rule("float", 0.0, 0.95), help="dropout before the last layer")
    learning_rate: Any = searchable(Rule("float", 1e-7, 1.0), help="rate of Adam at the beginning")
    learning_rate_schedule: Any = searchable(
        Rule("name", names=("constant", "linear")), help="constant, or linear: it falls to 0"
    )
    batch_size: Any = searchable(Rule("int", 1, 65_536, auto=True), help="texts")
    label_smoothing: Any = searchable(
        Rule("float", 0.0, 0.9), help="share of the target that goes to all classes"
    )
    extra: dict[str, Any] = option({}, help="what only your own builder knows")


@dataclass
class SearchConfig:
    """How the space is explored, for how long, and under which name."""

    algorithm: dict[str, Any] = option(
        help="the class that chooses what is tried, and its parameters"
    )
    pruner: dict[str, Any] = option(
        help="the class that ends hopeless trials early, and its parameters"
    )
    name: str | None = option(
        None, help="the study's folder; by default from model, data and what they hold"
    )
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
    patience: Any = option(
        "auto",
        help="epochs without a better validation score; auto: a quarter of all",
        minimum=1,
        auto=True,
    )
    overwrite: bool = option(False, help="start a study of the same name afresh")
    trial_max_minutes: float | None = option(
        None, help="limit of one trial; none unless given", above=0.0
    )
    max_retries: int = option(
        2, help="repeats of a trial whose worker was lost or out of memory", minimum=0
    )
    workers: Any = option(
        "auto",
        help="trials at a time; auto: as many as there is room for, with Ray",
        minimum=1,
        auto=True,
    )
    cluster: str | None = option(
        None, help="auto or the address of a Ray cluster; by default this machine"
    )
    cores_per_worker: int = option(1, help="cores of workers that Ray places", minimum=1)
    gpus_per_worker: float = option(
        0.0, help="graphics cards of a worker, or a fraction of one", minimum=0.0
    )
    memory_gb_per_worker: float = option(2.0, help="10^9 bytes", above=0.0)
    dry_run: bool = option(False, help="show what would be searched, and end")
    from_trial: str | None = option(None, help="train: run this trial again, <study>/<id>")

    def problems(self) -> Iterator[tuple[str, str]]:
        """Yield what is wrong between the fields."""
        if self.name is not None and not STUDY_NAME.fullmatch(self.name):
            yield (
                "name",
                "expected a letter or digit and then only letters, digits, '_', '.' and '-', found "
                f"{self.name!r}.",
            )
        gpus = self.gpus_per_worker
        if gpus > 1 and not gpus.is_integer():
            yield "gpus_per_worker", f"expected a share of one or a whole number, found {gpus:g}."


@dataclass
class FinalConfig:
    """What becomes of the search's best."""

    step: dict[str, Any] = option(help="the class of the final step, and its parameters")
    max_members: int = option(8, help="different trials in an ensemble", minimum=1)
    retrain: bool = option(
        True, help="train on train + validation; false takes the weights of the search"
    )
    memory: bool = option(
        True, help="look each text up among the training texts, too, unless that harms"
    )
    linear: bool = option(
        True, help="ask a linear model of the text's words, too, unless that harms"
    )
    onnx: bool = option(True, help="export model.onnx, too, which answers without TensorFlow")
    baseline: bool = option(True, help="compare with TF-IDF and LinearSVC on the same split")
    use_all_rows: bool = option(
        False, help="train on test rows as well, once they have been scored"
    )

    @property
    def max_networks(self) -> int:
        """Most networks that are trained for what is exported."""
        return int(self.step.get("max_members", 1))

    def problems(self) -> Iterator[tuple[str, str]]:
        """Yield what is wrong between the fields."""
        if self.use_all_rows and not self.retrain:
            yield (
                "use_all_rows",
                "expected final.retrain=true with it, found false. Weights of the search are of "
                "train alone: leave one of the two out.",
            )
