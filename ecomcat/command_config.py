"""The typed configuration of each command, and where its YAML files are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from ecomcat.config import (
    CONFIDENCE_LEVEL,
    MAX_FALSE_ALARMS,
    DataConfig,
    FinalConfig,
    ReadingConfig,
    SearchConfig,
)
from ecomcat.hyperparameters import ModelConfig
from ecomcat.option_fields import option

LOG_FORMATS = ("text", "json")
RUNTIMES = ("auto", "onnx", "keras")
OUTPUT_FORMATS = ("auto", "csv", "tsv", "jsonl", "parquet")
INPUT_FORMATS = (*OUTPUT_FORMATS, "excel")
PRECISION_BY = ALL, CATEGORY = ("all", "category")
MAX_SEED = 2**32 - 2  # scikit-learn takes 32 bits, and Keras Tuner is given one more


def _runtime() -> Any:
    return option("auto", "onnx or keras; auto: onnx where it is there", choices=RUNTIMES)


def _confidence_level() -> Any:
    return option(CONFIDENCE_LEVEL, "how surely that precision is reached", minimum=0.5, below=1.0)


def _max_false_alarms() -> Any:
    return option(
        MAX_FALSE_ALARMS,
        "share of usual texts that may be called novel and not be accepted; 0: none is",
        minimum=0.0,
        below=1.0,
    )


@dataclass
class SearchCommand:
    """Configuration of `ecomcat.search` and `ecomcat.train`."""

    data: DataConfig = field(default_factory=DataConfig)
    model: ModelConfig = field(default_factory=ModelConfig)
    search: SearchConfig = field(default_factory=SearchConfig)
    final: FinalConfig = field(default_factory=FinalConfig)
    seed: int = option(1, "seed of the split and of each trial", minimum=0, maximum=MAX_SEED)
    model_dir: str = option("model", "what is exported; an earlier export is replaced")
    outputs_dir: str = option("outputs", "the folder of the studies")


@dataclass
class EvaluateCommand:
    """Configuration of `ecomcat.evaluate`."""

    data: DataConfig = field(default_factory=DataConfig)
    model_dir: str = option("model", "an exported model")
    output: str | None = option(None, "a JSON file for the figures")
    runtime: str = _runtime()


@dataclass
class CompareCommand:
    """Configuration of `ecomcat.compare`."""

    data: DataConfig = field(default_factory=DataConfig)
    old: str | None = option(None, "the exported model in use; may be the first argument")
    new: str | None = option(None, "the one to replace it; may be the second argument")
    output: str | None = option(None, "a JSON file for the figures")
    changes: str | None = option(None, "a CSV file for the rows whose answer changed")
    runtime: str = _runtime()

    def problems(self) -> Iterator[tuple[str, str]]:
        """Yield what is wrong between the fields."""
        if self.changes and self.changes in {"-", self.output}:
            yield ("changes", f"expected a separate file, found {self.changes}.")


@dataclass
class AuditCommand:
    """Configuration of `ecomcat.audit`."""

    data: DataConfig = field(default_factory=DataConfig)
    against: str | None = option(None, "a second file of the same columns, such as a test set")
    output_dir: str = option("outputs/audit", "a folder for each data set goes in here")
    suspicious_rows: int = option(1000, "most suspicious labels that are listed", minimum=1)
    splits: int = option(3, "splits of each kind for a linear model", minimum=1)
    seed: int = option(1, "seed of splits, folds and random samples", minimum=0, maximum=MAX_SEED)


@dataclass
class PredictOptions:
    """What is added to a row besides its category and confidence."""

    min_precision: float | None = option(
        None, "precision of accepted answers; adds the column accept", above=0.0, maximum=1.0
    )
    confidence_level: float = _confidence_level()
    precision_by: str = option(
        ALL, "all, or category: reached within each category", choices=PRECISION_BY
    )
    levels: bool = option(False, "adds level_1, level_2 and so on, where categories are paths")
    max_false_alarms: float = _max_false_alarms()
    explain: bool = option(False, "adds the column words: those that support the answer most")
    words: int = option(5, "words of an explanation", minimum=1)
    top_k: int = option(
        1, "categories that are given; 3 adds category_2, confidence_2 and so on", minimum=1
    )

    def problems(self) -> Iterator[tuple[str, str]]:
        """Yield what is wrong between the fields."""
        if self.min_precision is None:
            for name in ("confidence_level", "precision_by", "max_false_alarms"):
                if getattr(self, name) != getattr(PredictOptions, name):
                    yield (
                        name,
                        "expected min_precision with it, found none, so it would have no effect. "
                        "Add predict.min_precision=0.98, or leave it out.",
                    )
        if self.words != PredictOptions.words and not self.explain:
            yield (
                "words",
                "expected predict.explain=true with it, found false, so it would have no effect. "
                "Add predict.explain=true, or leave it out.",
            )


@dataclass
class PredictCommand:
    """Configuration of `ecomcat.predict`."""

    input: str | None = option(None, "a file, or - for standard input")
    output: str | None = option(None, "a file, or - for standard output")
    input_format: str = option(
        "auto",
        "csv, tsv, jsonl, parquet, excel; auto: found from the file",
        choices=INPUT_FORMATS,
    )
    output_format: str = option(
        "auto", "the same, not excel; auto: by the name, else the input's", choices=OUTPUT_FORMATS
    )
    data: ReadingConfig = field(default_factory=ReadingConfig)
    predict: PredictOptions = field(default_factory=PredictOptions)
    model_dir: str = option("model", "an exported model")
    runtime: str = _runtime()
    batch_rows: int = option(8192, "rows held in memory at a time", minimum=1)


def is_loopback(host: str) -> bool:
    """Tell whether a host is an address of the loopback, such as 127.0.0.2, or its usual name."""
    try:
        return host.lower() == "localhost" or ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


@dataclass
class ServeCommand:
    """Configuration of `ecomcat.serve`."""

    model_dir: str = option("model", "an exported model")
    runtime: str = _runtime()
    host: str = option("127.0.0.1", "address to listen on; 0.0.0.0: all of this machine's")
    port: int = option(8000, "0: any that is free", minimum=0, maximum=65_535)
    allowed_hosts: list[str] = option([], "host names by which others call it; '*': any")
    min_precision: float = option(0.98, "precision of accepted answers", above=0.0, maximum=1.0)
    confidence_level: float = _confidence_level()
    max_false_alarms: float = _max_false_alarms()
    log_format: str = option("text", "json also logs each request", choices=LOG_FORMATS)
    max_body_mb: int = option(16, "10^6 bytes of a request, and of a table unpacked", minimum=1)
    max_batch: int = option(1000, "texts of a request", minimum=1)
    max_text_characters: int = option(100_000, "length of one text", minimum=1)
    max_explained: int = option(10, "texts of a request that asks for words", minimum=1)
    max_upload_seconds: float = option(60.0, "time for a request's body", above=0.0)
    max_request_seconds: float = option(60.0, "time for the answer to a request", above=0.0)
    max_queue: int = option(128, "requests under way; half as many large ones", minimum=2)
    max_table_rows: int = option(100_000, "rows of a table to label", minimum=1)
    max_connections: int = option(256, "connections at a time; more are refused", minimum=1)
    max_shutdown_seconds: int = option(30, "time to finish requests when it is stopped", minimum=2)

    @property
    def is_local(self) -> bool:
        """Whether only this machine can reach the address."""
        return is_loopback(self.host)

    def problems(self) -> Iterator[tuple[str, str]]:
        """Yield what is wrong between the fields."""
        if not self.is_local and not self.allowed_hosts:
            yield (
                "host",
                "expected allowed_hosts with an address that other machines reach, found none. "
                "Name the hosts that the service is called by, such as "
                "allowed_hosts=[models.example.com], so that no other web site can pose as it; "
                "allowed_hosts=['*'] allows every name.",
            )


@dataclass
class ReportSearch:
    """Which study is shown."""

    name: str | None = option(None, "the study's folder; the only one unless given")


@dataclass
class ReportCommand:
    """Configuration of `ecomcat.report`."""

    search: ReportSearch = field(default_factory=ReportSearch)
    outputs_dir: str = option("outputs", "the folder of the studies")
    output: str | None = option(
        None, "where the page goes, `-` prints it; by default the study's folder"
    )


COMMANDS: dict[str, type] = {
    "search": SearchCommand,
    "train": SearchCommand,
    "evaluate": EvaluateCommand,
    "compare": CompareCommand,
    "audit": AuditCommand,
    "predict": PredictCommand,
    "serve": ServeCommand,
    "report": ReportCommand,
}


# Keys that may be left out before values at the beginning of the command line.
FIRST_KEYS = {"compare": ("old", "new")}

_ONE_NETWORK = "One network is exported; several gained nothing: leave it out."

# Keys of earlier versions, and what to write instead.
FORMER_KEYS = {
    "data.source": "Choose with data=NAME, such as data=csv.",
    "final": _ONE_NETWORK,
    "final.folds": "It gained nothing and was removed: leave it out.",
    "final.memory": "Naive Bayes within the linear part took its place: leave it out.",
    "final.max_members": _ONE_NETWORK,
    "final.name": _ONE_NETWORK,
    "final.step": _ONE_NETWORK,
    "model.pretrained_vectors": "Word vectors from a file gained nothing: leave it out.",
    "search.algorithm": "Choose one with search=NAME, such as search=random.",
    "search.hyperband_factor": "It is search.algorithm.factor now, with search=hyperband.",
    "search.warmup_epochs": "It is search.pruner.warmup_epochs now.",
    "search.min_peers": "It is search.pruner.min_trials now.",
    "search.halving_factor": "It is search.pruner.factor now.",
}


def conf_dir() -> Path:
    """Return the folder of the YAML files: beside the package in a checkout, inside a wheel."""
    installed = Path(__file__).parent / "conf"
    return installed if installed.is_dir() else Path(__file__).parent.parent / "conf"


@cache
def command_groups(command: str) -> tuple[str, ...]:
    """Return the groups of a command's configuration, those within groups included."""
    import yaml

    content = yaml.safe_load((conf_dir() / f"{command}.yaml").read_text(encoding="utf-8"))
    named = [group for entry in content["defaults"] if isinstance(entry, dict) for group in entry]
    inner = [
        path.relative_to(conf_dir()).as_posix()
        for group in named
        for path in (conf_dir() / group).rglob("*")
        if path.is_dir()
    ]
    return tuple(sorted([*named, *inner]))


def keyword_overrides(keywords: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    """Write keywords as overrides of the command line.

    Args:
        keywords: Values by key; the keys of a dictionary are below its own key.
        prefix: String. What the keys begin with. Defaults to nothing.

    >>> list(keyword_overrides({"seed": 2, "model": {"dropout": 0.3, "lstm_units": [16, 32]}}))
    ['seed=2', 'model.dropout=0.3', 'model.lstm_units=[16,32]']
    """
    for name, value in keywords.items():
        if isinstance(value, Mapping):
            yield from keyword_overrides(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}={_written(value)}"


def _written(value: Any) -> str:
    if isinstance(value, list | tuple):
        items = [repr(item) if "," in str(item) else _written(item) for item in value]
        return f"[{','.join(items)}]"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return str(value)
