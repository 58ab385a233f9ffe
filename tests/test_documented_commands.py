"""Every command that a document shows: run where it can be, held against a rule where not."""

from __future__ import annotations

import io
import shlex
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from command_line import Ended, command_line
from conftest import ROOT
from documented import NOT_RUN, documented_lines, problem_of_make, problem_of_pip
from documented_folder import Folder, write_files

from ecomcat.cli import compose

LINES = documented_lines()
OURS = [line for line in LINES if line.text not in NOT_RUN and line.called()]

RunMain = Callable[..., Ended]


@pytest.fixture
def run_main(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[RunMain]:
    with command_line(monkeypatch, capsys) as run_command:
        yield run_command


def test_every_line_is_run_or_known_to_be_right() -> None:
    assert {line.document for line in OURS} >= {"README.md"}
    assert set(NOT_RUN) <= {line.text for line in LINES}
    for line in LINES:
        words = shlex.split(line.text)
        if line.text in NOT_RUN or words[0] == "curl":
            continue
        if line.called() is not None:
            command, arguments = line.called() or ("", [])
            compose(command, arguments)
        elif words[0] == "pip":
            assert problem_of_pip(words) is None, line
        elif words[0] == "make":
            assert problem_of_make(words) is None, line
            for word in words[1:]:
                compose("search", shlex.split(word.partition("ARGS=")[2]))
        elif words[0] == "python" and words[1].endswith(".py"):
            assert (ROOT / words[1]).exists(), line
        else:
            assert words[:2] == ["python", "-m"] and words[2].startswith("benchmarks."), line


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:currentThread:DeprecationWarning")  # Keras Tuner's
@pytest.mark.filterwarnings("ignore:getName:DeprecationWarning")  # Keras Tuner's
@pytest.mark.filterwarnings("ignore:__array__ implementation doesn't:DeprecationWarning")  # Keras's
def test_the_commands_of_the_documents_run_in_their_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run_main: RunMain
) -> None:
    write_files(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))

    def run_in_folder(main: Any, arguments: list[str], piped: bytes | None) -> Ended:
        if piped is not None:
            monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(piped)))
        return run_main(main, *arguments)

    with ExitStack() as open_until_end:
        folder = Folder(tmp_path, run_in_folder, open_until_end)
        for line in LINES:
            if line.text not in NOT_RUN and (line.called() or line.text.startswith("curl ")):
                folder.run(line)
