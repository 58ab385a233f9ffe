"""Which cells `benchmarks.quality` consists of, and what their results come to."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import cells
from benchmarks.common import digest
from benchmarks.quality_rows import DISTINCT
from benchmarks.quality_search import OURS
from benchmarks.quality_table import Figures, Found

# Nothing is chosen on validation for it, so its test figure needs no training on train alone.
_NOTHING_TO_CHOOSE = "seed"
_MODULES = {"fasttext": "fasttext", "seed": "seed", "single": "fixed"}  # the others: baselines


@dataclass(frozen=True)
class Plan:
    """What all cells of a run share.

    Args:
        protocol: `distinct` or `leaky`.
        data: a labelled file; None for the sample.
        store: the folder of finished cells, studies and models.
        content: hash of the file's bytes.
        code: hash of the package's modules and YAML files.
        search_code: hash of those that decide a search, and not what comes after it.
        budget: of our searches.
        overrides: Hydra's, of our searches.
        quick: whether smaller grids will do.
    """

    protocol: str
    data: Path | None
    store: Path
    content: str
    code: str
    search_code: str
    budget: str
    overrides: tuple[str, ...]
    quick: bool = False

    def setting(
        self, method: str, split: int, choice: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """Return all that decides a cell's result.

        Args:
            method: its name.
            split: its seed.
            choice: None to choose; else what was chosen, to be tested.
        """
        shared = {
            "protocol": self.protocol,
            "method": method,
            "split": split,
            "choice": choice,
            "data": str(self.data) if self.data else None,
            "content": self.content,
        }
        if method in OURS and self.protocol == DISTINCT:
            ours = {"budget": self.budget, "overrides": list(self.overrides), "code": self.code}
            ours["search_code"] = self.search_code
            return {**shared, **ours, "store": str(self.store)}
        code = _code_of(method)
        if method in OURS:
            code = digest([code, self.code])
        return {**shared, "code": code, "quick": self.quick and method == "fasttext"}


def _code_of(method: str) -> str:
    """Hash the modules that a method's figures come from, ours not counted."""
    here = Path(__file__).parent
    package = here.parent / "ecomcat"
    names = {"cell", "rows", "baselines", _MODULES.get(method, "baselines")}
    files = [here / f"quality_{name}.py" for name in sorted(names)]
    files += [package / "final" / "baseline.py", *sorted((package / "data").glob("*.py"))]
    return digest(path.read_bytes() for path in files)


def run_method(plan: Plan, method: str, split: int, *, final: bool) -> dict[str, Any]:
    """Run the cells of one method on one split, or read what earlier runs left.

    Returns:
        `Figures` of `validation` and, where `final`, of `test`; and the `machine`.

    Raises:
        UserError: when a cell fails.
    """
    if method in OURS and plan.protocol == DISTINCT:
        return _run_ours(plan, method, split, final=final)
    found: dict[str, Any] = {}
    choice: dict[str, Any] = {}
    spent = 0.0
    if not (final and method == _NOTHING_TO_CHOOSE):
        chosen = _cell(plan.setting(method, split), plan.store)
        choice, spent = chosen["choice"], chosen["cpu_seconds"]
        found = {"validation": _figures(chosen, "validation"), "machine": chosen["machine"]}
    if final:
        tested = _cell(plan.setting(method, split, choice), plan.store)
        found = {"machine": tested["machine"], **found, "test": _figures(tested, "test", spent)}
    return found


def _run_ours(plan: Plan, method: str, split: int, *, final: bool) -> dict[str, Any]:
    """Run the search, then the other last step on the same study; the search's CPU time counts."""
    cell = _cell(plan.setting(OURS[0], split), plan.store)
    spent = 0.0
    if method != OURS[0]:
        spent = cell["cpu_seconds"]
        cell = _cell(plan.setting(method, split), plan.store)
    parts = ("validation", "test") if final else ("validation",)
    return {"machine": cell["machine"], **{part: _figures(cell, part, spent) for part in parts}}


def _cell(setting: dict[str, Any], store: Path) -> dict[str, Any]:
    step = "choosing" if setting["choice"] is None else "testing"
    print(f"split {setting['split']}, {setting['method']}: {step}", file=sys.stderr, flush=True)
    return cells.run_cell("quality_cell", setting, store)


def _figures(cell: Mapping[str, Any], part: str, spent: float = 0.0) -> Figures:
    scores = cell["scores"][part]
    cost = {name: cell[name] for name in ("rows_per_second", "megabytes")}
    return Figures(**scores, cpu_seconds=spent + cell["cpu_seconds"], **cost)


def run_all(
    plan: Plan, methods: Sequence[str], splits: Sequence[int], *, final: bool
) -> tuple[dict[str, Found], dict[str, str]]:
    """Run every method on every split.

    Returns:
        Figures by part (`validation`, `test`), method and split; and the first cell's machine.
    """
    parts = ("validation", "test") if final else ("validation",)
    found: dict[str, dict[str, dict[int, Figures]]] = {
        part: {method: {} for method in methods} for part in parts
    }
    machines = []
    for split in splits:
        for method in methods:
            result = run_method(plan, method, split, final=final)
            machines.append(result.pop("machine"))
            for part, figures in result.items():
                found[part][method][split] = figures
    return dict(found), machines[0]
