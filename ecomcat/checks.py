"""Check a composed configuration before anything heavy is imported or begun."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

from ecomcat.config import (
    FINALS,
    DataConfig,
    FinalConfig,
    SearchCommand,
    SearchConfig,
)
from ecomcat.errors import UserError, nearest
from ecomcat.extras import is_installed, pip_line, require_extra
from ecomcat.model.checks import model_problems
from ecomcat.model.space import Domain, read_space
from ecomcat.rules import AUTO

ALGORITHMS = ("tpe", "random", "bayesian", "hyperband", "grid")
PRUNERS = ("median", "halving", "none")
STANDARD_STREAM = "-"
HEADER_CHOICES = ("auto", "true", "false")
_SOURCES = ("auto", "ecommerce", "sample", "csv")
_TRAINING_PACKAGES = (
    *("tensorflow", "keras_tuner", "optuna", "pandas", "sklearn", "scipy", "tensorboard"),
    *("onnx", "onnxruntime", "plotly", "jinja2", "matplotlib"),
)
_LEAST_SIMILARITY = 0.3  # below it, most pairs would have to be compared
_LARGEST_SEED = 2**32 - 2  # scikit-learn takes 32 bits, and Keras Tuner is given one more


def check_search(config: SearchCommand) -> dict[str, Domain]:
    """Check everything that can be known before the data is read.

    Returns:
        The search space.

    Raises:
        UserError: naming each value that is wrong, a line each; or the packages that are missing.
    """
    require_extra("train", *_TRAINING_PACKAGES, needed_for="Searching and training")
    if config.data.group_near_duplicates:
        require_extra("audit", "datasketch", needed_for="data.group_near_duplicates")
    problems = [*data_problems(config.data), *_search_problems(config)]
    problems += _idle_similarity(config.data)
    try:
        space = read_space(config.model)
    except UserError as error:
        problems.append(str(error))
    if problems:
        raise UserError("\n".join(problems))
    return space


def check_data(data: DataConfig) -> None:
    """Check the data configuration alone.

    Raises:
        UserError: naming each value that is wrong, a line each.
    """
    problems = list(data_problems(data))
    if problems:
        raise UserError("\n".join(problems))


def refuse_split_keys(data: DataConfig, command: str, *, compares: bool = False) -> None:
    """Refuse keys that change a split, where a command draws none.

    Args:
        data: its configuration.
        command: its name.
        compares: whether it looks for near-duplicates all the same.

    Raises:
        UserError: naming the keys that would do nothing.
    """
    other = data.near_duplicate_similarity != DataConfig.near_duplicate_similarity
    keys = {
        "data.exclude": data.exclude,
        "data.group_near_duplicates": data.group_near_duplicates,
        "data.near_duplicate_similarity": other and not compares,
    }
    if given := [key for key, value in keys.items() if value]:
        raise UserError(
            f"Expected {' and '.join(given)} in ecomcat.search or ecomcat.train, which split rows, "
            f"found {'it' if len(given) == 1 else 'them'} in ecomcat.{command}. Leave "
            f"{'it' if len(given) == 1 else 'them'} out."
        )


def require_output(output: str | None) -> None:
    """Refuse a place where no file can be written, before any work is done.

    Args:
        output: a file, `-` for standard output, or nothing.

    Raises:
        UserError: when a folder stands there, or the folder that should hold it is missing.
    """
    if not output or output == STANDARD_STREAM:
        return
    path = Path(output).expanduser()
    if path.is_dir():
        raise UserError(
            f"Expected a file at output={output}, or - for standard output; found a folder. Name "
            "a file in it."
        )
    if not path.parent.is_dir():
        raise UserError(
            f"Expected output={output} in a folder that exists, found no folder {path.parent}. "
            "Make it first, or name another place with output=FILE."
        )


def data_problems(data: DataConfig) -> Iterator[str]:
    """Yield what is wrong with a data configuration, a line each."""
    yield from _one_of("data.source", data.source, _SOURCES)
    if data.source == "sample" and data.path:
        yield f"data.path: expected none with data=sample, found {data.path!r}. Use data=csv."
    yield from _one_of("data.rare_classes", data.rare_classes, ("refuse", "drop"))
    yield from _one_of("data.header", str(data.header).lower(), HEADER_CHOICES)
    yield from at_least("data.min_class_rows", data.min_class_rows, 3)
    yield from at_least("data.sample_rows", data.sample_rows, 200)
    yield from at_least("data.sample_seed", data.sample_seed, 0)
    if not 0 <= data.sample_label_noise <= 0.5:
        yield f"data.sample_label_noise: expected 0 to 0.5, found {data.sample_label_noise}."
    if not _LEAST_SIMILARITY <= data.near_duplicate_similarity <= 1:
        yield (
            f"data.near_duplicate_similarity: expected {_LEAST_SIMILARITY:g} to 1, found "
            f"{data.near_duplicate_similarity:g}."
        )
    fractions = {"validation": data.validation_fraction, "test": data.test_fraction}
    for name, fraction in fractions.items():
        if not 0 < fraction < 1:
            yield f"data.{name}_fraction: expected more than 0 and less than 1, found {fraction}."
    if not sum(fractions.values()) < 1:
        yield (
            "data.validation_fraction + data.test_fraction: expected less than 1 together, found "
            f"{sum(fractions.values()):g}."
        )


def _idle_similarity(data: DataConfig) -> Iterator[str]:
    default = DataConfig.near_duplicate_similarity
    if data.near_duplicate_similarity != default and not data.group_near_duplicates:
        yield (
            "data.near_duplicate_similarity: expected data.group_near_duplicates=true with it, "
            "found false, so that it would do nothing. Add the one or leave the other out."
        )


def _search_problems(config: SearchCommand) -> Iterator[str]:
    search = config.search
    yield from _one_of("search.algorithm", search.algorithm, ALGORITHMS)
    yield from _one_of("search.pruner", search.pruner, PRUNERS)
    yield from _final_problems(config.final)
    for name in ("max_trials", "max_batches"):
        yield from at_least(f"search.{name}", getattr(search, name), 1)
    for name in ("max_epochs", "patience"):
        value = getattr(search, name)
        if value != AUTO and not (type(value) is int and value >= 1):
            yield f"search.{name}: expected a whole number from 1, or auto, found {value!r}."
    for name in ("hyperband_factor", "halving_factor"):
        yield from at_least(f"search.{name}", getattr(search, name), 2)
    for name in ("warmup_epochs", "min_peers", "cores_per_worker"):
        yield from at_least(f"search.{name}", getattr(search, name), 1)
    if search.algorithm == "hyperband" and search.pruner != "none":
        yield (
            "search.pruner: expected none with search=hyperband, which stops trials by itself, "
            f"found {search.pruner!r}."
        )
    yield from at_least("search.max_retries", search.max_retries, 0)
    yield from _worker_problems(search)
    if not 0 < search.max_minutes < math.inf:
        yield f"search.max_minutes: expected a number above 0, found {search.max_minutes:g}."
    yield from seed_problems(config.seed)
    for key in ("model_dir", "outputs_dir"):
        if not getattr(config, key).strip():
            yield f"{key}: expected a folder, found nothing."
    yield from model_problems(config.model)


def seed_problems(seed: int) -> Iterator[str]:
    """Yield what is wrong with a seed."""
    if not 0 <= seed <= _LARGEST_SEED:
        yield f"seed: expected 0 to {_LARGEST_SEED}, found {seed}."


def _final_problems(final: FinalConfig) -> Iterator[str]:
    yield from _one_of("final.name", final.name, FINALS)
    yield from at_least("final.max_members", final.max_members, 1)
    if final.use_all_rows and not final.retrain:
        yield (
            "final.use_all_rows: expected final.retrain=true with it, found false. Weights of the "
            "search are of train alone: leave one of the two out."
        )


def _worker_problems(search: SearchConfig) -> Iterator[str]:
    workers = search.workers
    if workers != AUTO and not (type(workers) is int and workers >= 1):
        yield f"search.workers: expected a whole number from 1, or auto, found {workers!r}."
    else:
        yield from _missing_ray(search)
    gpus = search.gpus_per_worker
    if not (0 <= gpus <= 1 or (gpus > 1 and gpus.is_integer())):
        yield (
            "search.gpus_per_worker: expected 0 or more, a share of one or a whole number, found "
            f"{gpus:g}."
        )
    if not 0 < search.memory_gb_per_worker < math.inf:
        yield (
            "search.memory_gb_per_worker: expected a number above 0, found "
            f"{search.memory_gb_per_worker:g}."
        )
    minutes = search.trial_max_minutes
    if minutes is not None and not 0 < minutes < math.inf:
        yield f"search.trial_max_minutes: expected a number above 0, found {minutes:g}."


def _missing_ray(search: SearchConfig) -> Iterator[str]:
    wanted = search.cluster is not None or (search.workers != AUTO and search.workers > 1)
    if wanted and not is_installed("ray"):
        yield (
            f"search.workers={search.workers}"
            f"{f', search.cluster={search.cluster}' if search.cluster else ''}: expected the "
            f"package ray, found none. Install it with: {pip_line('cluster')}. Or search in one "
            "process with search.workers=1."
        )


def _one_of(key: str, value: str, allowed: tuple[str, ...]) -> Iterator[str]:
    if value not in allowed:
        yield f"{key}: expected one of {', '.join(allowed)}, found {value!r}." + nearest(
            value, allowed
        )


def at_least(key: str, value: int, least: int) -> Iterator[str]:
    """Yield what is wrong with a number that has a least value."""
    if value < least:
        yield f"{key}: expected {least} or more, found {value}."
