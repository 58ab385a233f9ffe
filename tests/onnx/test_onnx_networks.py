"""Networks answer in ONNX as they do in Keras."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecomcat.text.encoding import EncodedTexts
from tests.onnx.both_answers import network, require_alike
from tests.tiny_network import texts_and_labels

pytestmark = pytest.mark.slow

CONFIGURATIONS = [
    {"pooling": pooling, "embedding_pooling": embedding, "bidirectional": both, "lstm_layers": many}
    for pooling in ("last", "max", "mean", "max+mean")
    for embedding in ("none", "max+mean")
    for both in (True, False)
    for many in (1, 2)
]


def texts() -> EncodedTexts:
    """Make texts of 1 to 8 words."""
    return texts_and_labels(60, seed=0, longest=8)[0]


@pytest.mark.parametrize(
    "values", CONFIGURATIONS, ids=lambda values: "-".join(map(str, values.values()))
)
def test_a_network_answers_alike(values: dict[str, Any], tmp_path: Path) -> None:
    require_alike(network(**values), tmp_path / "model.onnx", texts())


@pytest.mark.parametrize("lstm_tokens", [1, 3, 50])
def test_the_lstm_reads_as_much_of_a_text_as_in_keras(lstm_tokens: int, tmp_path: Path) -> None:
    model = network(lstm_tokens=lstm_tokens, pooling="last+mean", embedding_pooling="max")
    require_alike(model, tmp_path / "model.onnx", texts())


# Keras 3.15 saves so under NumPy 2.
@pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept:DeprecationWarning")
def test_a_model_from_its_file_answers_alike(tmp_path: Path) -> None:
    import keras

    network(pooling="last+max+mean", lstm_layers=2).save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    require_alike(loaded, tmp_path / "model.onnx", texts())


@pytest.fixture(scope="module")
def scorer(tmp_path_factory: pytest.TempPathFactory) -> Any:
    from ecomcat.onnx.export import write_onnx
    from ecomcat.onnx.scorer import OnnxScorer

    path = tmp_path_factory.mktemp("onnx") / "model.onnx"
    values = {"pooling": "last+max+mean", "embedding_pooling": "max+mean", "lstm_layers": 2}
    write_onnx(network(**values), path)
    return OnnxScorer(path)


words = st.lists(st.integers(1, 19), min_size=1, max_size=12)


@settings(deadline=None)
@given(text=words, others=st.lists(words, max_size=4), padding=st.integers(0, 9))
def test_neither_padding_nor_its_neighbours_change_the_answer_to_a_text(
    scorer: Any, text: list[int], others: list[list[int]], padding: int
) -> None:
    batch = [text, *others]
    ids = np.zeros((len(batch), max(map(len, batch)) + padding), np.int32)
    for row, each in zip(ids, batch, strict=True):
        row[: len(each)] = each
    alone = scorer.answer(np.array([text], np.int32))
    np.testing.assert_allclose(scorer.answer(ids)[0], alone[0], atol=1e-6)
