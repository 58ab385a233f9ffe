"""Slices and takes of Keras in ONNX."""

from __future__ import annotations

from typing import Any

from ecomcat.onnx.calls import Call
from ecomcat.onnx.graph import Graph, Value

_END = 2**31 - 1  # beyond every length


def get_item(graph: Graph, call: Call) -> str:
    """Translate `x[key]`, where the key holds whole numbers, slices and an ellipsis."""
    x: Value = call.given["x"]
    keys = _one_for_each_axis(call.given["key"], len(x.shape))
    wanted = all(isinstance(key, int | slice) for key in keys)
    call.require(wanted, f"the index {call.given['key']!r}")
    bounds = [(axis, *_bounds(key)) for axis, key in enumerate(keys) if key != slice(None)]
    picked = [axis for axis, key in enumerate(keys) if isinstance(key, int)]
    name = x.name
    if bounds:
        axes, starts, ends, steps = zip(*bounds, strict=True)
        given = [graph.constant(list(numbers), "int64") for numbers in (starts, ends, axes, steps)]
        name = graph.add("Slice", name, *given)
    return graph.add("Squeeze", name, graph.constant(picked, "int64")) if picked else name


def _one_for_each_axis(key: Any, rank: int) -> list[Any]:
    keys = list(key) if isinstance(key, tuple | list) else [key]
    place = keys.index(Ellipsis) if Ellipsis in keys else len(keys)
    after = keys[place + 1 :]
    return keys[:place] + [slice(None)] * (rank - place - len(after)) + after


def _bounds(key: int | slice) -> tuple[int, int, int]:
    """Return where a slice begins, where it ends and its step."""
    if isinstance(key, int):
        return key, (key + 1) or _END, 1
    step = key.step or 1
    start = (0 if step > 0 else _END) if key.start is None else key.start
    end = (_END if step > 0 else -_END) if key.stop is None else key.stop
    return start, end, step


def take_along_axis(graph: Graph, call: Call) -> str:
    """Translate taking by index along an axis, whole rows at a time where the index says so."""
    x: Value = call.given["x"]
    indices: Value = call.given["indices"]
    axis, rank = call.operation.axis, len(x.shape)
    call.require(axis is not None and rank == len(indices.shape), "an index of another rank")
    axis %= rank
    number = graph.operand(indices, "int64")
    if axis == 1 and rank == 3 and indices.shape[2] == 1:
        # GatherElements needs an index for each number of a row: 3 to 9 times slower, measured.
        return graph.add("GatherND", x.name, number, batch_dims=1)
    alike = all(x.shape[other] == indices.shape[other] for other in range(rank) if other != axis)
    call.require(alike, f"an index of shape {indices.shape} for {x.shape}")
    return graph.add("GatherElements", x.name, number, axis=axis)
