"""The search space: the grammar of a domain, its size, and what the data decides of it."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import given, settings
from hypothesis import strategies as st
from omegaconf import OmegaConf

from ecomcat.config import ModelConfig
from ecomcat.errors import UserError
from ecomcat.model.space import (
    Choices,
    Range,
    fixed_values,
    parse_domain,
    read_space,
    resolve_auto,
    space_size,
)
from ecomcat.options import Rule

INT = Rule("int", 1, 1000)
FLOAT = Rule("float", 0.0, 1.0)
BOOL = Rule("bool")
NAME = Rule("name", names=("last", "max", "mean"))
JOINED = Rule("name", names=("last", "max", "mean"), joined=True, none=True)
AUTO_INT = Rule("int", 1, 1000, auto=True)
ANY = Rule("any")


@pytest.mark.parametrize(
    ("value", "rule", "expected"),
    [
        (64, INT, Choices((64,))),
        (64.0, INT, Choices((64,))),
        (1, FLOAT, Choices((1.0,))),
        (True, BOOL, Choices((True,))),
        ("max", NAME, Choices(("max",))),
        ("max+mean", JOINED, Choices(("max+mean",))),
        ("none", JOINED, Choices(("none",))),
        ("auto", AUTO_INT, Choices(("auto",))),
        ([32, 64, 128], INT, Choices((32, 64, 128))),
        ((64, 32), INT, Choices((64, 32))),
        ([64, 32, 64], INT, Choices((64, 32))),
        ([0, 0.0, 0.5], FLOAT, Choices((0.0, 0.5))),
        ([True, False], BOOL, Choices((True, False))),
        (["auto", 32], AUTO_INT, Choices(("auto", 32))),
        (["max", "max+mean"], JOINED, Choices(("max", "max+mean"))),
        ([3, 0.5, 1], ANY, Choices((3.0, 0.5, 1.0))),
        ("1..5", INT, Range(1, 5, 1, False, True)),
        (" 1 .. 5 ", INT, Range(1, 5, 1, False, True)),
        ("16..256 step 16", INT, Range(16, 256, 16, False, True)),
        ("16..256 log", INT, Range(16, 256, None, True, True)),
        ("1e1..1e2", INT, Range(10, 100, 1, False, True)),
        ("0.0..0.6", FLOAT, Range(0.0, 0.6, None, False, False)),
        ("0..1", FLOAT, Range(0.0, 1.0, None, False, False)),
        (".1...5", FLOAT, Range(0.1, 0.5, None, False, False)),
        ("0.1...5 step .1", FLOAT, Range(0.1, 0.5, 0.1, False, False)),
        ("1e-4..1e-2 log", FLOAT, Range(1e-4, 1e-2, None, True, False)),
        ("1E-4..1.E-2 log", FLOAT, Range(1e-4, 1e-2, None, True, False)),
        ("-5..5", ANY, Range(-5, 5, 1, False, True)),
        ("-0.5..5", ANY, Range(-0.5, 5, None, False, False)),
        ("1e-3..1", ANY, Range(1e-3, 1, None, False, False)),
        ("7..7", INT, Choices((7,))),
        ("0.5..0.5", FLOAT, Choices((0.5,))),
    ],
)
def test_what_a_domain_may_be(value: object, rule: Rule, expected: Choices | Range) -> None:
    domain = parse_domain(value, rule)
    assert domain == expected
    kinds = [type(number) for number in getattr(domain, "values", ())]
    assert kinds == [type(number) for number in getattr(expected, "values", ())]


@pytest.mark.parametrize(
    ("value", "rule", "message"),
    [
        (0, INT, "expected a whole number from 1 to 1000, found 0"),
        (1.5, INT, "expected a whole number from 1 to 1000, found 1.5"),
        ("64", INT, "expected a whole number from 1 to 1000, found '64'"),
        (True, INT, "expected a whole number from 1 to 1000, found True"),
        (math.inf, INT, "expected a whole number from 1 to 1000, found inf"),
        pytest.param(
            10**400, INT, "expected a whole number from 1 to 1000, found 1000", id="400 digits"
        ),
        ("auto", INT, "expected a whole number from 1 to 1000, found 'auto'"),
        ("automatic", AUTO_INT, "expected a whole number from 1 to 1000 or auto, found"),
        (-0.1, FLOAT, "expected a number from 0 to 1, found -0.1"),
        (math.nan, FLOAT, "expected a number from 0 to 1, found nan"),
        (1, BOOL, "expected true or false, found 1"),
        ("min", NAME, "expected one of last, max, mean, found 'min'"),
        ("none", NAME, "expected one of last, max, mean, found 'none'"),
        ("max+mean", NAME, "expected one of last, max, mean, found 'max+mean'"),
        ("max+max", JOINED, "mean, none, or several joined by '+', found 'max+max'"),
        ("max+none", JOINED, "mean, none, or several joined by '+', found 'max+none'"),
        ("max..mean", NAME, "expected one of last, max, mean, found 'max..mean'"),
        (None, ANY, "expected a number, a word, true or false, found None"),
        ([3, "word"], ANY, "expected choices of one kind"),
        ([1, True], ANY, "expected choices of one kind"),
        ([], INT, "expected at least one choice, found an empty list"),
        ([1, True], INT, "expected a whole number from 1 to 1000, found True"),
        ([1, [2]], INT, "expected a whole number from 1 to 1000, found [2]"),
        (["1..5"], INT, "expected a whole number from 1 to 1000, found '1..5'"),
        ("0..5", INT, "expected a whole number from 1 to 1000, found 0"),
        ("1.5..5", INT, "expected whole numbers, found '1.5'"),
        ("1..5 step 0.5", INT, "expected whole numbers, found '0.5'"),
        ("1e999..2", INT, "expected whole numbers, found '1e999'"),
        ("5..1", INT, "expected the smaller number first, found '5..1': write 1..5"),
        ("1...5", FLOAT, "expected the smaller number first, found '1...5'"),
        ("1..5 step 0", INT, "expected a step between 0 and 4, found '1..5 step 0'"),
        ("1..5 step 9", INT, "expected a step between 0 and 4, found '1..5 step 9'"),
        ("0..1 log", FLOAT, "expected a log range above 0, found '0..1 log'"),
        (
            "1..9 step 2 log",
            INT,
            "expected either 'step' or 'log', found both in '1..9 step 2 log'",
        ),
        ("1..", INT, "expected a range such as '16..256 step 16' or '1e-4..1e-2 log', found '1..'"),
        ("..5", INT, "expected a range such as"),
        ("1..5 by 2", INT, "expected a range such as"),
        ("1..5step 2", INT, "expected a range such as"),
        ("1..2..3", INT, "expected a range such as"),
        ("nan..1", FLOAT, "expected a range such as"),
        ("16..x", ANY, "expected a range such as"),
    ],
)
def test_what_breaks_the_grammar_or_the_rule(value: object, rule: Rule, message: str) -> None:
    with pytest.raises(ValueError) as refused:
        parse_domain(value, rule)
    assert message in str(refused.value)


@pytest.mark.parametrize(
    "written",
    [
        "64",
        "3e-4",
        "[32, 64, 128]",
        "[max, max+mean]",
        "true",
        "auto",
        "1..5",
        ".1...5",
        "0.0..0.6",
        "16..256 step 16",
        "1e-4..1e-2 log",
    ],
)
def test_the_grammar_is_the_same_in_yaml_and_on_the_command_line(written: str) -> None:
    in_yaml = OmegaConf.to_container(OmegaConf.create(f"x: {written}"))
    override = OverridesParser.create().parse_override(f"x={written}")
    assert isinstance(in_yaml, dict)
    assert parse_domain(in_yaml["x"], ANY) == parse_domain(override.value(), ANY)


def round_trip(domain: Choices | Range, rule: Rule) -> Choices | Range:
    """Read a domain again as it would be read from the command line."""
    value = OverridesParser.create().parse_override(f"x={domain}").value()
    return parse_domain(value, rule)


def ranges(numbers: Any, whole: bool) -> Any:
    """Return ranges of all forms between two of the numbers."""

    def between(ends: list[Any]) -> Any:
        low, high = sorted(ends)
        least = 1 if whole else (high - low) / 100
        steps = st.integers(least, high - low) if whole else st.floats(least, high - low)
        stepped = steps.map(lambda step: Range(low, high, step, False, whole))
        plain = Range(low, high, 1 if whole else None, False, whole)
        return stepped | st.sampled_from([plain, Range(low, high, None, True, whole)])

    return st.lists(numbers, min_size=2, max_size=2, unique=True).flatmap(between)


WHOLE, REAL = st.integers(1, 10_000_000), st.floats(1e-7, 1.0)
DOMAINS = {
    "whole range": (Rule("int", 1, 10_000_000), ranges(WHOLE, True)),
    "real range": (FLOAT, ranges(REAL, False)),
    "whole numbers": (Rule("int", 1, 10_000_000), st.lists(WHOLE, min_size=1)),
    "real numbers": (FLOAT, st.lists(REAL, min_size=1)),
    "true and false": (BOOL, st.lists(st.booleans(), min_size=1)),
    "words": (JOINED, st.lists(st.sampled_from(["last", "max+mean", "none"]), min_size=1)),
}


@pytest.mark.parametrize(("rule", "domains"), DOMAINS.values(), ids=DOMAINS)
@settings(deadline=None)
@given(st.data())
def test_a_domain_reads_back_as_it_is_written(
    rule: Rule, domains: Any, data: st.DataObject
) -> None:
    drawn = data.draw(domains)
    domain = drawn if isinstance(drawn, Range) else parse_domain(drawn, rule)
    assert round_trip(domain, rule) == domain


@pytest.mark.parametrize("written", ["0.5..5.5 step 1", "0.0..5.0", "0.0..1.0 step 1.0", "1..9"])
def test_a_range_of_any_numbers_reads_back_as_it_is_written(written: str) -> None:
    domain = parse_domain(written, ANY)
    assert round_trip(domain, ANY) == domain


@pytest.mark.parametrize(
    ("value", "rule", "size", "highest", "fixed"),
    [
        (64, INT, 1, 64, True),
        ([32, 128, 64], INT, 3, 128, False),
        ("1..5", INT, 5, 5, False),
        ("16..256 step 16", INT, 16, 256, False),
        ("16..250 step 100", INT, 3, 216, False),
        ("16..256 log", INT, 241, 256, False),
        ("0.0..0.6 step 0.1", FLOAT, 7, 0.6, False),
        ("0.0..0.6", FLOAT, math.inf, 0.6, False),
        ("1e-4..1e-2 log", FLOAT, math.inf, 1e-2, False),
        ("7..7", INT, 1, 7, True),
    ],
)
def test_size_and_highest_value(
    value: object, rule: Rule, size: float, highest: float, fixed: bool
) -> None:
    domain = parse_domain(value, rule)
    assert (domain.size, domain.highest, domain.fixed) == (size, pytest.approx(highest), fixed)
    assert isinstance(domain.highest, int) == (rule is INT)


@pytest.mark.parametrize(
    ("text", "kind"),
    [("16..64 step 16", int), ("16..64", int), ("1e1..2e1", float), ("1..2.5", float)],
)
def test_a_builders_own_range_is_whole_when_its_numbers_are(text: str, kind: type) -> None:
    domain = parse_domain(text, ANY)
    assert isinstance(domain, Range)
    assert {type(domain.low), type(domain.high)} == {kind}


@pytest.mark.parametrize("text", ["0.1..0.3 step 0.2", "0.01..0.03 step 0.02", "0.0..1.0 step 1"])
def test_a_step_may_be_as_wide_as_its_range(text: str) -> None:
    assert parse_domain(text, FLOAT).size == 2


def model_config(**changes: Any) -> ModelConfig:
    values: dict[str, Any] = {
        "vocabulary_size": 5000,
        "max_tokens": 250,
        "lstm_tokens": 250,
        "embedding_dim": 64,
        "lstm_units": 32,
        "lstm_layers": 1,
        "bidirectional": True,
        "pooling": "max+mean",
        "embedding_pooling": "none",
        "word_dropout": 0.0,
        "spatial_dropout": 0.2,
        "dropout": 0.5,
        "learning_rate": 1e-3,
        "learning_rate_schedule": "constant",
        "batch_size": "auto",
        "label_smoothing": 0.0,
    }
    return ModelConfig(name="lstm", build="a.b", **{**values, **changes})


def test_a_space_has_every_hyperparameter_and_the_builders_own() -> None:
    config = model_config(lstm_units="8..32 step 8", extra={"heads": [1, 2], "kind": "gru"})
    space = read_space(config)
    assert space["lstm_units"] == Range(8, 32, 8, False, True)
    assert space["batch_size"] == Choices(("auto",))
    assert space["extra.heads"] == Choices((1, 2))
    assert space["extra.kind"] == Choices(("gru",))
    others = {"name", "build", "extra"}
    named = [name for name in vars(config) if name not in others]
    assert list(space) == [*named, "extra.heads", "extra.kind"]


def test_every_problem_of_a_space_is_named() -> None:
    config = model_config(lstm_units=0, dropout="0.5..2", extra={"heads": []})
    with pytest.raises(UserError) as refused:
        read_space(config)
    assert str(refused.value).splitlines() == [
        "model.lstm_units: expected a whole number from 1 to 8192, found 0.",
        "model.dropout: expected a number from 0 to 0.95, found 2.0.",
        "model.extra.heads: expected at least one choice, found an empty list.",
    ]


def test_the_size_of_a_space_is_the_product_of_its_domains() -> None:
    config = model_config(lstm_units=[8, 16], max_tokens="1..5", batch_size=[8, 16, 32])
    assert space_size(read_space(config)) == 30
    assert space_size(read_space(model_config(dropout="0.1..0.2"))) == math.inf
    assert space_size(read_space(model_config())) == 1


@pytest.mark.parametrize(
    ("texts", "batch_size"),
    [(1, 8), (1024, 8), (2047, 8), (2048, 16), (4096, 32), (8191, 32), (8192, 64), (10**6, 64)],
)
def test_auto_is_decided_by_the_number_of_training_texts(texts: int, batch_size: int) -> None:
    space = read_space(model_config(batch_size="auto"))
    resolved = resolve_auto(space, texts)
    assert resolved["batch_size"] == Choices((batch_size,))
    assert list(resolved) == list(space)
    assert space["batch_size"] == Choices(("auto",))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (["auto", 128], Choices((64, 128))),
        ([64, "auto"], Choices((64,))),
        (16, Choices((16,))),
        ("8..32 step 8", Range(8, 32, 8, False, True)),
    ],
)
def test_auto_may_be_one_of_several(value: object, expected: Choices | Range) -> None:
    space = read_space(model_config(batch_size=value))
    assert resolve_auto(space, 10_000)["batch_size"] == expected


def test_a_space_without_a_choice_gives_its_values() -> None:
    values = fixed_values(read_space(model_config(dropout="0.5..0.5", extra={"kind": "gru"})))
    expected = vars(model_config()) | {"extra.kind": "gru"}
    assert values == {name: expected[name] for name in values}
    assert values["dropout"] == 0.5
    assert values["extra.kind"] == "gru"
    assert len(values) == 17


def test_fixed_values_name_what_is_open() -> None:
    space = read_space(model_config(lstm_units="8..32 step 8", pooling=["max", "mean"]))
    with pytest.raises(UserError) as refused:
        fixed_values(space)
    message = str(refused.value)
    assert "model.lstm_units=8..32 step 8, model.pooling=[max, mean]" in message
    assert "model.dropout" not in message and "ecomcat.search" in message
