"""The linear baseline: good on texts that words tell apart, and no crash on any others."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from ecomcat.config import DataConfig
from ecomcat.data.dataset import Dataset, load_dataset
from ecomcat.data.sources import SAMPLE_SOURCE
from ecomcat.data.splitting import Split
from ecomcat.final.baseline import (
    LinearChoice,
    choose_linear,
    compare_answers,
    linear_baseline,
    linear_candidates,
    optional,
    rows_to_fit,
)

THIRDS = Split(np.arange(0, 12), np.arange(12, 18), np.arange(18, 24))
LABELS = np.tile([0, 1], 12)


def small(kinds: tuple[str, str], labels=LABELS) -> Dataset:
    """Make 24 texts, of two kinds in turn."""
    categories = pd.Categorical.from_codes(labels, ["a", "b"])
    texts = pd.Series([kinds[row % 2] for row in range(24)], dtype=object)
    frame = pd.DataFrame({"text": texts, "label": categories})
    return Dataset("small", frame, THIRDS, {}, ("text",))


def baseline_of(dataset: Dataset):
    return linear_baseline(dataset, np.ones(len(dataset.split.test), bool))


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    return load_dataset(DataConfig(name="sample", source=SAMPLE_SOURCE, sample_rows=1500), seed=1)


def test_on_the_sample_it_is_as_good_as_scikit_learn_and_the_same_each_time(dataset):
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.svm import LinearSVC

    found = baseline_of(dataset)
    texts, labels = np.array(dataset.texts, dtype=object), dataset.label_ids
    rows, test = np.union1d(dataset.split.train, dataset.split.validation), dataset.split.test
    words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=found["sublinear_tf"])
    model = LinearSVC(C=found["C"], random_state=0)
    model.fit(words.fit_transform(texts[rows]), labels[rows])
    plain = model.score(words.transform(texts[test]), labels[test])
    assert found["test"]["accuracy"] == pytest.approx(plain, abs=0.01)
    assert found["test"]["accuracy"] > 0.85
    wrong = len(test) * (1 - found["test"]["accuracy"])
    assert found["comparison"]["only_ours_right"] == pytest.approx(wrong)
    assert baseline_of(dataset) == found


def test_neither_the_choice_nor_its_score_depends_on_test(dataset):
    frame = dataset.frame.copy()
    frame.loc[dataset.split.test, "text"] = "nothing"
    found, other = baseline_of(dataset), baseline_of(replace(dataset, frame=frame))
    assert found["test"] != other["test"]
    for name in ("C", "sublinear_tf", "validation"):
        assert found[name] == other[name]


@pytest.mark.parametrize(
    ("kinds", "labels", "reason"),
    [
        (("a b c", "d - ?"), LABELS, "no training text has a word of two letters or more"),
        (("", " "), LABELS, "no training text has a word of two letters or more"),
        (("red book",) * 2, np.repeat([0, 1], 12), "all training texts are of one class"),
    ],
    ids=["letters", "empty", "one class"],
)
def test_where_there_is_nothing_to_learn_a_line_says_why(kinds, labels, reason, caplog):
    with caplog.at_level("INFO", "ecomcat"), optional("Baseline"):
        baseline_of(small(kinds, labels))
    assert f"Baseline: none, since {reason}." in caplog.text
    with caplog.at_level("INFO", "ecomcat"), optional("Memory"):
        raise MemoryError
    assert "Memory: none, since there was not enough memory for it." in caplog.text


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
    assert baseline_of(small(kinds))["test"]["accuracy"] == 1


def test_letters_of_a_script_without_spaces_are_words():
    texts = ["红书 red-book x", "blue lamp"] * 4
    _, model = choose_linear((texts, LABELS[:8]), (texts, LABELS[:8]), 2)
    words = {word for word in model["count"].vocabulary_ if " " not in word}
    assert words == {"book", "red", "书", "红", "blue", "lamp"}


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
