"""What linear models count in texts: words, tokens or letters, and of how many characters."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

import numpy as np

from ecomcat.data.splitting import sample_rows
from ecomcat.text.tokenizer import split_words

_MAX_SAMPLED = 1_000_000  # characters whose features are counted to estimate those of all
# A word of scikit-learn's, or a letter of scripts written without spaces: Thai, Lao,
# Tibetan, Myanmar, Khmer, kana and Han.
WORD_PATTERN = (
    r"(?u)[\u0e00-\u0fff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]"
    r"|\b\w\w+\b"
)


@dataclass(frozen=True)
class Features:
    """What a linear model counts in a text.

    Args:
        title: String. What it is called in sentences.
        counted: Dictionary. How scikit-learn's `CountVectorizer` finds it.
        max_characters: Integer. Characters of all texts that are counted in about a minute and a
            gigabyte; the choice uses a quarter of it.
        max_distinct: Integer. Different features, of which random letters have very many, that
            are counted in about a gigabyte. Defaults to no limit.
        costs: Tuple of numbers. LinearSVC's `C` to try.
        sublinear_tf: Tuple of booleans to try. Whether the logarithm of a feature's count is used.
        beside: String, a key of `FEATURES`. What is counted as well, and weighted apart, so that
            both have the same length in each text. Defaults to nothing.
    """

    title: str
    counted: dict[str, Any]
    max_characters: int
    max_distinct: int | None = None
    costs: tuple[float, ...] = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
    sublinear_tf: tuple[bool, ...] = (False, True)
    beside: str | None = None

    def new_counter(self, max_features: int | None) -> Any:
        """Return a transformer from texts to counts or, of two kinds side by side, to weights."""
        from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
        from sklearn.pipeline import FeatureUnion

        if self.beside is None:
            return CountVectorizer(max_features=max_features, dtype=np.float64, **self.counted)
        half = max_features // 2 if max_features else None
        kinds = {self.title: self.counted, self.beside: FEATURES[self.beside].counted}
        return FeatureUnion(
            [
                (name, TfidfVectorizer(sublinear_tf=True, max_features=half, **counted))
                for name, counted in kinds.items()
            ]
        )

    def new_weights(self, *, sublinear_tf: bool) -> Any:
        """Return a transformer from what `new_counter` gives to weights."""
        from sklearn.feature_extraction.text import TfidfTransformer
        from sklearn.preprocessing import FunctionTransformer

        if self.beside is None:
            return TfidfTransformer(sublinear_tf=sublinear_tf)
        return FunctionTransformer()  # they are weights already


FEATURES = {
    "words": Features(
        "words and pairs of words",
        {"ngram_range": (1, 2), "token_pattern": WORD_PATTERN},
        160_000_000,
    ),
    "tokens": Features(
        "the model's own tokens and pairs of them",
        {"ngram_range": (1, 2), "tokenizer": split_words, "token_pattern": None},
        120_000_000,
    ),
    "letters": Features(
        "letters: 2 to 5 in a row, within words",
        {"ngram_range": (2, 5), "analyzer": "char_wb", "min_df": 2},
        30_000_000,
        max_distinct=4_000_000,
        costs=(0.5, 1.0, 2.0, 4.0),
        sublinear_tf=(True,),
    ),
}

FEATURES["tokens_letters"] = replace(
    FEATURES["letters"],
    title="the model's own tokens, pairs of them, and letters",
    costs=(0.5, 1.0, 2.0),
    beside="tokens",
)


def max_characters(texts: Sequence[str], counted: Mapping[str, Any], max_distinct: int) -> float:
    """Return how many characters of such texts have at most about so many different features.

    How often the next feature is a new one is estimated as the share of those that occur once in
    a random sample: I. J. Good, "The population frequencies of species and the estimation of
    population parameters" (Biometrika 40, 1953). Texts no larger than a sample have no limit.
    """
    from sklearn.feature_extraction.text import CountVectorizer

    total = sum(map(len, texts))
    if total <= _MAX_SAMPLED:
        return math.inf
    count = max(1, len(texts) * _MAX_SAMPLED // total)
    sample = [texts[row] for row in sample_rows(len(texts), count, np.random.default_rng(0))]
    features_of = CountVectorizer(**counted).build_analyzer()
    times = Counter(chain.from_iterable(map(features_of, sample)))
    new = sum(each == 1 for each in times.values())
    return max_distinct * sum(map(len, sample)) / max(new, 1)
