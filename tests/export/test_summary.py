"""What is said of an exported model beside the linear baseline."""

from __future__ import annotations

import re

import pytest

from ecomcat.export.summary import model_sentences, verdict


def said(ours: tuple[float, float], theirs: tuple[float, float], p_value: float) -> str:
    scores = [dict(zip(("accuracy", "macro_f1"), each, strict=True)) for each in (ours, theirs)]
    baseline = {"name": "letters", "test": scores[1], "comparison": {"p_value": p_value}}
    return verdict({"test": {**scores[0], "rows": 1234}, "baseline": baseline})


@pytest.mark.parametrize(
    ("ours", "theirs", "p_value", "expected"),
    [
        ((0.96, 0.95), (0.95, 0.94), 0.01, "0.80 times the errors of .*: better"),
        ((0.96, 0.93), (0.95, 0.94), 0.01, "better, but with the lower macro-F1"),
        ((0.94, 0.95), (0.95, 0.94), 0.049, "1.20 times the errors of .*: worse"),
        ((0.90, 0.90), (1.0, 1.0), 0.001, "more errors than .*: worse"),
        ((0.96, 0.95), (0.95, 0.94), 0.05, "0.80 .*: no difference that these 1,234 texts could"),
        ((0.95, 0.96), (0.95, 0.94), 1.0, "as many errors as .*: no difference"),
        ((1.0, 1.0), (1.0, 1.0), 1.0, "as many errors as .*: no difference"),
    ],
)
def test_better_and_worse_are_said_only_of_what_is_no_chance(ours, theirs, p_value, expected):
    text = said(ours, theirs, p_value)
    assert re.search(expected, text)
    assert f"(McNemar's exact test, p = {p_value:.2g})" in text
    assert f"letters: accuracy {theirs[0]:.4f}, macro-F1 {theirs[1]:.4f}" in text


def test_without_a_baseline_there_is_no_comparison():
    assert "no linear baseline" in verdict({"test": {}, "baseline": None})


@pytest.mark.parametrize(
    ("final", "expected"),
    [
        ({}, "One network: trial 0003 (75%, 4 epochs)."),
        ({"members": 2}, "The weighted mean of 2 networks: trial 0003 (75%, 4 epochs), trial 0001"),
        ({}, "Trained on 9 texts: train and validation."),
        ({"retrained": False}, "train alone: the weights of the search"),
        ({"use_all_rows": True}, "the figures are of the model before the test rows"),
        ({"memory_share": 0.3}, "same words) counts for 30% of each answer"),
        ({"linear_share": 0.2}, "says by itself) counts for 20% of each answer"),
    ],
)
def test_it_is_said_what_the_model_is_made_of_and_was_trained_on(final, expected):
    members = [
        {"trial": "0003", "share": 0.75, "epochs": 4},
        {"trial": "0001", "share": 0.25, "epochs": 2},
    ]
    usual = {"memory_share": 0, "linear_share": 0, "retrained": True, "use_all_rows": False}
    chosen = members[: final.pop("members", 1)]
    text = " ".join(model_sentences({**usual, "trained_texts": 9, "members": chosen, **final}))
    assert expected in text
