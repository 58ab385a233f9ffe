"""The rooms import in the order that CONTRIBUTING.md's map gives, and nothing in a circle."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from tests.conftest import ROOT

PACKAGE = ROOT / "ecomcat"


def rooms_of_the_map() -> list[str]:
    """Return the rooms of the map's table, from top to bottom."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    return re.findall(r"^\| `(\w+)/` \|", text, flags=re.MULTILINE)


def imported_modules(path: Path) -> Iterator[str]:
    """Yield the dotted names of our own that a file imports, at its top or within functions."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield from (f"{node.module}.{name.name}" for name in node.names)
        elif isinstance(node, ast.Import):
            yield from (name.name for name in node.names)


def imports_between_parts() -> Mapping[str, set[str]]:
    """Return what each room and each module beside the rooms imports of the others."""
    found: dict[str, set[str]] = defaultdict(set)
    for path in PACKAGE.rglob("*.py"):
        part = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
        names = (name.split(".") for name in imported_modules(path))
        others = {name[1] for name in names if name[0] == "ecomcat" and len(name) > 1}
        found[part] |= others - {part}
    return found


def test_the_map_has_every_room_and_no_other() -> None:
    rooms = rooms_of_the_map()
    assert len(rooms) == len(set(rooms))
    assert set(rooms) == {path.parent.name for path in PACKAGE.glob("*/__init__.py")}


@pytest.mark.parametrize("room", rooms_of_the_map())
def test_a_room_imports_only_from_rooms_above_it(room: str) -> None:
    rooms = rooms_of_the_map()
    below = set(rooms[rooms.index(room) :])
    assert imports_between_parts()[room] & below == set()


def test_nothing_is_imported_in_a_circle() -> None:
    # A circle raises CycleError, which names it.
    order = list(TopologicalSorter(imports_between_parts()).static_order())
    assert order.index("errors") < order.index("pipeline") < order.index("search")


def test_commands_are_imported_by_nothing_but_those_who_run_them() -> None:
    commands = {path.stem for path in (ROOT / "conf").glob("*.yaml")} - {"quiet"}
    imported = set().union(*imports_between_parts().values())
    assert commands & imported == set()
