"""A small bidirectional LSTM as tutorials and student projects train it, epochs fixed beforehand.

Nothing is chosen on validation: ten epochs, and the last one's weights are kept.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.quality_rows import Model, Rows, Task
from ecomcat.process import import_tensorflow

_WORDS, _LENGTH = 5000, 250
_EMBEDDING, _UNITS = 64, 16
_BATCH, _EPOCHS = 16, 10
_PREDICTED_AT_A_TIME = 256
# The usual English list. Words are compared as they stand, so "The" and "with," stay.
_ENGLISH = """
    i me my myself we our ours ourselves you you're you've you'll you'd your yours yourself
    yourselves he him his himself she she's her hers herself it it's its itself they them their
    theirs themselves what which who whom this that that'll these those am is are was were be been
    being have has had having do does did doing a an the and but if or because as until while of at
    by for with about against between into through during before after above below to from up down
    in out on off over under again further then once here there when where why how all any both each
    few more most other some such no nor not only own same so than too very s t can will just don
    don't should should've now d ll m o re ve y ain aren aren't couldn couldn't didn didn't doesn
    doesn't hadn hadn't hasn hasn't haven haven't isn isn't ma mightn mightn't mustn mustn't needn
    needn't shan shan't shouldn shouldn't wasn wasn't weren weren't won won't wouldn wouldn't
"""
_STOP_WORDS = frozenset(_ENGLISH.split())


@dataclass(frozen=True)
class SeedModel:
    """The network and the layer that turns words into ids, deployed as a `.keras` file each."""

    vectorize: Any
    network: Any

    def predict(self, texts: Sequence[str]) -> NDArray[np.int64]:
        """Return class numbers."""
        ids = self.vectorize(without_stop_words(texts))
        probabilities = self.network.predict(ids, batch_size=_PREDICTED_AT_A_TIME, verbose=0)
        return np.asarray(probabilities.argmax(axis=1))

    def size(self) -> int:
        """Return the bytes of the network's file and of the list of words."""
        with tempfile.TemporaryDirectory(prefix="seed_") as folder:
            path = Path(folder) / "model.keras"
            self.network.save(path)
            words = "\n".join(self.vectorize.get_vocabulary())
            return path.stat().st_size + len(words.encode())


class Seed:
    """Small BiLSTM, fixed 10 epochs."""

    def choose(self, train: Rows, validation: Rows, task: Task) -> tuple[Mapping[str, Any], Model]:
        """Choose nothing."""
        return {}, self.fit(train, {}, task)

    def fit(self, rows: Rows, choice: Mapping[str, Any], task: Task) -> Model:
        """Learn the vocabulary and train ten epochs."""
        import_tensorflow()
        import keras

        keras.utils.set_random_seed(task.seed)
        texts = without_stop_words(rows.texts)
        vectorize = keras.layers.TextVectorization(
            max_tokens=_WORDS, output_sequence_length=_LENGTH
        )
        vectorize.adapt(texts)
        network = keras.Sequential(
            [
                keras.layers.Embedding(_WORDS, _EMBEDDING),
                keras.layers.Bidirectional(keras.layers.LSTM(_UNITS)),
                keras.layers.Dense(task.classes, activation="softmax"),
            ]
        )
        network.compile(optimizer="adam", loss="sparse_categorical_crossentropy")
        ids = np.asarray(vectorize(texts))
        network.fit(ids, rows.labels, batch_size=_BATCH, epochs=_EPOCHS, verbose=0)
        return SeedModel(vectorize, network)


def without_stop_words(texts: Sequence[str]) -> list[str]:
    """Drop English stop words that stand alone and in lower case."""
    valid = (text.encode("utf-8", "replace").decode("utf-8") for text in texts)
    return [" ".join(word for word in text.split() if word not in _STOP_WORDS) for text in valid]
