"""A command composes its configuration, calls its task, and ends with the right exit code."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from functools import partial

import pytest
import yaml

from ecomcat.checks import check_search
from ecomcat.command import run
from ecomcat.config import COMMANDS, conf_dir
from ecomcat.errors import UserError
from ecomcat.model.space import fixed_values
from tests.command_line import command_line
from tests.conftest import ROOT

OPTIONS = sorted(
    (path.parent.name, path.stem) for path in conf_dir().glob("*/*.yaml") if path.parent.is_dir()
)
CSV = "data.path=products.csv"


@pytest.fixture
def run_task(monkeypatch, capsys, tmp_path):
    """Return a function that runs a command with a task of the test's own."""
    monkeypatch.chdir(tmp_path)
    with command_line(monkeypatch, capsys) as run_main:
        yield lambda command, task, *arguments: run_main(partial(run, command, task), *arguments)


@pytest.fixture
def compose(run_task):
    """Return a function that gives the configuration that a command's task is called with."""

    def composed(command, *arguments):
        configurations = []
        ended = run_task(command, configurations.append, *arguments)
        assert (ended.code, ended.errors) == (0, "")
        (configuration,) = configurations
        return configuration

    return composed


@pytest.fixture
def refuse(run_task):
    """Return a function that gives the message of a command line that must be refused."""

    def refused(command, *arguments):
        calls = []
        ended = run_task(command, calls.append, *arguments)
        assert calls == []
        assert (ended.code, ended.output) == (2, "")
        assert ended.errors.startswith("Error: ")
        assert "Traceback" not in ended.errors
        return ended.errors

    return refused


def raising(error):
    def task(_config):
        raise error

    return task


def terminate(_config):
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(10)  # The signal cuts it short.


# Exit codes


def test_success_is_0_and_prints_nothing_of_its_own(run_task):
    ended = run_task("search", lambda config: sys.stdout.write("result\n"))
    assert (ended.code, ended.output, ended.errors) == (0, "result\n", "")


def test_what_the_user_can_mend_is_2_without_a_traceback(run_task):
    ended = run_task("search", raising(UserError("Expected x, found y.\nAnd z.")))
    assert (ended.code, ended.errors) == (2, "Error: Expected x, found y.\nAnd z.\n")


def test_ctrl_c_is_130(run_task):
    ended = run_task("search", raising(KeyboardInterrupt()))
    assert (ended.code, ended.errors) == (130, "Interrupted.\n")


def test_sigterm_is_143(run_task):
    ended = run_task("search", terminate)
    assert (ended.code, ended.errors) == (143, "Terminated.\n")


def test_a_fault_of_ours_keeps_its_traceback(run_task):
    with pytest.raises(ZeroDivisionError):
        run_task("search", lambda config: 1 // 0)


def test_a_fault_of_ours_is_1(tmp_path):
    code = "from ecomcat.command import run; run('search', lambda config: 1 // 0)"
    ended = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (ended.returncode, ended.stdout) == (1, "")
    assert "ZeroDivisionError" in ended.stderr


def test_a_reader_who_leaves_is_2_without_a_traceback(tmp_path):
    reader, writer = os.pipe()
    os.close(reader)
    try:
        ended = subprocess.run(
            [sys.executable, "-m", "ecomcat.search", "--cfg", "job"],
            cwd=tmp_path,
            stdout=writer,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            check=False,
        )
    finally:
        os.close(writer)
    assert ended.returncode == 2
    assert ended.stderr.startswith("Error: ")
    assert ended.stderr.count("\n") == 1


# What a command line may say


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_needs_no_arguments_to_compose(compose, command):
    assert isinstance(compose(command), COMMANDS[command])


@pytest.mark.parametrize(("group", "option"), OPTIONS)
def test_each_option_of_a_group_composes_and_passes_the_checks(compose, group, option):
    path = [] if option == "sample" else [CSV]
    config = compose("search", f"{group}={option}", *path)
    check_search(config)
    package = getattr(config, "search" if group == "budget" else group)
    leaves = yaml.safe_load((conf_dir() / group / f"{option}.yaml").read_text("utf-8"))
    leaves.pop("defaults", None)
    leaves.pop("path", None)  # given above
    assert {key: getattr(package, key) for key in leaves} == {
        # YAML 1.1, which the test reads, takes `2e-3` for a word; the schema knows the type.
        key: float(value) if key == "learning_rate" and ".." not in str(value) else value
        for key, value in leaves.items()
    }


@pytest.mark.parametrize("option", ["csv", "ecommerce", "sample", "auto"])
def test_evaluate_takes_every_source_of_data(compose, option):
    assert compose("evaluate", f"data={option}").data.name == option


def test_there_are_groups_and_options_to_test():
    assert {group for group, _ in OPTIONS} == {"budget", "data", "final", "model", "search"}


@pytest.mark.parametrize("arguments", [(), ("budget=thorough",), ("search=bayesian",)])
def test_train_has_one_trial_of_fixed_values_whatever_the_budget(compose, arguments):
    config = compose("train", *arguments)
    assert config.search.max_trials == 1
    assert fixed_values(check_search(config))["lstm_units"] == 64


@pytest.mark.parametrize(
    ("argument", "name", "value"),
    [
        ("model.lstm_units=64", "lstm_units", 64),
        ("model.lstm_units=[32,64]", "lstm_units", [32, 64]),
        ("model.lstm_units=16..256 step 16", "lstm_units", "16..256 step 16"),
        ("model.dropout=0.0..0.6", "dropout", "0.0..0.6"),
        ("model.learning_rate=3e-4..1e-2 log", "learning_rate", "3e-4..1e-2 log"),
        ("model.learning_rate=[1e-3,2e-3]", "learning_rate", [1e-3, 2e-3]),
        ("model.pooling=max+mean", "pooling", "max+mean"),
        ("model.pooling=[last,max+mean]", "pooling", ["last", "max+mean"]),
        ("model.bidirectional=[true,false]", "bidirectional", [True, False]),
        ("model.batch_size=[auto,32]", "batch_size", ["auto", 32]),
    ],
)
def test_the_grammar_of_the_space_needs_no_quotes_but_the_shells(compose, argument, name, value):
    config = compose("search", argument)
    assert getattr(config.model, name) == value
    check_search(config)


@pytest.mark.parametrize("sign", ["", "+", "++"])
@pytest.mark.parametrize(
    ("value", "found"), [("3", 3), ("[1,2]", [1, 2]), ("1..5", "1..5"), ("gelu", "gelu")]
)
def test_a_builders_own_hyperparameters_need_no_plus(compose, sign, value, found):
    config = compose("search", f"{sign}model.extra.x={value}")
    assert config.model.extra == {"x": found}
    assert not check_search(config).keys().isdisjoint({"extra.x"})


def test_a_path_needs_no_quotes_but_the_shells(compose):
    config = compose("predict", "input=my products (1), new.csv", "output=${x}.csv")
    assert (config.input, config.output) == ("my products (1), new.csv", "${x}.csv")


# What it may not say


@pytest.mark.parametrize(
    ("command", "argument", "right"),
    [
        ("search", "model.lstm_unit=3", "model.lstm_units"),
        ("search", "model.drop_out=0.1", "model.dropout"),
        ("search", "search.max_trails=3", "search.max_trials"),
        ("search", "data.text_colunm=a", "data.text_column"),
        ("search", "sed=3", "seed"),
        ("search", "modeldir=x", "model_dir"),
        ("search", "+data.pth=x", "data.path"),
        ("search", "++data.pth=x", "data.path"),
        ("search", "+sed=3", "seed"),
        ("search", "modl=lstm", "model"),
        ("search", "bugdet=quick", "budget"),
        ("search", "+modl=lstm", "model"),
        ("search", "model=lstmm", "model=lstm"),
        ("search", "data=csvv", "data=csv"),
        ("search", "search=hyperbnad", "search=hyperband"),
        ("search", "budget=quik", "budget=quick"),
        ("search", "final=singel", "final=single"),
        ("train", "model=bilstm64", "model=bilstm_64"),
        ("evaluate", "model_dri=x", "model_dir"),
        ("evaluate", "data.encodng=utf-8", "data.encoding"),
        ("evaluate", "data=sampel", "data=sample"),
        ("predict", "inputt=x", "input"),
        ("predict", "ouput=x", "output"),
        ("predict", "batch_row=10", "batch_rows"),
        ("predict", "data.text_colum=a", "data.text_column"),
    ],
)
def test_a_misspelt_name_is_answered_with_the_nearest_right_one(refuse, command, argument, right):
    assert refuse(command, argument).splitlines()[-1] == f"Did you mean {right}?"


@pytest.mark.parametrize(
    ("command", "argument"),
    [("evaluate", "serch=grid"), ("predict", "serch=grid"), ("predict", "buget=quick")],
)
def test_no_group_is_suggested_that_the_command_does_not_have(refuse, command, argument):
    message = refuse(command, argument)
    assert "Did you mean search?" not in message
    assert "Did you mean budget?" not in message


def test_the_options_of_a_group_are_listed(refuse):
    message = refuse("search", "budget=tiny")
    assert all(option in message for option in ("default", "quick", "thorough"))


@pytest.mark.parametrize(
    ("command", "argument", "fragments"),
    [
        ("search", "seed=abc", ("seed", "'abc'", "Integer")),
        ("search", "search.max_trials=1.5", ("search.max_trials", "'1.5'", "Integer")),
        ("search", "search.max_minutes=soon", ("search.max_minutes", "'soon'", "Float")),
        ("search", "search.overwrite=perhaps", ("search.overwrite", "'perhaps'", "bool")),
        ("search", "data.test_fraction=[1]", ("data.test_fraction",)),
        ("search", "seed=null", ("seed",)),
        ("search", "model.extra=3", ("model.extra",)),
        ("predict", "batch_rows=many", ("batch_rows", "'many'", "Integer")),
    ],
)
def test_a_value_of_the_wrong_type_is_named_with_its_key(refuse, command, argument, fragments):
    message = refuse(command, argument)
    assert all(fragment in message for fragment in fragments)
    assert "Did you mean" not in message


@pytest.mark.parametrize(
    "argument", ["+colour=red", "++colour=red", "+data.colour=red", "+model.colour=red"]
)
def test_a_key_that_nothing_reads_is_refused_even_after_a_plus(refuse, argument):
    key = argument.partition("=")[0].lstrip("+")
    assert f"There is no key '{key}'." in refuse("search", argument)


@pytest.mark.parametrize(
    "argument",
    [
        "model.lstm_units",
        "=3",
        "model.lstm_units=[1,",
        "model.pooling=max (1).5",
        "data.pth=products (1).csv",
        "data.encoding=ütf-8",
    ],
)
def test_an_argument_that_cannot_be_parsed_is_named(refuse, argument):
    assert argument in refuse("search", argument)


@pytest.mark.parametrize("argument", ["model=64", "data=null", "search=true"])
def test_a_group_takes_no_value_but_the_name_of_an_option(refuse, argument):
    assert argument.partition("=")[0] in refuse("search", argument)


def test_an_option_that_does_not_exist_ends_with_2(run_task):
    calls = []
    ended = run_task("search", calls.append, "--quick")
    assert (ended.code, ended.output, calls) == (2, "", [])
    assert "--quick" in ended.errors
    assert "Traceback" not in ended.errors


@pytest.mark.parametrize(
    "arguments",
    [
        ("--multirun",),
        ("-m",),
        ("seed=1,2", "-m"),
        ("--multirun", "model_dir=a,b"),
        ("--multi", "seed=1,2"),
        ("hydra.mode=MULTIRUN", "seed=1,2"),
    ],
    ids=" ".join,
)
def test_jobs_that_would_share_a_model_folder_are_refused(refuse, tmp_path, arguments):
    assert "model_dir=FOLDER" in refuse("search", *arguments)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("argument", ["model.lstm_units=32,64", "data=csv,sample"])
def test_a_list_without_brackets_is_not_sent_to_what_we_refuse(refuse, argument):
    message = refuse("search", argument)
    assert argument in message
    assert "add --multirun" not in message


# What asks for no run


@pytest.mark.parametrize("command", COMMANDS)
def test_help_shows_usage_groups_and_configuration(run_task, command):
    calls = []
    ended = run_task(command, calls.append, "--help")
    assert (ended.code, ended.errors, calls) == (0, "", [])
    assert f"Usage: python -m ecomcat.{command}" in ended.output
    assert "model_dir: model" in ended.output


@pytest.mark.parametrize("command", COMMANDS)
def test_the_configuration_is_shown_as_yaml_with_what_was_overridden(run_task, command):
    calls = []
    ended = run_task(command, calls.append, "--cfg", "job", "model_dir=my models (1)")
    assert (ended.code, ended.errors, calls) == (0, "", [])
    assert yaml.safe_load(ended.output)["model_dir"] == "my models (1)"


LATE = ("tensorflow", "keras", "keras_tuner", "pandas", "sklearn")


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(("argument", "code"), [("--help", 0), ("modeldir=x", 2)])
def test_neither_help_nor_a_wrong_key_waits_for_what_is_heavy(tmp_path, command, argument, code):
    program = (
        f"import sys; from ecomcat.{command} import main\n"
        f"sys.argv = ['ecomcat', {argument!r}]\n"
        "try:\n"
        "    main()\n"
        "finally:\n"
        f"    print('imported:', sorted(set(sys.modules) & set({LATE!r})))\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=False,
    )
    assert ended.returncode == code
    assert ended.stdout.splitlines()[-1] == "imported: []"
    assert list(tmp_path.iterdir()) == []
