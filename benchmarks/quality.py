"""How good the project is beside simple and usual methods: one table, the same splits for all.

Each cell (a method on a split, choosing or testing) is a process of its own; it is kept as JSON
and not run again, so that a run cut short goes on.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path

from benchmarks import quality_fasttext
from benchmarks.common import add_data_argument, new_parser, print_result, run_script
from benchmarks.quality_cpu import exit_on_sigterm
from benchmarks.quality_plan import Plan, run_all
from benchmarks.quality_plot import draw_errors, require_matplotlib
from benchmarks.quality_rows import DISTINCT, LEAKY
from benchmarks.quality_search import search_code
from benchmarks.quality_table import TITLES, Found, quality_table
from benchmarks.quick_search import new_job
from ecomcat.errors import UserError

METHODS = tuple(TITLES)
LEAKY_METHODS = ("majority", "linear_svc", "fasttext", "seed", "single")
QUICK_METHODS = (
    *("majority", "naive_bayes", "linear_svc", "logistic_regression", "fasttext", "single"),
)
QUICK_OVERRIDES = ("search.max_minutes=3", "search.max_trials=8")
_HONEST = {
    "validation": "Validation: fitted on train alone, chosen on these rows.",
    "test": "Test: chosen on validation, fitted again on train and validation, scored once.",
}
_WARNING = "duplicates left in: NOT an honest figure"


def measurable(methods: Sequence[str]) -> list[str]:
    """Leave out what cannot be measured here, and say so."""
    if "fasttext" in methods and find_spec("fasttext") is None:
        print(quality_fasttext.MISSING, file=sys.stderr, flush=True)
        methods = [method for method in methods if method != "fasttext"]
    if not methods:
        raise UserError("Expected a method that can be measured here, found none in --methods.")
    return list(methods)


def _new_plan(arguments: argparse.Namespace) -> Plan:
    store = arguments.store.resolve()
    quick = QUICK_OVERRIDES if arguments.quick else ()
    job = new_job(arguments.data, [*quick, *arguments.overrides], store)
    store.mkdir(parents=True, exist_ok=True)
    data = arguments.data.resolve() if arguments.data else None
    protocol = LEAKY if arguments.leaky else DISTINCT
    return Plan(
        protocol=protocol,
        data=data,
        store=store,
        content=job.data_hash,
        code=job.code_hash,
        search_code=search_code(),
        budget=arguments.budget or ("quick" if arguments.quick else "default"),
        overrides=job.overrides,
        quick=arguments.quick,
    )


def chosen_methods(arguments: argparse.Namespace) -> list[str]:
    """Return the methods that were asked for, or those that the other options imply.

    Raises:
        UserError: when one of them is not measured with duplicates left in.
    """
    possible = LEAKY_METHODS if arguments.leaky else METHODS
    implied = [each for each in possible if not arguments.quick or each in QUICK_METHODS]
    wrong = sorted(set(arguments.methods or ()) - set(possible))
    if wrong:
        raise UserError(
            f"--leaky: expected methods of {', '.join(possible)}; found {', '.join(wrong)}. Leave "
            "them out of --methods."
        )
    return measurable([each for each in possible if each in (arguments.methods or implied)])


def title(part: str, *, leaky: bool) -> str:
    """Return the line above a table."""
    return f"{_WARNING.upper()}\n{_HONEST[part]}" if leaky else _HONEST[part]


def tables(found: Mapping[str, Found], *, leaky: bool) -> str:
    """Write a table a part, each under its title."""
    return "\n\n".join(
        f"{title(part, leaky=leaky)}\n\n{quality_table(figures)}" for part, figures in found.items()
    )


def _parser() -> argparse.ArgumentParser:
    parser = new_parser("quality", "Compare ecomcat with simple and usual methods.")
    add_data_argument(parser)
    parser.add_argument(
        "--splits", type=int, nargs="+", metavar="SEED", help="(default: 1 2 3 4 5)"
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
        "--leaky",
        action="store_true",
        help=f"{_WARNING}; measures {', '.join(LEAKY_METHODS)}, single as one fixed configuration",
    )
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw the error rates as a PNG")
    parser.add_argument(
        "--store",
        type=Path,
        default=Path("outputs/benchmarks/quality"),
        metavar="FOLDER",
        help="where finished cells, studies and models are kept (default: %(default)s)",
    )
    parser.add_argument(
        "overrides", nargs="*", metavar="OVERRIDE", help="Hydra overrides of our searches, after --"
    )
    return parser


def main() -> None:
    """Run the script."""
    arguments = _parser().parse_args()
    exit_on_sigterm()
    if arguments.plot is not None:
        require_matplotlib()
    methods, plan = chosen_methods(arguments), _new_plan(arguments)
    splits = arguments.splits or ([1] if arguments.quick else [1, 2, 3, 4, 5])
    found, machine = run_all(plan, methods, list(dict.fromkeys(splits)), final=arguments.final)
    print_result(machine, tables(found, leaky=arguments.leaky))
    if arguments.plot is not None:
        part = "test" if arguments.final else "validation"
        warning = _WARNING if arguments.leaky else ""
        draw_errors(found[part], part, arguments.plot, warning)


if __name__ == "__main__":
    run_script(main)
