"""Rows as texts: categories, numbers and marks are words that no text can forge."""

from __future__ import annotations

import hashlib
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecomcat.data.cleaning import has_words, normalized_key
from ecomcat.errors import UserError
from ecomcat.text.encoding import drop_words, encode_all
from ecomcat.text.fields import Fields, read_fields, shown, split_fields
from ecomcat.text.tokenizer import UNKNOWN_ID, deployed_tokenizer, fit_tokenizer, split_words

FIELDS = Fields(("title", "Details"), ("brand", "shop"), ("price",))
ROWS = [
    FIELDS.compose([f"red lamp {n}", "of wood"], ["Acme" if n % 2 else "Bolt", ""], [float(n)])
    for n in range(40)
]
TOKENIZER = fit_tokenizer(ROWS, 200, FIELDS)
VOCABULARY = TOKENIZER.get_vocab()
ANYTHING = st.text(st.characters(codec="utf-8") | st.sampled_from("\x1e\x1f=<>\u0338"))


def ids_of(*texts: str, tokenizer=TOKENIZER):
    encoded = encode_all(tokenizer, texts, 50)
    return [encoded.ids[slice(*ends)].tolist() for ends in pairwise(encoded.offsets)]


def id_of(word: str) -> int:
    return VOCABULARY[f"\x1e{word}\x1f"]


def test_a_text_is_read_as_by_every_version_before() -> None:
    things = ["wood", "TIN", "glass"]
    texts = [f"Oak Lamp {n % 7}, of {' '.join(things[n % 3 :])} no. {n}" for n in range(600)]
    odd = ["Ünï \u1e9b\u0323 İ ﬁ", "a\x1eb\x1f c", "漢字 カナ", "x\ud800y", "naïve  Ｆｕｌｌ"]
    tokenizer = fit_tokenizer(texts + odd + odd, 500)
    encoded = encode_all(tokenizer, [*texts, *odd, "zz qq"], 40)
    found = hashlib.sha256(tokenizer.to_str().encode())
    rows = np.arange(len(encoded))
    letters = encoded.letters(rows)
    for each in (encoded.words, encoded.offsets, encoded.padded(rows[:50]), letters):
        found.update(np.ascontiguousarray(each).tobytes())
    assert found.hexdigest()[:16] == "d98121ef55dba07e"


@pytest.mark.parametrize("fields", [Fields(("text",)), Fields(("title", "text"), marked=False)])
def test_a_text_alone_is_read_as_without_fields(fields) -> None:
    texts = ["Oak Lamp 7, of wood", "a\x1eb\x1f c", "漢字 カナ", "x\ud800y", "naïve  Ｆｕｌｌ"] * 2
    assert fit_tokenizer(texts, 500, fields).to_str() == fit_tokenizer(texts, 500).to_str()


@pytest.mark.parametrize(
    ("texts", "categories", "numbers", "expected"),
    [
        (
            ["A lamp", "Red."],
            ["Acme", "1.0"],
            [9.5],
            "[brand:Acme] [shop:1] [price:9.5] [title] A lamp [details] Red.",
        ),
        (["A lamp", ""], ["", " - "], [None], "[title] A lamp"),
        (["", "Red"], [], [], "[details] Red"),
        (["", ""], ["Acme", ""], [12.0], "[brand:Acme] [price:12]"),
        (["?!", ""], ["\u0338 A\nb", ""], [float("nan")], "[brand:A b] ?!"),
        (["", ""], ["", ""], [None], ""),
    ],
)
def test_what_is_missing_leaves_no_trace(texts, categories, numbers, expected) -> None:
    composed = FIELDS.compose(texts, categories, numbers)
    assert shown(composed) == expected
    assert len(shown(composed)) == len(composed)
    assert (
        has_words(composed) == bool(normalized_key(composed)) == any(x.isalnum() for x in expected)
    )


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ((("title",), ("Brand", "brand")), "'Brand', 'brand'"),
        ((("a b",), (), ("a=b",)), "differ by more than case and signs"),
        ((("title", "TITLE"),), "Rename one"),
    ],
)
def test_names_that_a_vocabulary_cannot_tell_apart_are_refused(names, message) -> None:
    with pytest.raises(UserError, match=message):
        Fields(*names)


def test_a_vocabulary_begins_with_marks_unknown_categories_and_quantiles() -> None:
    first = sorted(VOCABULARY, key=VOCABULARY.__getitem__)[2:]
    assert [shown(word) for word in first[:5]] == [
        "[title]",
        "[details]",
        "[brand:]",
        "[shop:]",
        "[price<:1.0]",
    ]
    assert sum("price" in word for word in first) == 20
    assert not any(word.startswith("\x1eprice=") for word in first)
    assert id_of("brand=acme") > id_of("price<=inf")


def test_words_of_fields_are_read_whole_and_unknown_ones_by_their_column() -> None:
    asked = FIELDS.compose(["A lamp", ""], ["ACME", "Bay"], [1.0])
    assert ids_of(asked) == [
        [
            id_of("brand=acme"),
            id_of("shop="),
            id_of("price<=1.0"),
            id_of("title"),
            UNKNOWN_ID,
            VOCABULARY["lamp"],
        ]
    ]
    numbers = [-5, 0.0, 1.5, 3.0, 1e9]
    wanted = ["price<=1.0", "price<=1.0", "price<=3.0", "price<=3.0", "price<=inf"]
    texts = [FIELDS.compose(["", ""], ["", ""], [number]) for number in numbers]
    assert ids_of(*texts) == [[id_of(word)] for word in wanted]
    assert ids_of(FIELDS.compose(["", ""], ["Nobody é", ""])) == [[id_of("brand=")]]


@pytest.mark.parametrize(
    ("text", "brand", "share"),
    [("lamp", "ACME", 0.0), ("lamp zzz", "ACME", 0.5), ("zzz", "ACME", 1.0), ("", "Nobody", 0.0)],
)
def test_words_of_fields_make_no_text_better_known(text: str, brand: str, share: float) -> None:
    asked = FIELDS.compose([text, ""], [brand, "Bay"], [1.0])
    assert encode_all(TOKENIZER, [asked], 50).unknown_shares.tolist() == [share]


def test_a_category_seen_once_is_an_unknown_one() -> None:
    rows = [*ROWS, FIELDS.compose(["red lamp", ""], ["Once", ""])]
    tokenizer = fit_tokenizer(rows, 200, FIELDS)
    assert ids_of(rows[-1], tokenizer=tokenizer)[0][0] == tokenizer.token_to_id("\x1ebrand=\x1f")


def test_a_smaller_vocabulary_reads_rare_categories_as_unknown_ones() -> None:
    size = id_of("brand=acme")
    texts = [
        FIELDS.compose(["lamp", ""], ["Bolt", ""], [2.0]),
        FIELDS.compose(["", "x"], ["Acme", "a"]),
    ]
    smaller = encode_all(TOKENIZER, texts, 50).view(size, 50)
    deployed = deployed_tokenizer(TOKENIZER, size, 50)
    assert [
        ids for text in ids_of(*texts, tokenizer=deployed) for ids in text
    ] == smaller.ids.tolist()
    assert {id_of("brand="), id_of("details"), id_of("shop=")} <= set(smaller.ids.tolist())


def test_dropped_words_keep_their_column_and_are_fewer_than_others() -> None:
    text = FIELDS.compose(["red " * 60, "wood"], ["Acme", "new"], [4.0])
    texts = encode_all(TOKENIZER, [text] * 300, 100)
    dropped = drop_words(texts, 1.0, np.random.default_rng(1)).ids.reshape(300, -1)
    brands, others = dropped[:, 0], dropped[:, 1:]
    rest = [*map(id_of, ("shop=", "price<=5.0", "title")), *[UNKNOWN_ID] * 60, id_of("details")]
    assert (others == [*rest, UNKNOWN_ID]).all()
    assert set(brands) == {id_of("brand=acme"), id_of("brand=")}
    assert 10 < (brands == id_of("brand=")).sum() < 60


def test_words_of_fields_have_no_letters() -> None:
    alone = encode_all(TOKENIZER, [FIELDS.compose(["", ""], ["Acme", "new"], [4.0])], 100)
    assert not alone.letters(np.array([0])).any()


@pytest.mark.parametrize("fields", [FIELDS, Fields(("a", 1), marked=False), Fields((0,), (1,))])
def test_an_export_says_which_fields_its_model_reads(fields) -> None:
    assert read_fields(fields.describe()) == fields


@given(ANYTHING, ANYTHING, ANYTHING)
def test_no_text_forges_a_word_of_a_field(title, details, brand) -> None:
    composed = FIELDS.compose([title, details], [brand, ""], [2.5])
    words, _ = split_fields(composed)
    names = [word[1:-1].partition("=")[0] for word in words]
    assert names == [name for name in ("brand", "price", "title", "details") if name in names]
    assert composed.count("\x1e") == composed.count("\x1f") == len(words)
    fields = [word for word in split_words(composed) if word.startswith("\x1e")]
    assert [word[1:-1].partition("=")[0] for word in fields] == names
    assert split_words(f"{title} {details}".replace("\x1e", " ").replace("\x1f", " ")) == [
        word for word in split_words(composed) if not word.startswith("\x1e")
    ]


@given(st.lists(st.floats(-1e6, 1e6), min_size=1), st.floats())
def test_each_number_has_a_quantile_of_training(numbers, asked) -> None:
    fields = Fields(("t",), (), ("n",))
    rows = [fields.compose(["a lamp"], (), [number]) for number in numbers]
    words = fields.vocabulary(rows)
    (found,) = fields.with_quantiles([fields.compose(["a lamp"], (), [asked])], words)
    assert split_fields(found)[0] == (
        []
        if abs(asked) == np.inf or asked != asked
        else [next(word for word in words if word in found)]
    )
    assert set(fields.with_quantiles(rows, words)) <= {f"{word} a lamp" for word in words}
