"""A network as boxes and arrows: what a reader would draw by hand."""

from __future__ import annotations

import re
from itertools import combinations

import pytest

from ecomcat.model.layers import describe_networks
from ecomcat.reporting.layers_drawing import draw_layers

pytestmark = pytest.mark.slow  # imports TensorFlow
VALUES = {
    "vocabulary_size": 50,
    "embedding_dim": 4,
    "lstm_tokens": 8,
    "lstm_units": 3,
    "lstm_layers": 1,
    "bidirectional": True,
    "pooling": "max+mean",
    "embedding_pooling": "max",
    "spatial_dropout": 0.1,
    "dropout": 0.1,
}


@pytest.fixture(scope="module")
def network():
    from ecomcat.model.network import lstm_classifier

    return lstm_classifier(VALUES, 3)


def arrows(described):
    return {(source, target): label for source, target, label in described["arrows"]}


def test_layers_have_their_shapes_and_weights(network):
    (described,) = describe_networks(network)
    layers = {layer["name"]: layer for layer in described["layers"]}
    assert layers["embedding"] == {
        "name": "embedding",
        "type": "Embedding",
        "shape": [None, 4],
        "weights": 200,
    }
    assert layers["probabilities"]["shape"] == [3]


def test_arrows_lead_from_the_ids_to_the_probabilities(network):
    (described,) = describe_networks(network)
    found = arrows(described)
    assert ("token_ids", "embedding") in found
    assert ("embedding", "spatial_dropout") in found
    assert ("spatial_dropout", "lstm_1_backward") in found
    assert found["lstm_1_forward", "features"] in {"max over words", "mean over words"}
    assert ("features", "dropout") in found
    assert ("dropout", "probabilities") in found
    # Masks come from the ids, but are nothing that a reader follows.
    assert ("token_ids", "features") not in found


def test_a_calibrated_ensemble_is_drawn_whole_and_then_its_first_part(network):
    from ecomcat.final.calibration import calibrated_model
    from ecomcat.final.experts import Part, merge_models

    parts = [Part(network, share, 50, 16) for share in (0.7, 0.3)]
    whole = calibrated_model(merge_models(parts, vocabulary_size=60, max_tokens=32), 0.8)
    described = describe_networks(whole)
    assert [each["name"] for each in described] == [whole.name, "part_1_classifier"]
    found = arrows(described[0])
    assert {target for source, target in found if source == "token_ids"} == {
        "part_1_classifier",
        "part_2_classifier",
    }
    assert ("probabilities", "temperature") in found
    types = {layer["name"]: layer["type"] for layer in described[0]["layers"]}
    assert types["part_2_classifier"] == "network"


def test_every_layer_is_drawn_below_what_leads_to_it(network):
    (described,) = describe_networks(network)
    svg = draw_layers(described)
    heights = {
        name: float(y) for y, name in re.findall(r'<text x="[\d.]+" y="([\d.]+)">([^<]*)', svg)
    }
    assert set(heights) == {layer["name"] for layer in described["layers"]}
    for source, target in arrows(described):
        assert heights[source] < heights[target]


@pytest.mark.parametrize("pooling", ["max", "max+mean", "max+mean+last"])
def test_no_label_lies_on_another(pooling):
    from ecomcat.model.network import lstm_classifier

    values = {**VALUES, "pooling": pooling, "embedding_pooling": pooling, "lstm_layers": 2}
    (described,) = describe_networks(lstm_classifier(values, 3))
    labels = re.findall(
        r'<text class="small label" x="([\d.-]+)" y="([\d.-]+)">([^<]*)', draw_layers(described)
    )
    assert len(labels) >= 5
    for (x, y, text), (other_x, other_y, other) in combinations(labels, 2):
        beside = abs(float(x) - float(other_x)) >= 2.7 * (len(text) + len(other))
        assert beside or abs(float(y) - float(other_y)) >= 10, (text, other)


def test_operations_that_part_and_meet_again_are_walked_once_each():
    import keras
    from keras import ops

    ids = keras.Input((2,), name="ids")
    hidden = keras.layers.Dense(2, name="first")(ids)
    for _ in range(60):
        hidden = hidden + ops.tanh(hidden)
    model = keras.Model(ids, keras.layers.Dense(3, name="last")(hidden))
    (described,) = describe_networks(model)
    assert set(arrows(described)) == {("ids", "first"), ("first", "last")}


def test_a_model_that_holds_nothing_but_another_is_passed_over():
    import keras

    ids = keras.Input((2,), name="ids")
    inner = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3, name="dense")], name="inner")
    middle = keras.Model(ids, inner(ids), name="middle")
    outer = keras.Model(ids, keras.layers.Softmax()(middle(ids)), name="outer")
    assert [each["name"] for each in describe_networks(outer)] == ["outer", "inner"]
    assert [each["name"] for each in describe_networks(middle)] == ["inner"]


def test_layers_that_tell_little_of_themselves_are_drawn_all_the_same():
    import keras

    class Split(keras.layers.Layer):
        def call(self, values):
            return {"half": values[:, :1], "whole": values}

    class Subclass(keras.Model):
        def __init__(self):
            super().__init__(name="subclass")
            self.dense = keras.layers.Dense(3)

        def call(self, values):
            return self.dense(values)

    ids = keras.Input((2,), name="ids")
    model = keras.Model(ids, Subclass()(Split(name="split")(ids)["whole"]))
    (described,) = describe_networks(model)
    layers = {layer["name"]: layer for layer in described["layers"]}
    assert layers["split"]["shape"] == [1]
    assert layers["subclass"] == {
        "name": "subclass",
        "type": "Subclass",
        "shape": [3],
        "weights": 9,
    }
    assert "subclass" in draw_layers(described)


def test_a_layer_that_is_called_again_on_its_own_answer_is_drawn():
    import keras

    ids, shared = keras.Input((2,), name="ids"), keras.layers.Dense(2, name="shared")
    (described,) = describe_networks(keras.Model(ids, shared(shared(ids))))
    assert set(arrows(described)) == {("ids", "shared"), ("shared", "shared")}
    assert draw_layers(described).count("<rect") == 2
