"""The linear baseline: good on texts that words tell apart, and no crash on any others."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.pipeline import Pipeline

from ecomcat.config import DataConfig
from ecomcat.data.dataset import Dataset, load_dataset
from ecomcat.data.sources import SAMPLE_SOURCE
from ecomcat.data.splitting import Split
from ecomcat.final.baseline import (
    LinearChoice,
    choose_linear,
    fit_linear,
    linear_baseline,
    linear_candidates,
    linear_sample,
    optional,
)
from ecomcat.final.linear_features import FEATURES
from ecomcat.final.linear_models import can_fit_svc, fit_bayes, predict_classes, rows_to_fit
from ecomcat.text.fields import PLAIN

THIRDS = Split(np.arange(0, 12), np.arange(12, 18), np.arange(18, 24))
LABELS = np.tile([0, 1], 12)


def small(kinds: tuple[str, str], labels=LABELS) -> Dataset:
    """Make 24 texts, of two kinds in turn."""
    categories = pd.Categorical.from_codes(labels, ["a", "b"])
    texts = pd.Series([kinds[row % 2] for row in range(24)], dtype=object)
    frame = pd.DataFrame({"text": texts, "label": categories})
    return Dataset("small", frame, THIRDS, {}, PLAIN)


def baseline_of(dataset: Dataset):
    right = dataset.label_ids[dataset.split.test]
    return linear_baseline(dataset, dataset.split).beside(right, right)


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    return load_dataset(DataConfig(name="sample", source=SAMPLE_SOURCE, sample_rows=800), seed=1)


@pytest.fixture(scope="module")
def found(dataset) -> dict[str, Any]:
    return baseline_of(dataset)


def test_on_the_sample_it_is_as_good_as_scikit_learn_and_the_same_each_time(dataset, found):
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.naive_bayes import ComplementNB
    from sklearn.svm import LinearSVC

    texts, labels = np.array(dataset.texts, dtype=object), dataset.label_ids
    rows, test = np.union1d(dataset.split.train, dataset.split.validation), dataset.split.test
    counted = FEATURES[found["features"]].counted
    words = TfidfVectorizer(sublinear_tf=found["sublinear_tf"], **counted)
    svc = found["C"] and LinearSVC(C=found["C"], random_state=0)
    model = svc or ComplementNB(alpha=found["smoothing"])
    model.fit(words.fit_transform(texts[rows]), labels[rows])
    plain = model.score(words.transform(texts[test]), labels[test])
    assert found["test"]["accuracy"] == pytest.approx(plain, abs=0.01)
    assert found["test"]["accuracy"] > 0.85
    wrong = len(test) * (1 - found["test"]["accuracy"])
    assert found["comparison"]["gained"] == pytest.approx(wrong)
    assert baseline_of(dataset) == found


def test_without_a_test_set_it_is_chosen_and_scored_on_validation_alone(dataset, found):
    split = replace(dataset.split, test=dataset.split.test[:0])
    untested = baseline_of(replace(dataset, split=split))
    assert not {"test", "comparison"} & set(untested)
    assert untested == {name: found[name] for name in untested}


def test_where_it_learns_a_part_of_the_texts_their_number_is_kept(dataset, found, monkeypatch):
    assert (found["left_out"], found["texts_of_train"]) == (0, len(dataset.split.train))
    few = replace(FEATURES["words"], max_characters=100)  # eleven texts, two for the choice
    monkeypatch.setitem(FEATURES, "words", few)
    found = baseline_of(small(("red book", "blue lamp")))
    assert 11 <= found["texts"] <= 13 and 2 <= found["texts_of_train"] <= 4
    assert found["left_out"] == pytest.approx(1 - found["texts"] / 18, abs=1e-4)


# Each category is a word, one of one letter, or an ending of words that never come twice.
KNOWN_BY = {
    "words": [f"{'sea-blue' if row % 2 else 'sea-green'} {row}" for row in range(40)],
    "tokens": [f"x{'1' if row % 2 else '2'}y{row} z" for row in range(40)],
    "letters": [f"{chr(97 + row // 2) * 3}{'ing' if row % 2 else 'est'}" for row in range(40)],
}
# Of half of the texts it is the order of words, of the others the ending.
KNOWN_BY["tokens_letters"] = [
    KNOWN_BY["letters"][row] if row // 2 % 2 else ("red blue", "blue red")[row % 2]
    for row in range(40)
]


@pytest.mark.parametrize("kind", ["tokens", "letters", "tokens_letters"])
def test_the_features_that_tell_the_categories_apart_on_validation_are_chosen(kind):
    texts, labels = KNOWN_BY[kind], np.arange(40) % 2
    train, validation = (texts[:30], labels[:30]), (texts[30:], labels[30:])
    best, *others = choose_linear(train, validation, 2)
    assert best.choice.features == kind
    assert best.score == 1 > others[-1].score
    assert {best, *others} == {fit for fit in [best, *others] if fit.choice.features in FEATURES}


def test_a_kind_of_features_without_memory_or_without_an_end_is_left_out(monkeypatch, caplog):
    from sklearn.feature_extraction.text import CountVectorizer

    def no_memory_for_letters(self, *arguments):
        if self.analyzer == "char_wb":
            raise MemoryError
        return count(self, *arguments)

    count = CountVectorizer.fit_transform
    monkeypatch.setattr(CountVectorizer, "fit_transform", no_memory_for_letters)
    texts, labels = KNOWN_BY["words"], np.arange(40) % 2
    with caplog.at_level("INFO", "ecomcat"):
        fits = choose_linear((texts, labels), (texts, labels), 2)
    assert [fit.choice.features for fit in fits] == ["words", "tokens"]
    assert "without letters: 2 to 5 in a row" in caplog.text
    assert "not enough memory" in caplog.text


DONE, UNFINISHED = 1, 5000  # iterations, of which 5000 are allowed


@pytest.fixture
def baseline_where(monkeypatch):
    """Return a function that fits the choices again, the best first, each with an end of its own.

    An end is an error or a number of iterations; choices without one have no memory. The function
    returns the features in the order in which they are tried, and the baseline.
    """
    from ecomcat.final import baseline

    texts, fit = small(("red book", "blue lamp")), baseline.fit_linear

    def ending(*ends):
        kinds = list(baseline_of(texts)["compared"])
        end_of = dict(zip(kinds, ends, strict=False))

        def end(rows, choice, num_classes):
            model, found = fit(rows, choice, num_classes), end_of.get(choice.features, MemoryError)
            if not isinstance(found, int):
                raise found
            model["classify"].n_iter_ = found
            return model

        monkeypatch.setattr(baseline, "fit_linear", end)
        return kinds, baseline_of(texts)

    return ending


@pytest.mark.parametrize(
    ("end", "reason"),
    [(MemoryError, "not enough memory"), (UNFINISHED, "LinearSVC did not converge")],
    ids=["memory", "end"],
)
def test_what_cannot_be_fitted_again_gives_way_to_the_next(baseline_where, caplog, end, reason):
    with caplog.at_level("INFO", "ecomcat"):
        kinds, found = baseline_where(end, DONE, DONE)
    assert found["features"] == kinds[1]
    assert reason in caplog.text
    assert "no fit converged" not in caplog.text


@pytest.mark.parametrize(
    ("ends", "taken"),
    [
        ((UNFINISHED, UNFINISHED, UNFINISHED), 0),
        ((UNFINISHED, MemoryError, MemoryError), 0),
        ((MemoryError, UNFINISHED, UNFINISHED), 1),
    ],
)
def test_where_no_fit_converges_the_best_on_validation_is_taken_and_a_line_says_so(
    baseline_where, caplog, ends, taken
):
    with caplog.at_level("INFO", "ecomcat"):
        kinds, found = baseline_where(*ends)
    assert found["features"] == kinds[taken]
    assert f"no fit converged; {found['name']} is taken, the best on validation" in caplog.text


def test_without_a_test_set_a_line_says_that_the_chosen_fit_did_not_converge(monkeypatch, caplog):
    from ecomcat.final import baseline

    monkeypatch.setattr(baseline, "has_converged", lambda _model: False)
    texts = small(("red book", "blue lamp"))
    with caplog.at_level("INFO", "ecomcat"):
        found = linear_baseline(texts, replace(THIRDS, test=THIRDS.test[:0])).figures
    assert f"the fit of {found['name']} did not converge" in caplog.text


def test_neither_the_choice_nor_its_score_depends_on_test(dataset, found):
    frame = dataset.frame.copy()
    frame.loc[dataset.split.test, "text"] = "nothing"
    other = baseline_of(replace(dataset, frame=frame))
    assert found["test"] != other["test"]
    for name in ("features", "C", "sublinear_tf", "compared", "validation"):
        assert found[name] == other[name]


@pytest.mark.parametrize(
    ("kinds", "labels", "reason"),
    [
        (("", " "), LABELS, "the training texts have no words"),
        (("red book",) * 2, np.repeat([0, 1], 12), "all training texts are of one class"),
    ],
    ids=["empty", "one class"],
)
def test_where_there_is_nothing_to_learn_a_line_says_why(kinds, labels, reason, caplog):
    with caplog.at_level("INFO", "ecomcat"), optional("Baseline"):
        baseline_of(small(kinds, labels))
    assert f"Baseline: none, since {reason}." in caplog.text
    with caplog.at_level("INFO", "ecomcat"), optional("Linear part"):
        raise MemoryError
    assert "Linear part: none, since there was not enough memory for it." in caplog.text


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
    model = fit_linear((texts, LABELS[:8]), LinearChoice("words", "svc", 1.0, False), 2)
    words = {word for word in model["count"].vocabulary_ if " " not in word}
    assert words == {"book", "red", "书", "红", "blue", "lamp"}


@pytest.mark.parametrize(
    ("texts", "classes", "costs", "smoothings"),
    [(50_000, 50, 6, 4), (50_001, 50, 1, 1), (1000, 251, 0, 4), (50_000, 251, 0, 1)],
)
def test_of_very_many_texts_and_classes_one_cost_and_one_smoothing_are_tried(
    texts, classes, costs, smoothings
):
    candidates = linear_candidates("words", texts, classes, with_svc=costs > 0)
    assert len(candidates) == 2 * (costs + smoothings)
    assert (LinearChoice("words", "svc", 1.0, False) in candidates) == (costs > 0)
    assert LinearChoice("words", "bayes", 0.3, False) in candidates


@pytest.mark.parametrize(
    ("texts", "features", "classes", "can"),
    [
        (900_000, 500_000, 250, True),  # fitted to a part of the texts, and of the features
        (10_000, 50_000, 2_000, True),
        (10_001, 50_000, 2_000, False),
        (10_000, 50_001, 2_000, False),
    ],
)
def test_of_more_than_250_classes_linear_svc_is_tried_where_it_can_learn_all(
    texts, features, classes, can
):
    assert can_fit_svc(texts, features, classes) == can


@pytest.mark.parametrize(
    ("texts", "classes", "fitted"),
    [(1_000, 2, 1_000), (300_000, 2, 200_000), (110_000, 200, 100_000), (9_000, 4_000, 9_000)],
)
def test_the_more_classes_the_fewer_texts_are_fitted_to_but_one_of_each(texts, classes, fitted):
    labels = np.zeros(texts, np.int64)
    labels[-1] = 1
    rows = rows_to_fit(labels, classes, np.random.default_rng(0), 10**6)
    assert fitted <= len(rows) <= fitted + 2
    assert rows[-1] == texts - 1


@pytest.mark.parametrize("kind", FEATURES)
def test_of_long_texts_as_many_are_fitted_to_as_can_be_counted(kind):
    long = "x" * (FEATURES[kind].max_characters // 1000)
    rows = linear_sample(kind, ([long] * 10_000, np.zeros(10_000, np.int64)), 2)
    assert 1000 <= len(rows) <= 1001


@pytest.mark.parametrize(
    ("alphabet", "length", "fitted"),
    [(20_000, 400, 12), (3, 400, 100), (20_000, 90, 100)],
    ids=["no group repeats", "groups repeat", "few characters"],
)
def test_where_groups_of_letters_do_not_repeat_as_many_texts_as_memory_holds_are_fitted_to(
    alphabet, length, fitted, monkeypatch
):
    monkeypatch.setattr("ecomcat.final.linear_features._MAX_SAMPLED", 10_000)
    monkeypatch.setitem(FEATURES, "letters", replace(FEATURES["letters"], max_distinct=20_000))
    codes = np.random.default_rng(1).integers(0, alphabet, (100, length)) + 0x4E00
    rows = ["".join(map(chr, text)) for text in codes], np.zeros(100, np.int64)
    assert len(linear_sample("letters", rows, 2)) == pytest.approx(fitted, abs=1)
    assert len(linear_sample("words", rows, 2)) == 100


def test_naive_bayes_is_that_of_scikit_learn_and_answers_many_texts_in_parts(monkeypatch):
    from scipy.sparse import csr_array
    from sklearn.naive_bayes import ComplementNB

    random = np.random.default_rng(1)
    features, labels = csr_array(random.poisson(0.3, (60, 9))), random.integers(2, 6, 60)
    ours, plain = fit_bayes(features, labels), ComplementNB(alpha=0.3).fit(features, labels)
    assert np.allclose(ours.weights(), plain.feature_log_prob_)
    gaps = ours.scores(features) - plain.predict_joint_log_proba(features)
    assert np.allclose(gaps, gaps[:, :1])
    monkeypatch.setattr("ecomcat.final.linear_models._MAX_SCORES", 40)
    found = predict_classes(Pipeline([("classify", ours)]), features)
    assert found.tolist() == plain.predict(features).tolist()


@pytest.mark.parametrize(("max_weights", "model"), [(10**6, "svc"), (1, "bayes")])
def test_of_hundreds_of_categories_all_texts_are_learned(max_weights, model, monkeypatch):
    monkeypatch.setattr("ecomcat.final.linear_models.MAX_WEIGHTS", max_weights)
    texts = [f"word{row % 260} and more" for row in range(520)]
    rows = texts, np.arange(520) % 260
    (best,) = choose_linear(rows, rows, 260, ["words"])
    assert (best.score, best.choice.model, best.texts) == (1.0, model, 520)
