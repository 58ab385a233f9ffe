"""A search space in Keras Tuner's terms."""

from __future__ import annotations

from collections.abc import Mapping

import keras_tuner

from ecomcat.model.domains import Domain, Range


def to_keras_tuner(space: Mapping[str, Domain]) -> keras_tuner.HyperParameters:
    """Declare a space."""
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
