"""The project's own sample: repeatable, uneven, with repeats, hard enough to search on."""

from __future__ import annotations

import hashlib
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.model_selection import train_test_split
from sklearn.svm import LinearSVC

from ecomcat.data.sample import SampleRow, generate_sample


def essence(text: str) -> str:
    """Reduce a text to what its repeats have in common with it."""
    return "".join(character for character in text.casefold() if character.isalnum())


def without_repeats(rows: list[SampleRow]) -> list[SampleRow]:
    """Keep the first row of each text."""
    first: dict[str, SampleRow] = {}
    for row in rows:
        first.setdefault(essence(row.text), row)
    return list(first.values())


@pytest.fixture(scope="module")
def sample() -> list[SampleRow]:
    """Generate the sample as it comes without arguments."""
    return generate_sample()


def test_the_same_arguments_give_the_same_rows(sample: list[SampleRow]) -> None:
    assert generate_sample(4000, 0.03, 1) == sample


def test_the_rows_are_the_same_on_every_python_and_platform() -> None:
    rows = generate_sample(rows=200, seed=7)
    content = "\n".join(f"{row.label}\t{row.text}\t{row.true_label}" for row in rows)
    assert hashlib.sha256(content.encode()).hexdigest()[:16] == "f121c00643db4628"


def test_another_seed_gives_other_texts(sample: list[SampleRow]) -> None:
    texts = {row.text for row in sample}
    others = {row.text for row in generate_sample(seed=2)}
    assert len(texts & others) < 0.01 * len(texts)


@given(
    rows=st.integers(50, 300),
    label_noise=st.floats(0, 0.5),
    seed=st.integers(0, 2**32),
)
@settings(max_examples=30, deadline=None)
def test_every_sample_has_the_rows_repeats_and_wrong_labels_asked_for(
    rows: int, label_noise: float, seed: int
) -> None:
    generated = generate_sample(rows, label_noise, seed)
    distinct = without_repeats(generated)
    wrong = sum(row.label != row.true_label for row in distinct)
    assert len(generated) == rows
    assert len(distinct) == rows - round(0.09 * rows)
    assert wrong == round(label_noise * len(distinct))
    assert len({row.true_label for row in distinct}) == 6


def test_texts_have_5_to_60_words_and_about_25_on_average(sample: list[SampleRow]) -> None:
    lengths = [len(row.text.split()) for row in sample]
    assert min(lengths) >= 5
    assert max(lengths) <= 60
    assert 23 <= sum(lengths) / len(lengths) <= 28


def test_texts_have_every_place_of_their_templates_filled(sample: list[SampleRow]) -> None:
    assert not [row.text for row in sample if "{" in row.text or "}" in row.text]


def test_the_largest_category_is_five_times_the_smallest(sample: list[SampleRow]) -> None:
    counts = Counter(row.true_label for row in without_repeats(sample))
    assert 4.5 <= max(counts.values()) / min(counts.values()) <= 5.5


def test_one_label_needs_quotes_in_a_csv_file(sample: list[SampleRow]) -> None:
    assert any("," in row.label and "&" in row.label for row in sample)


def test_half_of_the_repeats_are_exact_and_half_respelt(sample: list[SampleRow]) -> None:
    repeats = len(sample) - len(without_repeats(sample))
    exact = len(sample) - len({row.text for row in sample})
    assert 0.08 <= repeats / len(sample) <= 0.10
    assert 0.4 <= exact / repeats <= 0.6


def test_repeats_carry_the_labels_of_the_row_they_repeat(sample: list[SampleRow]) -> None:
    labels = {essence(row.text): (row.label, row.true_label) for row in without_repeats(sample)}
    assert all(labels[essence(row.text)] == (row.label, row.true_label) for row in sample)


def test_without_label_noise_every_label_is_true() -> None:
    assert all(row.label == row.true_label for row in generate_sample(label_noise=0))


def test_label_noise_changes_labels_and_neither_texts_nor_their_order(
    sample: list[SampleRow],
) -> None:
    clean = generate_sample(label_noise=0)
    assert [(row.text, row.true_label) for row in clean] == [
        (row.text, row.true_label) for row in sample
    ]


def test_wrong_labels_come_from_all_other_categories() -> None:
    wrong = {
        (row.true_label, row.label)
        for row in generate_sample(label_noise=0.5)
        if row.label != row.true_label
    }
    assert len(wrong) == 6 * 5


def linear_model_accuracy(rows: list[SampleRow], split_seed: int) -> float:
    """Train a linear SVC on words and word pairs and score it on 15 % of the rows."""
    texts, labels = [row.text for row in rows], [row.label for row in rows]
    train_texts, test_texts, train_labels, test_labels = train_test_split(
        texts, labels, test_size=0.15, stratify=labels, random_state=split_seed
    )
    vectorizer = TfidfVectorizer(ngram_range=(1, 2))
    model = LinearSVC(C=1).fit(vectorizer.fit_transform(train_texts), train_labels)
    return float(model.score(vectorizer.transform(test_texts), test_labels))


@pytest.mark.parametrize(
    ("label_noise", "lowest", "highest"),
    [
        pytest.param(0.03, 0.92, 0.955, id="as it comes"),
        pytest.param(0.0, 0.95, 0.98, id="clean"),
    ],
)
def test_a_linear_model_is_good_and_leaves_something_to_gain(
    label_noise: float, lowest: float, highest: float
) -> None:
    rows = without_repeats(generate_sample(label_noise=label_noise))
    accuracies = [linear_model_accuracy(rows, split_seed) for split_seed in range(1, 6)]
    assert all(accuracy >= 0.90 for accuracy in accuracies)
    assert lowest <= sum(accuracies) / len(accuracies) <= highest


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"rows": 49}, "rows must be at least 50, got 49"),
        ({"rows": -1}, "rows must be at least 50"),
        ({"label_noise": -0.01}, "label_noise must be between 0 and 0.5"),
        ({"label_noise": 0.51}, "label_noise must be between 0 and 0.5, got 0.51"),
        ({"label_noise": float("nan")}, "label_noise must be between 0 and 0.5, got nan"),
    ],
)
def test_arguments_outside_their_range_are_refused(
    arguments: dict[str, float], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        generate_sample(**arguments)  # type: ignore[arg-type]
