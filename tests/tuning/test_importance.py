"""What mattered: shares that name the hyperparameter that decides the score."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
from domains import BOOL, FLOAT, INT, NAME

from ecomcat.model.space import parse_domain
from ecomcat.tuning.draws import draw
from ecomcat.tuning.records import COMPLETED, FAILED, PRUNED, RUNNING, TrialRecord
from ecomcat.tuning.tpe import importances

SPACE = {
    "max_tokens": parse_domain(128, INT),
    "lstm_units": parse_domain("16..256 step 16", INT),
    "embedding_dim": parse_domain([128, 32, 64], INT),
    "bidirectional": parse_domain([True, False], BOOL),
    "pooling": parse_domain(["max", "mean", "last"], NAME),
    "dropout": parse_domain("0.0..0.6", FLOAT),
    "learning_rate": parse_domain("1e-4..1e-2 log", FLOAT),
}
SEARCHED = set(SPACE) - {"max_tokens"}
Score = Callable[[Mapping[str, Any]], float]


def trials(
    count: int, score: Score, *, status: str = COMPLETED, first: int = 0
) -> list[TrialRecord]:
    """Return trials drawn by chance, with the scores that follow from their values."""
    random, records = np.random.default_rng(first), []
    for number in range(first, first + count):
        values = draw(SPACE, random)
        objective = None if status == FAILED else score(values)
        records.append(TrialRecord(f"{number:04}", values, status=status, objective=objective))
    return records


def by_units(values: Mapping[str, Any]) -> float:
    return 0.5 + float(values["lstm_units"]) / 1000


@pytest.mark.parametrize(
    ("decisive", "score"),
    [
        ("lstm_units", by_units),
        ("embedding_dim", lambda values: values["embedding_dim"] / 200),
        ("bidirectional", lambda values: 0.9 if values["bidirectional"] else 0.8),
        ("pooling", lambda values: {"max": 0.9, "mean": 0.5, "last": 0.7}[values["pooling"]]),
        ("dropout", lambda values: 0.9 - abs(values["dropout"] - 0.3)),
        ("learning_rate", lambda values: 1 + math.log10(values["learning_rate"]) / 10),
    ],
)
def test_what_decides_the_score_has_the_largest_share(decisive: str, score: Score) -> None:
    shares = importances(trials(40, score), SPACE, seed=1)
    assert next(iter(shares)) == decisive
    assert shares[decisive] > 0.8


def test_of_two_that_decide_the_stronger_comes_first() -> None:
    def score(values: Mapping[str, Any]) -> float:
        return float(values["dropout"]) + (0.25 if values["bidirectional"] else 0.0)

    shares = importances(trials(40, score), SPACE, seed=1)
    assert list(shares)[:2] == ["dropout", "bidirectional"]
    assert 0.1 < shares["bidirectional"] < shares["dropout"]


@pytest.mark.parametrize("count", [8, 20])
def test_shares_of_all_that_was_searched_add_up_to_1_the_largest_first(count: int) -> None:
    noise = np.random.default_rng(3)
    shares = importances(trials(count, lambda _: noise.random()), SPACE, seed=1)
    assert set(shares) == SEARCHED
    assert sum(shares.values()) == pytest.approx(1)
    assert all(0 <= share <= 1 for share in shares.values())
    assert list(shares.values()) == sorted(shares.values(), reverse=True)


@pytest.mark.parametrize(
    "records",
    [
        pytest.param([], id="no trials"),
        pytest.param(trials(7, by_units), id="too few"),
        pytest.param(
            [
                *trials(7, by_units),
                *trials(5, by_units, status=PRUNED, first=7),
                *trials(5, by_units, status=FAILED, first=12),
                *trials(5, by_units, status=RUNNING, first=17),
            ],
            id="too few that are completed",
        ),
        pytest.param(trials(20, lambda _: 0.5), id="all the same"),
        pytest.param(trials(20, lambda _: 0.0), id="all nothing"),
    ],
)
def test_what_says_too_little_has_no_shares(records: list[TrialRecord]) -> None:
    assert importances(records, SPACE, seed=1) == {}


def test_where_nothing_was_searched_nothing_mattered() -> None:
    space = {name: parse_domain(64, INT) for name in ("lstm_units", "embedding_dim")}
    records = [
        TrialRecord(f"{number:04}", dict.fromkeys(space, 64), status=COMPLETED, objective=number)
        for number in range(10)
    ]
    assert importances(records, space, seed=1) == {}


def test_trials_that_did_not_complete_are_left_out() -> None:
    completed = trials(12, by_units)

    def against(values: Mapping[str, Any]) -> float:
        return 0.9 if values["bidirectional"] else 0.1

    others = [
        record
        for first, status in ((20, PRUNED), (40, FAILED), (60, RUNNING))
        for record in trials(20, against, status=status, first=first)
    ]
    mixed = [record for pair in zip(completed, others, strict=False) for record in pair]
    expected = importances(completed, SPACE, seed=1)
    assert expected and importances(mixed, SPACE, seed=1) == expected


def test_the_same_seed_gives_the_same_shares() -> None:
    records = trials(12, by_units)
    assert importances(records, SPACE, seed=1) == importances(records, SPACE, seed=1)
    assert importances(records, SPACE, seed=1) != importances(records, SPACE, seed=2)
