"""A network as boxes and arrows: its layers, and what stands between them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import keras

# Operations between layers that a reader wants to know of, as the arrows' labels.
_LABELS = {
    "Max": "max over words",
    "Sum": "mean over words",
    "Squeeze": "last word",
    "TakeAlongAxis": "words reversed",
    "Where": "known words",
    "GetItem": "first words",
}
# What only masks and casts: the way back through it leads to the ids and says nothing.
_SKIPPED = {"NotEqual", "ExpandDims", "Cast"}


def describe_networks(model: keras.Model) -> list[dict[str, Any]]:
    """Return a model's layers, then those of its first part, and so on inwards.

    The first part is the network, or the ensemble's member that counts for most.

    Args:
        model: of any depth; a part that is a model is a box in the whole's drawing.

    Returns:
        For each level its `name`, its `layers` (each a `name`, a `type`, the `shape` of what comes
        out for one text, with None for its tokens, and its `weights`) and its `arrows` (from, to
        and a label, which may be empty).
    """
    found = [_describe(model)]
    parts = [layer for layer in model.layers if isinstance(layer, keras.Model)]
    if parts:
        found += describe_networks(parts[0])
    return found


def _describe(model: keras.Model) -> dict[str, Any]:
    layers = [layer for layer in model.layers if isinstance(layer, keras.layers.Layer)]
    names = {layer.name for layer in layers}
    arrows = {
        (source, layer.name, label)
        for layer in layers
        for node in layer._inbound_nodes
        for source, label in _sources(node, "", 0)
        if source in names
    }
    return {
        "name": model.name,
        "layers": [
            {
                "name": layer.name,
                "type": "network" if isinstance(layer, keras.Model) else type(layer).__name__,
                "shape": _shape(layer),
                "weights": _weights(layer),
            }
            for layer in layers
        ],
        "arrows": sorted(arrows),
    }


def _weights(layer: keras.layers.Layer) -> int:
    return int(layer.count_params())


def _shape(layer: Any) -> list[int | None]:
    outputs = layer.outputs[0] if isinstance(layer, keras.Model) else layer.output
    first = outputs[0] if isinstance(outputs, list | tuple) else outputs
    return list(first.shape[1:])


def _sources(node: Any, label: str, depth: int) -> Iterator[tuple[str, str]]:
    """Walk back from a layer's call to the layers before it, through plain operations."""
    for parent in node.parent_nodes:
        operation = parent.operation
        kind = type(operation).__name__
        if isinstance(operation, keras.layers.Layer):
            yield operation.name, label
        elif kind not in _SKIPPED and depth < 50:
            yield from _sources(parent, label or _LABELS.get(kind, ""), depth + 1)
