"""Every command that a document shows: run where it can be, held against a rule where not."""

from __future__ import annotations

import io
import shlex
import shutil
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from command_line import Ended
from conftest import ROOT, RunMain
from documented import NOT_RUN, documented_lines, problem_of
from documented_folder import Folder, write_files

from ecomcat.cli import compose

LINES = [line for line in documented_lines() if line.text not in NOT_RUN]


def test_every_line_is_run_or_known_to_be_right() -> None:
    assert {line.document for line in LINES if line.called()} >= {"README.md"}
    assert set(NOT_RUN) <= {line.text for line in documented_lines()}
    for line in LINES:
        words = shlex.split(line.text)
        called = line.called()
        if called is not None:
            compose(*called)
        elif words[0] in {"pip", "make"}:
            assert problem_of(words) is None, line
            for word in words[1:]:
                compose("search", shlex.split(word.partition("ARGS=")[2]))
        elif words[0] == "python" and words[1].endswith(".py"):
            assert (ROOT / words[1]).exists(), line
        else:
            assert words[0] == "curl" or words[2].startswith("benchmarks."), line


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("curl") is None, reason="the documents call the service by curl")
def test_the_commands_of_the_documents_run_in_their_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run_main: RunMain
) -> None:
    write_files(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))

    def run_in_folder(main: Any, arguments: list[str], piped: bytes | None) -> Ended:
        if piped is not None:
            monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(piped)))
        return run_main(main, *arguments)

    with ExitStack() as open_until_end:
        folder = Folder(tmp_path, run_in_folder, open_until_end)
        # What several documents show is run once.
        for line in {line.text: line for line in LINES}.values():
            if line.called() or line.text.startswith("curl "):
                folder.run(line)
