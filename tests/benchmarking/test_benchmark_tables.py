"""Each script tells its options, has a section in the readme, and shows what it measured."""

from __future__ import annotations

import subprocess
import sys

import pytest
from benchmark_material import METRICS, ROOT
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import common, help_time, predict_speed, quick_search
from benchmarks.common import Usage

SCRIPTS = (
    *("help_time", "input_pipeline", "predict_speed", "quick_search", "search", "suggestions"),
    *("trial_cost", "workers"),
)


@pytest.mark.parametrize("script", SCRIPTS)
def test_help_names_the_script_and_its_options(script):
    command = [sys.executable, "-W", "error", "-m", f"benchmarks.{script}", "--help"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert result.stdout.startswith(f"usage: python -m benchmarks.{script} ")
    assert result.stderr == ""


@pytest.mark.parametrize("script", SCRIPTS)
def test_the_readme_has_a_section_and_a_command_for_each_script(script):
    readme = (ROOT / "benchmarks" / "README.md").read_text(encoding="utf-8")
    _, _, section = readme.partition(f"\n## `{script}`")
    assert f"\npython -m benchmarks.{script}" in section.partition("\n## ")[0]


class TestTables:
    """Numbers are shown as they were measured, in columns."""

    def test_the_first_column_is_aligned_left_and_the_others_right(self):
        assert common.format_table(["seed", "s"], [["1", "2.50"], ["mean", "12.25"]]) == (
            "| seed |     s |\n"
            "| ---- | ----: |\n"
            "| 1    |  2.50 |\n"
            "| mean | 12.25 |"
        )  # fmt: skip

    @given(st.lists(st.lists(st.text("abc1", max_size=9), min_size=3, max_size=3), max_size=5))
    def test_all_lines_are_equally_long(self, rows):
        lines = common.format_table(["a", "b", "c"], rows).splitlines()
        assert len(lines) == 2 + len(rows)
        assert len({len(line) for line in lines}) == 1

    @pytest.mark.parametrize(
        ("values", "digits", "expected"),
        [
            ([2.0], 2, "2.00"),
            ([3.0, 1.0, 2.0], 1, "2.0 (1.0 to 3.0)"),
            ([1.0, 2.0], 1, "1.5 (1.0 to 2.0)"),
            ([12345.6], 0, "12,346"),
        ],
    )
    def test_a_spread_is_the_median_with_least_and_greatest(self, values, digits, expected):
        assert common.format_spread(values, digits) == expected

    def test_help_table(self):
        table = help_time.help_table({"search": [0.5, 0.3, 0.4]})
        assert table.splitlines()[-1].split("|")[2:-1] == [
            "    0.30 ",
            "     0.40 ",
            "       0.50 ",
        ]

    def test_search_table_ends_with_the_mean(self):
        usage = {"wall_seconds": 60.0, "cpu_seconds": 120.0, "peak_gigabytes": 1.0}
        first = {"seed": 1, **quick_search.figures(usage, METRICS)}
        rows = quick_search.search_table([first, {**first, "seed": 2, "trials": 7}]).splitlines()
        assert [cell.strip() for cell in rows[-1].split("|")[1:-1]] == (
            ["mean", "7.5", "1.00", "2.00", "1.00", "0.9500", "0.9400"]
        )

    def test_predict_table_counts_rows_a_second_of_the_whole_run(self):
        table = predict_speed.predict_table({10_000: [Usage(20, 30, 0.5)]})
        assert [cell.strip() for cell in table.splitlines()[-1].split("|")[1:-1]] == (
            ["10,000", "500", "20.0", "30.0", "0.50"]
        )
