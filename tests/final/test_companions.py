"""What answers beside the networks counts only where validation says that it helps."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.tiny_network import texts_and_labels

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
    from ecomcat.final.shares import choose_shares

    assert choose_shares([networks], answers, LABELS) == chosen


def test_networks_decide_together_by_their_mean():
    from ecomcat.final.shares import choose_shares

    # It mends one error of the one network and makes two of the other.
    mends, worsens = RIGHT.copy(), RIGHT.copy()
    mends[0] = 0.45 * RIGHT[0] + 0.55 * WRONG[0]
    worsens[1:3] = 0.55 * RIGHT[1:3] + 0.45 * WRONG[1:3]
    linear = RIGHT.copy()
    linear[1:3] = WRONG[1:3]
    assert choose_shares([mends], {"linear": linear}, LABELS) == {"linear": 0.25}
    assert choose_shares([worsens], {"linear": linear}, LABELS) == {}
    assert choose_shares([mends, worsens], {"linear": linear}, LABELS) == {}
    assert choose_shares([mends, mends, mends, worsens], {"linear": linear}, LABELS) == {
        "linear": 0.25
    }


def inputs() -> Any:
    """Return texts of three categories, whose words tell them apart, half of them validation."""
    from ecomcat.data.split import Split
    from ecomcat.model.network import lstm_classifier
    from ecomcat.tuning.workers.trial import TrialInputs

    texts, labels = texts_and_labels(180, seed=0, longest=8)
    rows = np.arange(180)
    split = Split(rows[:90], rows[90:], rows[:0])
    return TrialInputs(lstm_classifier, texts, labels, 3, split, seed=1, patience=1, max_epochs=1)


@pytest.mark.parametrize("switched_off", ["memory", "linear", "both"])
def test_those_decide_that_validation_did_not_choose(switched_off: str) -> None:
    """The networks are right everywhere, as chosen ones may look; their peers are not."""
    from ecomcat.config import FinalConfig
    from ecomcat.final.companions import choose_companions

    off = ("memory", "linear") if switched_off == "both" else (switched_off,)
    final = FinalConfig(**dict.fromkeys(off, False))
    right = np.eye(3, dtype=np.float32)[inputs().labels[90:]]
    unsure = 0.45 * right + 0.55 * np.roll(right, 1, axis=1)
    limits = {"vocabulary_size": 20, "max_tokens": 8}

    def chosen(peers: list[np.ndarray]) -> tuple[float, np.ndarray]:
        found, whole = choose_companions(
            final, inputs(), limits, right, lambda rows: [each[rows] for each in peers]
        )
        return found.networks_share, whole

    alone, whole = chosen([])
    assert alone == 1
    assert np.array_equal(whole, right)
    share, whole = chosen([unsure, unsure])
    assert share == (1 if switched_off == "both" else 0.75)
    assert (whole.argmax(axis=1) == right.argmax(axis=1)).all()
    assert np.array_equal(whole, right) == (switched_off == "both")


def test_the_networks_have_what_the_companions_leave():
    from ecomcat.final.companions import Companions

    assert Companions().networks_share == 1
    assert Companions(0.25, 0.25).networks_share == 0.5
    assert Companions(0.25, 0.25).describe() == {"memory_share": 0.25, "linear_share": 0.25}
