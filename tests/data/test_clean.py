"""What counts as the same text, and what cleaning keeps, drops and counts."""

from __future__ import annotations

import sys
import unicodedata
from dataclasses import asdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecomcat.data.cleaning import CleanRows, clean_rows, has_words, key_digest, normalized_key

Row = tuple[str, str]

# Few texts and labels, so that drawn rows repeat and contradict each other.
rows_strategy = st.lists(
    st.tuples(
        st.sampled_from(
            [
                "Red shirt",
                "red  SHIRT!",
                "\uff52\uff45\uff44 shirt",
                "blue",
                "BLUE.",
                "कि",
                "का",
                "...",
                "😀",
                "",
            ]
        ),
        st.sampled_from(["a", " a ", "b", "c", "", " "]),
    )
)
any_text = st.text(st.characters(exclude_categories=[]))  # lone surrogates as well


def pairs(rows: CleanRows) -> list[Row]:
    return list(zip(rows.texts, rows.labels, strict=True))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param("Red Shirt", "red shirt", id="case"),
        pytest.param("STRASSE", "Straße", id="casefolding, not lower-casing"),
        pytest.param("red-shirt!", "red shirt", id="punctuation"),
        pytest.param("  red \t\n shirt", "redshirt", id="spaces"),
        pytest.param("red 😀 shirt", "red shirt", id="emoji"),
        pytest.param("red + shirt = £5", "red shirt 5", id="symbols"),
        pytest.param("\uff52\uff45\uff44\u3000\uff12", "red 2", id="full width"),
        pytest.param("ﬁne", "fine", id="ligature"),
        pytest.param("cafe\u0301", "caf\u00e9", id="composed and decomposed"),
        pytest.param("soft\u00adhyphen", "softhyphen", id="invisible characters"),
        pytest.param("हिन्दी, किताब।", "हिन्दी किताब", id="Hindi punctuation"),
    ],
)
def test_texts_are_the_same_when_their_letters_marks_and_digits_are(one: str, other: str) -> None:
    assert normalized_key(one) == normalized_key(other) != ""


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param("कि", "का", id="Hindi vowel signs"),
        pytest.param("कि", "क", id="with and without a vowel sign"),
        pytest.param("ไม้", "ไม่", id="Thai tone marks"),
        pytest.param("café", "cafe", id="accents"),
        pytest.param("size 1", "size 2", id="digits"),
        pytest.param("red", "read", id="letters"),
        pytest.param("red shirt", "shirt red", id="order"),
    ],
)
def test_texts_differ_in_a_letter_a_mark_or_a_digit(one: str, other: str) -> None:
    assert normalized_key(one) != normalized_key(other)


@given(any_text, st.sampled_from(["NFC", "NFD", "NFKC", "NFKD"]))
def test_the_unicode_form_of_a_text_does_not_matter(text: str, form: str) -> None:
    assert normalized_key(unicodedata.normalize(form, text)) == normalized_key(text)


@given(st.text("abcXYZ é1कि"), st.text("!,. \n😀_-&"), st.text("abcXYZ é1कि"))
def test_what_is_no_letter_mark_or_digit_does_not_matter(
    before: str, between: str, after: str
) -> None:
    assert normalized_key(before + between + after) == normalized_key(before + after)


@given(text=any_text)
def test_a_text_has_words_where_its_key_is_not_empty(text: str) -> None:
    assert has_words(text) == bool(normalized_key(text))


def test_every_letter_and_digit_of_unicode_has_a_key() -> None:
    letters = filter(str.isalnum, map(chr, range(sys.maxunicode + 1)))
    assert [letter for letter in letters if not normalized_key(letter)] == []


@pytest.mark.parametrize("text", ["", "   ", "...", "?!", "😀👍", "\u200b", "\ud800", "→ €"])
def test_a_text_without_letters_or_digits_is_empty(text: str) -> None:
    cleaned = clean_rows([(text, "a")])
    assert cleaned.texts == []
    assert cleaned.report.empty_texts == 1


def test_labels_are_stripped_and_otherwise_kept_as_written() -> None:
    cleaned = clean_rows([("one", "  Clothing, Shoes & Bags\t"), ("two", "clothing")])
    assert sorted(cleaned.labels) == ["Clothing, Shoes & Bags", "clothing"]


@pytest.mark.parametrize("label", ["", "  ", "\n"])
def test_a_row_without_a_label_is_dropped_and_counted(label: str) -> None:
    cleaned = clean_rows([("one", label), ("one", "a")])
    assert pairs(cleaned) == [("one", "a")]
    assert cleaned.report.empty_labels == 1


def test_a_repeat_leaves_the_first_spelling() -> None:
    cleaned = clean_rows([("Red shirt", "a"), ("red shirt!", "a"), ("RED SHIRT", " a")])
    assert pairs(cleaned) == [("Red shirt", "a")]
    assert cleaned.report.duplicates_removed == 2
    assert cleaned.report.conflicting_texts == 0


def test_a_text_under_two_labels_takes_the_majority() -> None:
    cleaned = clean_rows([("x", "b"), ("x.", "a"), ("X", "a")])
    assert pairs(cleaned) == [("x", "a")]
    assert (cleaned.report.conflicting_texts, cleaned.report.conflicting_texts_dropped) == (1, 0)


@pytest.mark.parametrize("labels", ["ab", "abc", "aabb", "aabbc"])
def test_a_text_without_a_majority_is_dropped_and_counted(labels: str) -> None:
    cleaned = clean_rows([("x", label) for label in labels])
    assert cleaned.texts == []
    assert (cleaned.report.conflicting_texts, cleaned.report.conflicting_texts_dropped) == (1, 1)


@given(rows_strategy)
def test_every_row_read_is_accounted_for(rows: list[Row]) -> None:
    cleaned = clean_rows(rows)
    report = cleaned.report
    assert report.rows_read == len(rows)
    assert report.rows_read == (
        len(cleaned.texts)
        + report.empty_texts
        + report.empty_labels
        + report.duplicates_removed
        + report.conflicting_texts_dropped
    )


@given(st.data(), rows_strategy)
def test_the_order_of_the_rows_decides_nothing_but_the_spelling(
    data: st.DataObject, rows: list[Row]
) -> None:
    cleaned, shuffled = clean_rows(rows), clean_rows(data.draw(st.permutations(rows)))
    assert shuffled.digests == cleaned.digests
    assert shuffled.labels == cleaned.labels
    assert shuffled.report == cleaned.report
    assert [*map(normalized_key, shuffled.texts)] == [*map(normalized_key, cleaned.texts)]


@given(st.lists(st.tuples(any_text, any_text)) | rows_strategy)
def test_cleaning_clean_rows_changes_nothing(rows: list[Row]) -> None:
    once = clean_rows(rows)
    twice = clean_rows(pairs(once))
    assert (twice.texts, twice.labels, twice.digests) == (once.texts, once.labels, once.digests)
    counts = asdict(twice.report)
    assert counts.pop("rows_read") == len(once.texts)
    assert not any(counts.values())


@given(st.lists(st.tuples(any_text, any_text)))
def test_clean_texts_are_distinct_and_carry_the_digests_of_their_keys(rows: list[Row]) -> None:
    cleaned = clean_rows(rows)
    keys = [*map(normalized_key, cleaned.texts)]
    assert len(set(keys)) == len(keys)
    assert cleaned.digests == [*map(key_digest, keys)] == sorted(cleaned.digests)


def test_lone_surrogates_are_as_good_as_no_character() -> None:
    cleaned = clean_rows([("red \ud800 shirt", "\udcff"), ("red shirt", "\udcff")])
    assert pairs(cleaned) == [("red \ud800 shirt", "\udcff")]
