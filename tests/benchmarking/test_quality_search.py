"""The quality benchmark's own searches: their command, their study, and their CPU seconds."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from benchmark_material import ROOT

from benchmarks import quality_search
from benchmarks.quality_plan import Plan


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
