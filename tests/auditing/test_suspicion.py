"""Wrong labels come first among the suspicious ones, whatever the classes are."""

from __future__ import annotations

import random

import numpy as np
import pytest

from ecomcat.auditing.labels import Suspicion, suspect_labels, weigh_words
from ecomcat.auditing.rows import audit_rows
from ecomcat.data.cleaning import key_digest, normalized_key
from ecomcat.data.near_duplicates import find_near_duplicates
from ecomcat.data.sample import generate_sample

Rows = list[tuple[str, str]]


def suspected(rows: Rows) -> tuple[Suspicion, list[str], np.ndarray]:
    """Return what is suspected, of which texts, and their labels."""
    audited = audit_rows(rows)
    usable = audited.usable
    texts = [audited.texts[text] for text in usable]
    found = suspect_labels(
        weigh_words(texts, len(audited.classes)),
        audited.labels[usable],
        find_near_duplicates(texts, 0.6).groups,
        len(audited.classes),
        1,
    )
    assert found is not None
    return found, texts, audited.labels[usable]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_nearly_all_wrong_labels_of_the_sample_are_in_the_first_tenth(seed: int) -> None:
    sample = generate_sample(2000, label_noise=0.05, seed=seed)
    truth = {key_digest(normalized_key(row.text)): row.true_label for row in sample}
    audited = audit_rows([(row.text, row.label) for row in sample])
    found, _, labels = suspected([(row.text, row.label) for row in sample])
    usable = audited.usable
    wrong = np.array(
        [
            truth[audited.digests[text]] != audited.classes[label]
            for text, label in zip(usable, labels, strict=True)
        ]
    )
    first = found.ranking[: len(wrong) // 10]
    assert wrong.sum() >= 80
    assert wrong[first].sum() >= 0.9 * wrong.sum()
    sure = found.sure
    assert wrong[sure].mean() > 0.6
    assert wrong[sure].sum() > 0.6 * wrong.sum()


def test_the_right_class_is_suggested() -> None:
    sample = generate_sample(1000, label_noise=0.0, seed=5)
    rows = [(row.text, row.label) for row in sample]
    spoilt = next(place for place, row in enumerate(sample) if row.label == "Pet Supplies")
    same = normalized_key(rows[spoilt][0])
    rows = [
        (text, "Office Supplies" if normalized_key(text) == same else label) for text, label in rows
    ]
    found, texts, _ = suspected(rows)
    place = next(place for place, text in enumerate(texts) if normalized_key(text) == same)
    classes = audit_rows(rows).classes
    assert classes[found.suggested[place]] == "Pet Supplies"
    assert place in found.ranking[:20]
    assert found.suggested_confidence[place] > 0.5 > found.confidence[place]


@pytest.mark.parametrize("classes", [2, 120])
def test_two_and_very_many_classes(classes: int) -> None:
    draw = random.Random(classes)
    rows = [
        (" ".join(f"c{label}w{draw.randrange(6)}" for _ in range(8)) + f" n{number}", f"{label:03}")
        for label in range(classes)
        for number in range(15)
    ]
    spoilt = draw.sample(range(len(rows)), max(2, len(rows) // 40))
    for place in spoilt:
        other = (int(rows[place][1]) + 1) % classes
        rows[place] = rows[place][0], f"{other:03}"
    found, texts, _ = suspected(rows)
    first = {texts[place] for place in found.ranking[: 2 * len(spoilt)]}
    assert {rows[place][0] for place in spoilt} <= first


@pytest.mark.parametrize(
    "rows",
    [
        pytest.param([("one text", "a"), ("another text", "a")], id="one class"),
        pytest.param([("x", "a"), ("y", "b")], id="no word of two letters"),
        pytest.param([("first", "a"), ("second", "b")], id="no word twice"),
        pytest.param([("text a", "a"), ("text b", "b")], id="a text a class"),
    ],
)
def test_where_there_is_nothing_to_learn_nothing_is_suspected(rows: Rows) -> None:
    audited = audit_rows(rows)
    features = weigh_words(audited.texts, len(audited.classes))
    groups = np.arange(len(audited.texts))
    found = suspect_labels(features, audited.labels, groups, len(audited.classes), 1)
    assert found is None or len(found.ranking) == len(rows)
