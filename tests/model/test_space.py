"""The search space: the grammar of a domain, its size, and what the data decides of it."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import given, settings
from omegaconf import OmegaConf

from ecomcat.errors import UserError
from ecomcat.hyperparameters import ModelConfig
from ecomcat.model.space import (
    Choices,
    Domain,
    Range,
    parse_domain,
    read_space,
    require_fixed,
    resolve_auto,
    space_size,
)
from ecomcat.option_fields import Rule
from tests.tiny_network import VALUES
from tests.tuning.domains import BOOL, FLOAT, INT, NAME, all_domains

JOINED = Rule("name", names=("last", "max", "mean"), joined=True, none=True)
AUTO_INT = Rule("int", 1, 1000, auto=True)
ANY = Rule("any")


@pytest.mark.parametrize(
    ("value", "rule", "expected"),
    [
        (1, FLOAT, Choices((1.0,))),
        ("max+mean", JOINED, Choices(("max+mean",))),
        ("auto", AUTO_INT, Choices(("auto",))),
        ([64, 32, 64], INT, Choices((64, 32))),
        ([0, 0.0, 0.5], FLOAT, Choices((0.0, 0.5))),
        (["auto", 32], AUTO_INT, Choices(("auto", 32))),
        (["max", "max+mean"], JOINED, Choices(("max", "max+mean"))),
        ([3, 0.5, 1], ANY, Choices((3.0, 0.5, 1.0))),
        ("1..5", INT, Range(1, 5, 1, False, True)),
        ("16..256 step 16", INT, Range(16, 256, 16, False, True)),
        ("16..256 log", INT, Range(16, 256, None, True, True)),
        ("1e1..1e2", INT, Range(10, 100, 1, False, True)),
        ("0..1", FLOAT, Range(0.0, 1.0, None, False, False)),
        (".1...5", FLOAT, Range(0.1, 0.5, None, False, False)),
        ("1E-4..1.E-2 log", FLOAT, Range(1e-4, 1e-2, None, True, False)),
        ("-5..5", ANY, Range(-5, 5, 1, False, True)),
        ("-0.5..5", ANY, Range(-0.5, 5.0, None, False, False)),
        ("1e-3..1", ANY, Range(1e-3, 1.0, None, False, False)),
        ("7..7", INT, Choices((7,))),
    ],
)
def test_what_a_domain_may_be(value: object, rule: Rule, expected: Choices | Range) -> None:
    # Their texts tell 1 from 1.0 and from True, too.
    assert repr(parse_domain(value, rule)) == repr(expected)


@pytest.mark.parametrize(
    ("value", "rule", "message"),
    [
        (0, INT, "expected a whole number from 1 to 1000, found 0"),
        pytest.param(10**400, INT, "from 1 to 1000, found 1000", id="400 digits"),
        ("auto", INT, "expected a whole number from 1 to 1000, found 'auto'"),
        ("automatic", AUTO_INT, "expected a whole number from 1 to 1000 or auto, found"),
        (-0.1, FLOAT, "expected a number from 0 to 1, found -0.1"),
        (math.nan, FLOAT, "expected a number from 0 to 1, found nan"),
        (1, BOOL, "expected true or false, found 1"),
        ("min", NAME, "expected one of last, max, mean, found 'min'"),
        ("max+max", JOINED, "mean, none, or several joined by '+', found 'max+max'"),
        ("max+none", JOINED, "mean, none, or several joined by '+', found 'max+none'"),
        ("max..mean", NAME, "expected one of last, max, mean, found 'max..mean'"),
        (None, ANY, "expected a number, a word, true or false, found None"),
        ([3, "word"], ANY, "expected choices of one kind"),
        ([], INT, "expected at least one choice, found an empty list"),
        ([1, [2]], INT, "expected a whole number from 1 to 1000, found [2]"),
        ("1.5..5", INT, "expected whole numbers, found '1.5'"),
        ("1e999..2", INT, "expected whole numbers, found '1e999'"),
        ("5..1", INT, "expected the smaller number first, found '5..1': write 1..5"),
        ("1..5 step 9", INT, "expected a step between 0 and 4, found '1..5 step 9'"),
        ("0..1 log", FLOAT, "expected a log range above 0, found '0..1 log'"),
        (
            "1..9 step 2 log",
            INT,
            "expected either 'step' or 'log', found both in",
        ),
        ("1..", INT, "expected a range such as '16..256 step 16' or '1e-4..1e-2 log', found '1..'"),
        ("1..5 by 2", INT, "expected a range such as"),
        ("16..x", ANY, "expected a range such as"),
    ],
)
def test_what_breaks_the_grammar_or_the_rule(value: object, rule: Rule, message: str) -> None:
    with pytest.raises(ValueError) as refused:
        parse_domain(value, rule)
    assert message in str(refused.value)


@pytest.mark.parametrize(
    "written", ["64", "3e-4", "[max, max+mean]", "true", ".1...5", "16..256 step 16", "1e-4..1 log"]
)
def test_the_grammar_is_the_same_in_yaml_and_on_the_command_line(written: str) -> None:
    in_yaml = OmegaConf.to_container(OmegaConf.create(f"x: {written}"))
    override = OverridesParser.create().parse_override(f"x={written}")
    assert isinstance(in_yaml, dict)
    assert parse_domain(in_yaml["x"], ANY) == parse_domain(override.value(), ANY)


@settings(deadline=None)
@given(all_domains)
def test_a_domain_reads_back_as_it_is_written(domain: Domain) -> None:
    value = OverridesParser.create().parse_override(f"x={domain}").value()
    assert repr(parse_domain(value, ANY)) == repr(domain)


@pytest.mark.parametrize(
    ("value", "rule", "size", "highest"),
    [
        (64, INT, 1, 64),
        ([32, 128, 64], INT, 3, 128),
        ("1..5", INT, 5, 5),
        ("16..250 step 100", INT, 3, 216),
        ("16..256 log", INT, 241, 256),
        ("0.0..0.6 step 0.1", FLOAT, 7, 0.6),
        ("0.1..0.3 step 0.2", FLOAT, 2, 0.3),
    ],
)
def test_size_and_highest_value(value: object, rule: Rule, size: float, highest: float) -> None:
    domain = parse_domain(value, rule)
    assert (domain.size, max(domain), domain.fixed) == (size, highest, size == 1)
    assert isinstance(max(domain), int) == (rule is INT)


def model_config(**changes: Any) -> ModelConfig:
    return ModelConfig(name="lstm", build="a.b", **{**VALUES, **changes})


def test_a_space_has_every_hyperparameter_and_the_builders_own() -> None:
    config = model_config(lstm_units="8..32 step 8", extra={"heads": [1, 2], "kind": "gru"})
    space = read_space(config)
    assert space["lstm_units"] == Range(8, 32, 8, False, True)
    assert space["extra.heads"] == Choices((1, 2))
    assert space["extra.kind"] == Choices(("gru",))
    assert list(space) == [*VALUES, "extra.heads", "extra.kind"]


def test_every_problem_of_a_space_is_named() -> None:
    config = model_config(lstm_units=0, dropout="0.5..2", extra={"heads": []})
    with pytest.raises(UserError) as refused:
        read_space(config)
    assert str(refused.value).splitlines() == [
        "model.lstm_units: expected a whole number from 1 to 8192, found 0.",
        "model.dropout: expected a number from 0 to 0.95, found 2.0.",
        "model.extra.heads: expected at least one choice, found an empty list.",
    ]


@pytest.mark.parametrize(
    ("texts", "value", "expected"),
    [
        (1, "auto", Choices((8,))),
        (2047, "auto", Choices((8,))),
        (2048, "auto", Choices((16,))),
        (10**6, "auto", Choices((64,))),
        (10_000, ["auto", 128], Choices((64, 128))),
        (10_000, [64, "auto"], Choices((64,))),
        (10_000, 16, Choices((16,))),
        (10_000, "8..32 step 8", Range(8, 32, 8, False, True)),
    ],
)
def test_auto_is_decided_by_the_number_of_training_texts(
    texts: int, value: object, expected: Choices | Range
) -> None:
    space = read_space(model_config(batch_size=value))
    resolved = resolve_auto(space, texts)
    assert resolved["batch_size"] == expected
    assert list(resolved) == list(space)


@pytest.mark.parametrize(
    ("changes", "size"),
    [
        ({"lstm_units": "8..32 step 8", "pooling": ["max", "mean"]}, 8),
        ({"dropout": "0.1..0.2"}, math.inf),
    ],
)
def test_a_training_without_a_search_names_what_is_searched(
    changes: dict[str, Any], size: float
) -> None:
    require_fixed(read_space(model_config(dropout="0.5..0.5", extra={"kind": "gru"})))
    space = read_space(model_config(**changes))
    assert space_size(space) == size
    with pytest.raises(UserError) as refused:
        require_fixed(space)
    assert all(f"model.{name}={space[name]}" in str(refused.value) for name in changes)
