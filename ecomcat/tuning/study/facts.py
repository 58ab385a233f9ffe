"""What a study remembers beside its trials: its data and its final model, for the report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ecomcat.files import write_json
from ecomcat.tuning.study.study import Study, read_state

DATA, FINAL = "data.json", "final.json"


def write_facts(study: Study, name: str, facts: Mapping[str, Any]) -> None:
    """Write one of the study's files of facts, in place of an earlier run's.

    Args:
        study: the folder.
        name: `DATA` or `FINAL`.
        facts: what JSON can hold.

    Raises:
        UserError: when it cannot be written.
    """
    write_json(study.directory / name, facts)


def read_facts(study: Study, name: str) -> dict[str, Any] | None:
    """Read one of the study's files of facts.

    Args:
        study: the folder.
        name: `DATA` or `FINAL`.

    Returns:
        The facts; None where there are none yet, as in studies older than these files.

    Raises:
        UserError: when the file holds something else.
    """
    path = study.directory / name
    return read_state(path) if path.exists() else None
