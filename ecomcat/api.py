"""The Python interface: what the commands do, as functions of a path or a DataFrame.

Each takes what the command line takes, as strings (`"model.dropout=0.1..0.5"`) or as keywords
(`model={"dropout": 0.3}`), and raises `UserError` for whatever the user can fix.
"""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ecomcat.command_config import keyword_overrides
from ecomcat.console import ConsoleHandler
from ecomcat.errors import UserError
from ecomcat.files import expanded, explained_limits
from ecomcat.process import forget_requests, request_stop

if TYPE_CHECKING:
    import pandas as pd

    from ecomcat.auditing.run import Audit
    from ecomcat.compare import Compared
    from ecomcat.export.classifier import Classifier
    from ecomcat.pipeline import Result

logger = logging.getLogger("ecomcat")

Data = Any
"""A path, a DataFrame, or None where the overrides name the data."""

_PATH_KEYS = {"train": "path", "validation": "validation_path", "test": "test_path"}


def search(
    data: Data = None,
    /,
    *overrides: str,
    validation: Data = None,
    test: Data = None,
    budget: str = "quick",
    **keywords: Any,
) -> Result:
    """Search hyperparameters, retrain the best, score the test set once and export the model.

    Whatever stops it, Ctrl-C included, leaves a study that the same call continues.

    Args:
        data: Path of a file, or a DataFrame with a column of texts and one of labels.
        *overrides: Strings as on the command line, such as `"model.dropout=0.1..0.5"`.
        validation: The same as `data`, with the rows for validation. Defaults to None: they are
            drawn from `data`.
        test: The same, with the rows for the test. Defaults to None.
        budget: String. `"quick"`, `"default"` or `"thorough"`. Defaults to `"quick"`.
        **keywords: Overrides as keywords: `seed=2`, `final={"onnx": False}`,
            `model={"lstm_units": [32, 64]}`, `data={"text_column": "title"}`. Columns that are read
            beside texts are `data={"category_columns": ["brand"], "number_columns": ["price"]}`.

    Returns:
        `Result`: the `metrics`, the `trials` as a DataFrame, the exported `model`, and its folder.

    Raises:
        UserError: For whatever the user can fix, such as a file or a key that is not there.

    >>> once = {"max_trials": 1, "max_epochs": 1, "workers": 1}
    >>> result = ecomcat.search("products.csv", "model.dropout=0.1..0.5", search=once)
    >>> sorted(result.metrics["test"]["per_class"])
    ['Books', 'Garden', 'Toys']
    >>> len(result.trials)
    1
    """
    from ecomcat.search import search as run

    tables = {"train": data, "validation": validation, "test": test}
    return _result(run, "search", tables, (f"budget={budget}", *overrides), keywords)


def train(
    data: Data = None,
    /,
    *overrides: str,
    validation: Data = None,
    test: Data = None,
    **keywords: Any,
) -> Result:
    """Train one configuration, score the test set once and export the model.

    Args:
        data: Path of a file, or a DataFrame with a column of texts and one of labels.
        *overrides: Strings as on the command line.
        validation: The same as `data`, with the rows for validation. Defaults to None.
        test: The same, with the rows for the test. Defaults to None.
        **keywords: Overrides as keywords.

    Returns:
        `Result`: the `metrics`, the `trials` as a DataFrame, the exported `model`, and its folder.

    Raises:
        UserError: For whatever the user can fix, such as a file or a key that is not there.

    >>> ecomcat.train("products.csv", model={"dropout": [0.3, 0.4]})
    Traceback (most recent call last):
    ecomcat.errors.UserError: ...
    """
    from ecomcat.train import train as run

    tables = {"train": data, "validation": validation, "test": test}
    return _result(run, "train", tables, overrides, keywords)


def _result(
    run: Callable[..., Any],
    command: str,
    tables: Mapping[str, Data],
    overrides: Sequence[str],
    keywords: Mapping[str, Any],
) -> Result:
    config, frames = _composed(command, tables, overrides, keywords)
    if config.search.dry_run:
        raise UserError(
            "search.dry_run: expected false in Python, found true. Use the command: python -m "
            f"ecomcat.{command} search.dry_run=true."
        )
    with _as_a_command():
        found: Result = run(config, frames)
    return found


def load(model_dir: str | Path = "model", runtime: str = "auto") -> Classifier:
    """Open an exported model, without TensorFlow.

    Args:
        model_dir: Path of the exported folder. Defaults to `"model"`.
        runtime: String. `"onnx"`, `"keras"`, or `"auto"`: ONNX Runtime where it can be.

    Raises:
        UserError: When the folder is not an export or was changed, or a package is missing.

    >>> model = ecomcat.load("model")
    >>> model.predict(["A paperback", "A garden hose"]).shape
    (2, 2)
    """
    from ecomcat.export.classifier import load_classifier

    return load_classifier(expanded(model_dir), runtime)


def evaluate(data: Data = None, /, *overrides: str, **keywords: Any) -> dict[str, Any]:
    """Score an exported model on labelled rows; rows that it was trained on are scored apart.

    Args:
        data: Path of a file, or a DataFrame with a column of texts and one of labels.
        *overrides: Strings as on the command line.
        **keywords: Overrides as keywords, such as `model_dir="other"`.

    Returns:
        The figures of the rows that are `new` to the model, `trained_on`, and `all`.

    Raises:
        UserError: For whatever the user can fix, such as a file or a key that is not there.

    >>> figures = ecomcat.evaluate("products.csv")
    >>> figures["rows"], figures["unknown_labels"]
    (180, {})
    """
    from ecomcat.evaluate import score

    config, frames = _composed("evaluate", {"train": data}, overrides, keywords)
    with _as_a_command():
        return score(config, frames)


def compare(
    old: str | Path, new: str | Path, data: Data = None, /, *overrides: str, **keywords: Any
) -> Compared:
    """Compare two exported models on labelled rows that neither was trained on.

    Args:
        old: Path of the exported model in use.
        new: Path of the one that is to replace it.
        data: Path of a file, or a DataFrame with a column of texts and one of labels.
        *overrides: Strings as on the command line.
        **keywords: Overrides as keywords.

    Returns:
        The `figures`, the DataFrame `changes` of rows whose answer changed, and `is_worse`.

    Raises:
        UserError: For whatever the user can fix, such as a file or a key that is not there.

    >>> import pandas as pd
    >>> rows = pd.DataFrame({"text": ["A new hose", "A doll"], "label": ["Garden", "Toys"]})
    >>> found = ecomcat.compare("model", "model", rows)
    >>> found.figures["comparison"]["verdict"], found.is_worse, len(found.changes)
    ('level', False, 0)
    """
    from ecomcat.compare import compare_models

    folders = {"old": str(old), "new": str(new)}
    config, frames = _composed("compare", {"train": data}, overrides, {**folders, **keywords})
    with _as_a_command():
        return compare_models(config, frames)


def audit(data: Data = None, /, *overrides: str, **keywords: Any) -> Audit:
    """Check labelled rows before training: wrong labels, repeats, leaks, drift.

    Args:
        data: Path of a file, or a DataFrame with a column of texts and one of labels.
        *overrides: Strings as on the command line.
        **keywords: Overrides as keywords, such as `splits=1`.

    Returns:
        The `figures` and `findings`, and the DataFrames `suspicious` and `near_duplicates`; nothing
        is written.

    Raises:
        UserError: For whatever the user can fix, such as a file or a key that is not there.

    >>> found = ecomcat.audit("products.csv", splits=1)
    >>> "label" in found.suspicious
    True
    """
    from ecomcat.auditing.run import audit_rows, check_audit
    from ecomcat.data.sources import load_labelled_rows

    config, frames = _composed("audit", {"train": data}, overrides, keywords)
    with _as_a_command():
        check_audit(config)
        return audit_rows(config, load_labelled_rows(config.data, frames))


def _composed(
    command: str, tables: Mapping[str, Data], overrides: Sequence[str], keywords: Mapping[str, Any]
) -> tuple[Any, dict[str, pd.DataFrame]]:
    """Compose the configuration, with the paths among the parts; return the DataFrames, too."""
    from ecomcat.cli import compose  # late: to open a model takes no Hydra
    from ecomcat.data.composing import as_pandas

    _require_strings(overrides)
    tables = {part: as_pandas(table) for part, table in tables.items()}
    frames = {part: table for part, table in tables.items() if hasattr(table, "columns")}
    paths = {part: table for part, table in tables.items() if isinstance(table, str | Path)}
    for part, table in tables.items():
        if table is not None and part not in {*frames, *paths}:
            raise UserError(
                f"Expected the path of a file or a DataFrame, found {type(table).__name__}. Make a "
                "DataFrame of it: pandas.DataFrame({'label': labels, 'text': texts})."
            )
    named = [f"data.{_PATH_KEYS[part]}={path}" for part, path in paths.items()]
    config = compose(command, [*overrides, *named, *keyword_overrides(keywords)])
    for part in frames:
        key = _PATH_KEYS[part]
        if (path := getattr(config.data, key)) is not None:
            raise UserError(
                f"Expected a DataFrame or data.{key}, found both ({path}). Leave one out."
            )
    return config, frames


def _require_strings(overrides: Sequence[str]) -> None:
    for override in overrides:
        if not isinstance(override, str):
            raise UserError(
                f"Expected overrides as strings, found {type(override).__name__}. Write each as "
                "'model.dropout=0.3', or as a keyword: model={'dropout': 0.3}."
            )


@contextmanager
def _as_a_command() -> Iterator[None]:
    """Show log lines as the command line does, and obey Ctrl-C at any point.

    Standard output is discarded: the functions return what a command would print.
    """
    level = logger.level
    forget_requests()
    with ExitStack() as stack:
        stack.callback(logger.setLevel, level)
        if level == logging.NOTSET:
            logger.setLevel(logging.INFO)
        if not (logger.handlers or logging.getLogger().handlers):
            handler = ConsoleHandler()
            logger.addHandler(handler)
            stack.callback(logger.removeHandler, handler)
        before = signal.getsignal(signal.SIGINT)
        is_main = threading.current_thread() is threading.main_thread()
        if is_main and before is signal.default_int_handler:
            signal.signal(signal.SIGINT, _interrupt)
            stack.callback(signal.signal, signal.SIGINT, before)
        stack.enter_context(redirect_stdout(StringIO()))
        stack.enter_context(explained_limits())
        yield


def _interrupt(_signal: int, _frame: object) -> None:
    request_stop(KeyboardInterrupt())
    raise KeyboardInterrupt
