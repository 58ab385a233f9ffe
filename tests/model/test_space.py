"""The space of a model: its hyperparameters, its size, and what the data decides of it."""

from __future__ import annotations

import math
from typing import Any

import pytest

from ecomcat.config import ModelConfig
from ecomcat.errors import UserError
from ecomcat.model.space import Choices, Range, fixed_values, read_space, resolve_auto, space_size


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
