"""How each layer of Keras is written in ONNX, but for those of LSTM cells."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ecomcat.onnx.calls import Call, Translator
from ecomcat.onnx.graph import Graph, Value
from ecomcat.onnx.recurrent import bidirectional, lstm

# Layers that may be given a mask; the last has it for its training alone.
TAKES_MASK = ("LSTM", "Bidirectional", "GlobalAveragePooling1D", "BatchNormalization")


def _given(call: Call) -> Value:
    inputs: Value = call.given["inputs"]
    return inputs


def _same(_graph: Graph, call: Call) -> str:
    """Translate what does something in training alone."""
    return _given(call).name


def _embedding(graph: Graph, call: Call) -> str:
    ids = graph.operand(_given(call), "int32")
    return graph.add("Gather", graph.constant(call.operation.embeddings, "float32"), ids)


def _dense(graph: Graph, call: Call) -> str:
    layer, inputs = call.operation, _given(call)
    x, kernel = inputs.name, graph.constant(layer.kernel, "float32")
    if layer.bias is None:
        result = graph.add("MatMul", x, kernel)
    elif len(inputs.shape) == 2:
        result = graph.add("Gemm", x, kernel, graph.constant(layer.bias, "float32"))
    else:
        bias = graph.constant(layer.bias, "float32")
        result = graph.add("Add", graph.add("MatMul", x, kernel), bias)
    return _activated(graph, call, result)


def _activation(graph: Graph, call: Call) -> str:
    return _activated(graph, call, _given(call).name)


def _activated(graph: Graph, call: Call, name: str) -> str:
    kind = call.activation(call.operation.activation)
    return graph.add(kind, name) if kind else name


def _softmax(graph: Graph, call: Call) -> str:
    axis = call.operation.axis
    call.require(isinstance(axis, int), f"axis {axis}")
    return graph.add("Softmax", _given(call).name, axis=axis)


def _concatenate(graph: Graph, call: Call) -> str:
    parts = [value.name for value in call.given["inputs"]]
    return graph.add("Concat", *parts, axis=call.operation.axis)


def _merge(kind: str) -> Translator:
    def translate(graph: Graph, call: Call) -> str:
        first, *others = call.given["inputs"]
        call.require(all(len(each.shape) == len(first.shape) for each in others), "other ranks")
        result: str = first.name
        for each in others:
            result = graph.add(kind, result, each.name)
        return result

    return translate


def _mean_of_tokens(graph: Graph, call: Call) -> str:
    mask = call.given.get("mask")
    if mask is None:
        return _pooling("ReduceMean")(graph, call)
    call.require(call.operation.data_format == "channels_last", "channels first")
    x, keep = _given(call).name, int(call.operation.keepdims)
    inside = graph.add("Unsqueeze", mask.name, graph.constant([2], "int64"))
    words = graph.operand(Value(inside, (None, None, 1), "bool"), "float32")
    tokens = graph.constant([1], "int64")
    kept = graph.add("Where", inside, x, graph.constant(0, "float32"))
    totals = [graph.add("ReduceSum", part, tokens, keepdims=keep) for part in (kept, words)]
    return graph.add("Div", *totals)


def _pooling(kind: str) -> Translator:
    def translate(graph: Graph, call: Call) -> str:
        call.require(call.operation.data_format == "channels_last", "channels first")
        keep = int(call.operation.keepdims)
        return graph.add(kind, _given(call).name, graph.constant([1], "int64"), keepdims=keep)

    return translate


def _unit_normalization(graph: Graph, call: Call) -> str:
    x, axis = _given(call).name, call.operation.axis
    axes = graph.constant([axis] if isinstance(axis, int) else list(axis), "int64")
    norm = graph.add("ReduceL2", x, axes, keepdims=1)
    return graph.add("Div", x, graph.add("Max", norm, graph.constant(1e-12, "float32")))


def _last_axis_only(call: Call) -> int:
    """Refuse a layer that normalizes another axis than the last, whose size is returned."""
    rank, axis = len(call.shape), call.operation.axis
    axes = [axis] if isinstance(axis, int) else list(axis)
    call.require([number % rank for number in axes] == [rank - 1], f"axis {axis}")
    size = call.shape[-1]
    if size is None:
        raise call.refuse("an unknown width")
    return size


def _layer_normalization(graph: Graph, call: Call) -> str:
    layer, width = call.operation, _last_axis_only(call)
    call.require(not getattr(layer, "rms_scaling", False), "rms_scaling")
    scale = graph.constant(np.ones(width) if layer.gamma is None else layer.gamma, "float32")
    shift = graph.constant(np.zeros(width) if layer.beta is None else layer.beta, "float32")
    x = _given(call).name
    return graph.add("LayerNormalization", x, scale, shift, axis=-1, epsilon=layer.epsilon)


def _batch_normalization(graph: Graph, call: Call) -> str:
    layer, _ = call.operation, _last_axis_only(call)
    scale = 1 / np.sqrt(layer.moving_variance.numpy() + layer.epsilon)
    if layer.scale:
        scale = scale * layer.gamma.numpy()
    shift = -scale * layer.moving_mean.numpy()
    if layer.center:
        shift = shift + layer.beta.numpy()
    scaled = graph.add("Mul", _given(call).name, graph.constant(scale, "float32"))
    return graph.add("Add", scaled, graph.constant(shift, "float32"))


LAYERS: Mapping[str, Translator] = {
    "Activation": _activation,
    "ActivityRegularization": _same,
    "Add": _merge("Add"),
    "BatchNormalization": _batch_normalization,
    "Bidirectional": bidirectional,
    "Concatenate": _concatenate,
    "Dense": _dense,
    "Dropout": _same,
    "Embedding": _embedding,
    "GaussianDropout": _same,
    "GaussianNoise": _same,
    "GlobalAveragePooling1D": _mean_of_tokens,
    "GlobalMaxPooling1D": _pooling("ReduceMax"),
    "LSTM": lstm,
    "LayerNormalization": _layer_normalization,
    "Maximum": _merge("Max"),
    "Multiply": _merge("Mul"),
    "Softmax": _softmax,
    "SpatialDropout1D": _same,
    "Subtract": _merge("Sub"),
    "UnitNormalization": _unit_normalization,
}
