"""`python -m ecomcat.search`: search, retrain the best, test once, export."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING

from ecomcat.cli import run
from ecomcat.command_config import SearchCommand
from ecomcat.config import DataConfig, SearchConfig
from ecomcat.data.formats import path_problems
from ecomcat.errors import UserError
from ecomcat.model.space import Domain, builder_problems, read_space
from ecomcat.option_fields import validate
from ecomcat.process import is_installed, pip_line, require_extra
from ecomcat.tuning.algorithms import make_algorithm
from ecomcat.tuning.pruners import make_pruner

if TYPE_CHECKING:
    import pandas as pd

    from ecomcat.pipeline import Result

_TRAINING_PACKAGES = (
    *("tensorflow", "keras_tuner", "optuna", "pandas", "sklearn", "scipy", "tensorboard"),
    *("onnx", "tf2onnx", "onnxruntime", "plotly", "jinja2", "matplotlib"),
)


def search(
    config: SearchCommand, frames: Mapping[str, pd.DataFrame] | None = None
) -> Result | None:
    """Search the configured space and export the best model.

    Args:
        config: Configuration of the run.
        frames: DataFrames in place of files, by the names of the parts. Defaults to none.

    Returns:
        The result of the run; None for a dry run.

    Raises:
        UserError: For whatever the user can fix.
    """
    space = check_search(config)
    if config.search.from_trial is not None:
        raise UserError(
            "Expected search.from_trial in ecomcat.train, found it in ecomcat.search. Run: "
            f"python -m ecomcat.train search.from_trial={config.search.from_trial}"
        )
    # Imported late: `--help` and a wrong key need neither pandas nor TensorFlow.
    from ecomcat.pipeline import search_and_export

    return search_and_export(config, space, frames=frames)


def check_search(config: SearchCommand) -> dict[str, Domain]:
    """Check everything that can be known before the data is read.

    Returns:
        The search space.

    Raises:
        UserError: Naming each value that is wrong, one per line; or the packages that are missing.
    """
    require_extra("train", *_TRAINING_PACKAGES, needed_for="Searching and training")
    if config.data.group_near_duplicates:
        require_extra("audit", "datasketch", needed_for="data.group_near_duplicates")
    problems = [
        problem
        for key in ("path", "validation_path", "test_path")
        for problem in path_problems(f"data.{key}", getattr(config.data, key))
    ]
    problems += [
        *_idle_similarity(config.data),
        *_missing_ray(config.search),
        *builder_problems(config.model.build),
    ]
    space = None
    try:
        space = read_space(config.model)
    except UserError as error:
        problems.append(str(error))
    validate(config, problems)
    assert space is not None
    if make_algorithm(config.search).prunes_trials and make_pruner(config.search).name != "none":
        raise UserError("search.pruner: expected none, since this algorithm ends trials by itself.")
    return space


def _idle_similarity(data: DataConfig) -> Iterator[str]:
    default = DataConfig.near_duplicate_similarity
    if data.near_duplicate_similarity != default and not data.group_near_duplicates:
        yield (
            "data.near_duplicate_similarity: expected data.group_near_duplicates=true with it, "
            "found false, so it would have no effect. Add this, or leave it out."
        )


def _missing_ray(search: SearchConfig) -> Iterator[str]:
    wanted = search.cluster is not None or (type(search.workers) is int and search.workers > 1)
    if wanted and not is_installed("ray"):
        yield (
            f"search.workers={search.workers}"
            f"{f', search.cluster={search.cluster}' if search.cluster else ''}: expected the "
            f"package ray, found none. Install it with: {pip_line('cluster')}. Or search in one "
            "process with search.workers=1."
        )


main = partial(run, "search", search)

if __name__ == "__main__":
    main()
