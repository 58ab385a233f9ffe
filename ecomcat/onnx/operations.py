"""How each operation of `keras.ops` is written in ONNX."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ecomcat.onnx.calls import Call, Translator
from ecomcat.onnx.graph import Graph, Value
from ecomcat.onnx.indexing import get_item, take_along_axis


def _elementwise(kind: str) -> Translator:
    """Return a translator for an operator whose operands have the type of its result."""

    def translate(graph: Graph, call: Call) -> str:
        return graph.add(kind, *(graph.operand(value, call.dtype) for value in call.given.values()))

    return translate


def _comparison(kind: str, *, negated: bool = False) -> Translator:
    def translate(graph: Graph, call: Call) -> str:
        operands = list(call.given.values())
        dtype = _common_dtype(operands)
        result = graph.add(kind, *(graph.operand(value, dtype) for value in operands))
        return graph.add("Not", result) if negated else result

    return translate


def _common_dtype(operands: list[Any]) -> str:
    """Return the type in which Keras compares."""
    from keras.backend import result_type

    return str(result_type(*(getattr(value, "dtype", type(value)) for value in operands)))


def _reduction(kind: str) -> Translator:
    def translate(graph: Graph, call: Call) -> str:
        operation, x = call.operation, call.given["x"]
        call.require(getattr(operation, "initial", None) is None, "an initial value")
        axes = range(len(x.shape)) if operation.axis is None else _as_list(operation.axis)
        return graph.add(
            kind,
            graph.operand(x, call.dtype),
            graph.constant(list(axes), "int64"),
            keepdims=int(operation.keepdims),
        )

    return translate


def _as_list(axis: Any) -> list[int]:
    return [axis] if isinstance(axis, int) else list(axis)


def _cast(graph: Graph, call: Call) -> str:
    return graph.operand(call.given["x"], call.dtype)


def _where(graph: Graph, call: Call) -> str:
    condition = graph.operand(call.given["condition"], "bool")
    chosen = [graph.operand(call.given[name], call.dtype) for name in ("x1", "x2")]
    return graph.add("Where", condition, *chosen)


def _axes_of(kind: str) -> Translator:
    """Return a translator for an operator that adds or takes away dimensions of size 1."""

    def translate(graph: Graph, call: Call) -> str:
        # Without axes, Squeeze would take away the batch of a single text, too.
        call.require(call.operation.axis is not None, "no axis")
        axes = graph.constant(_as_list(call.operation.axis), "int64")
        return graph.add(kind, call.given["x"].name, axes)

    return translate


def _cumsum(graph: Graph, call: Call) -> str:
    axis = call.operation.axis
    call.require(axis is not None, "no axis")
    return graph.add(
        "CumSum", graph.operand(call.given["x"], call.dtype), graph.constant(axis, "int64")
    )


def _filled_like(number: float) -> Translator:
    def translate(graph: Graph, call: Call) -> str:
        return graph.filled(graph.add("Shape", call.given["x"].name), number, call.dtype)

    return translate


def _softmax(graph: Graph, call: Call) -> str:
    axis = call.operation.axis
    call.require(isinstance(axis, int), f"axis {axis}")
    return graph.add("Softmax", call.given["x"].name, axis=axis)


def _concatenate(graph: Graph, call: Call) -> str:
    parts = [graph.operand(value, call.dtype) for value in call.given["xs"]]
    return graph.add("Concat", *parts, axis=call.operation.axis)


def _transpose(graph: Graph, call: Call) -> str:
    x: Value = call.given["x"]
    axes = call.operation.axes or range(len(x.shape))[::-1]
    return graph.add("Transpose", x.name, perm=list(axes))


OPERATIONS: Mapping[str, Translator] = {
    "Absolute": _elementwise("Abs"),
    "Add": _elementwise("Add"),
    "Cast": _cast,
    "Concatenate": _concatenate,
    "Cumsum": _cumsum,
    "Divide": _elementwise("Div"),
    "Equal": _comparison("Equal"),
    "Exp": _elementwise("Exp"),
    "ExpandDims": _axes_of("Unsqueeze"),
    "GetItem": get_item,
    "Greater": _comparison("Greater"),
    "GreaterEqual": _comparison("GreaterOrEqual"),
    "Less": _comparison("Less"),
    "LessEqual": _comparison("LessOrEqual"),
    "Log": _elementwise("Log"),
    "LogicalAnd": _elementwise("And"),
    "LogicalNot": _elementwise("Not"),
    "LogicalOr": _elementwise("Or"),
    "Matmul": _elementwise("MatMul"),
    "Max": _reduction("ReduceMax"),
    "Maximum": _elementwise("Max"),
    "Mean": _reduction("ReduceMean"),
    "Min": _reduction("ReduceMin"),
    "Minimum": _elementwise("Min"),
    "Multiply": _elementwise("Mul"),
    "Negative": _elementwise("Neg"),
    "NotEqual": _comparison("Equal", negated=True),
    "OnesLike": _filled_like(1),
    "Power": _elementwise("Pow"),
    "Relu": _elementwise("Relu"),
    "Sigmoid": _elementwise("Sigmoid"),
    "Softmax": _softmax,
    "Sqrt": _elementwise("Sqrt"),
    "Squeeze": _axes_of("Squeeze"),
    "Subtract": _elementwise("Sub"),
    "Sum": _reduction("ReduceSum"),
    "TakeAlongAxis": take_along_axis,
    "Tanh": _elementwise("Tanh"),
    "Transpose": _transpose,
    "TrueDivide": _elementwise("Div"),
    "Where": _where,
    "ZerosLike": _filled_like(0),
}
