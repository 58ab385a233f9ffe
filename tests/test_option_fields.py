"""A configuration that cannot work is refused before anything is read, every problem named."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import pytest

from ecomcat.cli import compose
from ecomcat.command_config import SearchCommand
from ecomcat.errors import UserError
from ecomcat.model.space import require_fixed
from ecomcat.option_fields import TARGET, make, option, validate
from ecomcat.search import check_search

SIZES = ("vocabulary_size", "max_tokens", "lstm_tokens", "embedding_dim", "lstm_units")
SHARES = ("word_dropout", "spatial_dropout", "dropout", "label_smoothing")
BAD = (1, -0.1, float("nan"), "0.2..1.5")  # shares
NAMES = ("../up", "a/b", ".hidden", "", "with space", "-dash")
WHOLE, WHOLE_OR_AUTO = "a whole number from ", "a whole number from 1 or auto"


@cache
def default_config() -> SearchCommand:
    config = compose("search")
    assert isinstance(config, SearchCommand)
    return config


def configured(values: dict[str, object]) -> SearchCommand:
    """Return the configuration of a search with other values at dotted keys."""
    config = deepcopy(default_config())
    for key, value in values.items():
        *groups, name = key.split(".")
        place: Any = config
        for group in groups:
            place = getattr(place, group)
        if isinstance(place, dict):
            place[name] = value
        else:
            setattr(place, name, value)
    return config


def refusal(values: dict[str, object]) -> str:
    with pytest.raises(UserError) as refused:
        check_search(configured(values))
    return str(refused.value)


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        *((f"model.{name}", value, WHOLE) for name in SIZES for value in (0, 1.5, "many", True)),
        *((f"model.{name}", [32, 0], WHOLE) for name in ("lstm_layers", "batch_size")),
        *((f"model.{name}", value, "a number from 0 to 0.9") for name in SHARES for value in BAD),
        ("model.learning_rate", 0, "a number from 1e-07 to 1, found 0"),
        ("model.pooling", "max+median", "one of last, max, mean, or several joined by '+'"),
        ("model.pooling", "none", "one of last, max, mean"),
        ("model.embedding_pooling", "last", "one of max, mean, none"),
        ("model.learning_rate_schedule", "cosine", "one of constant, linear"),
        ("model.build", "no_such_module.build", "the dotted path of a function"),
        ("model.build", "ecomcat.model.network.", "the dotted path of a function"),
        *(("search.name", name, "a letter or digit and then only") for name in NAMES),
        ("search.max_trials", 0, "a whole number from 1, found 0."),
        ("search.max_minutes", float("inf"), "a number above 0"),
        ("search.max_minutes", -2.5, "a number above 0, found -2.5."),
        ("search.max_epochs", 0, WHOLE_OR_AUTO),
        ("search.workers", 1.5, WHOLE_OR_AUTO),
        ("search.workers", None, WHOLE_OR_AUTO),
        ("search.patience", "many", WHOLE_OR_AUTO),
        ("search.trial_max_minutes", 0.0, "a number above 0"),
        ("search.gpus_per_worker", 1.5, "a part of one or a whole number, found 1.5"),
        ("seed", -1, "a whole number from 0 to 4294967294, found -1."),
        ("seed", 2**32, "a whole number from 0 to 4294967294"),
        ("model_dir", " ", "a value, found nothing."),
        ("data.header", "yes", "one of auto, true, false, found 'yes'."),
        ("data.header", 1, "one of auto, true, false"),
        ("data.rare_classes", "keep", "one of refuse, drop"),
        ("data.min_class_rows", 2, "a whole number from 3"),
        ("data.test_fraction", -0.1, "a number from 0 and below 1"),
        ("data.validation_fraction", float("nan"), "a number above 0 and below 1"),
        ("data.validation_fraction + data.test_fraction", 0.9, "less than 1 together, found 1.05"),
        ("final.use_all_rows", True, "final.retrain=true with it"),
        ("data.near_duplicate_similarity", 0.8, "data.group_near_duplicates=true with it"),
    ],
)  # fmt: skip
def test_a_value_that_cannot_work_is_named_with_what_was_expected(
    key: str, value: object, expected: str
) -> None:
    more = {"final.retrain": False} if key.startswith("final") else {}
    message = refusal({key.rpartition(" + ")[2]: value, **more})
    assert message.startswith(f"{key}: expected {expected}"), message
    assert message.endswith(".") and "\n" not in message


def test_all_problems_are_named_at_once_a_line_each() -> None:
    wrong: dict[str, object] = {
        "data.rare_classes": "keep",
        "data.min_class_rows": 1,
        "search.max_trials": 0,
        "seed": -1,
        "model.build": "nowhere.build",
        "model.lstm_units": 0,
        "model.dropout": 1.5,
        "model.extra.x": {},
    }
    lines = refusal(wrong).splitlines()
    assert sorted(line.partition(": expected ")[0] for line in lines) == sorted(wrong)


def test_what_lies_within_the_bounds_makes_a_space() -> None:
    good: dict[str, object] = {
        "model.lstm_units": [16, 32],
        "model.dropout": 0.95,
        "model.max_tokens": "32..32",
        "model.extra.x": "1..3",
        "search.max_minutes": 0.01,
        "seed": 2**32 - 2,
        "data.header": True,
        "data.test_fraction": 0.8,
    }
    space = check_search(configured(good))
    assert str(space["lstm_units"]) == "[16, 32]"
    assert str(space["extra.x"]) == "1..3"


@pytest.mark.parametrize("overrides", [[], ["budget=thorough"], ["search=bayesian"]])
def test_train_has_one_trial_of_fixed_values_whatever_the_budget(overrides: list[str]) -> None:
    config = compose("train", overrides)
    assert config.search.max_trials == 1
    space = check_search(config)
    require_fixed(space)
    assert max(space["lstm_units"]) == 64


class Halving:
    """A class that a configuration names."""

    def __init__(self, factor: int = 3, *, warmup: int = 2) -> None:
        if factor < 2:
            raise ValueError(f"factor: expected 2 or more, found {factor}.")
        self.factor = factor
        self.warmup = warmup


@dataclass
class Command:
    """A schema with a node of free parameters."""

    pruner: dict[str, Any] = field(default_factory=dict)
    word: str = option("auto", help="a word", choices=("auto", "never"))


HALVING = {TARGET: f"{__name__}.Halving"}


def test_a_class_that_the_configuration_names_is_made_with_its_parameters() -> None:
    node = {**HALVING, "factor": 4}
    validate(Command(pruner=node))
    made = make("pruner", node, warmup=1)
    assert isinstance(made, Halving) and (made.factor, made.warmup) == (4, 1)


@pytest.mark.parametrize(
    ("node", "message"),
    [
        (
            {**HALVING, "facter": 4},
            "pruner: expected one of factor, warmup, found 'facter'. Did you mean 'factor'?",
        ),
        ({TARGET: "ecomcat.nothing.X"}, "pruner._target_: expected the dotted path of a class"),
    ],
)
def test_parameters_are_held_against_the_signature(node: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError) as refused:
        validate(Command(pruner=node, word="nevr"))
    first, second = str(refused.value).splitlines()
    assert first.startswith(message)
    assert second == "word: expected one of auto, never, found 'nevr'. Did you mean 'never'?"


def test_what_the_class_itself_refuses_is_named_with_its_key() -> None:
    with pytest.raises(UserError, match=r"^pruner: factor: expected 2 or more, found 1\.$"):
        make("pruner", {**HALVING, "factor": 1})
