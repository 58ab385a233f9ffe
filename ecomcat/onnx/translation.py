"""Walk a functional Keras model and translate each call, those of the models in it included."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from ecomcat.onnx.calls import NUMBERS, Call, Translator, cannot_translate
from ecomcat.onnx.graph import Graph, Value
from ecomcat.onnx.layers import LAYERS, TAKES_MASK
from ecomcat.onnx.operations import OPERATIONS

if TYPE_CHECKING:
    import keras
    import onnx


def translate(model: keras.Model) -> onnx.ModelProto:
    """Translate a model from token ids to probabilities.

    Args:
        model: functional or sequential, with one input `(batch, tokens)` of whole numbers and one
            output.

    Returns:
        A graph from `token_ids`, int32 `(batch, tokens)`, to `probabilities`, float32.

    Raises:
        CannotTranslateError: naming the layer or operation that has no translation.
    """
    functional = _functional(model)
    counts = len(functional.inputs), len(functional.outputs)
    if counts != (1, 1):
        raise cannot_translate(model, f"{counts[0]} inputs and {counts[1]} outputs, of one each")
    graph = Graph()
    given = Value("token_ids", (None, None), "int32")
    (answer,) = _translate_model(graph, model, [given])
    if answer.dtype != "float32":
        raise cannot_translate(model, f"an answer of type {answer.dtype}")
    return graph.model(model.name, given, answer, "probabilities")


def _translate_model(graph: Graph, model: Any, inputs: Sequence[Value]) -> list[Value]:
    """Add a model's nodes for some inputs and return its outputs."""
    values: dict[int, Value] = {}
    model = _functional(model)
    for expected, value in zip(model.inputs, inputs, strict=True):
        if len(expected.shape) != len(value.shape):
            raise cannot_translate(model, f"an input of shape {value.shape}")
        name = graph.operand(value, expected.dtype)
        values[id(expected)] = Value(name, value.shape, expected.dtype)
    for node in _nodes_in_order(model):
        arguments, named = node.arguments.fill_in(values)
        results = _translate_call(graph, node, arguments, named)
        values.update(zip(map(id, node.outputs), results, strict=True))
    return [values[id(output)] for output in model.outputs]


def _functional(model: Any) -> Any:
    """Return the functional model that a model is, or that a sequential one holds."""
    import keras

    functional = model._functional if isinstance(model, keras.Sequential) else model
    # A subclass of `Model` may be called anyhow; what Keras has recorded of it is no whole.
    if getattr(functional, "_nodes_by_depth", None) is None:
        raise cannot_translate(model, "a model that is neither functional nor sequential")
    return functional


def _nodes_in_order(functional: Any) -> Iterator[Any]:
    """Yield a model's calls, each after those that it reads from."""
    by_depth = functional._nodes_by_depth
    for depth in sorted(by_depth, reverse=True):
        yield from (node for node in by_depth[depth] if not node.is_input)


def _translate_call(graph: Graph, node: Any, arguments: Any, named: Any) -> list[Value]:
    import keras

    operation = node.operation
    given = inspect.signature(operation.call).bind(*arguments, **named).arguments
    kind = type(operation).__name__
    if isinstance(given.get("mask"), Value) and kind not in TAKES_MASK:
        raise cannot_translate(operation, "a mask")
    if isinstance(operation, keras.Model):
        inputs = [value for value in keras.tree.flatten(arguments) if isinstance(value, Value)]
        return _translate_model(graph, operation, inputs)
    translator = _translator_of(operation)
    (output,) = node.outputs
    if output.dtype not in NUMBERS:
        raise cannot_translate(operation, f"numbers of type {output.dtype}")
    name = translator(graph, Call(operation, given, output.shape, output.dtype))
    return [Value(name, output.shape, output.dtype)]


def _translator_of(operation: Any) -> Translator:
    import keras

    kind = type(operation)
    table = LAYERS if isinstance(operation, keras.Layer) else OPERATIONS
    # A class of a user's own may do anything, whatever its name.
    if not kind.__module__.startswith("keras.") or kind.__name__ not in table:
        raise cannot_translate(operation, "no translation is known")
    if getattr(operation, "quantization_mode", None):
        raise cannot_translate(operation, "quantized weights")
    return table[kind.__name__]
