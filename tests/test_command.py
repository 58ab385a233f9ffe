"""A command composes its configuration from its groups, options and overrides."""

from __future__ import annotations

from dataclasses import fields

import pytest
import yaml

from ecomcat.config import COMMANDS, conf_dir
from ecomcat.model.space import fixed_values
from ecomcat.search import check_search

OPTIONS = sorted(
    (path.parent.name, path.stem) for path in conf_dir().glob("*/*.yaml") if path.parent.is_dir()
)
CSV = "data.path=products.csv"


def folder_key(command):
    """Return a key of a command that holds a folder, and its default."""
    entries = fields(COMMANDS[command])
    return next((entry.name, entry.default) for entry in entries if entry.name.endswith("_dir"))


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


# What asks for no run


@pytest.mark.parametrize("command", COMMANDS)
def test_help_shows_usage_groups_and_configuration(run_task, command):
    calls = []
    ended = run_task(command, calls.append, "--help")
    assert (ended.code, ended.errors, calls) == (0, "", [])
    assert f"Usage: python -m ecomcat.{command}" in ended.output
    assert "{}: {}".format(*folder_key(command)) in ended.output


@pytest.mark.parametrize("command", COMMANDS)
def test_the_configuration_is_shown_as_yaml_with_what_was_overridden(run_task, command):
    calls, (key, _) = [], folder_key(command)
    ended = run_task(command, calls.append, "--cfg", "job", f"{key}=my models (1)")
    assert (ended.code, ended.errors, calls) == (0, "", [])
    assert yaml.safe_load(ended.output)[key] == "my models (1)"
