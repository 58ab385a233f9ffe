"""How many epochs a trial gets follows from how many texts there are, unless it is given."""

from __future__ import annotations

from typing import Any

import pytest

from ecomcat.config import SearchConfig
from ecomcat.model.space import Choices
from ecomcat.tuning.budget import decide_epochs


def decided(texts: int, **options: Any) -> tuple[int, int]:
    data = {"categories": 4, "mean_words": 100.0}
    data |= {name: options.pop(name) for name in data if name in options}
    space = {"batch_size": Choices(options.pop("batch_sizes", (64,)))}
    search = SearchConfig(**{"max_epochs": "auto", "max_batches": 730, **options})
    config = decide_epochs(search, space, training_texts=texts, **data)
    return config.max_epochs, config.patience


@pytest.mark.parametrize(
    ("texts", "options", "epochs", "patience"),
    [
        (9_293, {}, 5, 2),
        (9_293, {"batch_sizes": (16, 64)}, 5, 2),  # the largest decides
        (1_000_000, {}, 4, 2),  # never fewer than four
        (2_548, {"batch_sizes": (16,)}, 5, 2),
        # Few texts: more epochs, and more patience with each.
        (382, {"batch_sizes": (8,)}, 15, 4),
        (24, {"batch_sizes": (8,)}, 243, 61),
        # Many categories take more epochs where texts are short: by the root of their number,
        # never more than twice as many, and as cost no more than those of a hundred words.
        (9_293, {"mean_words": 10}, 5, 2),
        (9_293, {"categories": 9, "mean_words": 10}, 8, 2),
        (9_293, {"categories": 1_000, "mean_words": 1}, 10, 2),
        (9_293, {"categories": 1_000, "mean_words": 80}, 6, 2),
        (9_293, {"categories": 1_000, "mean_words": 300}, 5, 2),
        (9_293, {"categories": 1_000, "mean_words": 0}, 10, 2),
        # Numbers that are given stay.
        (100, {"max_epochs": 3, "patience": 7}, 3, 7),
        (100, {"max_epochs": 40}, 40, 10),
    ],
)
def test_auto_aims_at_a_number_of_batches(
    texts: int, options: dict[str, Any], epochs: int, patience: int
) -> None:
    assert decided(texts, **options) == (epochs, patience)
