"""The ONNX file: it answers as the model does, or is refused, and says why it cannot be written."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecomcat.errors import UserError
from ecomcat.export.onnx import (
    CannotConvertError,
    OnnxScorer,
    require_same_answers,
    write_onnx,
)
from ecomcat.text.encoding import EncodedTexts, model_inputs
from ecomcat.text.letters import spell
from tests.conftest import ROOT
from tests.tiny_network import VALUES, texts_and_label_ids

pytestmark = pytest.mark.slow

TEXTS, LABEL_IDS = texts_and_label_ids(90, seed=0, longest=8)
DEEP = {"lstm_layers": 2, "pooling": "last+max+mean", "embedding_pooling": "max+mean"}


def with_random_weights(model: Any, seed: int = 1) -> Any:
    """Give a model random weights; those that are not trained are positive, as variances are."""
    random = np.random.default_rng(seed)
    model.set_weights([random.uniform(0.1, 2.0, each.shape) for each in model.get_weights()])
    for each in model.trainable_variables:
        each.assign(each.numpy() - 1.0)
    return model


def network(seed: int = 1, **values: Any) -> Any:
    from ecomcat.model.network import lstm_classifier

    return with_random_weights(
        lstm_classifier({**VALUES, "bidirectional": True, **values}, 3), seed
    )


# From embedded words `(batch, tokens, 4)`, keras.layers and keras.ops to what is classified.
Features = Callable[[Any, Any, Any], Any]


def model_of(features: Features, **embedding: Any) -> Any:
    """Build an embedding, the features and a softmax layer, all of random weights."""
    import keras
    from keras import layers, ops

    ids = keras.Input((None,), dtype="int32")
    embedded = layers.Embedding(20, 4, **embedding)(ids)
    answer = layers.Dense(3, "softmax")(features(embedded, layers, ops))
    return with_random_weights(keras.Model(ids, answer))


def require_alike(model: Any, path: Path, *texts: EncodedTexts) -> None:
    """Fail unless both answer alike, to what floats of four bytes can tell."""
    write_onnx(model, path)
    for each in texts or (TEXTS,):
        inputs = model_inputs(each, len(model.inputs))
        expected = model.predict_on_batch(inputs if len(inputs) > 1 else inputs[0])
        found = OnnxScorer(path).answer(*inputs)
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, expected, atol=2e-6)
        # Else nothing was compared.
        assert expected.std(axis=0).max() > 1e-3


def test_a_network_answers_alike(tmp_path: Path) -> None:
    require_alike(network(pooling="last", bidirectional=False), tmp_path / "model.onnx")


def layers_and_operations(x: Any, layers: Any, ops: Any) -> Any:
    parts = [
        layers.GRU(5)(x),
        ops.max(layers.Conv1D(5, 2, padding="same")(x), axis=1),
        ops.max(layers.LayerNormalization()(x) + ops.erf(x), axis=1),
    ]
    return layers.Concatenate()(parts)


def masked_layers(x: Any, layers: Any, ops: Any) -> Any:
    parts = [layers.Bidirectional(layers.LSTM(5))(x), layers.GlobalAveragePooling1D()(x)]
    return layers.Concatenate()(parts)


@pytest.mark.parametrize(
    ("features", "masked"), [(layers_and_operations, False), (masked_layers, True)]
)
def test_a_users_own_network_answers_alike(
    features: Features, masked: bool, tmp_path: Path
) -> None:
    require_alike(model_of(features, mask_zero=masked), tmp_path / "model.onnx")


# The same texts with letters, which are all that is known of some words.
SPELLED = replace(TEXTS, spelling=spell([f"word{3**id_}" for id_ in range(20)])).view(15, 8)


def pooled() -> Any:
    """Pool networks, of which one knows fewer words, and a linear part."""
    from ecomcat.final.linear_part import LinearPart
    from ecomcat.final.merged_network import Part, pool_models
    from ecomcat.model.training import Examples

    examples, words = Examples(SPELLED, LABEL_IDS), SPELLED.vocabulary_size
    linear = LinearPart(3, words, seed=1)
    linear.fit(examples)
    small = network(2, vocabulary_size=12, lstm_tokens=2, pooling="last", embedding_pooling="mean")
    parts = [
        Part(network(1), 0.5, words),
        Part(small, 0.25, 12),
        Part(linear.model, 0.25, words),
    ]
    return pool_models(parts, temperature=0.5)


# Keras 3.15 saves so under NumPy 2.
def test_a_pooled_and_calibrated_model_answers_alike_and_so_does_its_keras_file(
    tmp_path: Path,
) -> None:
    import keras

    pooled().save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    unknown = EncodedTexts(np.array([1, 1, 5, 9], np.int32), np.array([0, 2, 3, 4]))
    assert SPELLED.letters(np.arange(len(SPELLED))).any()
    require_alike(loaded, tmp_path / "model.onnx", unknown, SPELLED)


@pytest.mark.parametrize(
    ("features", "reason"),
    [
        (lambda x, layers, ops: layers.LSTM(5, activation="gelu", name="odd")(x), "odd"),
        (lambda x, layers, ops: ops.sum(x, axis=1) + ops.convert_to_tensor([1.0] * 4), "input"),
    ],
    ids=["an operator that ONNX Runtime refuses", "a tensor from outside the model"],
)
def test_what_cannot_be_converted_is_refused_with_the_reason(
    features: Features, reason: str, tmp_path: Path
) -> None:
    with pytest.raises(CannotConvertError, match=reason):
        write_onnx(model_of(features), tmp_path / "model.onnx")


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Path]:
    """Return a network of two layers and its ONNX file."""
    model, path = network(**DEEP), tmp_path_factory.mktemp("onnx") / "model.onnx"
    require_alike(model, path)
    return model, path


def test_the_file_has_the_lstm_operator_and_names_what_goes_in_and_comes_out(
    written: tuple[Any, Path],
) -> None:
    import onnx

    graph = onnx.load(written[1]).graph
    kinds = [node.op_type for node in graph.node]
    assert kinds.count("LSTM") == 4
    assert not {"Loop", "Scan", "If"} & set(kinds)
    assert [each.name for each in (*graph.input, *graph.output)] == ["token_ids", "probabilities"]


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ({"seed": 2}, r"differs by 0\.\d+ on 90 texts"),
        ({}, "differs by nan"),
    ],
    ids=["weights", "not a number"],
)
def test_a_file_that_answers_otherwise_is_refused(
    written: tuple[Any, Path], other: dict[str, Any], message: str
) -> None:
    model = network(**DEEP, **other)
    if not other:
        require_same_answers(*written, texts_and_label_ids(1_500, seed=4, longest=8)[0])
        model.get_layer("probabilities").bias.assign([np.nan] * 3)
    with pytest.raises(UserError, match=message):
        require_same_answers(model, written[1], TEXTS)


@pytest.mark.parametrize("count", [1, 65, 700])
def test_answers_come_in_the_order_of_the_texts(written: tuple[Any, Path], count: int) -> None:
    texts, _ = texts_and_label_ids(count, seed=4, longest=8)
    scorer = OnnxScorer(written[1])
    alone = [scorer.answer(texts.padded(np.array([row])))[0] for row in range(count)]
    np.testing.assert_allclose(scorer(texts), np.reshape(alone, (count, 3)), atol=1e-6)


words = st.lists(st.integers(1, 19), min_size=1, max_size=12)


@settings(deadline=None)
@given(text=words, others=st.lists(words, max_size=4), padding=st.integers(0, 9))
def test_neither_padding_nor_its_neighbours_change_the_answer_to_a_text(
    written: tuple[Any, Path], text: list[int], others: list[list[int]], padding: int
) -> None:
    scorer, batch = OnnxScorer(written[1]), [text, *others]
    ids = np.zeros((len(batch), max(map(len, batch)) + padding), np.int32)
    for row, each in zip(ids, batch, strict=True):
        row[: len(each)] = each
    alone = scorer.answer(np.array([text], np.int32))
    np.testing.assert_allclose(scorer.answer(ids)[0], alone[0], atol=1e-6)


@pytest.mark.parametrize("content", [b"", b"not a model"], ids=["empty", "other"])
def test_a_file_that_is_no_model_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"Expected an ONNX model in .*model\.onnx"):
        OnnxScorer(path)


_ANSWER = """
import sys
from pathlib import Path
import numpy
from ecomcat.export.onnx import OnnxScorer
print(OnnxScorer(Path(sys.argv[1])).answer(numpy.array([[3, 4]], "int32")).shape)
print(sorted({"tensorflow", "keras", "onnx", "pandas"} & set(sys.modules)))
"""


def test_answering_imports_no_tensorflow_and_the_runtime_reports_nothing(
    written: tuple[Any, Path], tmp_path: Path
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _ANSWER, str(written[1])],
        env={"HOME": str(tmp_path), "PATH": "", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("(1, 3)\n[]\n", "")
    assert list(tmp_path.rglob("*")) == []
