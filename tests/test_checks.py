"""A configuration that cannot work is refused before anything is read, every problem named."""

from __future__ import annotations

import importlib.util
from copy import deepcopy
from functools import cache

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import OmegaConf

from ecomcat.cli import quote_overrides, register_schemas
from ecomcat.config import conf_dir
from ecomcat.data.dataset import check_data
from ecomcat.errors import UserError
from ecomcat.search import check_search
from tests.conftest import run_program


@cache
def default_config():
    """Return the composed configuration of a search without arguments."""
    register_schemas()
    GlobalHydra.instance().clear()
    with initialize_config_dir(version_base="1.3", config_dir=str(conf_dir())):
        return compose("search")


def configured(*arguments):
    """Return the configuration of a search with these arguments, which Hydra's parser reads."""
    config = deepcopy(default_config())
    parser = OverridesParser.create()
    for override in parser.parse_overrides(quote_overrides(arguments)):
        # Composing anew for each case would take a second for ten of them.
        added = override.is_add() or override.is_force_add()
        OmegaConf.update(config, override.key_or_group, override.value(), force_add=added)
    return OmegaConf.to_object(config)


def message_of(*arguments):
    """Return why a search with these arguments is refused."""
    with pytest.raises(UserError) as refused:
        check_search(configured(*arguments))
    return str(refused.value)


SIZES = [
    "vocabulary_size",
    "max_tokens",
    "lstm_tokens",
    "embedding_dim",
    "lstm_units",
    "lstm_layers",
    "batch_size",
]
SHARES = ["word_dropout", "spatial_dropout", "dropout", "label_smoothing"]


@pytest.mark.parametrize("value", ["0", "-5", "1.5", "many", "true", "null", "[32,0]", "0..5"])
@pytest.mark.parametrize("name", SIZES)
def test_a_size_is_a_whole_number_above_zero(name, value):
    message = message_of(f"model.{name}={value}")
    assert message.startswith(f"model.{name}: expected a whole number from ")
    assert "\n" not in message


@pytest.mark.parametrize("value", ["1.5", "1", "-0.1", "nan", "inf", "half", "0.2..1.5", "[0.1,2]"])
@pytest.mark.parametrize("name", SHARES)
def test_a_share_lies_below_one(name, value):
    message = message_of(f"model.{name}={value}")
    assert message.startswith(f"model.{name}: expected a number from 0 to 0.9")
    assert "\n" not in message


@pytest.mark.parametrize(
    ("argument", "fragments"),
    [
        ("model.lstm_units=64..32", ("model.lstm_units", "smaller number first", "32..64")),
        ("model.dropout=0.5..0.2", ("model.dropout", "smaller number first", "0.2..0.5")),
        ("model.lstm_units=16..64 step 0", ("model.lstm_units", "step")),
        ("model.lstm_units=16..64 step 100", ("model.lstm_units", "step between 0 and 48")),
        ("model.dropout=0.0..0.5 log", ("model.dropout", "log range above 0")),
        ("model.learning_rate=1e-4..1e-2 step 1e-3 log", ("model.learning_rate", "'log'")),
        ("model.lstm_units=16..", ("model.lstm_units", "'16..256 step 16'", "'16..'")),
        ("model.lstm_units=[]", ("model.lstm_units", "empty list")),
        ("model.learning_rate=0", ("model.learning_rate", "1e-07 to 1", "found 0")),
        ("model.learning_rate=-1e-3", ("model.learning_rate", "-0.001")),
        ("model.pooling=maximum", ("model.pooling", "last, max, mean", "'maximum'")),
        ("model.pooling=max+median", ("model.pooling", "'max+median'")),
        ("model.pooling=max+max", ("model.pooling", "'max+max'")),
        ("model.pooling=none", ("model.pooling", "'none'")),
        ("model.pooling=[max,median]", ("model.pooling", "'median'")),
        ("model.embedding_pooling=last", ("model.embedding_pooling", "max, mean, none")),
        ("model.bidirectional=yes", ("model.bidirectional", "true or false", "'yes'")),
        ("model.learning_rate_schedule=cosine", ("constant, linear", "'cosine'")),
        ("++model.extra.x={a: 1}", ("model.extra.x", "a number, a word, true or false")),
        ("search.algorithm=bayes", ("search.algorithm", "Did you mean 'bayesian'?")),
        ("search.max_trials=0", ("search.max_trials: expected a whole number from 1, found 0.",)),
        (
            "search.algorithm=hyperband",
            ("search.pruner: expected none with search=hyperband", "found 'halving'"),
        ),
        ("search.gpus_per_worker=1.5", ("search.gpus_per_worker", "whole number, found 1.5")),
        ("++model.extra.mode=[1,a]", ("model.extra.mode: expected choices of one kind",)),
        ("search.pruner=halfing", ("search.pruner", "median, halving, none", "'halving'")),
        ("search.workers=0", ("search.workers: expected a whole number from 1 or auto",)),
        ("search.workers=1.5", ("search.workers: expected a whole number from 1 or auto",)),
        ("search.workers=many", ("search.workers", "or auto, found 'many'")),
        ("search.cores_per_worker=0", ("search.cores_per_worker: expected a whole number from 1",)),
        (
            "search.gpus_per_worker=-1",
            ("search.gpus_per_worker: expected a number", "found -1"),
        ),
        ("search.memory_gb_per_worker=0", ("search.memory_gb_per_worker", "above 0, found 0.0")),
        ("search.trial_max_minutes=0", ("search.trial_max_minutes", "above 0, found 0.0")),
        ("search.warmup_epochs=0", ("search.warmup_epochs: expected a whole number from 1",)),
        ("search.min_peers=0", ("search.min_peers: expected a whole number from 1",)),
        ("search.halving_factor=1", ("search.halving_factor: expected a whole number from 2",)),
        ("search.max_retries=-1", ("search.max_retries: expected a whole number from 0",)),
        ("search.max_trials=-1", ("search.max_trials: expected a whole number from 1, found -1.",)),
        ("search.max_minutes=inf", ("search.max_minutes: expected a number above 0",)),
        ("search.max_epochs=0", ("search.max_epochs: expected a whole number from 1 or auto",)),
        ("search.patience=0", ("search.patience: expected a whole number from 1 or auto",)),
        ("search.hyperband_factor=1", ("search.hyperband_factor: expected a whole number from 2",)),
        ("search.max_minutes=0", ("search.max_minutes: expected a number above 0, found 0.0.",)),
        (
            "search.max_minutes=-2.5",
            ("search.max_minutes: expected a number above 0, found -2.5.",),
        ),
        ("search.max_minutes=nan", ("search.max_minutes",)),
        ("final.name=double", ("final.name: expected one of single", "'double'")),
        ("seed=-1", ("seed: expected a whole number from 0 to 4294967294, found -1.",)),
        ("seed=4294967296", ("seed:", "4294967296")),
        ("model_dir=", ("model_dir: expected a value, found nothing",)),
        ("outputs_dir= ", ("outputs_dir: expected a value, found nothing",)),
        ("data.source=zip", ("data.source", "auto, ecommerce, sample, csv", "'zip'")),
        ("data.rare_classes=keep", ("data.rare_classes", "refuse, drop", "'keep'")),
        ("data.header=yes", ("data.header", "auto, true, false", "'yes'")),
        ("data.header=1", ("data.header", "found 1")),
        (
            "data.min_class_rows=2",
            ("data.min_class_rows: ", "found 2."),
        ),
        (
            "data.min_class_rows=-1",
            ("data.min_class_rows: ", "found -1."),
        ),
        (
            "data.sample_rows=10",
            (
                "data.sample_rows: expected a whole number from",
                "found 10.",
            ),
        ),
        (
            "data.sample_seed=-1",
            (
                "data.sample_seed: expected a whole number from",
                "found -1.",
            ),
        ),
        ("data.sample_label_noise=0.6", ("data.sample_label_noise", "0 to 0.5", "0.6")),
        ("data.sample_label_noise=-0.1", ("data.sample_label_noise", "-0.1")),
        ("data.sample_label_noise=nan", ("data.sample_label_noise", "nan")),
        ("data.test_fraction=0", ("data.test_fraction", "above 0 and below 1")),
        ("data.test_fraction=-0.2", ("data.test_fraction", "-0.2")),
        ("data.validation_fraction=0", ("data.validation_fraction", "found 0")),
        ("data.validation_fraction=nan", ("data.validation_fraction", "nan")),
        ("data.test_fraction=0.9", ("data.validation_fraction + data.test_fraction", "1.05")),
    ],
)
def test_a_value_that_cannot_work_is_named_with_what_was_expected(argument, fragments):
    message = message_of(argument)
    assert all(fragment in message for fragment in fragments), message
    assert message.endswith((".", "?"))


@pytest.mark.parametrize(
    "build",
    [
        "lstm_classifier",
        ".lstm_classifier",
        "no_such_module.build",
        "ecomcat.no_such_module.build",
        "ecomcat.model.network.",
        "a b.c",
    ],
)
def test_a_builder_that_does_not_exist_is_refused(build):
    message = message_of(f"model.build='{build}'")
    assert message.startswith("model.build: expected the dotted path of a function")
    assert message.endswith(f"found {build!r}.")


def test_all_problems_are_named_at_once_a_line_each():
    wrong = {
        "data.rare_classes": "keep",
        "data.min_class_rows": "1",
        "search.max_trials": "0",
        "seed": "-1",
        "model.build": "nowhere.build",
        "model.lstm_units": "0",
        "model.dropout": "1.5",
        "model.extra.x": "{}",
    }
    lines = message_of(*(f"++{key}={value}" for key, value in wrong.items())).splitlines()
    assert sorted(line.partition(": expected ")[0] for line in lines) == sorted(wrong)


@pytest.mark.parametrize(
    "argument",
    [
        "model.lstm_units=1",
        "model.dropout=0",
        "model.dropout=0.95",
        "model.lstm_units=32..32",
        "model.batch_size=auto",
        "model.embedding_pooling=none",
        "search.max_trials=1",
        "search.max_minutes=0.01",
        "seed=0",
        "seed=4294967294",
        "data.min_class_rows=3",
        "data.sample_label_noise=0",
        "data.header=true",
        "data.header=False",
        "data.test_fraction=0.8",
    ],
)
def test_what_lies_within_the_bounds_is_taken(argument):
    assert check_search(configured(argument))


def test_the_space_comes_back_with_every_hyperparameter():
    space = check_search(configured("model.lstm_units=[16,32]", "++model.extra.x=1..3"))
    assert str(space["lstm_units"]) == "[16, 32]"
    assert str(space["extra.x"]) == "1..3"
    assert set(SIZES + SHARES) < set(space)


def test_data_are_checked_without_the_rest():
    with pytest.raises(UserError) as refused:
        check_data(configured("data.test_fraction=2", "search.max_trials=0").data)
    assert "data.test_fraction" in str(refused.value)
    assert "search.max_trials" not in str(refused.value)


@pytest.mark.parametrize(
    "build",
    [
        "ecomcat.model.network.lstm_classifier",
        "ecomcat.model.network.no_such_function",
        "ecomcat.model.network.no_such_module.build",  # its parent imports TensorFlow
    ],
)
def test_checking_imports_nothing_heavy(tmp_path, build):
    program = (
        "import sys\n"
        "from ecomcat.search import check_search\n"
        "from ecomcat.errors import UserError\n"
        "from hydra import compose, initialize_config_dir\n"
        "from omegaconf import OmegaConf\n"
        "from ecomcat.config import conf_dir\n"
        "from ecomcat.cli import register_schemas\n"
        "register_schemas()\n"
        "with initialize_config_dir(version_base='1.3', config_dir=str(conf_dir())):\n"
        f"    config = compose('search', overrides=['model.build={build}', 'seed=-1'])\n"
        "try:\n"
        "    check_search(OmegaConf.to_object(config))\n"
        "except UserError:\n"
        "    print(sorted({'tensorflow', 'keras', 'pandas', 'sklearn'} & set(sys.modules)))\n"
    )
    ended = run_program(program, tmp_path)
    assert ended.stdout == "[]\n", ended.stderr


@pytest.mark.parametrize("argument", ["search.workers=2", "search.cluster=auto"])
def test_several_workers_without_ray_are_refused_with_the_line_that_installs_it(
    monkeypatch, argument
):
    real = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "ray" else real(name)
    )
    message = message_of(argument)
    assert 'pip install "ecomcat[cluster]"' in message
    assert "search.workers=1" in message
