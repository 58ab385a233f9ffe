"""What more labelled texts would bring, by a curve that goes on as its last points do."""

from __future__ import annotations

import numpy as np
import pytest
from audit_material import audited

from ecomcat.auditing.learning_curve import learning_curve
from ecomcat.auditing.linear import weigh_words
from ecomcat.auditing.rows import read_rows
from ecomcat.data.sample import generate_sample


def table_of(count: int, noise: float = 0.05) -> list[tuple[str, str]]:
    return [(row.text, row.label) for row in generate_sample(count, label_noise=noise, seed=3)]


def curve_of(rows: list[tuple[str, str]], test_fraction: float = 0.3) -> dict:
    import pandas as pd

    audit = read_rows(pd.DataFrame(rows, columns=["text", "label"]))
    features, groups = weigh_words(audit.texts, len(audit.class_names)), np.arange(len(audit.texts))
    return learning_curve(audit, features, groups, (0.15, test_fraction), 1, lambda _: None)


def test_the_same_texts_are_asked_of_models_of_more_and_more_others() -> None:
    found = curve_of(table_of(1500))
    sizes = [each["texts"] for each in found["points"]]
    assert sizes == sorted(sizes) and len(sizes) >= 3
    assert sizes[-1] == pytest.approx(2 * sizes[-2], abs=1)
    assert found["doubled"]["texts"] == 2 * sizes[-1]
    assert 0.25 < found["test_texts"] / (sizes[-1] + found["test_texts"]) < 0.35
    low, high = found["doubled"]["interval"]
    assert 0 <= low <= found["doubled"]["gain"] <= high < 1 - found["points"][-1]["accuracy"]


def test_what_half_of_the_texts_promise_of_twice_as_many_is_about_what_these_bring() -> None:
    rows = table_of(3000, noise=0.0)
    half, whole = curve_of(rows[::2]), curve_of(rows)
    brought = whole["points"][-1]["accuracy"] - half["points"][-1]["accuracy"]
    assert half["doubled"]["gain"] == pytest.approx(brought, abs=0.02)


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        (table_of(200), "fewer than 400 texts"),
        ([(f"text {n}", "one") for n in range(40)], "fewer than two categories of 10"),
    ],
)
def test_of_too_few_texts_or_categories_it_is_said_why_there_is_none(rows, reason) -> None:
    assert reason in curve_of(rows)["reason"]
    assert any("was not estimated" in sentence for sentence in audited(rows).findings)
