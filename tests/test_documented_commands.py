"""Every command that a document shows: run where it can be, held against a rule where not."""

from __future__ import annotations

import io
import os
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from command_line import Ended, command_line
from conftest import ROOT
from documented import NOT_RUN, Line, documents, lines_of, problem_of_make, problem_of_pip
from documented_folder import Folder, write_files

from ecomcat.cli import run
from ecomcat.config import COMMANDS

LINES = [line for path in documents() for line in lines_of(path)]
OURS = [line for line in LINES if line.text not in NOT_RUN and line.is_ours]

RunMain = Callable[..., Ended]


@pytest.fixture
def run_main(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[RunMain]:
    with command_line(monkeypatch, capsys) as run_command:
        yield run_command


def test_the_documents_show_commands():
    assert {line.document for line in OURS} >= {"README.md"}


@pytest.mark.parametrize("line", LINES, ids=str)
def test_a_rule_knows_what_to_do_with_it(line: Line) -> None:
    words = shlex.split(line.text)
    if line.text in NOT_RUN or line.is_ours or words[0] == "curl":
        return
    if words[0] == "pip":
        assert problem_of_pip(words) is None, line
    elif words[0] == "make":
        assert problem_of_make(words) is None, line
    elif words[:2] == ["python", "-m"] and words[2].startswith("benchmarks."):
        assert problem_of_benchmark(words[2], words[3:]) is None, line
    elif words[0] == "python" and words[1].endswith(".py"):
        assert (ROOT / words[1]).exists(), line
    else:
        pytest.fail(f"{line}: no rule knows it. Add one, or a reason why it is not run.")


def problem_of_benchmark(module: str, arguments: list[str]) -> str | None:
    """Say which option a benchmark does not have."""
    shown = subprocess.run(
        [sys.executable, "-m", module, "--help"],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    missing = [word for word in arguments if word.startswith("--") and word not in shown]
    return f"no {missing[0]}" if missing else None


@pytest.mark.parametrize("text", NOT_RUN)
def test_what_is_not_run_stands_in_a_document(text: str) -> None:
    assert text in {line.text for line in LINES}


@pytest.mark.parametrize("line", OURS, ids=str)
def test_its_arguments_compose(line: Line, run_main: RunMain) -> None:
    called = line.called()
    assert called is not None
    command, arguments = called
    assert command in COMMANDS
    configs: list[Any] = []
    ended = run_main(lambda: run(command, configs.append), *arguments)
    assert (ended.code, len(configs)) == (0, 1), ended.errors


@pytest.mark.parametrize(
    "line",
    [line for line in LINES if line.text.startswith("make ") and "ARGS=" in line.text],
    ids=str,
)
def test_what_make_passes_on_composes(line: Line, run_main: RunMain) -> None:
    (given,) = (word for word in shlex.split(line.text) if word.startswith("ARGS="))
    configs: list[Any] = []
    ended = run_main(
        lambda: run("search", configs.append), *shlex.split(given.removeprefix("ARGS="))
    )
    assert (ended.code, len(configs)) == (0, 1), ended.errors


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:currentThread:DeprecationWarning")  # Keras Tuner's
@pytest.mark.filterwarnings("ignore:getName:DeprecationWarning")  # Keras Tuner's
@pytest.mark.filterwarnings("ignore:__array__ implementation doesn't:DeprecationWarning")  # Keras's
@pytest.mark.parametrize("document", sorted({line.document for line in OURS}))
def test_the_commands_of_a_document_run_in_their_order(
    document: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run_main: RunMain
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
        for line in (line for line in LINES if line.document == document):
            if line.text not in NOT_RUN and (line.is_ours or line.text.startswith("curl ")):
                folder.run(line)
