"""A child process is measured once, on a machine that is named, and its failure is shown."""

from __future__ import annotations

import argparse
import csv
import subprocess
import sys
from pathlib import Path

import pytest
from benchmark_material import ROOT

from benchmarks import cells, common
from ecomcat.errors import UserError


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


class TestMachine:
    """A figure names the machine that it was measured on."""

    def test_every_line_of_the_description_says_something(self):
        machine = common.describe_machine()
        assert {"cpu", "cores", "memory", "python", "tensorflow", "date"} <= set(machine)
        assert all(machine.values())

    def test_there_is_no_commit_without_git(self, monkeypatch):
        monkeypatch.setenv("PATH", "")
        assert common.commit() is None


class TestChildProcesses:
    """A child is measured, and its failure is shown."""

    def test_what_a_child_prints_goes_to_its_log(self, tmp_path):
        usage = common.run_measured(python("print('done')"), tmp_path / "log")
        assert (tmp_path / "log").read_text() == "done\n"
        assert usage.cpu_seconds > 0
        assert usage.wall_seconds > 0

    def test_the_peak_counts_what_a_child_held(self, tmp_path):
        # In a process of its own, since a child's peak is never below that of its parent.
        measure = (
            "import sys; from pathlib import Path; from benchmarks.common import run_measured\n"
            "for code in ('', 'held = bytes(1) * 250_000_000'):\n"
            "    usage = run_measured([sys.executable, '-c', code], Path(sys.argv[1]))\n"
            "    print(usage.peak_gigabytes)"
        )
        command = [*python(measure), str(tmp_path / "log")]
        result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
        small, large = map(float, result.stdout.split())
        assert 0 < small < 0.2
        assert large - small == pytest.approx(0.25, abs=0.05)

    def test_a_failure_shows_the_exit_code_and_the_last_lines(self, tmp_path):
        code = "print('\\n'.join(f'line {n}' for n in range(100))); raise SystemExit(3)"
        with pytest.raises(UserError, match="found 3 ") as raised:
            common.run_measured(python(code), tmp_path / "log")
        assert str(raised.value).splitlines()[-1] == "line 99"
        assert "line 84" not in str(raised.value)


@pytest.mark.parametrize("text", ["0", "-1", "x", "1.5"])
def test_counts_are_whole_numbers_from_1(text):
    with pytest.raises((argparse.ArgumentTypeError, ValueError)):
        common.positive(text)


@pytest.mark.parametrize(
    ("error", "code"), [(UserError("no file"), 2), (KeyboardInterrupt(), 130), (None, 0)]
)
def test_a_script_ends_with_the_exit_code_that_the_commands_use(error, code, capsys):
    def main() -> None:
        if error is not None:
            raise error

    with pytest.raises(SystemExit) as ended:
        common.run_script(main)
    assert ended.value.code == code
    assert bool(capsys.readouterr().err) == bool(code)


class TestCells:
    """Each cell is run once for the same setting, and all share the same rows."""

    def test_the_same_rows_are_drawn_from_the_same_file(self, tmp_path):
        rows = [[f"label {number % 3}", f'a "text",\n{number}'] for number in range(30)]
        source, first, again = (tmp_path / name for name in ("source.csv", "first", "again"))
        with source.open("w", encoding="utf-8", newline="") as stream:
            csv.writer(stream).writerows(rows)
        for target in (first, again):
            cells.sample_rows(source, target, 10)
        assert first.read_bytes() == again.read_bytes()
        with first.open(encoding="utf-8", newline="") as stream:
            drawn = list(csv.reader(stream))
        assert len(drawn) == 10
        assert drawn != rows[:10]
        assert all(row in rows for row in drawn)

    def test_a_file_that_is_not_there_is_refused(self, tmp_path):
        with pytest.raises(UserError, match="--data"):
            cells.sample_rows(tmp_path / "none.csv", tmp_path / "rows.csv", 10)

    def test_a_finished_cell_is_not_run_again(self, tmp_path, monkeypatch):
        begun: list[list[str]] = []

        def run(command, log):
            begun.append(command)
            Path(command[-1]).write_text('{"seconds": 5}', encoding="utf-8")

        monkeypatch.setattr(cells, "run_measured", run)
        first = cells.run_cell("workers_cell", {"workers": 1}, tmp_path)
        assert cells.run_cell("workers_cell", {"workers": 1}, tmp_path) == first
        assert (first["seconds"], set(first)) == (5, {"seconds", "machine"})
        assert len(begun) == 1
        assert begun[0][-4:-1] == ["-m", "benchmarks.workers_cell", '{"workers": 1}']
        cells.run_cell("workers_cell", {"workers": 2}, tmp_path)
        assert len(begun) == 2

    def test_a_cell_that_failed_leaves_no_result(self, tmp_path, monkeypatch):
        def fail(command, log):
            raise UserError("exit code 1")

        monkeypatch.setattr(cells, "run_measured", fail)
        with pytest.raises(UserError):
            cells.run_cell("workers_cell", {}, tmp_path)
        assert not list(tmp_path.iterdir())
