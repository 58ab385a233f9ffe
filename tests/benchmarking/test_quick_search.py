"""The benchmark of the quick search: one search a seed, and again only for other inputs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from benchmark_material import METRICS

from benchmarks import quick_search
from benchmarks.common import Usage
from ecomcat.errors import UserError


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
