"""Check what a configuration says of the model, before anything heavy is imported."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path

from ecomcat.config import ModelConfig


def model_problems(model: ModelConfig) -> Iterator[str]:
    """Yield a line for each value that is wrong, the search space aside.

    Args:
        model: the composed configuration.
    """
    yield from _builder_problems(model.build)
    vectors = model.pretrained_vectors
    if vectors is not None and not Path(vectors).expanduser().is_file():
        yield f"model.pretrained_vectors: expected a file of word vectors, none is at {vectors!r}."


def _builder_problems(build: str) -> Iterator[str]:
    module, _, function = build.rpartition(".")
    if not (function.isidentifier() and _module_exists(module)):
        yield (
            "model.build: expected the dotted path of a function that builds the network, such "
            f"as ecomcat.model.network.lstm_classifier, found {build!r}."
        )


def _module_exists(name: str) -> bool:
    """Look for a module without importing more than the packages that hold it."""
    parts = name.split(".")
    for count in range(1, len(parts) + 1):
        try:
            spec = importlib.util.find_spec(".".join(parts[:count]))
        except (ImportError, ValueError):
            return False
        is_package = spec is not None and spec.submodule_search_locations is not None
        if spec is None or (count < len(parts) and not is_package):
            return False
    return True
