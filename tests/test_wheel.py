"""The wheel holds all that the commands need, and runs from any folder."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from conftest import ROOT, run_python

from ecomcat.command_config import COMMANDS

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    arguments = ["-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    done = run_python(arguments, folder)
    assert done.returncode == 0, done.stdout + done.stderr
    (built,) = folder.glob("*.whl")
    return built


def test_the_wheel_holds_the_package_its_configuration_and_licence_and_nothing_else(
    wheel: Path,
) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
        (entry_points,) = (name for name in archive.namelist() if "entry_points" in name)
        scripts = archive.read(entry_points).decode()
        (licence,) = (name for name in archive.namelist() if name.endswith("/LICENSE"))
        assert archive.read(licence) == (ROOT / "LICENSE").read_bytes()
    package = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "ecomcat").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    settings = {f"ecomcat/{path.relative_to(ROOT)}" for path in (ROOT / "conf").rglob("*.yaml")}
    assert names == package | settings
    assert "ecomcat/py.typed" in names
    assert "ecomcat = ecomcat.__main__:main" in scripts
    for command in COMMANDS:
        assert f"ecomcat-{command} = ecomcat.{command}:main" in scripts


def test_a_command_runs_from_the_installed_wheel_in_another_folder(
    wheel: Path, tmp_path: Path
) -> None:
    installed, folder = tmp_path / "site", tmp_path / "elsewhere"
    folder.mkdir()
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(installed)
    program = (
        "import sys, ecomcat.search; print(ecomcat.__file__, file=sys.stderr); "
        "sys.argv[0] = 'ecomcat-search'; ecomcat.search.main()"
    )
    dry = ["data=sample", "data.sample_rows=400", "search.dry_run=true"]
    done = run_python(["-c", program, *dry], folder, environment={"PYTHONPATH": str(installed)})
    assert done.returncode == 0, done.stderr
    assert str(installed) in done.stderr
    assert "Would run: tpe" in done.stdout
