"""The linear baseline: good on texts that words tell apart, and no crash on any others."""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
import pytest

from ecomcat.config import DataConfig
from ecomcat.data.dataset import load_dataset
from ecomcat.data.sources import SAMPLE_SOURCE
from ecomcat.data.splitting import Split
from ecomcat.final import baseline as linear
from ecomcat.final.baseline import (
    LinearBaseline,
    LinearChoice,
    NoBaseline,
    choose_linear,
    fit_svc,
    linear_baseline,
    sentence,
)

THIRDS = Split(np.arange(0, 12), np.arange(12, 18), np.arange(18, 24))
LABELS = np.tile([0, 1], 12)


def reached(accuracy: float, f1: float) -> LinearBaseline:
    scores = {"accuracy": accuracy, "macro_f1": f1}
    return LinearBaseline(LinearChoice(1.0, False), scores, scores)


def baseline_of(kinds: tuple[str, str]) -> LinearBaseline | NoBaseline:
    return linear_baseline([kinds[label] for label in LABELS], LABELS, THIRDS, ["a", "b"])


@pytest.fixture(scope="module")
def dataset():
    return load_dataset(DataConfig(name="sample", source=SAMPLE_SOURCE, sample_rows=1500), seed=1)


def plain_accuracy(dataset, choice: LinearChoice) -> float:
    """Test accuracy of scikit-learn's own vectorizer and classifier as they come."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.svm import LinearSVC

    texts, labels = np.array(dataset.texts, dtype=object), dataset.label_ids
    rows, test = np.union1d(dataset.split.train, dataset.split.validation), dataset.split.test
    words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=choice.sublinear_tf)
    features = words.fit_transform(texts[rows])
    model = LinearSVC(C=choice.cost, random_state=0).fit(features, labels[rows])
    return float(model.score(words.transform(texts[test]), labels[test]))


class TestSample:
    """On the project's own sample."""

    def test_it_is_right_but_for_the_wrong_labels_and_the_same_each_time(self, dataset):
        arguments = dataset.texts, dataset.label_ids, dataset.split, dataset.class_names
        found = linear_baseline(*arguments)
        assert isinstance(found, LinearBaseline)
        assert found.validation["accuracy"] > 0.85
        plain = plain_accuracy(dataset, found.choice)
        assert found.test["accuracy"] == pytest.approx(plain, abs=0.01)
        assert found.test["rows"] == len(dataset.split.test)
        assert linear_baseline(*arguments) == found

    def test_neither_the_choice_nor_its_score_depends_on_test(self, dataset):
        labels = dataset.label_ids.copy()
        labels[dataset.split.test] = 0
        texts = np.array(dataset.texts, dtype=object)
        texts[dataset.split.test] = "nothing"
        found = [
            linear_baseline(*rows, dataset.split, dataset.class_names)
            for rows in ((dataset.texts, dataset.label_ids), (texts.tolist(), labels))
        ]
        assert found[0].choice == found[1].choice
        assert found[0].validation == found[1].validation
        assert found[0].test != found[1].test


class TestAnyTexts:
    """Texts that leave little to learn, or nothing."""

    @pytest.mark.parametrize(
        "kinds",
        [("a", "b"), ("a b c", "d - ?"), ("1", "2"), ("!", "?"), ("", " ")],
        ids=["letters", "several", "digits", "punctuation", "empty"],
    )
    def test_without_words_there_is_a_reason(self, kinds):
        found = baseline_of(kinds)
        assert found == NoBaseline("no training text has a word of two letters or more")
        assert sentence(found, {}).endswith(
            ": none, since no training text has a word of two letters or more."
        )

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
    def test_words_of_any_script_are_told_apart(self, kinds):
        found = baseline_of(kinds)
        assert isinstance(found, LinearBaseline)
        assert found.test["accuracy"] == 1

    def test_letters_of_a_script_without_spaces_are_words(self):
        counter = linear._counter(2)
        counter.fit(["红书 red-book x"])
        words = sorted(word for word in counter.vocabulary_ if " " not in word)
        assert words == ["book", "red", "书", "红"]

    def test_one_class_in_training_is_a_reason(self):
        labels = LABELS.copy()
        labels[THIRDS.train] = 0
        found = linear_baseline(["red book"] * 24, labels, THIRDS, ["a", "b"])
        assert found == NoBaseline("all training texts are of one class")

    def test_the_same_text_under_all_labels_gives_no_warning(self):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            found = linear_baseline(["same words here"] * 24, LABELS, THIRDS, ["a", "b"])
        assert isinstance(found, LinearBaseline)

    def test_a_model_that_does_not_converge_gives_no_warning(self, monkeypatch):
        from sklearn.svm import LinearSVC

        monkeypatch.setattr(
            "sklearn.svm.LinearSVC", lambda **options: LinearSVC(**{**options, "max_iter": 1})
        )
        assert isinstance(baseline_of(("red book words", "blue lamp words")), LinearBaseline)

    @pytest.mark.parametrize(
        ("bound", "costs"), [(120 * 60 - 1, {1.0}), (120 * 60, set(linear._COSTS))]
    )
    def test_of_very_many_texts_and_classes_one_cost_is_tried(self, monkeypatch, bound, costs):
        monkeypatch.setattr(linear, "_MOST_WORK_TUNED", bound)
        tried = []

        def fit_noted(cost, *rows):
            tried.append(cost)
            return fit_svc(cost, *rows)

        monkeypatch.setattr(linear, "fit_svc", fit_noted)
        numbers = np.repeat(np.arange(60), 2)
        texts = [f"word{number} other" for number in numbers]
        _, model = choose_linear((texts, numbers), (texts, numbers), 60)
        assert set(tried) == costs
        assert (model.predict(texts) == numbers).all()

    def test_the_more_classes_the_fewer_texts_but_one_of_each(self, monkeypatch):
        monkeypatch.setattr(linear, "_MOST_WORK", 2 * 5)
        labels = np.array([0] * 20 + [1])
        texts = [f"book{number} book" for number in range(20)] + ["lamp"]
        _, model = choose_linear((texts, labels), (texts, labels), 2)
        found = {word for word in model["count"].vocabulary_ if " " not in word}
        assert "lamp" in found
        assert 4 <= len(found - {"book", "lamp"}) <= 6
        assert len(found - {"book", "lamp"}) == linear.texts_fitted(labels, 2) - 1
        fitted = linear.fit_linear(texts, labels, LinearChoice(1.0, False), 2)
        assert fitted["count"].vocabulary_ == model["count"].vocabulary_

    def test_the_vocabulary_is_bounded_by_the_number_of_classes(self, monkeypatch):
        monkeypatch.setattr(linear, "_MOST_WEIGHTS", 8)
        texts = ["red book here", "blue lamp there"] * 4
        _, model = choose_linear((texts, LABELS[:8]), (texts, LABELS[:8]), 2)
        assert len(model["count"].vocabulary_) == 4


def test_the_sentence_says_when_the_baseline_could_not_have_all_texts():
    ours = {"accuracy": 0.96, "macro_f1": 0.95}
    baseline = reached(0.95, 0.94)
    assert "fitted" not in sentence(baseline, ours)
    said = sentence(replace(baseline, left_out=0.75), ours)
    assert said.endswith("It was fitted to 25.0% of its texts, by lot: more would take too long.")


def test_the_share_that_is_left_out_is_that_of_train_and_validation(monkeypatch):
    monkeypatch.setattr(linear, "_MOST_TEXTS", 9)
    found = baseline_of(("red book words", "blue lamp words"))
    assert found.left_out == pytest.approx(1 - linear.texts_fitted(LABELS[:18], 2) / 18)
    assert 0.35 < found.left_out <= 0.5


@pytest.mark.parametrize(
    ("theirs", "ours", "verdict"),
    [
        ((0.95, 0.94), (0.96, 0.95), "ours has 0.80 of its errors."),
        ((0.95, 0.94), (0.96, 0.93), "ours has 0.80 of its errors, but the lower macro-F1."),
        ((0.95, 0.94), (1.0, 1.0), "ours has 0.00 of its errors."),
        (
            (0.95, 0.94),
            (0.94, 0.95),
            "the linear baseline is better on this data: ours has 1.20 of its errors.",
        ),
        ((1.0, 1.0), (0.9, 0.9), "the linear baseline is better on this data."),
        (
            (0.95, 0.94),
            (0.95, 0.96),
            "ours is no better, with as many errors: on this data the linear baseline is the "
            "better choice, since it is simpler.",
        ),
        (
            (1.0, 1.0),
            (1.0, 1.0),
            "ours is no better, with as many errors: on this data the linear baseline is the "
            "better choice, since it is simpler.",
        ),
    ],
)
def test_the_sentence_says_who_is_better(theirs, ours, verdict):
    said = sentence(reached(*theirs), dict(zip(("accuracy", "macro_f1"), ours, strict=True)))
    assert said == (
        f"Linear baseline (TF-IDF + LinearSVC, same split): test accuracy {theirs[0]:.4f}, "
        f"macro-F1 {theirs[1]:.4f}; ours {ours[0]:.4f}, {ours[1]:.4f}: {verdict}"
    )
