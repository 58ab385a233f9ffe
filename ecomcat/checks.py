"""Check what `ecomcat.predict` is asked before anything heavy is imported."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator

from ecomcat.config import (
    AUTO,
    FINALS,
    FinalConfig,
    PredictCommand,
    PredictOptions,
    SearchCommand,
    SearchConfig,
)
from ecomcat.data.dataset import HEADER_CHOICES, data_problems, idle_similarity
from ecomcat.errors import UserError, at_least, one_of, seed_problems
from ecomcat.files import STANDARD_STREAM, require_output
from ecomcat.model.space import Domain, model_problems, read_space
from ecomcat.process import is_installed, pip_line, require_extra
from ecomcat.rows.formats import PARQUET, choose_formats

ALGORITHMS = ("tpe", "random", "bayesian", "hyperband", "grid")
PRUNERS = ("median", "halving", "none")
_TRAINING_PACKAGES = (
    *("tensorflow", "keras_tuner", "optuna", "pandas", "sklearn", "scipy", "tensorboard"),
    *("onnx", "onnxruntime", "plotly", "jinja2", "matplotlib"),
)


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
    problems += idle_similarity(config.data)
    try:
        space = read_space(config.model)
    except UserError as error:
        problems.append(str(error))
    if problems:
        raise UserError("\n".join(problems))
    return space


def _search_problems(config: SearchCommand) -> Iterator[str]:
    search = config.search
    yield from one_of("search.algorithm", search.algorithm, ALGORITHMS)
    yield from one_of("search.pruner", search.pruner, PRUNERS)
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


def _final_problems(final: FinalConfig) -> Iterator[str]:
    yield from one_of("final.name", final.name, FINALS)
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


def check_predict(config: PredictCommand) -> tuple[str, str]:
    """Check the settings.

    Returns:
        The formats of the input and of the output.

    Raises:
        UserError: naming each value that is wrong, a line each.
    """
    from ecomcat.export.classifier import check_runtime

    if not config.input or not config.output:
        raise UserError(
            "Expected input=FILE and output=FILE, or - for standard input and output; found "
            f"input={config.input} output={config.output}."
        )
    problems = list(_problems(config))
    if problems:
        raise UserError("\n".join(problems))
    formats = choose_formats(
        config.input,
        config.output,
        input_format=config.input_format,
        output_format=config.output_format,
    )
    if formats[1] == PARQUET and config.output == STANDARD_STREAM and sys.stdout.isatty():
        raise UserError(
            "Expected output=FILE for Parquet, found standard output, which is a terminal. Name a "
            "file, or show the rows with output_format=jsonl."
        )
    check_runtime(config.runtime)
    require_output(config.output)
    return formats


def _problems(config: PredictCommand) -> Iterator[str]:
    yield from at_least("batch_rows", config.batch_rows, 1)
    header = str(config.data.header).lower()
    if header not in HEADER_CHOICES:
        yield f"data.header: expected one of {', '.join(HEADER_CHOICES)}, found {header!r}."
    precision = config.predict.min_precision
    if precision is not None and not 0 < precision <= 1:
        yield (
            "predict.min_precision: expected more than 0 and at most 1, such as 0.98 for 98 %, "
            f"found {precision:g}."
        )
    words = config.predict.words
    yield from at_least("predict.words", words, 1)
    if words >= 1 and words != PredictOptions.words and not config.predict.explain:
        yield (
            "predict.words: expected predict.explain=true with it, found false, so that it would "
            "do nothing. Add the one or leave the other out."
        )
