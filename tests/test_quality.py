"""The quality benchmark: its arithmetic, its honesty, and that it goes on where it stopped."""

from __future__ import annotations

import csv
import json
import re
import subprocess
import sys
from argparse import Namespace
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import pytest
from conftest import TINY_MODEL

from benchmarks import (
    cells,
    quality,
    quality_fixed,
    quality_plan,
    quality_plot,
    quality_search,
    quality_seed,
)
from benchmarks.quality_cell import METHODS, measure
from benchmarks.quality_fasttext import one_line
from benchmarks.quality_plan import Plan, run_all
from benchmarks.quality_rows import Material, Task, load_material
from benchmarks.quality_table import Figures, paired_points, quality_table, relative_error, spread
from ecomcat.data.sample import generate_sample
from ecomcat.errors import UserError

ROOT = Path(__file__).parent.parent
WORDS = ("majority", "naive_bayes", "linear_svc", "logistic_regression", "fasttext")
TASK = Task(classes=2, seed=1, quick=True)
needs_fasttext = pytest.mark.skipif(find_spec("fasttext") is None, reason="fasttext is missing")
needs_matplotlib = pytest.mark.skipif(find_spec("matplotlib") is None, reason="no matplotlib")
word_methods = pytest.mark.parametrize(
    "method",
    [pytest.param(name, marks=needs_fasttext if name == "fasttext" else ()) for name in WORDS],
)


def figures(accuracy: float, f1: float = 0.5, cpu: float = 1.0) -> Figures:
    return Figures(accuracy, f1, cpu, rows_per_second=1000.0, megabytes=2.5)


def cells_of(line: str) -> list[str]:
    return [cell.strip() for cell in line.split("|")[1:-1]]


class Guarded(list):
    """Texts of which some may not be read."""

    def __init__(self, texts, forbidden):
        super().__init__(texts)
        self._forbidden = {int(number) for number in forbidden}

    def __getitem__(self, number):
        assert int(number) not in self._forbidden, f"row {number} is of the test set"
        return super().__getitem__(number)


@pytest.fixture(scope="module")
def rows_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("quality") / "rows.csv"
    with path.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([row.label, row.text] for row in generate_sample(400))
    return path


@pytest.fixture(scope="module")
def material(rows_file):
    return load_material("distinct", rows_file, 1)


class TestTable:
    """What the figures of several splits come to."""

    def test_a_spread_is_the_mean_and_the_deviation_of_a_sample(self):
        assert spread([0.9]) == "0.9000"
        assert spread([0.9, 0.92, 0.94]) == "0.9200 ± 0.0200"
        assert spread([1.0, -2.0], 2, signed=True) == "-0.50 ± 2.12"

    def test_errors_compare_as_the_ratio_of_their_means(self):
        reference = {1: figures(0.9), 2: figures(0.7)}
        assert relative_error({1: figures(0.95), 2: figures(0.95)}, reference) == pytest.approx(
            0.25
        )

    def test_only_splits_that_both_have_are_compared(self):
        reference = {1: figures(0.9), 2: figures(0.5)}
        assert relative_error({1: figures(0.8), 3: figures(0.1)}, reference) == pytest.approx(2)
        assert paired_points({1: figures(0.8), 3: figures(0.1)}, reference) == pytest.approx([-10])

    @pytest.mark.parametrize("reference", [{}, {1: figures(1.0)}])
    def test_without_errors_to_compare_with_there_is_no_ratio(self, reference):
        assert relative_error({1: figures(0.8)}, reference) is None

    def test_differences_are_paired_by_split(self):
        ours = {1: figures(0.91), 2: figures(0.83)}
        theirs = {2: figures(0.8), 1: figures(0.9)}
        assert paired_points(ours, theirs) == pytest.approx([1, 3])

    def test_a_row_a_method(self):
        found = {
            "linear_svc": {1: figures(0.9, 0.8, 3.0), 2: figures(0.8, 0.8, 5.0)},
            "single": {1: figures(0.92, 0.9, 1000.0), 2: figures(0.84, 0.9, 3000.0)},
            "fasttext": {},
        }
        svc, single = map(cells_of, quality_table(found).splitlines()[2:])
        assert svc[:4] == ["TF-IDF + LinearSVC", "2", "0.8500 ± 0.0707", "0.8000 ± 0.0000"]
        assert svc[4:] == ["1.00", "", "4.0", "1,000", "2.5"]
        assert single[:3] == ["ecomcat, single", "2", "0.8800 ± 0.0566"]
        assert single[4:] == ["0.80", "+3.00 ± 1.41", "2,000.0", "1,000", "2.5"]

    def test_without_linear_svc_nothing_is_compared_with_it(self):
        (line,) = quality_table({"single": {1: figures(0.9)}}).splitlines()[2:]
        assert cells_of(line)[4:6] == ["", ""]

    def test_leaky_figures_are_marked(self):
        found = {"validation": {"linear_svc": {1: figures(0.9)}}}
        assert "NOT AN HONEST FIGURE" in quality.tables(found, leaky=True).splitlines()[0]
        assert "HONEST" not in quality.tables(found, leaky=False)


class TestRows:
    """All methods share one split."""

    def test_duplicates_are_left_in_where_the_protocol_leaks(self, rows_file, material):
        leaky = load_material("leaky", rows_file, 1)
        assert len(leaky.texts) == 400
        assert len(material.texts) < 400
        assert leaky.classes == material.classes
        parts = [len(leaky.rows(part).texts) for part in ("train", "validation", "test")]
        assert sum(parts) == 400
        assert parts == pytest.approx([280, 60, 60], abs=1)

    def test_rows_of_two_parts_come_in_the_order_of_the_file(self, material):
        both = material.rows("train", "validation")
        numbers = sorted([*material.split.train, *material.split.validation])
        assert both.texts == [material.texts[number] for number in numbers]
        assert (both.labels == material.labels[numbers]).all()


class TestBaselines:
    """Simple methods learn what words tell, and see no more than they may."""

    @word_methods
    def test_no_row_of_test_is_read_before_it_is_asked_for(self, material, method):
        labels = material.labels.copy()
        labels[material.split.test] = -1
        texts = Guarded(material.texts, material.split.test)
        guarded = Material(texts, labels, material.classes, material.split)
        task = replace(TASK, classes=len(material.classes))
        found = measure(METHODS[method], guarded, task, None)
        assert set(found["scores"]) == {"validation"}
        with pytest.raises(AssertionError, match="is of the test set"):
            measure(METHODS[method], guarded, task, found["choice"])

    @word_methods
    def test_a_method_learns_repeats_and_its_choice_survives_as_json(self, material, method):
        task = replace(TASK, classes=len(material.classes))
        chosen = measure(METHODS[method], material, task, None)
        choice = json.loads(json.dumps(chosen["choice"]))
        tested, again = (measure(METHODS[method], material, task, choice) for _ in range(2))
        assert set(tested["scores"]) == {"test"}
        assert tested["scores"] == again["scores"]
        assert tested["choice"] == choice
        assert tested["scores"]["test"]["accuracy"] > (0.6 if method != "majority" else 0.2)
        assert tested["rows_per_second"] > 0
        assert tested["megabytes"] > 0

    def test_fasttext_reads_a_text_as_one_line(self):
        assert one_line('A "Red"\nbook,\tNew! __label__3') == (
            'a " red " book , new ! _ _ label _ _ 3'
        )

    def test_stop_words_are_dropped_as_they_stand(self):
        texts = ["The cup is for the tea, with, \n milk"]
        assert quality_seed.without_stop_words(texts) == ["The cup tea, with, milk"]

    @pytest.mark.slow
    # Keras's own, when it reads a variable to save it.
    @pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
    @pytest.mark.parametrize("method", ["seed", "single"])
    def test_networks_are_trained_and_deployed(self, material, method, monkeypatch):
        for module in (quality_fixed, quality_seed):
            monkeypatch.setattr(module, "_EPOCHS", 3)
        task = replace(TASK, classes=len(material.classes))
        chosen = measure(METHODS[method], material, task, None)
        tested = measure(METHODS[method], material, task, chosen["choice"])
        for found, part in ((chosen, "validation"), (tested, "test")):
            assert found["scores"][part]["accuracy"] > 0.2
        assert tested["megabytes"] > 1


class TestPlan:
    """Each cell is run once, and a run that was cut short goes on."""

    @pytest.fixture
    def plan(self, tmp_path):
        data = tmp_path / "rows.csv"
        return Plan(
            "distinct", data, tmp_path, "content", "code", "search", "quick", ("search=grid",)
        )

    @pytest.fixture
    def begun(self, monkeypatch):
        """Stand in for the cells: each takes 10 CPU seconds and scores by its method."""
        settings: list[dict] = []

        def run(command, log):
            setting = json.loads(command[-2])
            settings.append(setting)
            found = {"accuracy": 0.9, "macro_f1": 0.8}
            part = "validation" if setting["choice"] is None else "test"
            ours = setting["method"] in quality_search.OURS
            scores = {"validation": found, "test": found} if ours else {part: found}
            cost = {"cpu_seconds": 10.0, "rows_per_second": 5.0, "megabytes": 1.0}
            result = {"scores": scores, "choice": {"cost": 2.0}, **cost}
            Path(command[-1]).write_text(json.dumps(result), encoding="utf-8")

        monkeypatch.setattr(cells, "run_measured", run)
        return settings

    def test_nothing_is_tested_unless_it_is_asked_for(self, plan, begun):
        found, _ = run_all(plan, ["linear_svc", "single"], [1, 2], final=False)
        assert set(found) == {"validation"}
        assert all(setting["choice"] is None for setting in begun)
        assert len(begun) == 4

    def test_what_was_chosen_is_tested_and_both_count(self, plan, begun):
        found, _ = run_all(plan, ["linear_svc"], [1], final=True)
        assert [setting["choice"] for setting in begun] == [None, {"cost": 2.0}]
        assert found["validation"]["linear_svc"][1].cpu_seconds == 10
        assert found["test"]["linear_svc"][1].cpu_seconds == 20

    def test_a_method_without_a_choice_is_trained_once_for_its_test(self, plan, begun):
        found, _ = run_all(plan, ["seed"], [1], final=True)
        assert [setting["choice"] for setting in begun] == [{}]
        assert found["validation"]["seed"] == {}
        assert found["test"]["seed"][1].cpu_seconds == 10

    def test_the_search_runs_first_and_counts_for_what_follows_it(self, plan, begun):
        found, _ = run_all(plan, ["ensemble", "distilled"], [1], final=False)
        assert [setting["method"] for setting in begun] == ["single", "ensemble", "distilled"]
        assert found["validation"]["ensemble"][1].cpu_seconds == 20
        assert found["validation"]["distilled"][1].cpu_seconds == 20

    def test_our_cells_serve_both_tables(self, plan, begun):
        run_all(plan, ["single"], [1], final=False)
        found, _ = run_all(plan, ["single"], [1], final=True)
        assert len(begun) == 1
        assert found["test"]["single"][1].accuracy == 0.9

    def test_a_run_that_was_killed_goes_on(self, plan, begun, monkeypatch):
        whole = cells.run_measured

        def killed(command, log):
            if len(begun) == 3:
                raise KeyboardInterrupt
            whole(command, log)

        monkeypatch.setattr(cells, "run_measured", killed)
        with pytest.raises(KeyboardInterrupt):
            run_all(plan, WORDS, [1, 2], final=False)
        monkeypatch.setattr(cells, "run_measured", whole)
        found, _ = run_all(plan, WORDS, [1, 2], final=False)
        assert len(begun) == 10
        assert all(len(found["validation"][method]) == 2 for method in WORDS)

    @pytest.mark.parametrize(
        ("change", "methods"),
        [
            ({"content": "other"}, {"linear_svc", "fasttext", "single"}),
            ({"protocol": "leaky"}, {"linear_svc", "fasttext", "single"}),
            ({"code": "other"}, {"single"}),
            ({"budget": "thorough"}, {"single"}),
            ({"overrides": ()}, {"single"}),
            ({"quick": True}, {"fasttext"}),
        ],
    )
    def test_what_decides_a_result_makes_another_cell(self, plan, begun, change, methods):
        for each in (plan, replace(plan, **change)):
            run_all(each, ["linear_svc", "fasttext", "single"], [1], final=False)
        assert {setting["method"] for setting in begun[3:]} == methods

    def test_the_code_of_a_baseline_is_that_of_its_modules(self):
        assert quality_plan._code_of("fasttext") != quality_plan._code_of("linear_svc")


class TestSearchCommand:
    """Our methods are measured by the command that users run."""

    def setting(self, **changes):
        plan = Plan(
            "distinct", None, Path("/store"), "content", "code", "search", "quick", ("model=lstm",)
        )
        return {**plan.setting("single", 3), **changes}

    def test_the_command(self):
        name = quality_search.study_name(self.setting())
        assert re.fullmatch("quality-3-[0-9a-f]{8}", name)
        assert quality_search.search_command(self.setting())[1:] == [
            *("-m", "ecomcat.search", "data=sample", "budget=quick", "seed=3"),
            *(f"search.name={name}", "final=single", f"model_dir=/store/models/{name}-single"),
            *("outputs_dir=/store/outputs", "model=lstm"),
        ]

    def test_all_last_steps_share_a_study(self):
        names = {
            quality_search.study_name(self.setting(method=method)) for method in quality_search.OURS
        }
        folders = {
            quality_search.model_folder(self.setting(method=method))
            for method in quality_search.OURS
        }
        assert (len(names), len(folders)) == (1, 3)

    @pytest.mark.parametrize(
        "change", [{"content": "x"}, {"search_code": "x"}, {"budget": "x"}, {"overrides": []}]
    )
    def test_anything_else_makes_another_study(self, change):
        changed = self.setting(**change)
        assert quality_search.study_name(changed) != quality_search.study_name(self.setting())

    @pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
    def test_cpu_seconds_of_processes_that_were_left_behind_count(self, tmp_path):
        burn = "import time\nwhile time.process_time() < 1: pass"
        middle = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {burn!r}])"
        outer = (
            "import subprocess, sys, time; "
            f"subprocess.run([sys.executable, '-c', {middle!r}]); time.sleep(4)"
        )
        # In a process of its own, since it adopts what is left behind.
        measured = (
            "import sys; from pathlib import Path; from benchmarks.quality_cpu import run_counted\n"
            f"command, folder = [sys.executable, '-c', {outer!r}], Path(sys.argv[1])\n"
            "for _ in range(2): print(run_counted(command, folder / 'log', folder / 'spent'))"
        )
        command = [sys.executable, "-c", measured, str(tmp_path)]
        result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
        once, twice = map(float, result.stdout.split())
        assert 0.9 < once < 3
        assert twice > once + 0.9

    def test_a_command_that_fails_is_shown(self, tmp_path):
        measured = (
            "import sys; from pathlib import Path; from benchmarks.quality_cpu import run_counted\n"
            "folder = Path(sys.argv[1])\n"
            "command = [sys.executable, '-c', 'print(7); raise SystemExit(2)']\n"
            "try: run_counted(command, folder / 'log', folder / 'spent')\n"
            "except Exception as error: print(type(error).__name__, error)"
        )
        command = [sys.executable, "-c", measured, str(tmp_path)]
        result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
        assert result.stdout.startswith("UserError Expected exit code 0, found 2 from: ")
        assert result.stdout.endswith("\n7\n")


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


@needs_matplotlib
class TestPlot:
    """A small picture."""

    @pytest.mark.parametrize("warning", ["", "duplicates left in"])
    def test_a_png_is_drawn(self, tmp_path, warning):
        found = {
            method: {split: figures(0.9 + 0.01 * split) for split in (1, 2)}
            for method in quality.METHODS
        }
        path = tmp_path / "folder" / "errors.png"
        quality_plot.draw_errors(found, "test", path, warning)
        content = path.read_bytes()
        assert content.startswith(b"\x89PNG")
        assert len(content) < 60_000

    def test_methods_without_figures_are_left_out(self, tmp_path):
        found = {"single": {1: figures(0.9)}, "seed": {}, "majority": {1: figures(0.2)}}
        quality_plot.draw_errors(found, "validation", tmp_path / "errors.png")
        assert (tmp_path / "errors.png").exists()

    def test_without_matplotlib_nothing_begins(self, monkeypatch):
        monkeypatch.setattr(quality_plot, "find_spec", lambda name: None)
        with pytest.raises(UserError, match=r"--plot.*\[benchmarks\]"):
            quality_plot.require_matplotlib()
