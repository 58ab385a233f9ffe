"""How many epochs a trial gets follows from how many texts there are, unless it is given."""

from __future__ import annotations

import time
from typing import Any

import pytest

from ecomcat.config import SearchConfig
from ecomcat.model.domains import Choices
from ecomcat.tuning.oracles.budget import Budget, decide_epochs


def decided(texts: int, batch_sizes: tuple[int, ...] = (64,), **search: Any) -> tuple[int, int]:
    given: dict[str, Any] = {"max_epochs": "auto", "max_batches": 730, **search}
    config = decide_epochs(SearchConfig(**given), {"batch_size": Choices(batch_sizes)}, texts)
    return config.max_epochs, config.patience


@pytest.mark.parametrize(
    ("texts", "batch_size", "epochs", "patience"),
    [
        (9_293, 64, 5, 2),
        (1_000_000, 64, 4, 2),  # never fewer than four
        (2_548, 16, 5, 2),
        (382, 8, 15, 4),  # few texts: more epochs, and more patience with each
        (24, 8, 243, 61),
    ],
)
def test_auto_aims_at_a_number_of_batches(
    texts: int, batch_size: int, epochs: int, patience: int
) -> None:
    assert decided(texts, (batch_size,)) == (epochs, patience)


def test_numbers_that_are_given_stay() -> None:
    assert decided(100, max_epochs=3, patience=7) == (3, 7)
    assert decided(100, max_epochs=40) == (40, 10)


def test_among_several_batch_sizes_the_largest_decides() -> None:
    assert decided(9_293, (16, 64)) == decided(9_293, (64,))


def test_a_budget_is_spent_by_trials_or_by_time() -> None:
    assert not Budget(3).spent(2)
    assert Budget(3).spent(3)
    assert Budget(3, deadline=time.monotonic()).spent(0)
