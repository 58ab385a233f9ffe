"""How much each companion of the networks counts: a quarter, or nothing."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from ecomcat.model.scores import macro_f1

SHARE = 0.25  # that each has of the whole
_NEAR = (0.2, 0.25, 0.3)  # shares that decide together whether one helps


def choose_shares(
    judges: Sequence[NDArray[np.float32]],
    answers: Mapping[str, NDArray[np.float32]],
    labels: NDArray[np.int64],
) -> dict[str, float]:
    """Decide which companions count, on validation texts that none of them has seen.

    How much one counts is fixed: chosen freely on some thousand texts it follows their chance, and
    does worse on others than a quarter does (benchmarks/README.md).

    Args:
        judges: probabilities of networks, each of shape `(texts, classes)`.
        answers: the same of each companion.
        labels: class numbers, shape `(texts,)`.

    Returns:
        `SHARE` for each of those with which the judges' macro-F1 is best on average, fewer where
        more are no better.
    """
    classes = judges[0].shape[1]

    def score(names: tuple[str, ...]) -> float:
        chosen = [answers[name] for name in names]
        mixes = (mixed(judge, chosen, share) for judge in judges for share in _NEAR)
        return float(np.mean([macro_f1(labels, each.argmax(axis=1), classes) for each in mixes]))

    sizes = range(len(answers) + 1)
    sets = (names for size in sizes for names in itertools.combinations(answers, size))
    best: tuple[str, ...] = max(sets, key=score)
    return dict.fromkeys(best, SHARE)


def mixed(
    networks: NDArray[np.float32], chosen: Sequence[NDArray[np.float32]], share: float
) -> NDArray[np.float32]:
    """Return a weighted mean: each of the chosen has a share, the networks have the rest."""
    whole = (1 - share * len(chosen)) * networks
    for each in chosen:
        whole = whole + share * each
    found: NDArray[np.float32] = whole.astype(np.float32)
    return found
