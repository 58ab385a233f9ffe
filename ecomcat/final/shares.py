"""How much each companion of the networks counts: a quarter, or nothing."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from ecomcat.final.selection import mix

SHARE = 0.25  # that each has of the whole
_NEAR = (0.2, 0.25, 0.3)  # shares that decide together whether one harms
_CHANCE = 2  # standard errors


def choose_shares(
    judges: Sequence[NDArray[np.float32]],
    answers: Mapping[str, NDArray[np.float32]],
    labels: NDArray[np.int64],
) -> dict[str, float]:
    """Decide which companions count, on validation texts that none of them has seen.

    All do unless the judges do better with fewer by more than chance: what answers in another way
    mostly helps a little, less than some thousand texts can show (benchmarks/README.md). For the
    same reason how much one counts is fixed.

    Args:
        judges: probabilities of networks, each of shape `(texts, classes)`.
        answers: the same of each companion.
        labels: class numbers, shape `(texts,)`.

    Returns:
        `SHARE` for each of those that count; the fewest where the others change nothing.
    """
    sizes = range(len(answers) + 1)
    sets = [names for size in sizes for names in itertools.combinations(answers, size)]
    right = {names: _right(judges, [answers[name] for name in names], labels) for names in sets}
    # Each class weighs the same, as in macro-F1.
    texts_of_class = np.bincount(labels)
    weights = 1 / (texts_of_class[labels] * np.count_nonzero(texts_of_class))
    every = tuple(answers)
    best, most = every, 0.0
    for names in sets:
        differences = right[names] - right[every]
        gain = float(weights @ differences)
        if gain > max(most, _CHANCE * float(np.linalg.norm(weights * differences))):
            best, most = names, gain
    same = (names for names in sets if np.array_equal(right[names], right[best]))
    return dict.fromkeys(next(same), SHARE)


def _right(
    judges: Sequence[NDArray[np.float32]],
    chosen: Sequence[NDArray[np.float32]],
    labels: NDArray[np.int64],
) -> NDArray[np.float64]:
    """Return how often each text's answer is right, over judges and shares near the usual one."""
    mixes = [mixed(judge, chosen, share).argmax(axis=1) for judge in judges for share in _NEAR]
    found: NDArray[np.float64] = np.mean([each == labels for each in mixes], axis=0)
    return found


def mixed(
    networks: NDArray[np.float32], chosen: Sequence[NDArray[np.float32]], share: float
) -> NDArray[np.float32]:
    """Return a weighted mean: each of the chosen has a share, the networks have the rest."""
    return mix([(networks, 1 - share * len(chosen)), *((each, share) for each in chosen)])
