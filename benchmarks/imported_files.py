"""The code that a result depends on, found from the imports themselves."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import ecomcat

_FOLDERS = {"benchmarks": Path(__file__).parent, "ecomcat": Path(ecomcat.__file__).parent}


def imported_files(module: str, without: str = "") -> list[Path]:
    """Return the files of a module and of all modules of ours that it imports, at any depth.

    Imports within functions count. What only `without` imports is left out, with its own file.
    """
    found: set[Path] = set()
    waiting = [module]
    while waiting:
        name = waiting.pop()
        if name in ("", without):
            continue
        waiting.append(name.rpartition(".")[0])  # its package, or the module that it is a name of
        path = _file_of(name)
        if path is not None and path not in found:
            found.add(path)
            waiting += _imported_names(ast.parse(path.read_bytes()))
    return sorted(found)


def _file_of(name: str) -> Path | None:
    top, *rest = name.split(".")
    if top not in _FOLDERS:
        return None
    place = _FOLDERS[top].joinpath(*rest)
    return next(filter(Path.is_file, [place / "__init__.py", place.with_suffix(".py")]), None)


def _imported_names(code: ast.AST) -> Iterator[str]:
    """Yield what code imports, but for types alone."""
    if isinstance(code, ast.Import):
        yield from (each.name for each in code.names)
    elif isinstance(code, ast.ImportFrom):
        yield from (f"{code.module}.{each.name}" for each in code.names)
    for_types = isinstance(code, ast.If) and ast.unparse(code.test) == "TYPE_CHECKING"
    for each in code.orelse if for_types else ast.iter_child_nodes(code):
        yield from _imported_names(each)
