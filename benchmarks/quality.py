"""How good the project is beside simple and usual methods: one table, the same splits for all.

Each cell (a method on a split, choosing or testing) is a process of its own; it is stored as JSON
and not run again, so that a run cut short goes on.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import ecomcat
from benchmarks.common import digest, log, new_parser, print_result, require_file, run_script
from benchmarks.imported_files import imported_files
from benchmarks.measuring import run_cell
from benchmarks.quality_ours import OURS
from benchmarks.quality_table import (
    REFERENCE,
    TITLES,
    Figures,
    Found,
    quality_table,
)
from benchmarks.suite import SUITE_METHODS, draw_ratios, suite_tables
from benchmarks.suite_files import SUITE, prepare_suite
from ecomcat.command_config import conf_dir
from ecomcat.errors import UserError

METHODS = tuple(TITLES)
QUICK_METHODS = ("majority", "naive_bayes", "linear", "logistic_regression", "fasttext", "ecomcat")
QUICK_OVERRIDES = ("search.max_minutes=3", "search.max_trials=8")
_CELL = "benchmarks.quality_cell"  # measures all of them
_SEARCHED = "ecomcat"  # whose cell pays for the search that all of ours share
_PARTS = {
    "validation": "Validation: fitted on train alone, chosen on these rows.",
    "test": "Test: chosen on validation, fitted again on train and validation, scored once.",
}
_FIGURES = tuple(Figures.__dataclass_fields__)


@dataclass(frozen=True)
class Plan:
    """What all cells of a run share."""

    data: Path | None  # a labelled file; None for the sample
    store: Path  # the folder of finished cells, studies and models
    content: str  # hash of the bytes of the file
    budget: str  # of our searches
    overrides: tuple[str, ...]  # of our searches
    quick: bool  # whether smaller grids are enough

    def setting(self, method: str, split: int, choice: Mapping[str, Any] | None) -> dict[str, Any]:
        """Return all that decides the result of a cell: of choosing, or of testing a choice."""
        shared = {
            "method": method,
            "split": split,
            "choice": choice,
            "data": str(self.data) if self.data else None,
            "content": self.content,
            "quick": self.quick and method == "fasttext",
        }
        if method not in OURS:
            return {**shared, "code": _hash(files_of_baselines())}
        ours = {"budget": self.budget, "overrides": self.overrides, "store": str(self.store)}
        code = {"code": _hash(imported_files(_CELL)), "package": _code_of_package()}
        return {**shared, **ours, **code}


def files_of_baselines() -> list[Path]:
    """Return the files of ours whose change lets the other methods be measured again."""
    return imported_files(_CELL, without="benchmarks.quality_ours")


def _code_of_package() -> str:
    """Hash the modules of the package and its YAML files."""
    modules = Path(ecomcat.__file__).parent.rglob("*.py")
    return _hash(sorted({*modules, *conf_dir().rglob("*.yaml")}))


def _hash(files: Iterable[Path]) -> str:
    return digest(path.read_bytes() for path in files)


def run_method(plan: Plan, method: str, split: int, *, final: bool) -> dict[str, Any]:
    """Return the figures of `validation` and, with `final`, of `test`; and the `machine`."""
    spent = 0.0
    if method in OURS and method != _SEARCHED:
        spent = _cell(plan, _SEARCHED, split, None)["cpu_seconds"]
    chosen = _cell(plan, method, split, None)
    found = {"machine": chosen["machine"], "validation": _figures(chosen, spent)}
    if final:
        tested = _cell(plan, method, split, chosen["choice"])
        found["test"] = _figures(tested, spent + chosen["cpu_seconds"])
    return found


def _cell(plan: Plan, method: str, split: int, choice: Mapping[str, Any] | None) -> Any:
    log(f"split {split}, {method}: {'choosing' if choice is None else 'testing'}")
    return run_cell("quality_cell", plan.setting(method, split, choice), plan.store)


def _figures(cell: Mapping[str, Any], spent: float) -> Figures:
    figures = {name: cell[name] for name in _FIGURES}
    return Figures(**{**figures, "cpu_seconds": spent + cell["cpu_seconds"]})


def run_all(
    plan: Plan, methods: Sequence[str], splits: Sequence[int], *, final: bool
) -> tuple[dict[str, Found], dict[str, str]]:
    """Return figures by part, method and split; and the machine of the first cell."""
    cells = {
        split: {method: run_method(plan, method, split, final=final) for method in methods}
        for split in splits
    }
    found: dict[str, Found] = {
        part: {
            method: {split: cells[split][method][part] for split in splits} for method in methods
        }
        for part in (_PARTS if final else ["validation"])
    }
    return found, cells[splits[0]][methods[0]]["machine"]


def _measurable(methods: Sequence[str]) -> list[str]:
    """Leave out what cannot be measured here, and say so."""
    if "fasttext" in methods and find_spec("fasttext") is None:
        log(
            "fasttext is left out: expected the package fasttext, found none. To have it measured, "
            'run: pip install -c constraints.txt "ecomcat[benchmarks]"'
        )
        methods = [method for method in methods if method != "fasttext"]
    return list(methods)


def _new_plan(arguments: argparse.Namespace, path: Path | None) -> Plan:
    require_file(path)
    data = path.resolve() if path else None
    quick = QUICK_OVERRIDES if arguments.quick else ()
    return Plan(
        data=data,
        store=arguments.store.resolve(),
        # The sample is generated: the hash of the code stands for it, too.
        content=digest([data.read_bytes()]) if data else "sample",
        budget=arguments.budget or ("quick" if arguments.quick else "default"),
        overrides=(*quick, *arguments.overrides),
        quick=arguments.quick,
    )


def _parser() -> argparse.ArgumentParser:
    parser = new_parser("quality", "Compare ecomcat with simple and usual methods.", store=True)
    parser.add_argument(
        "--splits",
        type=int,
        nargs="+",
        metavar="SEED",
        help="(default: 1 2 3 4 5; of the suite 1 2 3; with --quick 1)",
    )
    parser.add_argument(
        "--methods",
        nargs="+",
        choices=METHODS,
        metavar="NAME",
        help=f"of {', '.join(METHODS)} (default: all)",
    )
    parser.add_argument("--budget", metavar="NAME", help="of our searches (default: default)")
    parser.add_argument("--final", action="store_true", help="score the test set, too")
    parser.add_argument(
        "--quick",
        action="store_true",
        help="some 15 minutes on 2 cores for 13,000 texts: one split, "
        f"{', '.join(QUICK_METHODS)}; a small grid for fastText, "
        f"and our search with budget=quick {' '.join(QUICK_OVERRIDES)}",
    )
    parser.add_argument(
        "--suite",
        type=Path,
        metavar="FOLDER",
        help=f"measure the files that stand there instead of --data: {', '.join(SUITE)}",
    )
    parser.add_argument(
        "--files", nargs="+", choices=SUITE, metavar="NAME", help="of the suite (default: all)"
    )
    parser.add_argument(
        "--plot", type=Path, metavar="FILE", help="draw the ratios of errors of the suite as a PNG"
    )
    parser.add_argument(
        "overrides", nargs="*", metavar="OVERRIDE", help="Hydra overrides of our searches, after --"
    )
    return parser


def main() -> None:
    """Run the script."""
    arguments = _parser().parse_args()
    if arguments.suite is not None:
        if arguments.data:
            raise UserError("Expected --suite or --data, found both: leave one out.")
        _run_suite(arguments)
        return
    if arguments.plot is not None:
        raise UserError("Expected --plot with --suite, found it alone: leave it out.")
    methods = _methods(arguments, METHODS, QUICK_METHODS)
    found, machine = _run(arguments, arguments.data, methods)
    print_result(
        machine, *(f"{_PARTS[part]}\n\n{quality_table(each)}" for part, each in found.items())
    )


def _run_suite(arguments: argparse.Namespace) -> None:
    quick = [name for name in SUITE_METHODS if name != "fasttext"]
    methods = _methods(arguments, SUITE_METHODS, quick)
    if REFERENCE not in methods:
        methods = [REFERENCE, *methods]
    files = prepare_suite(arguments.suite, arguments.store, arguments.files or list(SUITE))
    results = {}
    for name, path in files.items():
        log(f"file {name}")
        results[name], machine = _run(arguments, path, methods)
    found = {
        part: {name: each[part] for name, each in results.items()}
        for part in (_PARTS if arguments.final else ["validation"])
    }
    print_result(
        machine, *(f"{_PARTS[part]}\n\n{suite_tables(each)}" for part, each in found.items())
    )
    if arguments.plot is not None:
        part, each = found.popitem()
        draw_ratios(each, part, arguments.plot)


def _methods(
    arguments: argparse.Namespace, every: Sequence[str], quick: Sequence[str]
) -> list[str]:
    asked = arguments.methods or (quick if arguments.quick else every)
    return _measurable([method for method in every if method in asked])


def _run(
    arguments: argparse.Namespace, path: Path | None, methods: Sequence[str]
) -> tuple[dict[str, Found], dict[str, str]]:
    usual = 1 if arguments.quick else 3 if arguments.suite else 5
    splits = arguments.splits or range(1, usual + 1)
    plan = _new_plan(arguments, path)
    return run_all(plan, methods, list(dict.fromkeys(splits)), final=arguments.final)


if __name__ == "__main__":
    run_script(main)
