"""The search space: the domain of each hyperparameter, by its name."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ecomcat.errors import UserError
from ecomcat.model.domains import Choices, Domain, parse_domain
from ecomcat.rules import AUTO, Rule

if TYPE_CHECKING:
    from ecomcat.config import ModelConfig

EXTRA = "extra."
_LEAST_BATCHES, _SMALLEST_BATCH, _LARGEST_BATCH = 128, 8, 64


def read_space(model: ModelConfig) -> dict[str, Domain]:
    """Read every hyperparameter of a model configuration, in the schema's order.

    Args:
        model: the composed configuration; a builder's own values stand under `extra`.

    Returns:
        Domains by name; those of `model.extra` are named `extra.<name>`.

    Raises:
        UserError: naming every hyperparameter that breaks the grammar or its bounds.
    """
    domains: dict[str, Domain] = {}
    problems: list[str] = []
    for name, value, rule in _entries(model):
        try:
            domains[name] = parse_domain(value, rule)
        except ValueError as error:
            problems.append(f"model.{name}: {error}.")
    if problems:
        raise UserError("\n".join(problems))
    return domains


def _entries(model: ModelConfig) -> list[tuple[str, object, Rule]]:
    """List name, configured value and rule of each hyperparameter."""
    named = [
        (entry.name, getattr(model, entry.name), entry.metadata["rule"])
        for entry in dataclasses.fields(model)
        if "rule" in entry.metadata
    ]
    extra = [(f"{EXTRA}{name}", value, Rule("any")) for name, value in model.extra.items()]
    return named + extra


def resolve_auto(space: Mapping[str, Domain], training_texts: int) -> dict[str, Domain]:
    """Decide what the configuration leaves to the data: the batch size.

    Few texts need small batches, or an epoch would hardly move the weights; large batches make
    better use of a processor.

    Args:
        space: domains, in which `auto` may be a choice of `batch_size`.
        training_texts: how many texts an epoch has.
    """
    wanted = training_texts / _LEAST_BATCHES
    batch_size = 2 ** math.floor(math.log2(max(wanted, 1)))
    decided = min(max(batch_size, _SMALLEST_BATCH), _LARGEST_BATCH)
    domain = space["batch_size"]
    if not isinstance(domain, Choices) or AUTO not in domain.values:
        return dict(space)
    values = dict.fromkeys(decided if value == AUTO else value for value in domain.values)
    return {**space, "batch_size": Choices(tuple(values))}


def space_size(space: Mapping[str, Domain]) -> float:
    """Count the configurations of a space; infinite when a range has real numbers."""
    return math.prod(domain.size for domain in space.values())


def fixed_values(space: Mapping[str, Domain]) -> dict[str, Any]:
    """Return the values of a space in which nothing is left to search.

    Raises:
        UserError: naming the hyperparameters that have more than one value.
    """
    open_ones = [f"model.{name}={domain}" for name, domain in space.items() if not domain.fixed]
    if open_ones:
        raise UserError(
            "Training without a search needs one value for each hyperparameter; found "
            f"{', '.join(open_ones)}. Give one value each, or run ecomcat.search."
        )
    return {name: domain.values[0] for name, domain in space.items() if isinstance(domain, Choices)}
