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
        (NETWORKS, {}, set()),
        (NETWORKS, {"memory": RIGHT}, {"memory"}),
        # It makes errors of what is barely right.
        (leaning(0.55, slice(0, 100)), {"memory": WRONG}, set()),
        # Each mends one half of the errors.
        (
            NETWORKS,
            {"memory": leaning(0.45, slice(0, 50)), "linear": leaning(0.45, slice(50, 100))},
            {"memory", "linear"},
        ),
        # It changes no answer.
        (RIGHT, {"memory": WRONG}, set()),
        (NETWORKS, {"memory": RIGHT, "linear": RIGHT}, {"memory"}),
    ],
)
def test_those_count_that_do_no_harm_and_change_something(networks, answers, chosen):
    from ecomcat.final.experts import choose_shares

    assert choose_shares([networks], answers, LABELS) == dict.fromkeys(chosen, 0.25)


def barely(right: slice, wrong: slice) -> np.ndarray:
    """Return right answers, of which some would be mended and some spoilt by a wrong companion."""
    answers = leaning(0.45, wrong)
    answers[right] = 0.55 * RIGHT[right] + 0.45 * WRONG[right]
    return answers


LINEAR = leaning(0, slice(100, 300))  # right on the first hundred texts alone


@pytest.mark.parametrize(
    ("mended", "spoilt", "counts"),
    [(8, 0, True), (8, 18, True), (8, 20, False), (0, 4, True), (0, 5, False), (1, 6, True)],
)
def test_one_that_harms_is_left_out_where_it_is_more_than_chance(mended, spoilt, counts):
    """Chance seldom makes a difference of more than twice the root of the changed answers."""
    from ecomcat.final.experts import choose_shares

    judge = barely(slice(100, 100 + spoilt), slice(0, mended))
    chosen = choose_shares([judge], {"linear": LINEAR}, LABELS)
    assert chosen == ({"linear": 0.25} if counts else {})


def test_networks_decide_together_by_their_mean():
    from ecomcat.final.experts import choose_shares

    mended, spoilt = barely(slice(0), slice(0, 9)), barely(slice(100, 109), slice(0))
    assert choose_shares([spoilt], {"linear": LINEAR}, LABELS) == {}
    assert choose_shares([mended, spoilt], {"linear": LINEAR}, LABELS) == {"linear": 0.25}
    assert choose_shares([mended, *[spoilt] * 4], {"linear": LINEAR}, LABELS) == {}


def test_a_rare_category_weighs_as_much_as_others():
    from ecomcat.final.experts import choose_shares

    labels = np.where(np.arange(300) < 10, 0, 1)
    right = np.eye(2, dtype=np.float32)[labels]
    judge, linear = 0.55 * right + 0.45 * right[:, ::-1], right.copy()
    judge[10:], linear[10:] = right[10:], right[10:]
    linear[:8] = right[:8, ::-1]  # it spoils most of the rare ones,
    judge[20:40] = 0.45 * right[20:40] + 0.55 * right[20:40, ::-1]  # and mends more of the others
    assert choose_shares([judge], {"linear": linear}, labels) == {}


def inputs() -> Any:
    """Return texts of three categories, whose words tell them apart, half of them validation."""
    from ecomcat.data.splitting import Split
    from ecomcat.model.network import lstm_classifier
    from ecomcat.tuning.trial import TrialInputs

    texts, labels = texts_and_labels(180, seed=0, longest=8)
    rows = np.arange(180)
    split = Split(rows[:90], rows[90:], rows[:0])
    return TrialInputs(lstm_classifier, texts, labels, 3, split, seed=1, patience=1, max_epochs=1)


@pytest.mark.parametrize("switched_off", ["memory", "linear", "both"])
def test_those_decide_that_validation_did_not_choose(switched_off: str) -> None:
    """The networks are right everywhere, as chosen ones may look; their peers are not."""
    from ecomcat.config import FinalConfig
    from ecomcat.final.experts import choose_companions

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
    assert alone == 1  # nothing is changed
    assert np.array_equal(whole, right)
    share, whole = chosen([unsure, unsure])
    assert share == (1 if switched_off == "both" else 0.75)
    assert (whole.argmax(axis=1) == right.argmax(axis=1)).all()
    assert np.array_equal(whole, right) == (switched_off == "both")


def test_the_networks_have_what_the_companions_leave():
    from ecomcat.final.experts import Companions

    assert Companions().networks_share == 1
    assert Companions(0.25, 0.25).networks_share == 0.5
    assert Companions(0.25, 0.25).describe() == {"memory_share": 0.25, "linear_share": 0.25}
