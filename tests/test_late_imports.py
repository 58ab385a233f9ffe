"""What is heavy is imported late: neither help nor a wrong key nor a dry run waits for it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from ecomcat.config import COMMANDS
from tests.conftest import Completed, run_program

DRY = ("search.dry_run=true", "data=sample", "data.sample_rows=400")


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
@pytest.mark.parametrize(("argument", "code"), [("--help", 0), ("modeldir=x", 2)])
def test_neither_help_nor_a_wrong_key_waits_for_what_is_heavy(
    tmp_path: Path, command: str, argument: str, code: int
) -> None:
    heavy = ("tensorflow", "keras", "keras_tuner", "pandas", "sklearn")
    ended = run_and_list_imports(command, [argument], heavy, tmp_path)
    assert ended.returncode == code
    assert ended.stdout.splitlines()[-1] == "imported: []"
    assert list(tmp_path.iterdir()) == []


def test_tensorflow_is_not_loaded_and_standard_output_has_the_plan_alone(tmp_path: Path) -> None:
    heavy = ("tensorflow", "keras", "keras_tuner", "optuna", "ray")
    ended = run_and_list_imports("search", DRY, heavy, tmp_path)
    assert ended.returncode == 0, ended.stderr
    *plan, imported = ended.stdout.splitlines()
    assert imported == "imported: []"
    assert plan[0].strip() == "Search space"
    sentences = [line.partition(":")[0] for line in plan if ": " in line]
    assert sentences == ["Configurations", "Would run", "Study", "Model"]
    assert ended.stderr.startswith("Data: the project's own sample") and "254 train" in ended.stderr
    assert list(tmp_path.iterdir()) == []
