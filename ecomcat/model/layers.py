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

    The first part is the network, or the ensemble's member that counts for most. One that holds
    nothing but another model is passed over.

    Args:
        model: of any depth; a part that is a model is a box in the whole's drawing.

    Returns:
        For each level its `name`, its `layers` (each a `name`, a `type`, the `shape` of what comes
        out for one text, with None for its tokens, and its `weights`) and its `arrows` (from, to
        and a label, which may be empty).
    """
    parts = [layer for layer in _layers(model) if _is_network(layer)]
    inner = describe_networks(parts[0]) if parts else []
    holds_another = len(inner) > 0 and all(
        isinstance(layer, keras.layers.InputLayer) or layer is parts[0] for layer in _layers(model)
    )
    return inner if holds_another else [_describe(model), *inner]


def _layers(model: keras.Model) -> list[keras.layers.Layer]:
    return [layer for layer in model.layers if isinstance(layer, keras.layers.Layer)]


def _is_network(layer: keras.layers.Layer) -> bool:
    """Tell whether a layer is a model whose layers are joined; of a subclass none can be told."""
    return isinstance(layer, keras.Model) and getattr(layer, "inputs", None) is not None


def _describe(model: keras.Model) -> dict[str, Any]:
    layers = _layers(model)
    names = {layer.name for layer in layers}
    arrows = {
        (source, layer.name, label)
        for layer in layers
        for node in layer._inbound_nodes
        for source, label in _sources(node)
        if source in names
    }
    return {
        "name": model.name,
        "layers": [
            {
                "name": layer.name,
                "type": "network" if _is_network(layer) else type(layer).__name__,
                "shape": _shape(layer),
                "weights": _weights(layer),
            }
            for layer in layers
        ],
        "arrows": sorted(arrows),
    }


def _weights(layer: keras.layers.Layer) -> int:
    return int(layer.count_params()) if layer.built else 0


def _shape(layer: keras.layers.Layer) -> list[int | None]:
    """Return the shape of a layer's first output; nothing where it was never called as a layer."""
    try:
        outputs = layer.outputs if _is_network(layer) else layer.output
    except AttributeError:
        return []
    return list(keras.tree.flatten(outputs)[0].shape[1:])


def _sources(node: Any) -> Iterator[tuple[str, str]]:
    """Walk back from a layer's call to the layers before it, through plain operations."""
    waiting, seen = [(node, "")], set()
    while waiting:
        node, label = waiting.pop()
        for parent in node.parent_nodes:
            operation = parent.operation
            kind = type(operation).__name__
            if isinstance(operation, keras.layers.Layer):
                yield operation.name, label
                continue
            further = (parent, label or _LABELS.get(kind, ""))
            # Once each: where operations part and meet again, the ways double each time.
            if kind not in _SKIPPED and further not in seen:
                seen.add(further)
                waiting.append(further)
