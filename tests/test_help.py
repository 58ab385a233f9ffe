"""`--help` of each command: what it is for, three examples that work, and what each key means."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass
from typing import Any, get_type_hints

import pytest
from command_line import Ended, command_line
from conftest import ROOT

from ecomcat.cli import run
from ecomcat.config import COMMANDS, command_groups

RunTask = Callable[..., Ended]


@pytest.fixture
def run_task(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[RunTask]:
    with command_line(monkeypatch, capsys) as run_main:
        yield lambda command, task, *arguments: run_main(lambda: run(command, task), *arguments)


def help_of(run_task: RunTask, command: str, *arguments: str) -> str:
    ended = run_task(command, lambda _: None, "--help", *arguments)
    assert (ended.code, ended.errors) == (0, "")
    return ended.output


def examples_of(page: str) -> list[str]:
    """Return the lines below `== Examples ==` that are no comments."""
    section = page.partition("== Examples ==\n")[2].partition("\n\n")[0]
    return [line for line in section.splitlines() if not line.startswith("#")]


@pytest.mark.parametrize("command", COMMANDS)
def test_three_examples_stand_near_the_top_each_below_what_it_does(run_task, command):
    page = help_of(run_task, command)
    lines = page.splitlines()
    first = lines.index("== Examples ==") + 1
    assert first <= 10
    assert len(examples_of(page)) == 3
    for number in range(first, first + 6, 2):
        assert lines[number].startswith("# ")
        assert f"python -m ecomcat.{command}" in lines[number + 1]
    assert lines[first + 6] == ""


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("number", range(3))
def test_each_example_is_a_command_that_composes(run_task, command, number):
    example = examples_of(help_of(run_task, command))[number]
    words = shlex.split(example.rpartition(" | ")[2])
    assert words[:3] == ["python", "-m", f"ecomcat.{command}"]
    configs: list[Any] = []
    ended = run_task(command, configs.append, *words[3:])
    assert (ended.code, ended.errors) == (0, "")
    assert isinstance(configs[0], COMMANDS[command])


@pytest.mark.parametrize("command", COMMANDS)
def test_each_option_of_its_groups_is_named_with_what_it_is_and_one_is_marked(run_task, command):
    section = help_of(run_task, command).partition("== Groups")[2].partition("\n\n")[0]
    options = re.findall(r"^([* ]) (\w+)=(\w+) +(\S.*)$", section, re.MULTILINE)
    listed = {group for _, group, _, _ in options}
    if command == "search":
        assert listed == set(command_groups("search"))
    for group in listed:
        assert [mark for mark, each, _, _ in options if each == group].count("*") == 1
    assert len(options) == len(section.splitlines()) - 1 or section.endswith("\nnone")


def test_the_options_that_are_chosen_are_marked(run_task):
    page = help_of(run_task, "search", "budget=quick")
    assert "* budget=quick" in page
    assert "  budget=default" in page


@pytest.mark.parametrize("command", COMMANDS)
def test_every_key_stands_there_with_its_meaning(run_task, command):
    page = help_of(run_task, command)
    lines = page.partition("== Keys")[2].splitlines()[1:]
    for name, nested in schema_keys(COMMANDS[command]):
        shown = [line for line in lines if re.match(rf" *{name}:", line)]
        assert shown, name
        assert nested or all("  # " in line for line in shown), f"{name} has no comment"


def schema_keys(schema: type) -> Iterator[tuple[str, bool]]:
    """Yield each key's name, and whether it holds other keys."""
    hints = get_type_hints(schema)
    for entry in fields(schema):
        nested = is_dataclass(hints[entry.name])
        yield entry.name, nested
        if nested:
            yield from schema_keys(hints[entry.name])


def test_values_are_those_of_the_command_line(run_task):
    page = help_of(run_task, "search", "data.path=a$b (1).csv", "model.lstm_units=[8,16]")
    assert re.search(r"^  path: a\$b \(1\)\.csv +# ", page, re.MULTILINE)
    assert re.search(r"^  lstm_units: \[8, 16\] +# ", page, re.MULTILINE)


@pytest.mark.parametrize("columns", [40, 60, 200])
def test_what_it_is_for_breaks_between_words(run_task, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    header = help_of(run_task, "search").partition("\n\n")[0]
    assert max(map(len, header.splitlines())) <= min(columns, 100)
    assert " ".join(header.split()).startswith("Search hyperparameters for an LSTM text classifier")


def test_the_package_itself_lists_the_commands():
    done = subprocess.run(
        [sys.executable, "-m", "ecomcat"],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    listed = re.findall(r"^python -m ecomcat\.(\w+)\n {4}[A-Z].*\.$", done.stdout, re.MULTILINE)
    assert listed == list(COMMANDS)
