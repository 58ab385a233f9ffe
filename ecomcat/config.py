"""The typed schema of everything in `conf/`: what a key is called, its type and its bounds.

Values that differ from one option of a group to the next stand in that option's YAML file; values
that all options share have their default here. Each default stands in one place.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from typing import Any, Literal

from omegaconf import MISSING

Value = int | float | bool | str
AUTO = "auto"


@dataclass(frozen=True)
class Rule:
    """Bound the values of one hyperparameter.

    Args:
        kind: the type of a value.
        low: smallest number allowed, inclusive.
        high: largest number allowed, inclusive.
        names: the words allowed, for `kind="name"`.
        joined: whether several words may be joined by `+`.
        none: whether the word `none` is allowed, too.
        auto: whether the word `auto` is allowed, for what is decided once the data is known.
    """

    kind: Literal["int", "float", "bool", "name", "any"]
    low: float | None = None
    high: float | None = None
    names: tuple[str, ...] = ()
    joined: bool = False
    none: bool = False
    auto: bool = False

    def check(self, value: object) -> Value:
        """Return the value in the rule's type.

        Args:
            value: what stood in a YAML file or on the command line.

        Raises:
            ValueError: when the value breaks the rule; the message says what was expected.
        """
        if self.auto and value == AUTO:
            return AUTO
        if self.kind == "any":
            if isinstance(value, int | float | bool | str):
                return value
        elif self.kind == "bool":
            if isinstance(value, bool):
                return value
        elif self.kind == "name":
            if isinstance(value, str) and value in self.words():
                return value
            if isinstance(value, str) and self.joined:
                # `mean+max` is `max+mean`.
                ordered = "+".join(sorted(value.split("+"), key=self._position))
                if ordered in self.words():
                    return ordered
        elif isinstance(value, int | float) and not isinstance(value, bool):
            return self._number(value)
        raise ValueError(f"expected {self.expected()}, found {value!r}")

    def words(self) -> list[str]:
        """List every word allowed, for `kind="name"`; joined words in the order of `names`."""
        most = len(self.names) if self.joined else 1
        joined = [
            "+".join(chosen)
            for count in range(1, most + 1)
            for chosen in combinations(self.names, count)
        ]
        return [*joined, "none"] if self.none else joined

    def _position(self, name: str) -> int:
        return self.names.index(name) if name in self.names else len(self.names)

    def _number(self, value: int | float) -> int | float:
        number = float(value) if self.kind == "float" else value
        whole = self.kind == "float" or (isinstance(value, int) or value.is_integer())
        too_low = self.low is not None and number < self.low
        too_high = self.high is not None and number > self.high
        if not whole or too_low or too_high or number != number:
            raise ValueError(f"expected {self.expected()}, found {value!r}")
        return int(number) if self.kind == "int" else number

    def expected(self) -> str:
        """Describe an allowed value for an error message."""
        if self.kind == "bool":
            return "true or false"
        if self.kind == "name":
            words = [*self.names, "none"] if self.none else list(self.names)
            joined = ", or several joined by '+'" if self.joined else ""
            return f"one of {', '.join(words)}{joined}"
        if self.kind == "any":
            return "a number, a word, true or false"
        noun = "a whole number" if self.kind == "int" else "a number"
        auto = " or auto" if self.auto else ""
        return f"{noun} from {self.low:g} to {self.high:g}{auto}"


def _searchable(rule: Rule) -> Any:
    """Declare a hyperparameter: a value, a list of choices or a range within the rule."""
    return field(default=MISSING, metadata={"rule": rule})


@dataclass
class DataConfig:
    """Where rows come from, how the file is read, and how the rows are split."""

    name: str = MISSING  # the second part of a study's default name
    source: str = MISSING  # auto, ecommerce, sample or csv
    path: str | None = None  # a CSV, TSV, JSON lines or Parquet file
    download_path: str | None = None  # where the e-commerce data set is, or is downloaded to
    url: str | None = None  # where it is downloaded from
    blob_id: str | None = None  # git's SHA-1 blob id that the download must have
    download_licence: str | None = None  # its licence
    licence: str | None = None  # of a file of one's own, for the model's card
    member: str | None = None  # which file of a zip archive
    encoding: str = "auto"  # or any encoding that Python knows
    delimiter: str = "auto"  # one character, or: comma, semicolon, tab, pipe
    header: Any = "auto"  # true, false or auto
    text_column: Any = None  # a name, a position from 0, or a list of these joined in order
    label_column: Any = None  # a name or a position from 0
    rare_classes: str = "refuse"  # or drop: what becomes of classes under min_class_rows
    min_class_rows: int = 10  # distinct texts that a class needs to be split
    exclude: str | None = None  # a CSV of the audit's with rows marked that are not trained on
    group_near_duplicates: bool = False  # keep texts that are nearly the same on one side
    near_duplicate_similarity: float = 0.6  # and from which they are: word triples shared
    validation_fraction: float = 0.15  # of the distinct texts
    test_fraction: float = 0.15  # of the distinct texts
    sample_rows: int = 4000  # rows that `sample` generates
    sample_label_noise: float = 0.03  # share of its labels that are wrong
    sample_seed: int = 1  # other products for another number


@dataclass
class ModelConfig:
    """A network's builder and its hyperparameters, each fixed or searched."""

    name: str = MISSING  # the first part of a study's default name
    build: str = MISSING  # dotted path of the function that builds the network
    vocabulary_size: Any = _searchable(Rule("int", 10, 10_000_000))  # words, most frequent first
    max_tokens: Any = _searchable(Rule("int", 1, 100_000))  # words read of a text
    lstm_tokens: Any = _searchable(Rule("int", 1, 100_000))  # of these, words that the LSTM reads
    embedding_dim: Any = _searchable(Rule("int", 1, 8192))  # numbers a word
    lstm_units: Any = _searchable(Rule("int", 1, 8192))  # per direction
    lstm_layers: Any = _searchable(Rule("int", 1, 8))  # one on top of the other
    bidirectional: Any = _searchable(Rule("bool"))  # whether texts are read backwards, too
    pooling: Any = _searchable(
        Rule("name", names=("last", "max", "mean"), joined=True)
    )  # of the LSTM's states: last, max, mean, or several joined by +
    embedding_pooling: Any = _searchable(
        Rule("name", names=("max", "mean"), joined=True, none=True)
    )  # of the words themselves: max, mean, max+mean or none
    word_dropout: Any = _searchable(Rule("float", 0.0, 0.9))  # of words hidden; less in short texts
    spatial_dropout: Any = _searchable(Rule("float", 0.0, 0.95))  # of whole embedding channels
    dropout: Any = _searchable(Rule("float", 0.0, 0.95))  # before the last layer
    learning_rate: Any = _searchable(Rule("float", 1e-7, 1.0))  # of Adam, at the beginning
    learning_rate_schedule: Any = _searchable(
        Rule("name", names=("constant", "linear"))
    )  # constant, or linear: it falls to 0
    batch_size: Any = _searchable(Rule("int", 1, 65_536, auto=True))  # texts
    label_smoothing: Any = _searchable(Rule("float", 0.0, 0.9))  # of the target, to all classes
    extra: dict[str, Any] = field(default_factory=dict)  # what only your own builder knows


@dataclass
class SearchConfig:
    """How the space is explored, for how long, and under which name."""

    algorithm: str = MISSING  # tpe, random, bayesian, hyperband or grid
    name: str | None = None  # the study's folder; by default from model, data and what they hold
    max_trials: int = MISSING  # of the study, those of earlier runs counted
    max_minutes: float = MISSING  # of the study's active time, resumed runs added
    max_epochs: Any = MISSING  # of one trial; auto: as many as give max_batches, at least 4
    max_batches: int = MISSING  # of one trial, where max_epochs is auto; guide: "Budgets"
    patience: Any = "auto"  # epochs without a better validation score; auto: a quarter of all
    overwrite: bool = False  # start a study of the same name afresh
    hyperband_factor: int = 3  # one trial in this many goes on from a rung of Hyperband
    pruner: str = "halving"  # or median or none: which trials end early
    warmup_epochs: int = 2  # that every trial may train; the first rung of halving
    min_peers: int = 4  # trials that must have come as far before one is pruned
    halving_factor: int = 3  # one trial in this many goes on from a rung
    trial_max_minutes: float | None = None  # of one trial; none unless given
    max_retries: int = 2  # of a trial whose worker was lost or out of memory
    workers: Any = "auto"  # trials at a time; auto: as many as there is room for, with Ray
    cluster: str | None = None  # auto or the address of a Ray cluster; by default this machine
    cores_per_worker: int = 1  # of workers that Ray places
    gpus_per_worker: float = 0.0  # or a fraction of one
    memory_gb_per_worker: float = 2.0  # 10^9 bytes
    dry_run: bool = False  # show what would be searched, and end
    from_trial: str | None = None  # train: run this trial again, <study>/<id>


SINGLE, ENSEMBLE = FINALS = ("single", "ensemble")


@dataclass
class FinalConfig:
    """What becomes of the search's best."""

    name: str = MISSING  # single or ensemble
    max_members: int = 8  # different trials in an ensemble
    retrain: bool = True  # on train + validation; false keeps the weights of the search
    memory: bool = True  # look each text up among the training texts, too, unless that harms
    linear: bool = True  # ask a linear model of the text's words, too, unless that harms
    onnx: bool = True  # export model.onnx, too, which answers without TensorFlow
    baseline: bool = True  # compare with TF-IDF and LinearSVC on the same split
    use_all_rows: bool = False  # train on test rows as well, once they have been scored


@dataclass
class SearchCommand:
    """Configuration of `ecomcat.search` and `ecomcat.train`."""

    data: DataConfig = field(default_factory=DataConfig)
    model: ModelConfig = field(default_factory=ModelConfig)
    search: SearchConfig = field(default_factory=SearchConfig)
    final: FinalConfig = field(default_factory=FinalConfig)
    seed: int = 1  # of the split and of each trial
    model_dir: str = "model"  # what is exported; an earlier export is replaced
    outputs_dir: str = "outputs"  # where the studies stand


@dataclass
class EvaluateCommand:
    """Configuration of `ecomcat.evaluate`."""

    data: DataConfig = field(default_factory=DataConfig)
    model_dir: str = "model"  # an exported model
    output: str | None = None  # where the figures go as JSON
    runtime: str = "auto"  # onnx or keras; auto: ONNX Runtime where it is there


@dataclass
class AuditCommand:
    """Configuration of `ecomcat.audit`."""

    data: DataConfig = field(default_factory=DataConfig)
    against: str | None = None  # a second file of the same columns, such as a test set of one's own
    output_dir: str = "outputs/audit"  # a folder for each data set goes in here
    suspicious_rows: int = 1000  # most suspicious labels that are listed
    splits: int = 3  # of each kind, that a linear model is trained and tested on
    seed: int = 1  # of splits, folds and lots


@dataclass
class PredictDataConfig:
    """How the file to be labelled is read."""

    member: str | None = None  # which file of a zip archive
    encoding: str = "auto"  # or any encoding that Python knows
    delimiter: str = "auto"  # one character, or: comma, semicolon, tab, pipe
    header: Any = "auto"  # true, false or auto
    text_column: Any = None  # a name, a position from 0, or a list; by default as in training


@dataclass
class PredictOptions:
    """What is said of a row besides its category and confidence."""

    min_precision: float | None = None  # of the answers accepted; adds the column accept
    explain: bool = False  # adds the column words: those that spoke most for the answer
    words: int = 5  # of an explanation


@dataclass
class PredictCommand:
    """Configuration of `ecomcat.predict`."""

    input: str | None = None  # a file, or - for standard input
    output: str | None = None  # a file, or - for standard output
    input_format: str = "auto"  # csv, tsv, jsonl, parquet; auto: by the file's ending
    output_format: str = "auto"  # the same; auto: by the file's ending, else as the input
    data: PredictDataConfig = field(default_factory=PredictDataConfig)
    predict: PredictOptions = field(default_factory=PredictOptions)
    model_dir: str = "model"  # an exported model
    runtime: str = "auto"  # onnx, keras; auto: onnx where the model was exported to it
    batch_rows: int = 8192  # rows held in memory at a time


@dataclass
class ServeCommand:
    """Configuration of `ecomcat.serve`."""

    model_dir: str = "model"  # an exported model
    runtime: str = "auto"  # onnx or keras; auto: ONNX Runtime where it is there
    host: str = "127.0.0.1"  # where it listens; 0.0.0.0: wherever this machine is reached
    port: int = 8000  # 0: any that is free
    allowed_hosts: list[str] = field(default_factory=list)  # by which others call it; '*': any
    min_precision: float = 0.98  # what an accepted answer stands for
    max_body_mb: int = 16  # 10^6 bytes of a request, and of a table unpacked
    max_batch: int = 1000  # texts of a request
    max_text_characters: int = 100_000  # of one text
    max_explained: int = 10  # texts of a request that asks which words spoke for the answer
    max_upload_seconds: float = 60.0  # for a request's body
    max_table_rows: int = 100_000  # of a table that is labelled
    max_connections: int = 64  # at a time; more are refused
    max_shutdown_seconds: int = 30  # for requests under way when it is stopped


@dataclass
class ReportSearch:
    """Which study is shown."""

    name: str | None = None  # the study's folder; the only one unless given


@dataclass
class ReportCommand:
    """Configuration of `ecomcat.report`."""

    search: ReportSearch = field(default_factory=ReportSearch)
    outputs_dir: str = "outputs"  # where the studies stand
    output: str | None = None  # where the page goes, `-` prints it; by default the study's folder


COMMANDS: dict[str, type] = {
    "search": SearchCommand,
    "train": SearchCommand,
    "evaluate": EvaluateCommand,
    "audit": AuditCommand,
    "predict": PredictCommand,
    "serve": ServeCommand,
    "report": ReportCommand,
}


def conf_dir() -> Path:
    """Return the folder of the YAML files: beside the package in a checkout, inside a wheel."""
    installed = Path(__file__).parent / "conf"
    return installed if installed.is_dir() else Path(__file__).parent.parent / "conf"


def command_groups(command: str) -> list[str]:
    """Return the groups of a command's configuration.

    Args:
        command: its name, such as `"search"`.
    """
    import yaml

    content = yaml.safe_load((conf_dir() / f"{command}.yaml").read_text(encoding="utf-8"))
    return sorted(
        group for entry in content["defaults"] if isinstance(entry, dict) for group in entry
    )
