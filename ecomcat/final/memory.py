"""A memory of the training texts: which class the texts with the same words have.

A network forgets a single training text; catalogues are full of near copies, and of habits of
labelling that a few texts show. So the exported model also looks a text up among those it was
trained on: the classes of all of them, weighted by a softmax of the cosine between word counts,
as in Khandelwal et al., "Generalization through memorization: nearest neighbor language models"
(ICLR 2020, section 2), but with keys that no training has bent towards the classes. The counts,
weighted by the words' rarity, are made short by a random projection (Johnson and Lindenstrauss).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ecomcat.final.lot import some_rows
from ecomcat.final.word_counts import count_words, rarity

if TYPE_CHECKING:
    import keras

    from ecomcat.model.training import Examples

MOST_TEXTS = 20_000  # of which a key each is kept: 20 MB, and as many products for each answer
_KEY_DIM = 256
_SHARPNESS = 30.0  # of the softmax over cosines; 20 to 40 differ little on validation
WORD_KEYS = "word_keys"  # the layer of the memory that looks words up


def build_memory(examples: Examples, classes: int, vocabulary_size: int, seed: int) -> keras.Model:
    """Build a model that answers with the classes of the nearest texts.

    Args:
        examples: the texts remembered; of more than `MOST_TEXTS`, as many by lot.
        classes: number of categories.
        vocabulary_size: ids that a text may hold.
        seed: of the projection and of the lot.

    Returns:
        A model of fixed weights from ids `(batch, tokens)`, padded with 0 at the end, to
        probabilities `(batch, classes)`.
    """
    import keras
    from keras import layers

    random = np.random.default_rng([seed, vocabulary_size])
    word_keys = random.standard_normal((vocabulary_size, _KEY_DIM), np.float32)
    rows = some_rows(len(examples), MOST_TEXTS, random)
    counts = count_words(examples.texts.take(rows), vocabulary_size)
    word_keys *= rarity(counts)[:, None]
    keys = counts @ word_keys
    keys /= np.maximum(np.linalg.norm(keys, axis=1, keepdims=True), 1e-9)
    ids = keras.Input((None,), dtype="int32", name="token_ids")
    embedded = layers.Embedding(vocabulary_size, _KEY_DIM, name=WORD_KEYS)
    nearness = layers.Dense(len(rows), "softmax", use_bias=False, name="nearness")
    answer = layers.Dense(classes, use_bias=False, name="classes_of_texts")
    key = layers.UnitNormalization(name="key")(keras.ops.sum(embedded(ids), axis=1))
    model = keras.Model(ids, answer(nearness(key)), name="memory")
    embedded.set_weights([word_keys])
    nearness.set_weights([_SHARPNESS * keys.T])
    answer.set_weights([np.eye(classes, dtype=np.float32)[examples.labels[rows]]])
    model.trainable = False
    return model
