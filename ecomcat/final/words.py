"""The words that the exported model's largest part knows, and where it places them."""

from __future__ import annotations

from collections.abc import Sequence

import keras
import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from ecomcat.final.experts import WORD_KEYS, WORD_WEIGHTS
from ecomcat.reporting.projector import MOST_WORDS, WordVectors
from ecomcat.text.tokenizer import UNKNOWN_ID
from ecomcat.tuning.trial import TrialInputs

_FIXED = (WORD_KEYS, WORD_WEIGHTS)  # embeddings of no network, which place no word by its meaning


def known_words(
    model: keras.Model, tokenizer: Tokenizer, inputs: TrialInputs, classes: Sequence[str]
) -> WordVectors | None:
    """Return the most frequent words with their vectors.

    Args:
        model: as it is exported; its parts stand in the order of their shares.
        tokenizer: with at least as many words, the most frequent first.
        inputs: all texts, and which of them are train.
        classes: names of the categories.

    Returns:
        At most as many words as the projector shows; None where no part embeds words.
    """
    embedding = _first_embedding(model)
    if embedding is None:
        return None
    vectors = np.asarray(embedding.get_weights()[0])
    first = UNKNOWN_ID + 1
    ids = range(first, min(first + MOST_WORDS, len(vectors), tokenizer.get_vocab_size()))
    if not ids:
        return None
    occurrences, favoured = _occurrences(inputs, len(ids))
    return WordVectors(
        words=[tokenizer.id_to_token(token) for token in ids],
        vectors=vectors[ids.start : ids.stop],
        texts=occurrences.tolist(),
        categories=[
            classes[number] if count else ""
            for number, count in zip(favoured, occurrences, strict=True)
        ],
    )


def _first_embedding(model: keras.Model) -> keras.layers.Embedding | None:
    """Look through a model and the models in it for an embedding that was trained."""
    for layer in model.layers:
        if isinstance(layer, keras.layers.Embedding) and layer.name not in _FIXED:
            return layer
        found = _first_embedding(layer) if isinstance(layer, keras.Model) else None
        if found is not None:
            return found
    return None


def _occurrences(inputs: TrialInputs, words: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Count each word in the training texts, and find the class that uses it most."""
    from scipy import sparse

    train = inputs.split.train
    texts = inputs.texts.take(train)
    labels = np.repeat(inputs.labels[train], texts.lengths)
    rows = texts.ids - (UNKNOWN_ID + 1)
    shown = (rows >= 0) & (rows < words)
    places = (rows[shown], labels[shown])
    counts = sparse.csr_array((np.ones(len(places[0])), places), shape=(words, inputs.classes))
    # A large class has more words: what counts is a word's share of them.
    of_class = np.maximum(np.bincount(labels, minlength=inputs.classes), 1)
    shares = sparse.csr_array(
        counts @ sparse.dia_array((1 / of_class[None], [0]), (inputs.classes,) * 2)
    )
    return counts.sum(axis=1).astype(np.int64), shares.argmax(axis=1)
