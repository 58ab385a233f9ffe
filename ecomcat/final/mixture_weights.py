"""One answer of several models: a pool of a network and linear models.

The probabilities of the whole are the softmax of the weighted sum of the logarithms of its parts'
probabilities: a logarithmic opinion pool (Genest and Zidek, "Combining probability distributions",
Statistical Science 1, 1986, section 3). Two or three weights are learned from some hundreds of
texts, and held near those that did well on other data (docs/experiments.md).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ecomcat.model.confidence import fit_temperature, logits_of, with_temperature
from ecomcat.process import raise_if_requested

Probabilities = NDArray[np.float32]  # of shape `(texts, num_classes)`

_USUAL_WEIGHT = 0.5  # of a linear model, where that of the network is 1
_STRENGTH = 10.0  # of the pull towards these weights: a squared distance of 1 costs 10 nats
MIN_WEIGHT = 0.05  # a linear model of less weight is left out
_FEW_TEXTS, _NEAR = 100, 0.05  # fewer texts, and weights so near the usual ones: the pull decided


def pool(answers: Sequence[Probabilities], weights: Sequence[float]) -> Probabilities:
    """Return the answers of several models as one.

    >>> sure, unsure = np.array([[0.9, 0.1]], np.float32), np.array([[0.5, 0.5]], np.float32)
    >>> pool([sure, unsure], [0.5, 0.5]).round(2).tolist()
    [[0.75, 0.25]]
    """
    from scipy.special import softmax

    total = sum(w * logits_of(each) for w, each in zip(weights, answers, strict=True))
    pooled: Probabilities = softmax(total, axis=1)
    return pooled


def pool_parts(
    network: Probabilities, others: Sequence[Probabilities], weights: Sequence[float]
) -> Probabilities:
    """Return the pool of a network's answers and of others with the given weights."""
    return pool([network, *others], [1 - sum(weights), *weights])


def learn_weights(
    networks: Sequence[Probabilities],
    others: Sequence[Probabilities],
    label_ids: NDArray[np.int64],
) -> list[float]:
    """Learn the weights of linear models beside a network, on texts that none of them has seen.

    Args:
        networks: Answers of several networks; the mean of the weights beside each is taken.
        others: Answers of each linear model to the same texts.
        label_ids: Array of class numbers, shape `(texts,)`.

    Returns:
        The weight of each, 0 if it is left out; the network has the rest of 1.
    """
    weights, useful = [0.0] * len(others), list(range(len(others)))
    while useful:
        asked = [others[number] for number in useful]
        found = np.mean([_fit_weights([each, *asked], label_ids) for each in networks], axis=0)
        learned = dict(zip(useful, (found[1:] / found.sum()).tolist(), strict=True))
        if min(learned.values()) >= MIN_WEIGHT:
            return [learned.get(number, 0.0) for number in range(len(others))]
        useful = [number for number in useful if learned[number] >= MIN_WEIGHT]
    return weights


def are_usual(weights: Sequence[float], texts: int) -> bool:
    """Tell whether so few texts left the weights of linear models near the usual ones.

    >>> are_usual([0.25, 0.24], texts=9), are_usual([0.25, 0.24], texts=2000)
    (True, False)
    """
    usual = _USUAL_WEIGHT / (1 + _USUAL_WEIGHT * len(weights))
    return texts < _FEW_TEXTS and all(abs(weight - usual) < _NEAR for weight in weights)


def _fit_weights(
    answers: Sequence[Probabilities], label_ids: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return the weights, none below 0, of the least cross-entropy: a convex problem."""
    from scipy.optimize import minimize
    from scipy.special import log_softmax

    raise_if_requested()
    logarithms = np.stack([logits_of(each) for each in answers]).astype(np.float64)
    usual = np.array([1.0] + [_USUAL_WEIGHT] * (len(answers) - 1))
    rows = np.arange(len(label_ids))

    def loss(weights: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        logs = log_softmax(np.tensordot(weights, logarithms, 1), axis=1)
        errors = np.exp(logs)
        errors[rows, label_ids] -= 1
        away = weights - usual
        gradient = np.tensordot(logarithms, errors, 2) + 2 * _STRENGTH * away
        return float(_STRENGTH * away @ away - logs[rows, label_ids].sum()), gradient

    bounds = [(0.0, None)] * len(answers)
    found: NDArray[np.float64] = minimize(loss, usual, jac=True, bounds=bounds).x
    return found if found.sum() > 0 else usual


def cross_pooled(
    network: Probabilities,
    others: Sequence[Probabilities],
    comparable: Sequence[Probabilities],
    rows: NDArray[np.int64],
    label_ids: NDArray[np.int64],
    seed: int,
) -> Probabilities:
    """Pool and calibrate each half of the texts by means of the other half.

    Thresholds that are found from these confidences are then not too good by being fitted to the
    same texts (except for each linear model's own temperature, one number).

    Args:
        network: Answers of the network that was chosen.
        others: Answers of each linear model to the same texts.
        comparable: Answers of the networks from which the weights are learned, to some texts.
        rows: Array of the numbers of these texts.
        label_ids: Array of class numbers of all texts, shape `(texts,)`.
        seed: Integer. Seed of the halves.
    """
    whole = network.copy()
    halves = np.array_split(np.random.default_rng(seed).permutation(len(label_ids)), 2)
    for half, other in (halves, halves[::-1]):
        seen = np.isin(rows, other)
        asked = [each[rows[seen]] for each in others]
        weights = learn_weights([each[seen] for each in comparable], asked, label_ids[rows[seen]])
        pooled = pool_parts(network, others, weights)
        temperature = fit_temperature(pooled[other], label_ids[other])
        whole[half] = with_temperature(pooled[half], temperature)
    return whole
