"""LSTM layers in ONNX's own operator, whose layout is `(tokens, batch, width)`."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecomcat.onnx.calls import Call
from ecomcat.onnx.graph import Graph, Value

_OF_CELLS = ("Relu", "Sigmoid", "Tanh")  # activations that the operator has


def lstm(graph: Graph, call: Call) -> str:
    """Translate a layer that reads forwards."""
    _require_plain(call, call.operation)
    call.require(not call.operation.go_backwards, "go_backwards")
    return _add_lstm(graph, call, [call.operation], "forward")


def bidirectional(graph: Graph, call: Call) -> str:
    """Translate two LSTM layers that read in both directions, their states side by side."""
    import keras

    layer = call.operation
    both = [layer.forward_layer, layer.backward_layer]
    call.require(all(type(each) is keras.layers.LSTM for each in both), "layers that are no LSTM")
    for each in both:
        _require_plain(call, each)
    call.require(not both[0].go_backwards and both[1].go_backwards, "another direction")
    call.require(both[0].units == both[1].units, "directions of different width")
    call.require(layer.merge_mode == "concat", f"merge_mode {layer.merge_mode}")
    return _add_lstm(graph, call, both, "bidirectional")


def _require_plain(call: Call, layer: Any) -> None:
    call.require(call.given.get("initial_state") is None, "an initial state")
    call.require(not layer.stateful, "stateful")
    call.require(not layer.return_state, "return_state")
    for kind in _activations(call, layer):
        call.require(kind in _OF_CELLS, f"the activation {kind or 'linear'} in a cell")


def _activations(call: Call, layer: Any) -> list[str]:
    """Return the activations of the gates, of the cell's input and of its output."""
    inner = call.activation(layer.activation)
    return [call.activation(layer.recurrent_activation), inner, inner]


def _add_lstm(graph: Graph, call: Call, layers: list[Any], direction: str) -> str:
    """Add the operator of one or two directions and lay its answer out as Keras does."""
    sequences = call.given["sequences"].name
    if sequences not in graph.time_major:
        graph.time_major[sequences] = graph.add("Transpose", sequences, perm=[1, 0, 2])
    weights = [
        graph.constant(np.stack(parts), "float32")
        for parts in zip(*(_weights(layer) for layer in layers), strict=True)
    ]
    mask: Value | None = call.given.get("mask")
    states, last, _ = graph.add_with_outputs(
        "LSTM",
        3,
        graph.time_major[sequences],
        *weights,
        "" if mask is None else _lengths(graph, mask),
        hidden_size=layers[0].units,
        direction=direction,
        activations=[kind for layer in layers for kind in _activations(call, layer)],
    )
    if not layers[0].return_sequences:
        by_text = graph.add("Transpose", last, perm=[1, 0, 2])
        return graph.add("Reshape", by_text, graph.constant([0, -1], "int64"))
    if mask is not None and not layers[0].zero_output_for_mask:
        states = _repeated(graph, states, last, mask)
    by_text = graph.add("Transpose", states, perm=[0, 2, 1, 3])
    time_major = graph.add("Reshape", by_text, graph.constant([0, 0, -1], "int64"))
    batch_major = graph.add("Transpose", time_major, perm=[1, 0, 2])
    graph.time_major[batch_major] = time_major
    return batch_major


def _lengths(graph: Graph, mask: Value) -> str:
    """Return the number of tokens of each text, of a mask that is false after a text's end."""
    inside = graph.operand(mask, "int32")
    return graph.add("ReduceSum", inside, graph.constant([1], "int64"), keepdims=0)


def _repeated(graph: Graph, states: str, last: str, mask: Value) -> str:
    """Write the last state after a text's end, where ONNX writes zeros."""
    by_token = graph.add("Transpose", mask.name, perm=[1, 0])
    inside = graph.add("Unsqueeze", by_token, graph.constant([1, 3], "int64"))
    return graph.add("Where", inside, states, last)


def _weights(layer: Any) -> list[NDArray[np.float32]]:
    """Return the weights of the inputs, those of the state and both biases, as ONNX has them."""
    cell, units = layer.cell, layer.units
    bias = np.zeros(4 * units) if cell.bias is None else cell.bias.numpy()
    kernels = [cell.kernel.numpy(), cell.recurrent_kernel.numpy()]
    return [
        *(_reordered(kernel.T, units) for kernel in kernels),
        np.concatenate([_reordered(bias, units), np.zeros(4 * units)]),
    ]


def _reordered(weights: NDArray[Any], units: int) -> NDArray[Any]:
    """Bring the gates from Keras's order (input, forget, cell, output) to ONNX's (i, o, f, c)."""
    gates = weights.reshape(4, units, *weights.shape[1:])
    return gates[[0, 3, 1, 2]].reshape(weights.shape)
