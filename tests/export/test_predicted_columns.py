"""Answers, confidences and what is accepted: one rule for files, the service and Python."""

from __future__ import annotations

import math
from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from ecomcat.command_config import ServeCommand
from ecomcat.errors import UserError
from ecomcat.export.predicted_columns import Labelled, Labeller, LabelOptions, level_answers
from ecomcat.model.answers import answers_of
from ecomcat.model.confidence import Promise
from ecomcat.model.level_scores import accepted_levels
from ecomcat.model.metrics import score_answers
from ecomcat.model.taxonomy import Taxonomy
from ecomcat.serving.app import build_app
from ecomcat.serving.queue import Answers, Model
from ecomcat.text.fields import PLAIN, Fields
from tests.known_model import KnowsAllWords

KINDS = ("category", "confidence")


@dataclass
class Sure(KnowsAllWords):
    """Answers every text with one confidence, and accepts from another one."""

    confidence: float
    min_confidence: float | None
    labels: tuple[str, ...] = ("Cats", "Dogs")
    fields: Fields = PLAIN
    taxonomy: Taxonomy | None = None

    def probabilities(self, texts):
        row = [1 - self.confidence, self.confidence]
        return np.array([row] * len(texts), np.float32)

    def novel_from(self, max_false_alarms):
        return np.inf

    def thresholds(self, promise):
        return np.full(2, np.inf if self.min_confidence is None else self.min_confidence)

    def level_thresholds(self, promise):
        return np.tile(self.thresholds(promise), (self.taxonomy.depth if self.taxonomy else 0, 1))

    def explain_texts(self, texts):
        words = ("a", -0.1), ("big", 0.3), ("dog", 0.2)
        return [[SimpleNamespace(word=word, weight=weight) for word, weight in words]] * len(texts)


def label(texts, *, confidence=0.9, threshold=0.8, **options):
    return Labeller(Sure(confidence, threshold), LabelOptions(**options)).label(texts)


@pytest.mark.parametrize(
    ("confidence", "threshold", "accept"),
    [
        (0.97994, 0.98, False),  # shown as 0.9799
        (0.97996, 0.98, True),
        (0.98004, 0.98, True),
        (0.98004, 0.9801, False),
        (1.0, 1.0, True),
        (1.0, None, False),
    ],
)
def test_files_and_the_service_accept_the_same_answers_by_the_numbers_that_they_show(
    confidence, threshold, accept
):
    frame = label(["a dog"], confidence=confidence, threshold=threshold, promise=Promise(0.9))
    config = ServeCommand(min_precision=0.9)
    answers = Answers(config, Model(Sure(confidence, threshold), {}))
    client = TestClient(build_app(answers, config), base_url="http://127.0.0.1:8000")
    one = client.post("/predict", json={"text": "a dog"}).json()
    table = client.post("/label", content="text\na dog\n", headers={"Content-Type": "text/csv"})
    answers.close()
    cells = dict(zip(*(line.split(",") for line in table.text.splitlines()), strict=True))
    assert frame["accept"].tolist() == [accept]
    assert one["accept"] == accept
    assert cells["accept"] == ("yes" if accept else "no")
    assert frame["confidence"].tolist() == [one["confidence"]] == [float(cells["confidence"])]


probabilities = st.floats(0.5, 1, width=32)


@given(confidence=probabilities, threshold=probabilities)
def test_what_is_shown_tells_what_is_accepted_and_no_answer_far_below_passes(confidence, threshold):
    labeller = Labeller(Sure(confidence, threshold), LabelOptions(Promise(0.9)))
    found = labeller.label(["a dog"]).iloc[0]
    assert found["accept"] == (found["confidence"] >= labeller.thresholds[0])
    if found["accept"]:
        assert confidence > threshold - 5.1e-5


near = st.integers(97_990, 98_010).map(lambda steps: steps / 100_000)


@given(of_validation=near, asked=near)
def test_the_figures_of_a_model_call_accepted_what_it_then_accepts(of_validation, asked):
    names, promise, label_ids = PATHS[1:3], Promise(0.95), np.ones(300, np.int64)
    tree = Taxonomy(names, " > ")
    shares = [np.array([[1 - sure, sure]] * 300, np.float32) for sure in (of_validation, asked)]
    validation, answers = (answers_of(each, label_ids, tree) for each in shares)
    found = score_answers(answers, label_ids, names, validation.leaves).coverage["0.95"]
    thresholds = validation.leaves.thresholds(promise, 2)
    labelled = Labelled(np.arange(300), shares[1], thresholds=thresholds)
    assert found["coverage"] == labelled.accepted.mean()
    assert found["threshold"] == thresholds[0] == float(f"{thresholds[0]:.4f}")
    levels = level_answers(labelled, tree, validation.levels.thresholds(promise)).accepted
    assert (levels == accepted_levels(answers.levels, validation.levels, promise)).all()


def test_a_row_for_each_text_says_what_is_asked_for():
    texts = ["a big dog", "?!", " ", "", "a dog"]
    frame = label(texts, promise=Promise(0.9), words=1, reasons=True)
    added = ["accept", "novel", "words", "reason"]
    assert list(frame) == ["predicted_category", "confidence", *added]
    assert frame["predicted_category"].tolist() == ["Dogs", None, None, None, "Dogs"]
    assert frame["confidence"].isna().tolist() == [False, True, True, True, False]
    assert frame["accept"].tolist() == [True, False, False, False, True]
    assert frame["words"].tolist() == [["big"], None, None, None, ["big"]]
    reasons = [None, "no letter, mark or digit", "empty text", "empty text", None]
    assert frame["reason"].tolist() == reasons
    assert list(label(texts)) == ["predicted_category", "confidence"]


@dataclass
class Unsure(Sure):
    """Answers every text with the same probabilities."""

    shares: tuple[float, ...] = ()

    def probabilities(self, texts):
        return np.array([self.shares] * len(texts), np.float32)


@given(st.lists(st.sampled_from([0.0, 0.1, 0.2, 0.3]), min_size=2, max_size=6), st.integers(1, 8))
def test_the_next_categories_follow_by_their_probabilities(shares, top_k):
    names = tuple(f"c{number}" for number in range(len(shares)))
    predictor = Unsure(0, 0, labels=names, shares=tuple(shares))
    labeller = Labeller(predictor, LabelOptions(top_k=top_k))
    frame = labeller.label(["a dog", "?"])
    count = min(top_k, len(names))
    following = [f"{kind}_{place}" for place in range(2, count + 1) for kind in KINDS]
    assert list(frame) == list(labeller.options.added)
    assert list(frame) == ["predicted_category", "confidence", *following]
    first, second = frame.to_numpy().tolist()
    shown = dict(zip(first[::2], first[1::2], strict=True))
    assert len(shown) == count
    assert list(shown.values()) == sorted(shares, reverse=True)[:count]
    assert all(shares[names.index(name)] == share for name, share in shown.items())
    assert all(cell is None or math.isnan(cell) for cell in second)


class Reader(Sure):
    """Knows the words `a` and `dog`, and finds answers of 0.5 novel."""

    def answers(self, texts):
        shares = [np.mean([word not in ("a", "dog") for word in text.split()]) for text in texts]
        return self.probabilities(texts), np.array(shares)

    def novel_from(self, max_false_alarms):
        return 0.6


def test_a_text_of_unknown_words_is_novel_and_not_accepted_however_sure_the_answer_is():
    texts = ["a dog", "a dog a собака", "собака"]
    frame = Labeller(Reader(0.99, 0.8), LabelOptions(Promise(0.9))).label(texts)
    assert frame["confidence"].tolist() == [0.99] * 3
    assert frame["novel"].tolist() == [False, False, True]
    assert frame["accept"].tolist() == [True, True, False]


@dataclass
class Careful(Unsure):
    """Refuses more texts at a time than there is memory for their answers."""

    def probabilities(self, texts):
        assert len(texts) * len(self.labels) <= 25_000_000
        return super().probabilities(texts)


def test_of_many_categories_few_texts_are_answered_at_a_time():
    names = tuple(f"c{number}" for number in range(20_000))
    predictor = Careful(0, 0, labels=names, shares=(0.0,) * 19_999 + (1.0,))
    texts = ["a dog", "?"] * 1500
    frame = Labeller(predictor, LabelOptions(reasons=True)).label(texts)
    assert frame.index.tolist() == list(range(3000))
    assert frame["predicted_category"][:4].tolist() == ["c19999", None, "c19999", None]
    assert frame["reason"].notna().tolist() == [False, True] * 1500


# Levels

PATHS = ("Home > Chairs > Oak", "Home > Chairs", "Home > Lamps", "Toys")


def leveled(shares, thresholds, **options):
    """Label a text and an unreadable one, of a taxonomy with a threshold for each level."""

    class Leveled(Unsure):
        def thresholds(self, promise):
            return np.full(len(PATHS), thresholds[-1])

        def level_thresholds(self, promise):
            return np.repeat(np.array(thresholds)[:, None], len(PATHS), axis=1)

    predictor = Leveled(0, thresholds[-1], PATHS, ("text",), Taxonomy(PATHS, " > "), shares)
    labeller = Labeller(predictor, LabelOptions(**options))
    return labeller, labeller.label(["a dog", "?"])


@pytest.mark.parametrize(
    ("shares", "thresholds", "path", "level"),
    [
        ((0.9, 0.05, 0.04, 0.01), (0.5, 0.5, 0.5), "Home > Chairs > Oak", 3),
        ((0.5, 0.4, 0.09, 0.01), (0.5, 0.8, 0.8), "Home > Chairs", 2),
        ((0.4, 0.2, 0.39, 0.01), (0.9, 0.8, 0.8), "Home", 1),
        ((0.4, 0.2, 0.3, 0.1), (0.91, 0.8, 0.8), None, None),
        ((0.4, 0.2, 0.3, 0.1), (np.inf, np.inf, np.inf), None, None),
        ((0.1, 0.1, 0.1, 0.7), (0.9, 0.8, 0.7), "Toys", 1),  # whose path ends above that level
        ((0.3, 0.4, 0.2, 0.1), (0.9, 0.8, 0.4), "Home > Chairs", 2),
        ((0.85, 0.04994, 0.1, 0.00006), (0.9999, 0.9, 0.9), "Home", 1),  # by what is shown
    ],
)
def test_a_path_is_accepted_down_to_the_deepest_level_that_is_sure_enough(
    shares, thresholds, path, level
):
    labeller, frame = leveled(shares, thresholds, promise=Promise(0.9))
    added = ["accept", "accepted_path", "accepted_level", "novel"]
    assert list(frame) == ["predicted_category", "confidence", *added]
    assert frame["accepted_path"].tolist() == [path, None]
    assert frame["accepted_level"].tolist() == [level or pd.NA, pd.NA]
    assert labeller.accepted + labeller.accepted_above == (path is not None)
    assert frame["accept"][0] == (path == frame["predicted_category"][0])


def test_no_level_of_a_novel_text_is_accepted():
    class Novel(Unsure):
        def novel_from(self, max_false_alarms):
            return 0.5

    for shares, accepted in (((0.97, 0.01, 0.01, 0.01), 1), ((0.4, 0.3, 0.2, 0.1), 0)):
        predictor = Novel(0, 0.9, PATHS, ("text",), Taxonomy(PATHS, " > "), shares)
        predictor.thresholds = lambda _: np.full(len(PATHS), 0.1)
        predictor.level_thresholds = lambda _: np.full((3, len(PATHS)), 0.1)
        frame = Labeller(predictor, LabelOptions(promise=Promise(0.9))).label(["a dog"])
        assert frame["accepted_path"].notna().sum() == frame["accept"].sum() == accepted
        assert frame["novel"].tolist() == [not accepted]


def test_each_level_may_have_a_column_with_its_own_confidence():
    _, frame = leveled((0.3, 0.4, 0.2, 0.1), (1, 1, 1), levels=True)
    columns = [f"{name}{level}" for level in (1, 2, 3) for name in ("level_", "confidence_level_")]
    assert list(frame) == ["predicted_category", "confidence", *columns]
    first, second = frame[columns].astype(object).to_numpy().tolist()
    assert first[:4] == ["Home", 0.9, "Chairs", 0.7]  # of Oak, too
    assert first[4] is None and math.isnan(first[5])
    assert all(cell is None or math.isnan(cell) for cell in second)
    with pytest.raises(UserError, match=r"levels: expected a model whose categories are"):
        label(["a dog"], levels=True)


@pytest.mark.parametrize("texts", [[], ["", "?"]], ids=["none", "without words"])
def test_texts_of_which_none_has_an_answer(texts):
    frame = label(texts, promise=Promise(0.9), words=2, reasons=True, top_k=2)
    assert len(frame) == len(texts)
    assert frame["accept"].dtype == bool
    assert all(map(math.isnan, frame["confidence"]))


@pytest.mark.parametrize(
    ("confidence", "novel_from", "novel"), [(0.6, 0.6, True), (0.6, 0.7, False), (1.0, 0.6, False)]
)
def test_an_answer_to_a_novel_text_is_not_accepted_however_low_the_threshold(
    confidence, novel_from, novel
):
    predictor = Sure(confidence, 0.0)
    predictor.novel_from = lambda _: novel_from
    labeller = Labeller(predictor, LabelOptions(Promise(0.9)))
    frame = labeller.label(["a dog", "?"])
    assert frame["novel"].tolist() == [novel, False]
    assert frame["accept"].tolist() == [not novel, False]
    assert (labeller.novel, labeller.accepted) == (int(novel), int(not novel))


def test_it_counts_what_it_labels():
    labeller = Labeller(Sure(0.9, 0.8), LabelOptions(Promise(0.9)))
    for texts in (["a", "?"], [], ["b", "c", ""]):
        labeller.label(texts)
    assert (labeller.rows, labeller.unreadable, labeller.accepted) == (5, 2, 3)
