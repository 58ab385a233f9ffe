"""The linear baseline: good on texts that words tell apart, and no crash on any others."""

from __future__ import annotations

import numpy as np
import pytest

from ecomcat.config import DataConfig
from ecomcat.data.dataset import load_dataset
from ecomcat.data.sources import SAMPLE_SOURCE
from ecomcat.data.splitting import Split
from ecomcat.final.baseline import (
    LinearBaseline,
    LinearChoice,
    choose_linear,
    compare_answers,
    linear_baseline,
    linear_candidates,
    rows_to_fit,
)

THIRDS = Split(np.arange(0, 12), np.arange(12, 18), np.arange(18, 24))
LABELS = np.tile([0, 1], 12)


def baseline_of(kinds: tuple[str, str]) -> LinearBaseline | None:
    return linear_baseline([kinds[label] for label in LABELS], LABELS, THIRDS, ["a", "b"])


@pytest.fixture(scope="module")
def dataset():
    return load_dataset(DataConfig(name="sample", source=SAMPLE_SOURCE, sample_rows=1500), seed=1)


def found_in(dataset, texts=None, labels=None):
    texts = dataset.texts if texts is None else texts
    labels = dataset.label_ids if labels is None else labels
    return linear_baseline(texts, labels, dataset.split, dataset.class_names)


def test_on_the_sample_it_is_as_good_as_scikit_learn_and_the_same_each_time(dataset):
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.svm import LinearSVC

    found = found_in(dataset)
    assert isinstance(found, LinearBaseline)
    texts, labels = np.array(dataset.texts, dtype=object), dataset.label_ids
    rows, test = np.union1d(dataset.split.train, dataset.split.validation), dataset.split.test
    words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=found.choice.sublinear_tf)
    model = LinearSVC(C=found.choice.cost, random_state=0)
    model.fit(words.fit_transform(texts[rows]), labels[rows])
    plain = model.score(words.transform(texts[test]), labels[test])
    assert found.test.accuracy == pytest.approx(plain, abs=0.01)
    assert np.mean(found.correct) == found.test.accuracy > 0.85
    again = found_in(dataset)
    assert again is not None
    assert again.describe(found.correct) == found.describe(found.correct)


def test_neither_the_choice_nor_its_score_depends_on_test(dataset):
    labels, texts = dataset.label_ids.copy(), np.array(dataset.texts, dtype=object)
    labels[dataset.split.test] = 0
    texts[dataset.split.test] = "nothing"
    found, other = found_in(dataset), found_in(dataset, texts.tolist(), labels)
    assert found.choice == other.choice
    assert found.validation.describe() == other.validation.describe()
    assert found.test.describe() != other.test.describe()


@pytest.mark.parametrize(
    "kinds",
    [("a", "b"), ("a b c", "d - ?"), ("1", "2"), ("!", "?"), ("", " ")],
    ids=["letters", "several", "digits", "punctuation", "empty"],
)
def test_without_words_there_is_none_and_a_reason(kinds, caplog):
    with caplog.at_level("INFO", "ecomcat"):
        assert baseline_of(kinds) is None
    assert "none, since no training text has a word of two letters or more." in caplog.text


@pytest.mark.parametrize(
    "kinds",
    [
        ("红色的书", "蓝色的灯"),
        ("本を読む", "明かり"),
        ("หนังสือ", "โคมไฟ"),
        ("किताब", "दीपक"),
        ("12 34", "56"),
        ("red \ud800 book", "blue lamp"),
    ],
    ids=["Han", "kana", "Thai", "Devanagari", "numbers", "surrogate"],
)
def test_words_of_any_script_are_told_apart(kinds):
    found = baseline_of(kinds)
    assert found is not None
    assert found.test.accuracy == 1


def test_letters_of_a_script_without_spaces_are_words():
    texts = ["红书 red-book x", "blue lamp"] * 4
    _, model = choose_linear((texts, LABELS[:8]), (texts, LABELS[:8]), 2)
    words = {word for word in model["count"].vocabulary_ if " " not in word}
    assert words == {"book", "red", "书", "红", "blue", "lamp"}


def test_one_class_in_training_is_a_reason(caplog):
    labels = LABELS.copy()
    labels[THIRDS.train] = 0
    with caplog.at_level("INFO", "ecomcat"):
        assert linear_baseline(["red book"] * 24, labels, THIRDS, ["a", "b"]) is None
    assert "all training texts are of one class" in caplog.text


def test_the_same_text_under_all_labels_gives_no_warning():
    assert linear_baseline(["same words here"] * 24, LABELS, THIRDS, ["a", "b"]) is not None


@pytest.mark.parametrize(("texts", "costs"), [(50_000, 6), (50_001, 1)])
def test_of_very_many_texts_and_classes_one_cost_is_tried(texts, costs):
    candidates = linear_candidates(texts, 50)
    assert len(candidates) == 2 * costs
    assert LinearChoice(1.0, False) in candidates


@pytest.mark.parametrize(
    ("texts", "classes", "fitted"),
    [(1_000, 2, 1_000), (300_000, 2, 200_000), (9_000, 4_000, 5_000)],
)
def test_the_more_classes_the_fewer_texts_are_fitted_to_but_one_of_each(texts, classes, fitted):
    labels = np.zeros(texts, np.int64)
    labels[-1] = 1
    rows = rows_to_fit(labels, classes, np.random.default_rng(0))
    assert fitted <= len(rows) <= fitted + 2
    assert rows[-1] == texts - 1


def test_a_comparison_counts_the_texts_that_only_one_is_right_on():
    ours = np.repeat([True, True, False, False], [90, 9, 1, 5])
    theirs = np.repeat([True, False, True, False], [90, 9, 1, 5])
    found = compare_answers(ours, theirs)
    assert (found["only_ours_right"], found["only_baseline_right"]) == (9, 1)
    # Ten flips of a coin: one head at most, or one tail at most.
    assert found["p_value"] == pytest.approx(2 * (1 + 10) / 2**10)
    assert compare_answers(ours, ours)["p_value"] == 1
