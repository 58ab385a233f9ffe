"""Choose an ensemble out of a search's trials by their validation probabilities.

Greedy forward selection with replacement (Caruana et al., "Ensemble selection from libraries of
models", ICML 2004, sections 2 and 3), made robust against a small validation set by bagging: many
selections, each among some of the trials and on a resampled validation set, vote.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

_BAGS = 40
_ROUNDS = 12  # trials that one bag picks
_SHARE = 0.5  # of the trials that a bag may pick from
_EQUAL = 0.5  # of the whole, which all members share equally: votes are uncertain, too


def select_members(
    probabilities: Sequence[NDArray[np.float32]],
    labels: NDArray[np.int64],
    *,
    max_members: int,
    seed: int,
) -> dict[int, float]:
    """Choose members and their shares in a weighted mean of probabilities.

    Args:
        probabilities: of each trial on the validation texts, each of shape `(texts, classes)`,
            by weights trained on train alone.
        labels: the validation texts' class numbers, shape `(texts,)`.
        max_members: most different trials that are chosen.
        seed: of the bags.

    Returns:
        The chosen trials' positions with their shares, which sum to 1, the largest first.
    """
    library = np.stack(probabilities)
    random = np.random.default_rng([seed, len(library)])
    votes = np.zeros(len(library), np.int64)
    for _ in range(_BAGS):
        count = max(1, round(_SHARE * len(library)))
        trials = np.sort(random.choice(len(library), count, replace=False))
        texts = random.integers(len(labels), size=len(labels))
        for picked in _select_greedily(library[np.ix_(trials, texts)], labels[texts]):
            votes[trials[picked]] += 1
    order = sorted(np.flatnonzero(votes), key=lambda trial: (-votes[trial], trial))[:max_members]
    total = int(votes[order].sum())
    return {
        int(trial): float((1 - _EQUAL) * votes[trial] / total + _EQUAL / len(order))
        for trial in order
    }


def _select_greedily(library: NDArray[np.float32], labels: NDArray[np.int64]) -> list[int]:
    """Add the trial that helps the sum most, again and again; keep the best prefix."""
    total = np.zeros(library.shape[1:], np.float32)
    picked: list[int] = []
    scores: list[tuple[float, float]] = []
    for _ in range(_ROUNDS):
        # Macro-F1 moves in steps; equals are told apart by the likelihood of the labels.
        gains = [_score(total + trial, labels) for trial in library]
        best = max(range(len(library)), key=gains.__getitem__)
        picked.append(best)
        scores.append(gains[best])
        total += library[best]
    return picked[: scores.index(max(scores)) + 1]


def _score(total: NDArray[np.float32], labels: NDArray[np.int64]) -> tuple[float, float]:
    """Return macro-F1 and mean log-likelihood of a sum of probabilities."""
    classes = total.shape[1]
    crossed = np.bincount(classes * labels + total.argmax(axis=1), minlength=classes**2).reshape(
        classes, classes
    )
    met = crossed.sum(axis=0) + crossed.sum(axis=1)
    f1 = 2 * np.diag(crossed) / np.maximum(met, 1)
    of_label = total[np.arange(len(labels)), labels] / total.sum(axis=1)
    return float(f1.mean()), float(np.log(np.maximum(of_label, 1e-7)).mean())


def mix(weighted: Iterable[tuple[NDArray[np.float32], float]]) -> NDArray[np.float32]:
    """Return the weighted mean of probabilities, each given with its share."""
    parts = [np.float32(share) * probabilities for probabilities, share in weighted]
    mixed: NDArray[np.float32] = np.sum(parts, axis=0)
    return mixed
