"""`python -m ecomcat.search`: search, retrain the best, test once, export."""

from __future__ import annotations

from typing import NoReturn

from ecomcat.cli import run
from ecomcat.config import SearchCommand
from ecomcat.errors import UserError


def search(config: SearchCommand) -> None:
    """Search the configured space and export the best model.

    Raises:
        UserError: for whatever the user can mend.
    """
    from ecomcat.checks import check_search

    space = check_search(config)
    if config.search.from_trial is not None:
        raise UserError(
            "Expected search.from_trial in ecomcat.train, found it in ecomcat.search. Run: "
            f"python -m ecomcat.train search.from_trial={config.search.from_trial}"
        )
    # Imported late: `--help` and a wrong key need neither pandas nor TensorFlow.
    from ecomcat.pipeline import search_and_export

    search_and_export(config, space)


def main() -> NoReturn:
    """Run the command."""
    run("search", search)


if __name__ == "__main__":
    main()
