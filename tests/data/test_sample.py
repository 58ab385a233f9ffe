"""The project's own sample: repeatable, uneven, with repeats and wrong labels, of any size."""

from __future__ import annotations

from collections import Counter, defaultdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC

from ecomcat.data.cleaning import normalized_key
from ecomcat.data.sample import SampleRow, generate_sample


def without_repeats(rows: list[SampleRow]) -> list[SampleRow]:
    """Keep the first row of each text."""
    return list({normalized_key(row.text): row for row in reversed(rows)}.values())


@given(
    st.integers(2, 40).flatmap(lambda n: st.tuples(st.just(n), st.integers(20 * n, 25 * n))),
    st.floats(0, 0.5),
    st.integers(0, 2**32),
)
@settings(max_examples=20, deadline=None)
def test_every_sample_has_the_rows_repeats_labels_and_mistakes_asked_for(
    size: tuple[int, int], label_noise: float, seed: int
) -> None:
    categories, rows = size
    generated = generate_sample(rows, label_noise, seed, categories)
    distinct = without_repeats(generated)
    counts = Counter(row.true_label for row in distinct)
    assert generate_sample(rows, label_noise, seed, categories) == generated
    assert (len(generated), len(distinct)) == (rows, rows - round(0.09 * rows))
    assert sum(row.label != row.true_label for row in distinct) == round(
        label_noise * len(distinct)
    )
    assert len(counts) == categories
    assert min(counts.values()) >= 15
    assert not [row.text for row in generated if "{" in row.text]


def test_repeats_are_exact_or_respelt_and_carry_the_label_of_their_row() -> None:
    rows = generate_sample()
    first = {normalized_key(row.text): row for row in without_repeats(rows)}
    repeats = [row for row in rows if row is not first[normalized_key(row.text)]]
    exact = [row for row in repeats if row == first[normalized_key(row.text)]]
    assert 0.4 < len(exact) / len(repeats) < 0.6
    assert all(row[0::2] == first[normalized_key(row.text)][0::2] for row in repeats)


def test_label_noise_changes_labels_and_neither_texts_nor_their_order() -> None:
    clean, noisy = generate_sample(label_noise=0), generate_sample(label_noise=0.5)
    assert [row[1:] for row in clean] == [row[1:] for row in noisy]
    wrong = {(row.true_label, row.label) for row in noisy if row.label != row.true_label}
    assert len(wrong) == 6 * 5


@pytest.mark.parametrize(
    ("categories", "depth", "levels"),
    [
        *((6, None, {1}), (7, None, {2}), (120, None, {2}), (500, None, {2, 3})),
        *((6, 2, {2}), (12, 4, {4}), (300, 5, {4, 5}), (500, 2, {2})),
    ],
)
def test_many_categories_are_paths_with_a_long_tail(
    categories: int, depth: int | None, levels: set[int]
) -> None:
    counts = Counter(row.true_label for row in generate_sample(10_000, 0, 1, categories, depth))
    assert {label.count(" > ") + 1 for label in counts} == levels
    assert len(counts) == categories
    assert max(counts.values()) >= 4.5 * min(counts.values())
    nodes = {label.rpartition(" > ")[0] for label in counts}
    assert max(levels) < 3 or 6 < len(nodes) <= categories


def test_siblings_share_words_and_most_wrong_labels_are_a_siblings() -> None:
    rows = generate_sample(10_000, 0.1, 1, 300)
    parents = [[each.rpartition(" > ")[0] for each in (row.true_label, row.label)] for row in rows]
    wrong = [pair for pair, row in zip(parents, rows, strict=True) if row.label != row.true_label]
    assert 0.7 < sum(true == written for true, written in wrong) / len(wrong) < 0.9
    words: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        for word in row.text.casefold().split():
            words[word].add(row.true_label)
    of_one_node = [
        labels
        for labels in words.values()
        if 1 < len(labels) < 50 and len({label.rpartition(" > ")[0] for label in labels}) == 1
    ]
    assert len(of_one_node) > 100


@pytest.mark.parametrize(
    ("rows", "label_noise", "categories", "lowest"),
    [(4000, 0.0, 6, 0.95), (4000, 0.03, 6, 0.92), (4000, 0.0, 100, 0.7)],
)
def test_a_linear_model_is_good_and_leaves_something_to_gain(
    rows: int, label_noise: float, categories: int, lowest: float
) -> None:
    distinct = without_repeats(generate_sample(rows, label_noise, 1, categories))
    model = make_pipeline(TfidfVectorizer(ngram_range=(1, 2)), LinearSVC())
    texts, labels = [row.text for row in distinct], [row.label for row in distinct]
    assert lowest < cross_val_score(model, texts, labels, cv=3).mean() < 0.99
