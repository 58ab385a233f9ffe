"""From a table of texts to a deployed LSTM classifier, with the search that finds it.

    result = ecomcat.search("products.csv", budget="quick")
    model = ecomcat.load("model")
    model.predict(["Oak bookshelf, five shelves"])

Everything is imported at its first use.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ecomcat.api import audit, compare, evaluate, load, search, train
    from ecomcat.compare import Compared
    from ecomcat.errors import UserError
    from ecomcat.estimator import TextClassifier
    from ecomcat.export.classifier import Classifier
    from ecomcat.pipeline import Result

__version__ = "0.1.0"
__all__ = [
    "Classifier",
    "Compared",
    "Result",
    "TextClassifier",
    "UserError",
    "audit",
    "compare",
    "evaluate",
    "load",
    "search",
    "train",
]
_COMMANDS = ("audit", "compare", "evaluate", "search", "train")  # each is a module and a function
_HOMES = {
    "Classifier": "ecomcat.export.classifier",
    "Compared": "ecomcat.compare",
    "Result": "ecomcat.pipeline",
    "TextClassifier": "ecomcat.estimator",
    "UserError": "ecomcat.errors",
    "load": "ecomcat.api",
}


def __getattr__(name: str) -> Any:
    if name in _COMMANDS:
        return import_module(f"ecomcat.{name}")
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'ecomcat' has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*__all__, "__version__"]


class _Command(ModuleType):
    """A command's module that can be called: `ecomcat.search` is a module and a function."""

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        return self.__wrapped__(*arguments, **keywords)

    @property
    def __wrapped__(self) -> Any:  # where help and signatures look
        interface = import_module("ecomcat.api")
        return getattr(interface, self.__name__.rpartition(".")[2])


class _Package(ModuleType):
    def __setattr__(self, name: str, value: Any) -> None:
        """Make a command's module callable when it is imported."""
        if name in _COMMANDS and isinstance(value, ModuleType):
            value.__class__ = _Command
        super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
