"""What goes wrong around a search: killed processes, full disks, another run on the same study."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT
from formula import configure, run_formula

from ecomcat import files
from ecomcat.errors import UserError

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:currentThread:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:getName:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]

RULES = {"pruner": "median", "warmup_epochs": 1, "min_peers": 2}


def test_a_search_that_is_killed_twenty_times_loses_no_trial_and_runs_none_twice(
    tmp_path: Path,
) -> None:
    (tmp_path / "undisturbed").mkdir()
    paths = [str(ROOT), str(ROOT / "tests" / "tuning")]
    done = subprocess.run(
        [sys.executable, str(ROOT / "tests" / "tuning" / "killed_search.py"), str(tmp_path), "20"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


class FullDisk:
    """Let one write fail, as on a full disk, and every later one succeed."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.writes = self.fails_at = 0
        real: Callable[[Path], None] = files._flush

        def flush(path: Path) -> None:
            self.writes += 1
            if self.writes == self.fails_at:
                raise OSError(errno.ENOSPC, "No space left on device")
            real(path)

        monkeypatch.setattr(files, "_flush", flush)

    def fail_at(self, write: int) -> None:
        self.writes, self.fails_at = 0, write


@pytest.mark.parametrize("algorithm", ["tpe", "hyperband"])
def test_a_disk_that_is_full_at_any_write_ends_the_search_and_it_can_be_resumed(
    algorithm: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = FullDisk(monkeypatch)
    config = configure(algorithm, trials=5, **(RULES if algorithm == "tpe" else {}))
    _, undisturbed = run_formula(config, tmp_path / "undisturbed")
    writes, disk.fails_at = disk.writes, 0
    assert writes > 30
    for write in range(1, writes + 1):
        folder = tmp_path / str(write)
        disk.fail_at(write)
        with pytest.raises(UserError, match=r"No space left on device\. Make room, and run"):
            run_formula(config, folder)
        disk.fail_at(0)
        _, records = run_formula(config, folder)
        assert [outline(record) for record in records] == [
            outline(record) for record in undisturbed
        ], f"the disk was full at write {write}"


def outline(record: Any) -> tuple[Any, ...]:
    return record.id, record.status, record.values, record.objective, record.curves


def test_a_second_search_on_the_same_study_is_refused_while_the_first_runs(tmp_path: Path) -> None:
    refusals: list[str] = []

    class SecondSearch:
        def trial_begins(self, *_: Any) -> None:
            for overwrite in (False, True):
                config = configure("random", trials=3, overwrite=overwrite)
                with pytest.raises(UserError, match="Another run holds the study") as refused:
                    run_formula(config, tmp_path)
                refusals.append(str(refused.value))

        def epoch_ends(self, *_: Any) -> None: ...

        def trial_ends(self, *_: Any) -> None: ...

    _, records = run_formula(configure("random", trials=3), tmp_path, listeners=[SecondSearch()])
    assert len(refusals) == 6
    assert [record.status for record in records] == ["completed"] * 3


def test_a_state_that_was_cut_short_is_a_clear_message(tmp_path: Path) -> None:
    run_formula(configure("random", trials=2), tmp_path)
    (tmp_path / "study" / "oracle.json").write_text('{"ongoing_tr')
    with pytest.raises(UserError, match=r"oracle\.json.*search\.overwrite=true"):
        run_formula(configure("random", trials=3), tmp_path)
