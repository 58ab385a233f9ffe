"""The quality benchmark runs each cell once, and goes on where it stopped."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from benchmark_material import WORDS

from benchmarks import cells, quality_plan, quality_search
from benchmarks.quality_plan import Plan, run_all


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
        found, _ = run_all(plan, ["ensemble"], [1], final=False)
        assert [setting["method"] for setting in begun] == ["single", "ensemble"]
        assert found["validation"]["ensemble"][1].cpu_seconds == 20

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
