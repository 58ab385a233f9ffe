"""How many epochs a trial gets follows from how many texts there are, unless it is given."""

from __future__ import annotations

from typing import Any

import pytest

from ecomcat.config import SearchConfig
from ecomcat.model.space import Choices
from ecomcat.tuning.budget import decide_epochs


def decided(
    texts: int,
    batch_sizes: tuple[int, ...] = (64,),
    categories: int = 4,
    mean_words: float = 100,
    **search: Any,
) -> tuple[int, int]:
    config = decide_epochs(
        SearchConfig(**{"max_epochs": "auto", "max_batches": 730, **search}),
        {"batch_size": Choices(batch_sizes)},
        training_texts=texts,
        categories=categories,
        mean_words=mean_words,
    )
    return config.max_epochs, config.patience


@pytest.mark.parametrize(
    ("texts", "batch_sizes", "epochs", "patience"),
    [
        (9_293, (64,), 5, 2),
        (9_293, (16, 64), 5, 2),  # the largest decides
        (1_000_000, (64,), 4, 2),  # never fewer than four
        (2_548, (16,), 5, 2),
        (382, (8,), 15, 4),  # few texts: more epochs, and more patience with each
        (24, (8,), 243, 61),
    ],
)
def test_auto_aims_at_a_number_of_batches(
    texts: int, batch_sizes: tuple[int, ...], epochs: int, patience: int
) -> None:
    assert decided(texts, batch_sizes) == (epochs, patience)


@pytest.mark.parametrize(
    ("categories", "mean_words", "epochs"),
    [
        (4, 10, 5),
        (9, 10, 8),  # by the root of the number of categories
        (1_000, 1, 10),  # never more than twice as many
        (1_000, 80, 6),  # as many as cost no more than those of texts of a hundred words
        (1_000, 300, 5),
        (1_000, 0, 10),  # texts without a word
    ],
)
def test_many_categories_take_more_epochs_where_texts_are_short(
    categories: int, mean_words: float, epochs: int
) -> None:
    assert decided(9_293, categories=categories, mean_words=mean_words)[0] == epochs


def test_numbers_that_are_given_stay() -> None:
    assert decided(100, max_epochs=3, patience=7) == (3, 7)
    assert decided(100, max_epochs=40) == (40, 10)
