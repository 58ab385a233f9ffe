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

from benchmarks import (
    cells,
    common,
    help_time,
    input_pipeline,
    predict_speed,
    quick_search,
    simulated_cluster,
    suggestions,
    trial_cost,
    workers,
)
from benchmarks.common import Usage
from benchmarks.fixed_width import pad_to_width
from benchmarks.formula_worker import FormulaWorker, default_model, formula
from benchmarks.simulated_cluster import Rate
from benchmarks.suggestions import Driver
from benchmarks.trial_parts import PARTS, Cost, cost_of_keras, cost_of_ours
from ecomcat.data.batches import training_batches
from ecomcat.errors import UserError
from ecomcat.text.encoding import EncodedTexts
from ecomcat.tuning.oracles.draws import draw
from ecomcat.tuning.workers.messages import TrialTask

ROOT = Path(__file__).parent.parent
SCRIPTS = (
    *("help_time", "input_pipeline", "predict_speed", "quick_search", "search", "suggestions"),
    *("trial_cost", "workers"),
)
METRICS = {"search": {"trials": 8}, "test": {"accuracy": 0.95, "macro_f1": 0.94}}


def encoded(lengths: list[int]) -> EncodedTexts:
    offsets = np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])
    return EncodedTexts(np.arange(1, offsets[-1] + 1, dtype=np.int32), offsets)


def cells_of(line: str) -> list[str]:
    return [cell.strip() for cell in line.split("|")[1:-1]]


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


class TestSuggestions:
    """A window's figures are those of its trials alone."""

    @pytest.mark.parametrize(
        ("trials", "expected"),
        [
            (1000, [(0, 20), (90, 110), (490, 510), (980, 1000)]),
            (500, [(0, 20), (90, 110), (480, 500)]),
            (60, [(0, 20), (40, 60)]),
            (20, [(0, 20)]),
            (5, [(0, 5)]),
        ],
    )
    def test_windows_stand_around_some_trials_and_at_the_last(self, trials, expected):
        assert [(each.start, each.stop) for each in suggestions.windows(trials)] == expected

    @given(st.integers(1, 2000))
    def test_windows_lie_within_the_trials(self, trials):
        for window in suggestions.windows(trials):
            assert len(window) == min(20, trials)
            assert 0 <= window.start < window.stop <= trials

    def driver(self) -> Driver:
        """Trials of 1, 2, 3 and 4 ms by the clock, half of it computed; suggestions of 1 to 4."""
        ends = [0.0, 0.001, 0.003, 0.006, 0.010]
        return Driver([0.004, 0.001, 0.003, 0.002], [(5 + end, end / 2) for end in ends])

    def test_a_trial_costs_the_time_from_its_begin_to_the_next(self):
        assert self.driver().milliseconds(range(4)) == pytest.approx((2.5, 1.25))
        assert self.driver().milliseconds(range(1, 3)) == pytest.approx((2.5, 1.25))
        assert self.driver().milliseconds(range(3, 4)) == pytest.approx((4, 2))

    def test_the_table_shows_the_costs_without_tensorboard_and_with_it(self):
        slow = Driver([1.0] * 4, [(wall * 10, cpu * 10) for wall, cpu in self.driver().marks])
        (line,) = suggestions.suggestions_table({"tpe": [self.driver(), slow]}).splitlines()[2:]
        assert cells_of(line) == ["tpe", "1 to 4", "2.5 (1.0 to 4.0)", "2.5", "1.2", "25.0", "12.5"]

    def test_the_table_has_a_row_a_window_and_one_for_all(self):
        driver = Driver([0.0] * 60, [(0.0, 0.0)] * 61)
        lines = suggestions.suggestions_table({"tpe": [driver, driver]}).splitlines()[2:]
        assert [cells_of(line)[1] for line in lines] == ["1 to 20", "41 to 60", "1 to 60"]

    @pytest.mark.parametrize(("milliseconds", "expected"), [(60.0, 1000), (59_999.0, 1), (7e4, 0)])
    def test_a_driver_keeps_as_many_workers_busy_as_it_has_trials_begun_in_a_minute(
        self, milliseconds, expected
    ):
        assert suggestions.busy_workers(milliseconds) == expected

    def test_the_capacity_is_that_with_tensorboard(self):
        slow = Driver([1.0] * 4, [(wall * 10, cpu * 10) for wall, cpu in self.driver().marks])
        described = suggestions.describe_capacity({"tpe": [self.driver(), slow]})
        assert "tpe 2,400 by the clock, 4,800 by CPU time (4 trials)" in described

    @pytest.mark.slow
    # Keras Tuner's own.
    @pytest.mark.filterwarnings("ignore:currentThread:DeprecationWarning")
    @pytest.mark.filterwarnings("ignore:getName:DeprecationWarning")
    def test_every_suggestion_of_a_study_is_timed(self):
        driver = suggestions.measure("tpe", 8, tensorboard=True)
        assert len(driver.suggestions) == 8
        assert len(driver.marks) == 9
        assert driver.milliseconds(range(8))[0] > sum(driver.suggestions[1:]) * 1000 / 8


class TestFormulaWorker:
    """A formula's trials are such as a search meets."""

    @given(st.integers(0, 2**32 - 1))
    def test_scores_rise_with_each_epoch_and_stay_below_one(self, seed):
        _, space = default_model()
        values = draw(space, np.random.default_rng(seed))
        scores = [formula(values, epoch) for epoch in range(1, 9)]
        assert scores[0] > 0
        assert scores == sorted(set(scores))
        assert scores[-1] < 1

    def test_a_trial_ends_at_its_last_epoch_and_leaves_an_embedding(self):
        _, space = default_model()
        values = draw(space, np.random.default_rng(1))
        worker = FormulaWorker()
        begun = worker.begin(TrialTask(0, values, 2))
        reports = [worker.train_epoch(), worker.train_epoch()]
        assert [report.ended for report in reports] == ["", "max_epochs"]
        outcome = worker.finish()
        assert outcome.scores["macro_f1"] == reports[-1].logs["val_macro_f1"]
        assert [weight.size for weight in outcome.weights] == [begun.parameters]


class TestTrialCost:
    """What the first epoch takes beyond a later one is the trial's own cost."""

    def test_the_first_epoch_less_a_later_one_is_fixed(self):
        cost = Cost([10, 15, 16, 19, 21], {"build": 0.5, "scorer": 1.0})
        assert cost.later_epoch == 2
        assert cost.fixed == 3
        assert cost.first_batches == 1.5

    def test_the_parts_are_shown_where_they_are_known(self):
        parts = dict.fromkeys(PARTS, 0.5)
        costs = {trial_cost.KERAS: [Cost([0, 5, 6])], trial_cost.OURS: [Cost([0, 3, 4], parts)]}
        lines = trial_cost.cost_table(costs).splitlines()
        assert cells_of(lines[-2])[1:] == ["4.00", "", "", "", "", "1.00"]
        assert cells_of(lines[-1])[1:] == ["2.00", "0.50", "0.50", "0.50", "0.50", "1.00"]

    @pytest.mark.slow
    @pytest.mark.parametrize("train", [cost_of_keras, cost_of_ours])
    def test_a_trial_is_taken_apart(self, train):
        inputs = trial_cost.load_inputs(None, 40)
        small = {**trial_cost.VALUES, "embedding_dim": 4, "lstm_units": 4}
        cost = train(inputs, TrialTask(0, small, 2))
        assert len(cost.marks) == 3
        assert list(cost.marks) == sorted(cost.marks)
        assert set(cost.parts) == (set(PARTS) if train is cost_of_ours else set())


class TestWorkers:
    """Rates count from the first trial's begin to the last one's end."""

    def cell(self, seconds: float, **changes: float) -> dict[str, object]:
        objectives = {"0000": 0.5, "0001": 0.6, **changes}
        return {"seconds": seconds, "start_up_seconds": 2.0, "objectives": objectives}

    def test_the_rate_leaves_the_start_out(self):
        assert workers.trials_per_minute(self.cell(30)) == 4

    def test_figures_are_the_same_when_every_trial_has_one_objective(self):
        found = {1: [self.cell(30), self.cell(20)], 2: [self.cell(10)]}
        assert workers.same_figures(found)
        assert not workers.same_figures({**found, 4: [self.cell(10, **{"0001": 0.6001})]})
        assert not workers.same_figures({**found, 4: [self.cell(10, **{"0002": 0.6})]})

    def test_the_table_compares_medians_with_the_first(self):
        found = {1: [self.cell(30), self.cell(60), self.cell(40)], 2: [self.cell(20)]}
        lines = workers.workers_table(found).splitlines()
        assert cells_of(lines[-2])[:3] == ["1", "3.00 (2.00 to 4.00)", "1.00"]
        assert cells_of(lines[-1]) == ["2", "6.00", "2.00", "20", "2.0"]

    def test_a_simulated_rate_is_measured_against_workers_that_never_wait(self):
        table = simulated_cluster.rates_table({4: Rate(16, 10.0, 2.0)}, 2.0)
        assert cells_of(table.splitlines()[-1]) == (
            ["4", "16", "120.0", "96.0", "80%", "125", "20%"]
        )


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
