"""A command composes its configuration from groups, options and overrides, or says why not."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from ecomcat.__main__ import main
from ecomcat.cli import compose
from ecomcat.command_config import COMMANDS, command_groups, conf_dir
from ecomcat.errors import UserError
from tests.conftest import RunMain, RunTask

# What Hydra's grammar gives a meaning to is drawn more often than chance would have it.
characters = st.sampled_from(" '\"\\${}[](),=:;#~@+-.%*|?/é日") | st.characters(
    exclude_categories=["Cs"], exclude_characters="\0\n"
)
texts = st.text(characters, max_size=20)


def is_plain(text: str) -> bool:
    """Tell whether a text is no form of its own: not null, not missing, not in quotes."""
    quoted = len(text) >= 2 and text[0] == text[-1] and text[0] in "'\""
    return not quoted and text not in {"null", "???"}


def value_of(command: str, override: str) -> Any:
    """Return what a configuration holds under the key of its one override."""
    found: Any = compose(command, [override])
    for name in override.partition("=")[0].lstrip("+").split("."):
        found = found[name] if isinstance(found, dict) else getattr(found, name)
    return found


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


@pytest.mark.parametrize(
    ("override", "value"),
    [
        ("model.lstm_units=64", 64),
        ("model.lstm_units=[32,64]", [32, 64]),
        ("model.lstm_units=16..256 step 16", "16..256 step 16"),
        ("model.learning_rate=3e-4..1e-2 log", "3e-4..1e-2 log"),
        ("model.pooling=[last,max+mean]", ["last", "max+mean"]),
        ("model.bidirectional=[true,false]", [True, False]),
        ("model.batch_size=[auto,32]", ["auto", 32]),
        ("model.extra.x=[1,2]", [1, 2]),
        ("+model.extra.x=1..5", "1..5"),
        ("++model.extra.x=gelu", "gelu"),
        ("data.path='a (1).csv'", "a (1).csv"),
        (r"data.path='it\'s.csv'", "it's.csv"),
        ("data.path='null'", "null"),
        ("data.path=null", None),
        ("+data.path=a (1).csv", "a (1).csv"),
        ("search.name=2024", "2024"),
        ("data.label_column='3'", "3"),
        ("data.label_column=null", None),
        ("data.label_column=12", 12),
        ("data.label_column=-1", -1),
        ("data.label_column=007", "007"),
        ("data.label_column=1.5", "1.5"),
        ("data.label_column=true", "true"),
        ("data.label_column=[x", "[x"),
        ("data.text_column=[]", []),
        ("data.text_column=[ title , price (EUR)]", ["title", "price (EUR)"]),
        ("data.text_column=[title,2]", ["title", 2]),
        ("data.text_column=['a, b',c]", ["a, b", "c"]),
        (r"data.text_column=['it\'s, really',c]", ["it's, really", "c"]),
        ("data.text_column=[it's,c]", ["it's", "c"]),
        ("data.text_column=[a=b,${c},d\\]", ["a=b", "${c}", "d\\"]),
    ],
)
def test_values_need_no_quotes_but_the_shells(override: str, value: object) -> None:
    assert value_of("search", override) == value


@pytest.mark.parametrize(
    ("command", "key"),
    [
        *(("search", f"data.{key}") for key in ("path", "member", "delimiter", "exclude")),
        *(("search", key) for key in ("search.name", "search.from_trial", "outputs_dir")),
        *(("predict", "output"), ("audit", "against"), ("report", "search.name")),
    ],
)
def test_a_text_is_read_as_it_stands(command: str, key: str) -> None:
    for text in (r"a (1),b=c\é${x}.csv", ";", "choice(a,b)", "true", "-", "{a: 1}", "'half"):
        assert value_of(command, f"{key}={text}") == text


@settings(deadline=None, max_examples=30)
@given(path=texts)
@example(path="\\\\'\\${'")
def test_any_path_comes_through(path: str) -> None:
    assume(is_plain(path))
    assert value_of("predict", f"input={path}") == path


@settings(deadline=None, max_examples=30)
@given(names=st.lists(texts, min_size=1, max_size=4))
@example(names=["٣"])
def test_any_names_of_columns_come_through(names: list[str]) -> None:
    names = [re.sub(r"[,'\"]", "", name).strip() for name in names]
    assume(all(names) and all(map(is_plain, names)))
    assume(not any(re.fullmatch(r"[+-]?[0-9]+", name) for name in names))
    assert value_of("predict", f"data.text_column=[{','.join(names)}]") == names


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
        ("search", "seed=abc", ("seed: ", "'abc'", "Integer")),
        ("search", "search.max_trials=1.5", ("search.max_trials: ", "'1.5'", "Integer")),
        ("search", "search.overwrite=perhaps", ("search.overwrite: ", "'perhaps'", "bool")),
        ("search", "data.test_fraction=[1]", ("data.test_fraction: ",)),
        ("search", "seed=null", ("seed: ",)),
        ("search", "model.extra=3", ("model.extra: ",)),
        ("search", "model.lstm_units=[1,", ("'model.lstm_units=[1,'",)),
        ("search", "model.lstm_units", ("'model.lstm_units'", "Expected key=value")),
        ("search", "~data.path", ("'~data.path'", "Expected key=value")),
        ("search", "=3", ("'=3'", "Expected key=value")),
        *(
            ("search", f"model.lstm_units={sweep}", ("found several", "[32,64]"))
            for sweep in ("8,16", "choice(8,16)", "range(8,17,8)", "interval(0.1,0.5)")
        ),
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
        ("final.name=ensemble", "final=NAME"),
        ("final=distilled", "final=ensemble"),
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
        ("ecomcat-predict inp", {"input=", "input_format="}),
    ],
)
def test_a_shell_is_told_how_a_word_goes_on(
    run_task: RunTask, monkeypatch: pytest.MonkeyPatch, line: str, words: set[str]
) -> None:
    monkeypatch.setenv("COMP_LINE", line)
    monkeypatch.setenv("COMP_POINT", str(len(line)))
    command = line.partition(" ")[0].removeprefix("ecomcat-")
    ended = run_task(command, print, "-sc", "query=bash")
    assert (ended.code, set(ended.output.split()), ended.errors) == (0, words, "")
