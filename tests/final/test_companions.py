"""What answers beside the networks counts only where validation says that it helps."""

from __future__ import annotations

import numpy as np
import pytest

pytestmark = pytest.mark.slow

LABELS = np.arange(300) % 3
RIGHT = np.eye(3, dtype=np.float32)[LABELS]
WRONG = np.eye(3, dtype=np.float32)[(LABELS + 1) % 3]


def leaning(right_share: float, rows: slice) -> np.ndarray:
    """Return sure and right answers, but for some rows, which lean to the wrong class."""
    answers = RIGHT.copy()
    answers[rows] = right_share * RIGHT[rows] + (1 - right_share) * WRONG[rows]
    return answers


# The networks err on a third of the texts, and by so little that any companion mends it.
NETWORKS = leaning(0.45, slice(0, 100))


@pytest.mark.parametrize(
    ("networks", "answers", "chosen"),
    [
        (NETWORKS, {}, {}),
        (RIGHT, {"memory": WRONG}, {}),
        (NETWORKS, {"memory": RIGHT}, {"memory": 0.25}),
        (NETWORKS, {"memory": WRONG, "linear": RIGHT}, {"linear": 0.25}),
        # Each mends one half of the errors.
        (
            NETWORKS,
            {"memory": leaning(0.45, slice(0, 50)), "linear": leaning(0.45, slice(50, 100))},
            {"memory": 0.25, "linear": 0.25},
        ),
        # The second mends nothing more.
        (NETWORKS, {"memory": RIGHT, "linear": RIGHT}, {"memory": 0.25}),
    ],
)
def test_those_count_that_make_the_whole_better(networks, answers, chosen):
    from ecomcat.final.companions import choose_shares

    assert choose_shares([networks], answers, LABELS) == chosen


def test_networks_decide_together():
    from ecomcat.final.companions import choose_shares

    helped = choose_shares([RIGHT, NETWORKS], {"linear": leaning(0.45, slice(0, 2))}, LABELS)
    assert helped == {"linear": 0.25}
    assert choose_shares([RIGHT, RIGHT], {"linear": WRONG}, LABELS) == {}


def test_the_networks_have_what_the_companions_leave():
    from ecomcat.final.companions import Companions

    assert Companions().networks_share == 1
    assert Companions(0.25, 0.25).networks_share == 0.5
    assert Companions(0.25, 0.25).describe() == {"memory_share": 0.25, "linear_share": 0.25}
