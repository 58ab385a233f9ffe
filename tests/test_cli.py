"""A command composes its configuration from groups, options and overrides, or says why not."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra

from ecomcat.__main__ import main
from ecomcat.cli import compose
from ecomcat.command_config import COMMANDS, command_groups, conf_dir
from ecomcat.errors import UserError
from tests.conftest import RunMain, RunTask


def refusal(command: str, *overrides: str) -> str:
    with pytest.raises(UserError) as refused:
        compose(command, overrides)
    return str(refused.value)


# What composes


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_composes_without_arguments_and_with_each_option(command: str) -> None:
    assert isinstance(compose(command), COMMANDS[command])
    for group in command_groups(command):
        for path in (conf_dir() / group).glob("*.yaml"):
            assert isinstance(compose(command, [f"{group}={path.stem}"]), COMMANDS[command])


def test_the_hydra_of_a_calling_program_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text("x: 1\n")
    GlobalHydra.instance().clear()
    with initialize_config_dir(version_base="1.2", config_dir=str(tmp_path)):
        theirs = GlobalHydra.instance().hydra
        compose("predict")
        assert GlobalHydra.instance().hydra is theirs


# What is refused


@pytest.mark.parametrize(
    ("command", "override", "right"),
    [
        ("search", "model.lstm_unit=3", "model.lstm_units"),
        ("search", "model.drop_out=0.1", "model.dropout"),
        ("search", "dropout=0.1", "model.dropout"),
        ("search", "++data.pth=products (1).csv", "data.path"),
        ("search", "+sed=3", "seed"),
        ("search", "modeldir=x", "model_dir"),
        ("search", "bugdet=quick", "budget"),
        ("search", "model=lstmm", "lstm"),
        ("search", "search=hyperbnad", "hyperband"),
        ("search", "search.pruner=medain", "median"),
        ("evaluate", "data=sampel", "sample"),
        ("predict", "data.text_colum=a", "data.text_column"),
    ],
)
def test_a_misspelt_name_is_answered_with_the_nearest(
    command: str, override: str, right: str
) -> None:
    assert refusal(command, override).endswith(f"Did you mean '{right}'?")


@pytest.mark.parametrize(
    ("command", "override", "fragments"),
    [
        ("evaluate", "serch=grid", ("There is no key 'serch'.",)),
        ("search", "model.colour=red", ("There is no key 'model.colour'.",)),
        ("search", "hydra.run.dir=x", ("There is no key 'hydra.run.dir'.",)),
        ("search", "budget=tiny", ("budget: expected one of default, quick, thorough",)),
        ("search", "model=64", ("model: expected one of", "'64'")),
        ("search", "data=null", ("data: expected one of", "'null'")),
        ("search", "model.lstm_units", ("'model.lstm_units'", "Expected key=value")),
        ("search", "~data.path", ("'~data.path'", "Expected key=value")),
        ("search", "=3", ("'=3'", "Expected key=value")),
        ("search", "seed=${nowhere}", ("seed: ", "'nowhere'")),
        ("search", "model.extra.two words=3", ("There is no key 'model.extra.two words'",)),
    ],
)
def test_what_cannot_be_read_is_named_and_nothing_far_is_suggested(
    command: str, override: str, fragments: tuple[str, ...]
) -> None:
    message = refusal(command, override)
    assert all(fragment in message for fragment in fragments), message
    assert "Did you mean" not in message


@pytest.mark.parametrize(
    ("override", "advice"),
    [
        ("search.algorithm=random", "search=NAME"),
        ("search.pruner=asha", "search.pruner: expected one of halving, median, none"),
        ("search.warmup_epochs=2", "search.pruner.warmup_epochs"),
        ("search.min_peers=3", "search.pruner.min_trials"),
        ("search.halving_factor=3", "search.pruner.factor"),
        ("search.hyperband_factor=3", "search.algorithm.factor"),
        ("final=ensemble", "several gained nothing: leave it out"),
        ("final.max_members=4", "several gained nothing: leave it out"),
        ("final.step={}", "several gained nothing: leave it out"),
        ("final.folds=5", "It gained nothing and was removed: leave it out."),
        ("data.source=csv", "data=NAME"),
        ("model.pretrained_vectors=glove.txt", "leave it out"),
    ],
)
def test_what_an_earlier_version_had_is_answered_with_what_to_write_now(
    override: str, advice: str
) -> None:
    for command in ("search", "train"):
        assert advice in refusal(command, override)


@pytest.mark.parametrize(
    ("arguments", "fragment"),
    [
        (["seed=1,2", "-m"], "model_dir=FOLDER"),
        (["--quick"], "--quick"),
        (["--cfg", "everything"], "everything"),
    ],
)
def test_a_command_line_that_cannot_work_ends_with_2(
    run_task: RunTask, arguments: list[str], fragment: str
) -> None:
    calls: list[object] = []
    ended = run_task("search", calls.append, *arguments)
    assert (ended.code, ended.output, calls) == (2, "", [])
    assert ended.errors.startswith("Error: ") and fragment in ended.errors


# The one command


@pytest.mark.parametrize(
    ("arguments", "code", "output", "errors"),
    [
        (["--version"], 0, r"ecomcat \d+\.\d+\.\d+\n", ""),
        ([], 0, r"(?s).*^ecomcat predict\n    Label a file .*", ""),
        (["serch", "seed=1"], 2, "", "Error: There is no command 'serch'. Did you mean 'search'?"),
        (["predict", "inputt=x"], 2, "", "Error: There is no key 'inputt'. Did you mean 'input'?"),
    ],
)
def test_one_command_calls_the_others(
    run_main: RunMain, arguments: list[str], code: int, output: str, errors: str
) -> None:
    ended = run_main(main, *arguments)
    assert ended.code == code
    assert re.fullmatch(output, ended.output, re.MULTILINE), ended.output
    assert ended.errors.startswith(errors) and bool(errors) == bool(ended.errors)


# Completion


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("ecomcat-search budget=", {"budget=default", "budget=quick", "budget=thorough"}),
        ("ecomcat-search model.lstm_u", {"model.lstm_units="}),
        ("bin/ecomcat-predict inp", {"input=", "input_format="}),
        ("ecomcat-compare OLD data.pa", set()),  # Hydra cannot read the first word
    ],
)
def test_a_shell_is_told_how_a_word_goes_on(
    run_task: RunTask, monkeypatch: pytest.MonkeyPatch, line: str, words: set[str]
) -> None:
    monkeypatch.setenv("COMP_LINE", line)
    monkeypatch.setenv("COMP_POINT", str(len(line)))
    command = line.partition(" ")[0].rpartition("-")[2]
    ended = run_task(command, print, "-sc", "query=bash")
    assert (ended.code, set(ended.output.split()), ended.errors) == (0, words, "")


@pytest.mark.parametrize(
    ("asked", "line"),
    [("query", None), ("query", "ecomcat search model.lst"), ("install", "ecomcat-search ")],
)
def test_a_shell_is_told_which_program_has_completion(
    run_task: RunTask, monkeypatch: pytest.MonkeyPatch, asked: str, line: str | None
) -> None:
    monkeypatch.delenv("COMP_LINE", raising=False)
    if line is not None:
        monkeypatch.setenv("COMP_LINE", line)
    ended = run_task("search", print, "-sc", f"{asked}=bash")
    assert (ended.code, ended.output) == (2, "")
    assert ended.errors.endswith('eval "$(ecomcat-search -sc install=bash)"\n')
