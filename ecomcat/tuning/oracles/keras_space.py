"""A search space in Keras Tuner's terms."""

from __future__ import annotations

from collections.abc import Mapping

import keras_tuner

from ecomcat.errors import UserError
from ecomcat.model.space import Choices, Domain, Range


def of_one_kind(name: str, domain: Domain) -> Domain:
    """Return a domain whose choices are all of one type: whole numbers among others become real.

    Args:
        name: the hyperparameter's.
        domain: as it was configured.

    Raises:
        UserError: when numbers, words and truth values stand side by side.
    """
    if isinstance(domain, Range):
        return domain
    kinds = {type(value) for value in domain.values}
    if kinds == {int, float}:
        return Choices(tuple(float(value) for value in domain.values))
    if len(kinds) > 1:
        raise UserError(
            f"Expected choices of one kind for model.{name}, found {domain}: give numbers only, "
            "words only, or true and false only."
        )
    return domain


def to_keras_tuner(space: Mapping[str, Domain]) -> keras_tuner.HyperParameters:
    """Declare a space, each of its domains of one kind."""
    hyperparameters = keras_tuner.HyperParameters()
    for name, domain in space.items():
        if isinstance(domain, Range):
            _declare_range(hyperparameters, name, domain)
        elif domain.fixed:
            hyperparameters.Fixed(name, domain.values[0])
        elif isinstance(domain.values[0], bool):
            hyperparameters.Boolean(name, default=domain.values[0])
        else:
            hyperparameters.Choice(name, list(domain.values))
    return hyperparameters


def _declare_range(space: keras_tuner.HyperParameters, name: str, domain: Range) -> None:
    declare = space.Int if domain.whole else space.Float
    sampling = "log" if domain.log else "linear"
    # In a logarithmic range Keras Tuner reads a step as a factor.
    step = None if domain.log else domain.step
    declare(name, domain.low, domain.high, step=step, sampling=sampling)
