"""What a command line may not say is refused with the nearest right name."""

from __future__ import annotations

import pytest


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
