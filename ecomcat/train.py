"""`python -m ecomcat.train`: the same as a search, for one configuration."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

from ecomcat.cli import run
from ecomcat.command_config import SearchCommand

if TYPE_CHECKING:
    import pandas as pd

    from ecomcat.pipeline import Result


def train(config: SearchCommand, frames: Mapping[str, pd.DataFrame] | None = None) -> Result | None:
    """Train the configured model and export it.

    Args:
        config: Configuration of the run.
        frames: DataFrames in place of files, by the names of the parts. Defaults to none.

    Returns:
        The result of the run; None for a dry run.

    Raises:
        UserError: When a hyperparameter has more than one value, and for whatever else the user
            can fix.
    """
    from ecomcat.model.space import require_fixed
    from ecomcat.search import check_search

    rerun = None
    if config.search.from_trial is not None:
        from ecomcat.tuning.from_trial import configure_rerun

        config, rerun = configure_rerun(config)
    space = check_search(config)
    require_fixed(space)
    from ecomcat.pipeline import search_and_export

    return search_and_export(config, space, rerun, frames)


main = partial(run, "train", train)

if __name__ == "__main__":
    main()
