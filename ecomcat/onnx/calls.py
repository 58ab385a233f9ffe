"""One call of a Keras operation, as its translator sees it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ecomcat.onnx.graph import CannotTranslateError, Graph

NUMBERS = ("float32", "int32", "int64", "bool")  # types of tensors that are translated

_ACTIVATIONS = {
    "linear": "",
    "relu": "Relu",
    "sigmoid": "Sigmoid",
    "softmax": "Softmax",
    "tanh": "Tanh",
}


@dataclass(frozen=True)
class Call:
    """A call of an operation or a layer.

    Args:
        operation: Keras's own, with its settings and weights.
        given: arguments by the names that its `call` has for them, tensors as `Value`.
        shape: of what it returns, None for a dimension that differs from batch to batch.
        dtype: of what it returns.
    """

    operation: Any
    given: Mapping[str, Any]
    shape: tuple[int | None, ...]
    dtype: str

    def refuse(self, reason: str) -> CannotTranslateError:
        """Return the error that says why this call cannot be translated."""
        return cannot_translate(self.operation, reason)

    def require(self, condition: bool, reason: str) -> None:
        """Refuse the call unless a condition holds."""
        if not condition:
            raise self.refuse(reason)

    def activation(self, function: Any) -> str:
        """Return ONNX's name of an activation, or nothing for one that changes nothing."""
        from keras import activations

        # By the function itself: one of a user's own may have any name.
        for name, kind in _ACTIVATIONS.items():
            if function is getattr(activations, name):
                return kind
        raise self.refuse(f"the activation {getattr(function, '__name__', function)}")


# Adds nodes to the graph and returns the name of the tensor that the call returns.
Translator = Callable[[Graph, Call], str]


def cannot_translate(operation: Any, reason: str) -> CannotTranslateError:
    """Return an error that names an operation by its class and its own name."""
    return CannotTranslateError(f"{type(operation).__name__} {operation.name!r}: {reason}")
