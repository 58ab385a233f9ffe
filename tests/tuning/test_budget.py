"""How long trials and the final training are follows from how many texts there are."""

from __future__ import annotations

from typing import Any

import pytest

from ecomcat.config import SearchConfig
from ecomcat.errors import UserError
from ecomcat.model.space import Choices
from ecomcat.tuning.budget import FinalTraining, decide_epochs, plan_final_training
from ecomcat.tuning.records import TrialRecord


def search_of(texts: int, **options: Any) -> SearchConfig:
    data = {"categories": 4, "mean_words": 100.0}
    data |= {name: options.pop(name) for name in data if name in options}
    space = {"batch_size": Choices(options.pop("batch_sizes", (64,)))}
    limits = {"max_epochs": "auto", "max_batches": 730, "max_minutes": 6.5}
    search = SearchConfig(**{**limits, **options})
    return decide_epochs(search, space, training_texts=texts, **data)


@pytest.mark.parametrize(
    ("texts", "options", "epochs", "patience"),
    [
        (9_293, {}, 5, 2),
        (9_293, {"batch_sizes": (16, 64)}, 5, 2),  # the largest decides
        (1_000_000, {"fidelity": "epochs"}, 4, 2),  # never fewer than four
        (2_548, {"batch_sizes": (16,)}, 5, 2),
        # Few texts: more epochs, and more patience with each.
        (382, {"batch_sizes": (8,)}, 15, 4),
        (24, {"batch_sizes": (8,)}, 243, 61),
        # Many categories take more epochs where texts are short: by the root of their number,
        # never more than twice as many (of hundreds of categories: four times), and as cost no
        # more than those of a hundred words.
        (9_293, {"mean_words": 10}, 5, 2),
        (9_293, {"categories": 9, "mean_words": 10}, 8, 2),
        (9_293, {"categories": 250, "mean_words": 1}, 10, 2),
        (9_293, {"categories": 1_000, "mean_words": 1}, 20, 5),
        (9_293, {"categories": 1_000, "mean_words": 40}, 12, 3),
        (9_293, {"categories": 1_000, "mean_words": 80}, 6, 2),
        (9_293, {"categories": 1_000, "mean_words": 300}, 5, 2),
        (9_293, {"categories": 1_000, "mean_words": 0}, 20, 5),
        # Numbers that are given stay.
        (100, {"max_epochs": 3, "patience": 7}, 3, 7),
        (100, {"max_epochs": 40}, 40, 10),
    ],
)
def test_auto_aims_at_a_number_of_batches(
    texts: int, options: dict[str, Any], epochs: int, patience: int
) -> None:
    found = search_of(texts, **options)
    assert (found.max_epochs, found.patience) == (epochs, patience)


@pytest.mark.parametrize(
    ("texts", "options", "part", "epochs"),
    [
        (23_360, {}, None, 4),  # two epochs of all are as many batches as a trial may take
        (23_361, {}, 3_894, 12),
        (1_000_000, {}, 7_808, 6),
        (1_000_000, {"categories": 3_000, "mean_words": 10}, 15_616, 6),  # not four times
        (1_000_000, {"fidelity": "rows"}, 7_808, 6),
        (1_000_000, {"fidelity": "epochs"}, None, 4),
        (1_000_000, {"max_epochs": 3}, None, 3),  # of all texts, as it was asked for
        (1_000_000, {"max_epochs": 3, "fidelity": "rows"}, 7_808, 3),
        (1_000_000, {"epoch_texts": 64_000}, 64_000, 4),
        (1_000, {"epoch_texts": 64_000}, None, 46),
        (600, {"fidelity": "rows"}, 100, 365),
    ],
)
def test_an_epoch_reads_a_part_where_all_rows_are_too_many(
    texts: int, options: dict[str, Any], part: int | None, epochs: int
) -> None:
    found = search_of(texts, **options)
    assert (found.epoch_texts, found.max_epochs) == (part, epochs)


def test_how_long_all_of_it_takes_is_said_beforehand(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO", "ecomcat"):
        search_of(750_000, retrain_minutes=5)
    assert "6.5 minutes of trials, and 5 for a final training" in caplog.text
    assert "some 20 in all" in caplog.text


def test_more_categories_than_a_network_can_be_trained_for_are_refused() -> None:
    assert search_of(1_000_000, categories=20_000).max_epochs == 6
    with pytest.raises(UserError, match=r"at most 20,000 categories, found 100,000.*parents"):
        search_of(1_000_000, categories=100_000)


@pytest.mark.parametrize(
    ("rows", "options", "expected"),
    [
        # A trial of all 800 texts took 8 seconds an epoch: 0.01 a text.
        (1_000, {}, FinalTraining(5, None, 1_000, 50.0)),
        (1_000, {"retrain_minutes": 0.5}, FinalTraining(3, None, 1_000, 30.0)),
        (1_000, {"retrain_minutes": 0.1}, FinalTraining(1, 600, 600, 6.0)),
        (1_000, {"schedule": "constant"}, FinalTraining(2, None, 1_000, 20.0)),
        (1_000, {"seconds": 0.0}, FinalTraining(5, None, 1_000, 0.0)),
        # Epochs of 100 texts: as many as read all rows four times, or as fit.
        (1_000, {"epoch_texts": 100, "seconds": 3.0}, FinalTraining(40, 100, 1_000, 40.0)),
        (
            1_000,
            {"epoch_texts": 100, "seconds": 3.0, "retrain_minutes": 0.1},
            FinalTraining(6, 100, 600, 6.0),
        ),
    ],
)
def test_a_final_training_reads_as_many_rows_as_fit(
    rows: int, options: dict[str, Any], expected: FinalTraining
) -> None:
    values = {"learning_rate_schedule": options.pop("schedule", "linear")}
    best = TrialRecord("0000", values, epochs=3, best_epoch=2, seconds=options.pop("seconds", 24.0))
    search = SearchConfig(**{"max_minutes": 10.0, **options})
    found = plan_final_training(search, best, max_epochs=5, training_texts=800, rows=rows)
    assert found == expected


@pytest.mark.parametrize(("epoch_texts", "texts"), [(100, 200), (None, 1_000), (600, 1_000)])
def test_of_a_final_training_that_ended_early_it_is_told_what_it_read(
    epoch_texts: int | None, texts: int
) -> None:
    found = FinalTraining(5, epoch_texts, 1_000, 9.0).until(2, rows=1_000)
    assert (found.epochs, found.texts) == (2, texts)
