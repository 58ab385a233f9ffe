"""Experts answer beside the networks only where validation says that they do no harm."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.tiny_network import texts_and_labels

pytestmark = pytest.mark.slow

LABELS = np.arange(300) % 3
RIGHT = np.eye(3, dtype=np.float32)[LABELS]
WRONG = np.eye(3, dtype=np.float32)[(LABELS + 1) % 3]


def leaning(right: float, rows: slice) -> np.ndarray:
    """Return certain and right answers, but for some rows, which lean to the wrong class."""
    answers = RIGHT.copy()
    answers[rows] = right * RIGHT[rows] + (1 - right) * WRONG[rows]
    return answers


def barely(right: slice, wrong: slice) -> np.ndarray:
    """Return right answers, of which a wrong expert would correct some and spoil others."""
    answers = leaning(0.45, wrong)
    answers[right] = 0.55 * RIGHT[right] + 0.45 * WRONG[right]
    return answers


# The networks err on a third of the texts, and by so little that any expert corrects it.
NETWORKS = leaning(0.45, slice(0, 100))
LINEAR = leaning(0, slice(100, 300))  # right on the first hundred texts alone


def mostly_right(corrected: int, spoilt: int) -> np.ndarray:
    """Return a network's answers, of which the linear expert corrects some and spoils others."""
    return barely(slice(100, 100 + spoilt), slice(0, corrected))


CORRECTED, SPOILT = mostly_right(9, 0), mostly_right(0, 9)
HALVES = {"memory": leaning(0.45, slice(0, 50)), "linear": leaning(0.45, slice(50, 100))}


@pytest.mark.parametrize(
    ("networks", "answers", "useful"),
    [
        ([NETWORKS], {"memory": RIGHT}, ["memory"]),
        ([leaning(0.55, slice(0, 100))], {"memory": WRONG}, []),
        ([NETWORKS], HALVES, ["memory", "linear"]),  # each corrects one half
        ([NETWORKS], {"memory": RIGHT, "linear": RIGHT}, ["memory"]),  # one is enough
        ([SPOILT], {"linear": LINEAR}, []),
        ([CORRECTED, SPOILT], {"linear": LINEAR}, ["linear"]),  # the mean of two networks
        ([CORRECTED, *[SPOILT] * 4], {"linear": LINEAR}, []),
        # Chance seldom makes a difference of more than twice the root of the changed answers.
        ([mostly_right(8, 0)], {"linear": LINEAR}, ["linear"]),
        ([mostly_right(8, 18)], {"linear": LINEAR}, ["linear"]),
        ([mostly_right(8, 20)], {"linear": LINEAR}, []),
        ([mostly_right(0, 4)], {"linear": LINEAR}, ["linear"]),
        ([mostly_right(0, 5)], {"linear": LINEAR}, []),
        ([mostly_right(1, 6)], {"linear": LINEAR}, ["linear"]),
    ],
)
def test_experts_are_useful_that_do_no_harm_and_change_something(networks, answers, useful):
    from ecomcat.final.choice import useful_experts

    assert list(useful_experts(networks, answers, LABELS)) == useful


def test_a_rare_category_weighs_as_much_as_others():
    from ecomcat.final.choice import useful_experts

    labels = np.where(np.arange(300) < 10, 0, 1)
    right = np.eye(2, dtype=np.float32)[labels]
    network, linear = 0.55 * right + 0.45 * right[:, ::-1], right.copy()
    network[10:], linear[10:] = right[10:], right[10:]
    linear[:8] = right[:8, ::-1]  # it spoils most of the rare ones,
    network[20:40] = 0.45 * right[20:40] + 0.55 * right[20:40, ::-1]  # and corrects more others
    assert useful_experts([network], {"linear": linear}, labels) == ()


def inputs() -> Any:
    """Return texts of three categories, whose words tell them apart, half of them validation."""
    from ecomcat.data.splitting import Split
    from ecomcat.model.network import lstm_classifier
    from ecomcat.tuning.trial import TrialInputs

    texts, labels = texts_and_labels(180, seed=0, longest=8)
    rows = np.arange(180)
    split = Split(rows[:90], rows[90:], rows[:0])
    return TrialInputs(lstm_classifier, texts, labels, 3, split, seed=1, patience=1, max_epochs=1)


@pytest.mark.parametrize("chosen", [["linear"], ["memory"], []])
def test_experts_that_are_asked_for_are_fitted_and_chosen_beside_networks_that_err(
    chosen: list[str],
) -> None:
    from ecomcat.config import FinalConfig
    from ecomcat.final.choice import choose_experts
    from ecomcat.final.experts import TextLimits

    final = FinalConfig({}, memory="memory" in chosen, linear="linear" in chosen)
    right = np.eye(3, dtype=np.float32)[inputs().labels[90:]]
    unsure = 0.45 * right + 0.55 * np.roll(right, 1, axis=1)
    for networks, expected in (([right], []), ([unsure, unsure], chosen)):
        experts = choose_experts(final, inputs(), TextLimits(20, 8), np.arange(90), networks)
        assert all(answers.shape == (90, 3) for answers in experts.values())
        assert [expert.name for expert in experts] == expected
