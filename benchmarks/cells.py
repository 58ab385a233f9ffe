"""Cells of a measurement: each a process of its own whose result is kept, and not run again."""

from __future__ import annotations

import csv
import json
import random
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.common import describe_machine, digest, run_measured
from ecomcat.errors import UserError
from ecomcat.files import write_json, write_text


def sample_rows(source: Path, target: Path, rows: int) -> None:
    """Write the rows that all cells share, drawn from a labelled file of two columns.

    Args:
        source: the labelled file.
        target: takes the rows, the same for the same file.
        rows: most to take.

    Raises:
        UserError: when the file is not there.
    """
    if not source.is_file():
        raise UserError(f"Expected a labelled file in --data, found none at {source}.")
    with source.open(encoding="utf-8", newline="") as stream:
        found = list(csv.reader(stream))
    random.Random(0).shuffle(found)
    lines = [",".join(_quoted(cell) for cell in row) for row in found[:rows]]
    write_text(target, "\r\n".join(lines) + "\r\n")


def _quoted(cell: str) -> str:
    return '"' + cell.replace('"', '""') + '"'


def run_cell(
    module: str, setting: Mapping[str, Any], store: Path, *, one_thread: bool = False
) -> dict[str, Any]:
    """Run a cell in a process of its own, or read what an earlier run left.

    Args:
        module: in `benchmarks`; it is given the setting as JSON and the path of its result.
        setting: all that decides the result.
        store: the folder of results and logs.
        one_thread: whether NumPy computes in one.

    Returns:
        The result, with the machine that it was measured on.

    Raises:
        UserError: when the process fails.
    """
    path = store / f"{digest([json.dumps(setting, sort_keys=True)])[:12]}.json"
    if not path.exists():
        machine = describe_machine()
        found = path.with_suffix(".found.json")
        name = f"benchmarks.{module}"
        # Read by the linear algebra of NumPy when it is imported.
        threads = [f"{library}_NUM_THREADS=1" for library in ("OMP", "OPENBLAS")] * one_thread
        python = ["env", *threads, sys.executable]
        command = [*python, "-m", name, json.dumps(setting), str(found)]
        run_measured(command, path.with_suffix(".log"))
        result = json.loads(found.read_text(encoding="utf-8"))
        write_json(path, {**result, "machine": machine})
        found.unlink()
    stored: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return stored
