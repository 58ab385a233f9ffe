"""Words as token ids: what a word is, which ids words get, and what is deployed."""

from __future__ import annotations

import pickle
import random

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from ecomcat.text.encoding import encode_all
from ecomcat.text.tokenizer import (
    PADDING_ID,
    UNKNOWN_ID,
    Encoder,
    deployed_tokenizer,
    fit_tokenizer,
    mean_words,
    valid_unicode,
)

WORDS = ["red", "shirt", "красный", "红", "色", "किताब", "كتاب", "12", "café", "zip"]
TRAINING = [" ".join(WORDS[: number + 1]) for number in range(len(WORDS))] * 2
FITTED = fit_tokenizer(TRAINING, 100)


def encode(tokenizer: Tokenizer, *texts: str) -> list[tuple[list[int], dict[int, str]]]:
    return Encoder(tokenizer).encode(texts, 1000)


any_text = st.text(st.characters(exclude_categories=[]), max_size=30)
word_text = st.lists(st.sampled_from([*WORDS, "unheard", "RED", "?!", "红色12"])).map(" ".join)


def words(text: str) -> list[str]:
    """Return the words of a text as a fitted vocabulary names them."""
    tokenizer = fit_tokenizer([text, text], 1000)
    encoded = tokenizer.encode(valid_unicode(text))
    assert UNKNOWN_ID not in encoded.ids
    return list(encoded.tokens)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("Red Shirts", ["red", "shirts"], id="lower case"),
        pytest.param("red-shirt, (new)!", ["red", "shirt", "new"], id="punctuation separates"),
        pytest.param("iPhone13 3.5kg", ["iphone", "13", "3", "5", "kg"], id="numbers apart"),
        pytest.param("\uff32\uff45\uff44\u3000\uff12 \ufb01ne", ["red", "2", "fine"], id="NFKC"),
        pytest.param("cafe\u0301 CAF\u00c9", ["café", "café"], id="composed and decomposed"),
        pytest.param("हिन्दी किताब", ["हिन्दी", "किताब"], id="Hindi words whole"),
        pytest.param("العَرَبِيَّة كتاب", ["العَرَبِيَّة", "كتاب"], id="Arabic words whole"),
        pytest.param("한국어 책", ["한국어", "책"], id="Korean words whole"),
        pytest.param("红色连衣裙", ["红", "色", "连", "衣", "裙"], id="Chinese letters"),
        pytest.param("ひらカナ", ["ひ", "ら", "カ", "ナ"], id="Japanese letters"),
        # NFKC splits U+0E33 into the mark U+0E4D and the letter U+0E32.
        pytest.param("น\u0e49\u0e33", ["น\u0e49\u0e4d", "\u0e32"], id="Thai letters with marks"),
        pytest.param("เย็น", ["เ", "ย็", "น"], id="Thai vowels before their letter"),
        pytest.param("មាន់", ["មា", "ន់"], id="Khmer letters with marks"),
        pytest.param("red红色abc", ["red", "红", "色", "abc"], id="mixed"),
        pytest.param("红色。「新」", ["红", "色", "新"], id="Chinese punctuation"),
        pytest.param("བོད་ཡིག།", ["བོ", "ད", "ཡི", "ག"], id="Tibetan punctuation"),
        pytest.param("មាន់។", ["មា", "ន់"], id="Khmer punctuation"),
        pytest.param("red 😀 → €", ["red"], id="emoji and symbols"),
        pytest.param("red\udcff shirt\ud800", ["red", "shirt"], id="lone surrogates"),
    ],
)
def test_what_a_word_is(text: str, expected: list[str]) -> None:
    assert words(text) == expected


def test_words_are_counted_whether_known_or_not() -> None:
    assert mean_words(["Two words!", "", "a 2nd text, of it", "\ud800"]) == (2 + 0 + 6 + 0) / 4


def test_ids_follow_frequency_after_padding_and_unknown() -> None:
    tokenizer = fit_tokenizer(["b b b a", "c c c c", "a d d d d d"], 100)
    assert tokenizer.get_vocab() == {"[PAD]": 0, "[UNK]": 1, "d": 2, "c": 3, "b": 4, "a": 5}
    assert encode(tokenizer, "a d x c") == [([5, 2, UNKNOWN_ID, 3], {2: "x"})]
    seen_once = fit_tokenizer(["red red blue"], 100)
    assert encode(seen_once, "red blue") == [([2, UNKNOWN_ID], {1: "blue"})]


@pytest.mark.parametrize(
    ("text", "lacking"),
    [
        ("red LAMP 45", {1: "lamp", 2: "45"}),
        ("½ ﬁne RÊVE red", {0: "1", 1: "2", 2: "fine", 3: "rêve"}),
        ("ΣΑΣ red", {0: "σασ"}),
        ("灯red灯", {0: "灯", 2: "灯"}),
        ("\ud800lamp", {0: "lamp"}),
    ],
)
def test_words_that_the_vocabulary_lacks_are_given_as_it_would_have_them(text, lacking) -> None:
    assert encode(FITTED, text)[0][1] == lacking


def test_equally_frequent_words_get_the_same_ids_whatever_the_order() -> None:
    texts = [f"word{'x' * number} twin" for number in range(50)] * 2
    vocabularies = [
        fit_tokenizer(random.Random(seed).sample(texts, len(texts)), 30).get_vocab()
        for seed in range(3)
    ]
    assert len(vocabularies[0]) == 30
    assert vocabularies[0] == vocabularies[1] == vocabularies[2]


@pytest.mark.parametrize("text", ["", "  ", "?!", "😀", "\ud800", "\u200b"])
def test_a_text_without_words_is_one_unknown_word(text: str) -> None:
    assert encode(FITTED, text, "red") == [([UNKNOWN_ID], {}), ([2], {})]


@pytest.mark.parametrize("text", ["[PAD]", "red [PAD] shirt", "[UNK]", "a [pad] b"])
def test_a_text_cannot_spell_padding(text: str) -> None:
    for tokenizer in (FITTED, deployed_tokenizer(FITTED, 100, 50)):
        assert PADDING_ID not in encode(tokenizer, text)[0][0]


@settings(deadline=None)
@given(any_text | word_text)
@example("ΣΑΣ İ ﬁne ½ Å")
def test_ids_are_those_of_the_exported_tokenizer_alone(text: str) -> None:
    expected = FITTED.encode(valid_unicode(text)).ids or [UNKNOWN_ID]
    assert encode(FITTED, text)[0][0] == expected


@settings(deadline=None)
@given(st.lists(any_text | word_text, max_size=8), st.integers(2, 15), st.integers(1, 8))
def test_the_deployed_tokenizer_gives_the_ids_that_training_used(
    texts: list[str], vocabulary_size: int, max_tokens: int
) -> None:
    tokenizer = fit_tokenizer(TRAINING, 100)
    rows = np.arange(len(texts))
    trained = encode_all(tokenizer, texts, 1000).view(vocabulary_size, max_tokens)
    deployed = deployed_tokenizer(tokenizer, vocabulary_size, max_tokens)
    for again in (
        deployed,
        Tokenizer.from_str(deployed.to_str()),
        Tokenizer.from_str(deployed.to_str(pretty=True)),
        pickle.loads(pickle.dumps(deployed)),
    ):
        found = encode_all(again, texts, max_tokens)
        assert np.array_equal(found.padded(rows), trained.padded(rows))
        assert np.array_equal(found.letters(rows), trained.letters(rows))
