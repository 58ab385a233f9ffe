"""The benchmarks start, and what they compute around their measurements is right."""

from __future__ import annotations

import argparse
import csv
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import common, help_time, input_pipeline, predict_speed, quick_search
from benchmarks.common import Usage
from benchmarks.fixed_width import pad_to_width
from ecomcat.data.batches import training_batches
from ecomcat.errors import UserError
from ecomcat.text.encoding import EncodedTexts

ROOT = Path(__file__).parent.parent
SCRIPTS = ("help_time", "input_pipeline", "predict_speed", "quick_search")
METRICS = {"search": {"trials": 8}, "test": {"accuracy": 0.95, "macro_f1": 0.94}}


def encoded(lengths: list[int]) -> EncodedTexts:
    offsets = np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])
    return EncodedTexts(np.arange(1, offsets[-1] + 1, dtype=np.int32), offsets)


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


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


class TestInputPipeline:
    """The two ways of padding differ in padding and in nothing else."""

    @given(st.lists(st.integers(1, 12), min_size=1, max_size=20))
    def test_fixed_width_adds_padding_and_changes_no_word(self, lengths):
        texts = encoded(lengths)
        fixed = pad_to_width(texts, 12)
        rows = np.arange(len(texts))[::-1]
        padded, narrow = fixed.padded(rows), texts.padded(rows)
        assert padded.shape == (len(texts), 12)
        assert (padded[:, : narrow.shape[1]] == narrow).all()
        assert not padded[:, narrow.shape[1] :].any()
        assert (fixed.lengths == texts.lengths).all()

    def test_some_of_the_texts_of_fixed_width_are_as_wide(self):
        fixed = pad_to_width(encoded([2, 5, 3]), 8)
        some = fixed.take(np.array([2, 0]))
        assert some.padded(np.array([0, 1])).tolist() == fixed.padded(np.array([2, 0])).tolist()
        assert some.lengths.tolist() == [3, 2]

    @pytest.mark.parametrize(
        ("lengths", "batch_size", "expected"),
        [([4, 4], 2, 0.0), ([2, 4], 2, 0.25), ([1, 1, 4, 4], 2, 0.0), ([1, 4], 1, 0.0)],
    )
    def test_padding_share_of_batches_of_similar_length(self, lengths, batch_size, expected):
        assert input_pipeline.padding_share(encoded(lengths), batch_size, 1) == expected

    @given(st.lists(st.integers(1, 10), min_size=1, max_size=20), st.integers(1, 3))
    def test_padding_share_of_a_fixed_width_does_not_depend_on_the_batches(self, lengths, epochs):
        fixed = pad_to_width(encoded(lengths), 10)
        expected = 1 - sum(lengths) / (10 * len(lengths))
        assert input_pipeline.padding_share(fixed, 3, epochs) == pytest.approx(expected)

    def test_both_variants_have_the_same_batches(self):
        texts = encoded([3, 1, 4, 1, 5])
        fixed = pad_to_width(texts, 9)
        batches = [training_batches(each.lengths, 2, 1, 0) for each in (texts, fixed)]
        assert [[rows.tolist() for rows in each] for each in batches] == (
            [[rows.tolist() for rows in batches[0]]] * 2
        )


class TestPredictSpeed:
    """Files of any size are made of the texts that there are."""

    def test_texts_are_taken_in_order_and_again(self, tmp_path):
        path = tmp_path / "rows.csv"
        predict_speed.write_texts(path, ['say "a"', "b,\nc"], 5)
        with path.open(encoding="utf-8", newline="") as stream:
            rows = [row for (row,) in csv.reader(stream)]
        assert rows == ["text", 'say "a"', "b,\nc", 'say "a"', "b,\nc", 'say "a"']

    def test_the_start_is_left_out_of_the_rate(self):
        usages = {100: [Usage(6, 6, 1)], 1100: [Usage(8, 8, 1)]}
        assert predict_speed.rate_after_start(usages) == 500

    def test_one_size_has_no_rate_without_the_start(self):
        assert predict_speed.rate_after_start({100: [Usage(6, 6, 1)]}) is None


class TestQuickSearch:
    """Each seed is searched once for the same data, code and overrides."""

    @pytest.fixture
    def job(self, tmp_path):
        data = tmp_path / "rows (1).csv"
        data.write_text("label,text\n", encoding="utf-8")
        return quick_search.new_job(data, ["search=grid"], tmp_path / "store")

    @pytest.fixture
    def commands(self, monkeypatch):
        """Stand in for the search: it writes metrics and takes a minute."""
        begun: list[list[str]] = []

        def run(command, log):
            begun.append(command)
            settings = dict(argument.split("=", 1) for argument in command if "=" in argument)
            quick_search.write_json(Path(settings["model_dir"]) / "metrics.json", METRICS)
            return Usage(60, 90, 1.5)

        monkeypatch.setattr(quick_search, "run_measured", run)
        return begun

    def test_the_command_reads_the_file_with_the_quick_budget(self, job, tmp_path):
        command = job.command(7, tmp_path / "fresh")
        assert command[1:] == [
            *("-m", "ecomcat.search", "data=csv", f"data.path={job.data.resolve()}"),
            *("budget=quick", "seed=7", f"model_dir={tmp_path / 'fresh' / 'model'}"),
            *(f"outputs_dir={tmp_path / 'fresh' / 'outputs'}", "search=grid"),
        ]

    def test_without_a_file_the_sample_is_searched(self, tmp_path):
        job = quick_search.new_job(None, [], tmp_path)
        assert "data=sample" in job.command(1, tmp_path)

    def test_a_file_that_is_not_there_is_refused(self, tmp_path):
        with pytest.raises(UserError, match="--data"):
            quick_search.new_job(tmp_path / "none.csv", [], tmp_path)

    def test_a_finished_seed_is_not_run_again(self, job, commands):
        first = quick_search.run_seed(job, 1)
        assert quick_search.run_seed(job, 1) == first
        assert len(commands) == 1
        assert (first["wall_minutes"], first["cpu_minutes"], first["macro_f1"]) == (1, 1.5, 0.94)

    @pytest.mark.parametrize(
        "change",
        [{"data_hash": "0" * 64}, {"code_hash": "0" * 64}, {"overrides": ()}],
        ids=lambda change: next(iter(change)),
    )
    def test_another_data_code_or_override_is_run(self, job, commands, change):
        quick_search.run_seed(job, 1)
        quick_search.run_seed(replace(job, **change), 1)
        quick_search.run_seed(job, 2)
        assert len(commands) == 3

    def test_a_seed_that_failed_leaves_no_result(self, job, monkeypatch):
        def fail(command, log):
            raise UserError("exit code 1")

        monkeypatch.setattr(quick_search, "run_measured", fail)
        with pytest.raises(UserError):
            quick_search.run_seed(job, 1)
        assert not job.record_path(1).exists()

    def test_the_data_counts_by_its_bytes(self, job, tmp_path):
        again = quick_search.new_job(job.data, ["search=grid"], tmp_path / "store")
        assert again == job
        job.data.write_text("label,text\na,b\n", encoding="utf-8")
        changed = quick_search.new_job(job.data, ["search=grid"], tmp_path / "store")
        assert changed.data_hash != job.data_hash
