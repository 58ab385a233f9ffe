"""An ONNX graph in the making: nodes and constants with names of their own."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

_OPSET = 18  # the first in which every reduction takes its axes as an input
_IR_VERSION = 8  # the first that may hold it, which the oldest runtimes can read
_MOST_BYTES = 2**31 - 2**20  # of a file, which Protocol Buffers limit to 2 GiB


class CannotTranslateError(Exception):
    """The model holds what the translation does not know; the message names it."""


@dataclass(frozen=True)
class Value:
    """A tensor of the graph.

    Args:
        name: in the graph.
        shape: None for a dimension that differs from batch to batch.
        dtype: by NumPy's name.
    """

    name: str
    shape: tuple[int | None, ...]
    dtype: str


class Graph:
    """Collect the nodes of a graph, each after those that it reads.

    Attributes:
        time_major: names of tensors `(tokens, batch, width)` by the name of the same tensor
            `(batch, tokens, width)`, where both are there.
    """

    def __init__(self) -> None:
        self.time_major: dict[str, str] = {}
        self._nodes: list[onnx.NodeProto] = []
        self._constants: dict[bytes, onnx.TensorProto] = {}
        self._named: Counter[str] = Counter()

    def add(self, kind: str, *inputs: str, **attributes: Any) -> str:
        """Add a node of one output.

        Args:
            kind: ONNX's name of the operator.
            inputs: names of tensors; an empty one stands for an input that is left out.
            attributes: of the operator.

        Returns:
            The name of its output.
        """
        return self.add_with_outputs(kind, 1, *inputs, **attributes)[0]

    def add_with_outputs(
        self, kind: str, count: int, *inputs: str, **attributes: Any
    ) -> tuple[str, ...]:
        """Add a node and return the names of its outputs."""
        outputs = tuple(self._new_name(kind) for _ in range(count))
        self._nodes.append(helper.make_node(kind, inputs, outputs, name=outputs[0], **attributes))
        return outputs

    def constant(self, value: Any, dtype: str) -> str:
        """Return the name of a constant; what has the same content is kept once.

        Args:
            value: a number, a list of numbers, an array, or a tensor or variable of Keras.
            dtype: that it is to have.
        """
        if hasattr(value, "numpy"):
            value = value.numpy()
        array = np.ascontiguousarray(np.asarray(value, dtype).reshape(np.shape(value)))
        described = f"{array.dtype} {array.shape} ".encode()
        key = hashlib.sha256(described + array.tobytes()).digest()
        if key not in self._constants:
            self._constants[key] = numpy_helper.from_array(array, self._new_name("constant"))
        return self._constants[key].name

    def operand(self, value: Any, dtype: str) -> str:
        """Return the name of a tensor or a constant, cast where it has another type."""
        if not isinstance(value, Value):
            return self.constant(value, dtype)
        if value.dtype == dtype:
            return value.name
        return self.add("Cast", value.name, to=_element_type(dtype))

    def filled(self, shape: str, value: float, dtype: str) -> str:
        """Return the name of a tensor of one value, of a shape that the graph computes."""
        return self.add(
            "ConstantOfShape", shape, value=numpy_helper.from_array(np.array([value], dtype))
        )

    def _new_name(self, kind: str) -> str:
        self._named[kind] += 1
        return f"{kind}_{self._named[kind]}"

    def model(self, name: str, given: Value, answer: Value, answer_name: str) -> onnx.ModelProto:
        """Return the whole.

        Args:
            name: of the graph.
            given: its input.
            answer: the tensor that it returns.
            answer_name: that the output is to have.

        Raises:
            CannotTranslateError: when ONNX does not allow it or it is too large for a file.
        """
        constants = list(self._constants.values())
        size = sum(len(constant.raw_data) for constant in constants)
        if size > _MOST_BYTES:
            raise CannotTranslateError(f"its weights take {size / 2**30:.1f} GiB, of 2 at most")
        inputs = [_described(given)]
        outputs = [_described(Value(answer_name, answer.shape, answer.dtype))]
        nodes = [*self._nodes, helper.make_node("Identity", [answer.name], [answer_name])]
        graph = helper.make_graph(nodes, name, inputs, outputs, constants)
        opset = helper.make_opsetid("", _OPSET)
        model = helper.make_model(
            graph, opset_imports=[opset], ir_version=_IR_VERSION, producer_name="ecomcat"
        )
        try:
            onnx.checker.check_model(model, full_check=True)
        except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
            raise CannotTranslateError(f"ONNX does not allow it: {error}") from error
        return model


def _described(value: Value) -> onnx.ValueInfoProto:
    names = ("batch", "tokens")
    shape = [
        names[axis] if size is None and axis < len(names) else size
        for axis, size in enumerate(value.shape)
    ]
    return helper.make_tensor_value_info(value.name, _element_type(value.dtype), shape)


def _element_type(dtype: str) -> int:
    return helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
