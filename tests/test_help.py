"""`--help` of each command: what it is for, three examples that work, and what each key means."""

from __future__ import annotations

import re
import shlex

import pytest
import yaml

from ecomcat.cli import compose
from ecomcat.command_config import COMMANDS, command_groups
from ecomcat.option_fields import declared_options
from tests.conftest import RunTask


def help_of(run_task: RunTask, command: str, *arguments: str) -> str:
    ended = run_task(command, lambda _: None, "--help", *arguments)
    assert (ended.code, ended.errors) == (0, "")
    return ended.output


@pytest.mark.parametrize("command", COMMANDS)
def test_examples_compose_and_each_group_and_key_is_explained(
    run_task: RunTask, command: str
) -> None:
    page = help_of(run_task, command)
    assert f"Usage: python -m ecomcat.{command} " in page
    examples = page.partition("== Examples ==\n")[2].partition("\n\n")[0].splitlines()
    assert [line.startswith("# ") for line in examples] == [True, False] * 3
    for line in examples[1::2]:
        words = shlex.split(line.rpartition(" | ")[2])
        assert words[:3] == ["python", "-m", f"ecomcat.{command}"]
        compose(command, words[3:])
    section = page.partition("== Groups")[2].partition("\n\n")[0]
    options = re.findall(r"^([* ]) ([\w/]+)=\w+ +\S.*$", section, re.MULTILINE)
    assert sorted(group for mark, group in options if mark == "*") == list(command_groups(command))
    keys = page.partition("== Keys")[2]
    for key in declared_options(COMMANDS[command]):
        name = key.rpartition(".")[2]
        assert re.search(rf"^ *{name}: .*  # \S", keys, re.MULTILINE), key


def test_values_and_choices_are_those_of_the_command_line(run_task: RunTask) -> None:
    page = help_of(run_task, "search", "data.path=a$b (1).csv", "model.lstm_units=[8,16]")
    assert re.search(r"^  path: a\$b \(1\)\.csv +# ", page, re.MULTILINE)
    assert re.search(r"^  lstm_units: \[8, 16\] +# ", page, re.MULTILINE)
    assert "* budget=quick" in help_of(run_task, "search", "budget=quick")


@pytest.mark.parametrize("columns", [40, 200])
def test_what_it_is_for_breaks_between_words(
    run_task: RunTask, monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    purpose = help_of(run_task, "search").partition("\n\n")[0]
    assert max(map(len, purpose.splitlines())) <= min(columns, 100)
    assert " ".join(purpose.split()).startswith("Search hyperparameters for an LSTM text")


def test_the_configuration_is_shown_as_yaml(run_task: RunTask) -> None:
    ended = run_task("predict", lambda _: None, "--cfg", "job", "model_dir=my models (1)")
    assert yaml.safe_load(ended.output)["model_dir"] == "my models (1)"
