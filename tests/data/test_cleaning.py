"""What counts as the same text, and what cleaning keeps, drops and counts."""

from __future__ import annotations

import unicodedata
from dataclasses import asdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecomcat.data.cleaning import (
    CleanRows,
    clean_label,
    clean_rows,
    has_words,
    key_digest,
    labelled_frame,
    look_alikes,
    normalized_key,
)

Row = tuple[str, str]

# Few texts and labels, so that drawn rows repeat and contradict each other.
few_texts = st.sampled_from(["Red shirt", "red  SHIRT!", "blue", "BLUE.", "कि", "का", "...", "😀"])
rows_strategy = st.lists(st.tuples(few_texts, st.sampled_from(["a", " a ", "b", "c", "", " "])))
any_text = st.text(st.characters(exclude_categories=[]))  # lone surrogates as well


def pairs(rows: CleanRows) -> list[Row]:
    return list(zip(rows.texts, rows.labels, strict=True))


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("STRASSE", "Straße", True),
        ("  Red-\t\n Shirt!", "redshirt", True),
        ("red + shirt 😀 = £5", "red shirt 5", True),
        ("\uff52\uff45\uff44\u3000\uff12", "red 2", True),  # full width
        ("ﬁne", "fine", True),
        ("cafe\u0301", "caf\u00e9", True),
        ("soft\u00adhyphen", "softhyphen", True),
        ("हिन्दी, किताब।", "हिन्दी किताब", True),
        ("कि", "का", False),
        ("कि", "क", False),
        ("ไม้", "ไม่", False),
        ("café", "cafe", False),
        ("size 1", "size 2", False),
        ("a b", "b a", False),
    ],
)
def test_texts_are_the_same_when_their_letters_marks_and_digits_are(
    one: str, other: str, same: bool
) -> None:
    assert (normalized_key(one) == normalized_key(other)) == same
    assert normalized_key(one)


@given(any_text, st.sampled_from(["NFC", "NFD", "NFKC", "NFKD"]))
def test_the_unicode_form_of_a_text_does_not_matter(text: str, form: str) -> None:
    assert normalized_key(unicodedata.normalize(form, text)) == normalized_key(text)


@given(text=any_text)
def test_a_text_has_words_where_its_key_is_not_empty(text: str) -> None:
    assert has_words(text) == bool(normalized_key(text))


def clean(rows: list[Row]) -> CleanRows:
    return clean_rows(labelled_frame([text for text, _ in rows], [label for _, label in rows]))


@pytest.mark.parametrize("text", ["", "   ", "...", "?!", "😀👍", "\u200b", "\ud800", "→ €"])
def test_a_text_without_letters_or_digits_is_empty(text: str) -> None:
    cleaned = clean([(text, "a")])
    assert (cleaned.texts, cleaned.report.empty_texts) == ([], 1)
    assert cleaned.class_sizes() == {"a": 0}


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("  Clothing, Shoes & Bags\t", "Clothing, Shoes & Bags"),
        ("01", "01"),
        ("None", "None"),
        ("Cafe\u0301", "Café"),
        ("Home\u00a0Decor\u200b", "Home Decor"),
        ("\ufeffHome", "Home"),
        ("A  B", "A  B"),
        ("\udcff", "?"),
        ("\u200b \u00a0", ""),
    ],
)
def test_labels_lose_what_cannot_be_seen(label: str, name: str) -> None:
    assert clean_label(label) == name
    assert clean([("one", label)]).labels == [name] * bool(name)


@pytest.mark.parametrize(
    ("names", "alike"),
    [
        (["Books", "BOOKS", "books ", "Toys"], [["BOOKS", "Books", "books "]]),
        (["1", "1.0", "01", "10"], [["1", "1.0"]]),
        (["True", "true"], [["True", "true"]]),
        (["کتاب\u200cها", "کتابها"], [["کتابها", "کتاب\u200cها"]]),
        (["a", "b"], []),
    ],
)
def test_names_that_look_alike_are_found(names: list[str], alike: list[list[str]]) -> None:
    assert look_alikes(names) == [sorted(group) for group in alike]


def test_labels_that_look_alike_are_named_with_escapes_for_what_cannot_be_seen() -> None:
    rows = [
        (f"text {number}", name) for number, name in enumerate(["Books", "Boo\u200eks", "Toys"])
    ]
    (warning,) = clean(rows).warnings()
    assert "'Books' (1) and 'Boo\\u200eks' (1)." in warning
    many = [(f"text {name}", name) for n in range(7) for name in (f"name {n}", f"Name {n}")]
    assert "and 2 more" in next(iter(clean(many).warnings()))


@pytest.mark.parametrize(
    ("texts", "of_symbols"),
    [(["ok 😀", "ok 🙁"], 1), (["c", "c++"], 1), (["OK", "ok"], 0), (["ok!", "ok!"], 0)],
)
def test_texts_that_differ_in_symbols_alone_are_counted(texts: list[str], of_symbols: int) -> None:
    cleaned = clean([*zip(texts, "ab", strict=True), ("another", "a")])
    assert cleaned.report.conflicts_of_symbols == of_symbols
    assert len(list(cleaned.warnings())) == of_symbols
    assert cleaned.class_sizes() == {"a": 1, "b": 0}


TIE = {"conflicting_texts": 1, "conflicting_texts_dropped": 1}
THREE_SPELLINGS = [("Red shirt", "a"), ("red shirt!", "a"), ("RED SHIRT", " a")]


@pytest.mark.parametrize(
    ("rows", "left", "counts"),
    [
        ([("one", " \n"), ("one", "a")], [("one", "a")], {"empty_labels": 1}),
        (THREE_SPELLINGS, THREE_SPELLINGS[:1], {"duplicates_removed": 2}),
        (
            [("x", "b"), ("x", "a"), ("X", "a")],
            [("x", "a")],
            {"duplicates_removed": 2, "conflicting_texts": 1},
        ),
        *(
            ([("x", label) for label in labels], [], {"duplicates_removed": repeats, **TIE})
            for labels, repeats in (("ab", 1), ("abc", 2), ("aabb", 3), ("aabbc", 4))
        ),
    ],
)
def test_what_is_left_and_what_is_counted(
    rows: list[Row], left: list[Row], counts: dict[str, int]
) -> None:
    cleaned = clean(rows)
    assert pairs(cleaned) == left
    found = {name: value for name, value in asdict(cleaned.report).items() if value}
    assert found == {"rows_read": len(rows), **counts}


@settings(deadline=None)
@given(st.data(), rows_strategy)
def test_the_order_of_the_rows_decides_nothing_but_the_spelling(
    data: st.DataObject, rows: list[Row]
) -> None:
    cleaned, shuffled = clean(rows), clean(data.draw(st.permutations(rows)))
    assert shuffled.digests == cleaned.digests
    assert shuffled.labels == cleaned.labels
    assert shuffled.report == cleaned.report
    assert [*map(normalized_key, shuffled.texts)] == [*map(normalized_key, cleaned.texts)]


@settings(deadline=None)
@given(st.lists(st.tuples(any_text, any_text)) | rows_strategy)
def test_each_row_is_accounted_for_and_cleaning_what_is_left_changes_nothing(
    rows: list[Row],
) -> None:
    once = clean(rows)
    report = once.report
    without_text_or_label = report.empty_texts + report.empty_labels
    removed = report.duplicates_removed + report.conflicting_texts_dropped
    assert report.rows_read == len(rows) == len(once.texts) + without_text_or_label + removed
    keys = [*map(normalized_key, once.texts)]
    assert len(set(keys)) == len(keys)
    assert once.digests == [*map(key_digest, keys)] == sorted(once.digests)
    twice = clean(pairs(once))
    assert (pairs(twice), twice.digests) == (pairs(once), once.digests)
    counts = asdict(twice.report)
    assert counts.pop("rows_read") == len(once.texts)
    assert not any(counts.values())
