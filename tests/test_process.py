"""What a command needs of its environment: packages, cores, and heavy imports that come late."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from ecomcat.cli import compose
from ecomcat.commands import COMMANDS
from ecomcat.errors import UserError
from ecomcat.export.classifier import check_runtime
from ecomcat.process import is_installed, require_extra
from ecomcat.search import check_search
from tests.conftest import Completed, run_program

DRY = ("search.dry_run=true", "data=sample", "data.sample_rows=400")
Hide = Callable[..., None]


@pytest.fixture
def without(monkeypatch: pytest.MonkeyPatch) -> Hide:
    """Return a function that makes packages look as if they were not installed."""
    find = importlib.util.find_spec

    def hide(*packages: str) -> None:
        monkeypatch.setattr(
            importlib.util,
            "find_spec",
            lambda name, package=None: None if name in packages else find(name, package),
        )

    return hide


def test_what_is_missing_is_named_with_the_line_that_installs_it() -> None:
    require_extra("train", "numpy", "json", needed_for="A test")
    assert is_installed("numpy") and not is_installed("no_such_package_at_all")
    with pytest.raises(UserError) as error:
        require_extra("train", "numpy", "no_such", "nor_this", needed_for="A test")
    assert str(error.value) == (
        "A test: expected the packages no_such, nor_this, found none. Install with: "
        'pip install "ecomcat[train]"'
    )


@pytest.mark.parametrize(
    ("hidden", "override", "message"),
    [
        (
            ["tensorflow", "keras_tuner"],
            "seed=1",
            r"tensorflow, keras_tuner, found.*\[train\]",
        ),
        (["ray"], "search.workers=2", r"\[cluster\].*search\.workers=1"),
        (["ray"], "search.cluster=auto", r"\[cluster\].*search\.workers=1"),
    ],
)
def test_a_search_without_its_packages_says_so_first(
    without: Hide, hidden: list[str], override: str, message: str
) -> None:
    config = compose("search", [override])
    without(*hidden)
    with pytest.raises(UserError, match=message):
        check_search(config)


@pytest.mark.parametrize(
    ("runtime", "hidden", "message"),
    [
        ("auto", ["tensorflow"], None),
        ("auto", ["onnxruntime"], None),
        ("keras", ["onnxruntime"], None),
        ("onnx", ["tensorflow"], None),
        ("auto", ["onnxruntime", "tensorflow"], r"ecomcat\[serve\]"),
        ("onnx", ["onnxruntime"], r"ecomcat\[serve\]"),
        ("keras", ["tensorflow"], r"ecomcat\[train\]"),
    ],
)
def test_a_runtime_needs_its_own_package_alone(
    without: Hide, runtime: str, hidden: list[str], message: str | None
) -> None:
    without(*hidden)
    if message is None:
        check_runtime(runtime)
        return
    with pytest.raises(UserError, match=message):
        check_runtime(runtime)


def run_and_list_imports(
    command: str, arguments: Sequence[str], heavy: Sequence[str], folder: Path
) -> Completed:
    """Run a command in a new interpreter; its last line says which of the modules it imported."""
    program = (
        f"import sys; from ecomcat.{command} import main\n"
        f"sys.argv = ['ecomcat', *{list(arguments)!r}]\n"
        "try:\n"
        "    main()\n"
        "finally:\n"
        f"    print('imported:', sorted(set(sys.modules) & set({list(heavy)!r})))\n"
    )
    return run_program(program, folder)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_does_not_wait_for_what_is_heavy(tmp_path: Path, command: str) -> None:
    heavy = ("tensorflow", "keras", "keras_tuner", "numpy", "pandas", "sklearn")
    ended = run_and_list_imports(command, ["--help"], heavy, tmp_path)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.splitlines()[-1] == "imported: []"
    assert list(tmp_path.iterdir()) == []


def test_a_dry_run_loads_no_tensorflow_and_prints_the_plan_alone(tmp_path: Path) -> None:
    heavy = ("tensorflow", "keras", "keras_tuner", "optuna", "ray")
    ended = run_and_list_imports("search", DRY, heavy, tmp_path)
    assert ended.returncode == 0, ended.stderr
    *plan, imported = ended.stdout.splitlines()
    assert imported == "imported: []"
    assert plan[0].strip() == "Search space"
    assert "Data: the project's own sample" in ended.stderr
    assert list(tmp_path.iterdir()) == []
