"""`python -m benchmarks.quality` measures the methods that were asked for."""

from __future__ import annotations

import subprocess
import sys
from argparse import Namespace

import pytest
from benchmark_material import ROOT, cells_of, write_rows

from benchmarks import quality
from ecomcat.errors import UserError
from tests.conftest import TINY_MODEL


@pytest.fixture
def rows_file(tmp_path):
    return write_rows(tmp_path / "rows.csv")


class TestCommandLine:
    """What is measured is what was asked for."""

    def arguments(self, **changes):
        return Namespace(**{"methods": None, "leaky": False, "quick": False, **changes})

    @pytest.fixture
    def installed(self, monkeypatch):
        monkeypatch.setattr(quality, "find_spec", lambda name: object())

    @pytest.mark.parametrize(
        ("changes", "expected"),
        [
            ({}, quality.METHODS),
            ({"quick": True}, quality.QUICK_METHODS),
            ({"leaky": True}, quality.LEAKY_METHODS),
            ({"quick": True, "methods": ["seed"]}, ("seed",)),
            ({"methods": ["single", "linear_svc"]}, ("linear_svc", "single")),
        ],
    )
    def test_methods(self, installed, changes, expected):
        assert quality.chosen_methods(self.arguments(**changes)) == list(expected)

    def test_a_method_that_removes_duplicates_is_refused_where_they_are_left_in(self, installed):
        with pytest.raises(UserError, match=r"--leaky.*found ensemble"):
            quality.chosen_methods(self.arguments(leaky=True, methods=["ensemble", "single"]))

    def test_without_its_package_fasttext_is_left_out(self, monkeypatch, capsys):
        monkeypatch.setattr(quality, "find_spec", lambda name: None)
        assert "fasttext" not in quality.chosen_methods(self.arguments())
        assert 'pip install -c constraints.txt "ecomcat[benchmarks]"' in capsys.readouterr().err
        with pytest.raises(UserError, match="Expected a method"):
            quality.chosen_methods(self.arguments(methods=["fasttext"]))

    def test_help_and_readme_name_the_script_and_its_options(self):
        command = [sys.executable, "-W", "error", "-m", "benchmarks.quality", "--help"]
        result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
        assert result.stdout.startswith("usage: python -m benchmarks.quality ")
        assert result.stderr == ""
        readme = (ROOT / "benchmarks" / "README.md").read_text(encoding="utf-8")
        section = readme.partition("\n## `quality`")[2].partition("\n## ")[0]
        assert "\npython -m benchmarks.quality" in section
        for option in ("--final", "--quick", "--leaky", "--plot", "--store"):
            assert option in result.stdout
            assert option in section

    @pytest.mark.slow
    def test_a_baseline_and_a_search_stand_in_one_table(self, rows_file, tmp_path):
        command = [
            *(sys.executable, "-W", "error", "-m", "benchmarks.quality", "--data", str(rows_file)),
            *("--methods", "linear_svc", "single", "--splits", "1", "--budget", "quick"),
            *("--store", str(tmp_path / "store"), "--", "search.max_trials=1"),
            *("search.max_epochs=1", "search.workers=1", *TINY_MODEL),
        ]
        first, again = (
            subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
            for _ in range(2)
        )
        assert first == again
        rows = [cells_of(line) for line in first.splitlines() if line.startswith("|")]
        assert [row[0] for row in rows[2:]] == ["TF-IDF + LinearSVC", "ecomcat, single"]
        assert float(rows[3][6]) > 1
        assert "Test:" not in first
