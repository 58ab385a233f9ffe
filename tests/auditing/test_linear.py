"""Wrong labels come first among the suspicious ones, whatever the classes are."""

from __future__ import annotations

import random

import numpy as np
import pytest
from audit_material import Rows, audited, plain_rows
from hypothesis import given
from hypothesis import strategies as st

from ecomcat.auditing.linear import grouped_folds
from ecomcat.auditing.page import findings
from ecomcat.data.sample import generate_sample


def test_nearly_all_wrong_labels_of_the_sample_are_in_the_first_tenth() -> None:
    sample = generate_sample(2000, label_noise=0.05, seed=1)
    truth = {row.text: row.true_label for row in sample}
    found = audited([(row.text, row.label) for row in sample]).suspicious
    wrong = (found["text"].map(truth) != found["label"]).to_numpy()
    first = wrong[: len(wrong) // 10]
    assert wrong.sum() >= 80 and first.sum() >= 0.9 * wrong.sum()
    right = found["suggested"].to_numpy() == found["text"].map(truth).to_numpy()
    assert right[wrong].mean() > 0.9
    assert (found["label"] != found["suggested"]).all()
    margin = found["confidence"] - found["suggested_confidence"]
    assert margin.is_monotonic_increasing


@pytest.mark.parametrize(("classes", "max_work"), [(2, 10**7), (120, 10**7), (120, 10**5)])
def test_two_and_very_many_classes(
    classes: int, max_work: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ecomcat.auditing.linear._MAX_WORK", max_work)
    draw = random.Random(classes)
    rows = [
        (" ".join(f"c{label}w{draw.randrange(6)}" for _ in range(8)) + f" n{number}", f"{label:03}")
        for label in range(classes)
        for number in range(15)
    ]
    spoilt = draw.sample(range(len(rows)), max(2, len(rows) // 40))
    for place in spoilt:
        rows[place] = rows[place][0], f"{(int(rows[place][1]) + 1) % classes:03}"
    first = set(audited(rows).suspicious["text"][: 2 * len(spoilt)])
    assert {rows[place][0] for place in spoilt} <= first


@pytest.mark.parametrize(
    "rows",
    [
        pytest.param([("one text", "a"), ("another text", "a")], id="one class"),
        pytest.param([("x", "a"), ("y", "b")], id="no word of two letters"),
        pytest.param([("first", "a"), ("second", "b")], id="no word twice"),
        pytest.param([("text a", "a"), ("text b", "b")], id="a text a class"),
        pytest.param([("the same of 1", "a"), ("the same of 2", "b")], id="one group"),
    ],
)
def test_where_there_is_nothing_to_learn_nothing_is_suspected(rows: Rows) -> None:
    audit = audited(rows)
    assert len(audit.suspicious) == 0 and "reason" in audit.figures["suspicious"]
    assert any("not looked for" in sentence for sentence in audit.findings)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [(0, "No label is contradicted by a model of"), (1, "with confidence: 1 (0.8%). Look")],
)
def test_only_labels_that_are_contradicted_are_shown(wrong: int, sentence: str) -> None:
    rows = plain_rows()
    rows += [(f"{rows[0][0]} {rows[1][0]}", "Toys")] * wrong
    audit = audited(rows)
    assert any(sentence in each for each in audit.findings), audit.findings
    figures = audit.figures["suspicious"]
    assert len(figures["first"]) == figures["contradicted"] >= wrong
    assert bool(figures["first"]) == bool(wrong)
    assert all(each["confidence"] < each["suggested_confidence"] for each in figures["first"])
    assert len(audit.suspicious) == len(rows)
    unsure = findings({**audit.figures, "suspicious": {**figures, "sure": 0}}, [])
    assert ("No label is contradicted with confidence by" in " ".join(unsure)) == bool(wrong)


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 30)), min_size=1, max_size=120),
    st.integers(2, 6),
    st.integers(0, 99),
)
def test_each_text_is_in_one_fold_with_its_whole_group(
    rows: list[tuple[int, int]], folds: int, seed: int
) -> None:
    labels, groups = (np.array(column) for column in zip(*rows, strict=True))
    parts = np.array([*grouped_folds(groups, labels, folds, seed)])
    if len(set(groups.tolist())) > 1:
        assert (parts.sum(axis=0) == 1).all()
        assert all(len(np.unique(parts[:, groups == group], axis=1).T) == 1 for group in groups)
