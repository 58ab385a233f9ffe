"""A second file is compared with the first: same, other, and sharing texts."""

from __future__ import annotations

from typing import Any

import pytest
from audit_material import LONG, Rows, plain_rows

from ecomcat.auditing.rows import read_rows
from ecomcat.auditing.texts import drift
from ecomcat.data.cleaning import labelled_frame
from ecomcat.data.sample import generate_sample


def sample(seed: int) -> list[tuple[str, str]]:
    return [(row.text, row.label) for row in generate_sample(600, 0.0, seed)]


def compared(*files: Rows) -> dict[str, Any]:
    first, second = (read_rows(labelled_frame(*map(list, zip(*f, strict=True)))) for f in files)
    return drift(first, second, 0.6, seed=1)


def test_files_of_the_same_kind_cannot_be_separated_and_those_of_another_can() -> None:
    found = compared(sample(1), sample(2))
    assert found["auc"] == pytest.approx(0.5, abs=0.08)
    assert all(abs(first - second) < 0.05 for first, second in found["classes"].values())
    assert found["words"]["unseen_share"] < 0.1
    others = [(f"{text} sold by weight", label) for text, label in sample(2)]
    assert compared(sample(1), others)["auc"] > 0.95


def test_classes_and_words_that_only_one_file_has() -> None:
    found = compared([("oak shelf", "A"), ("Pine lamp", "B")], [("SHELF of teak, teak", "C")])
    assert found["classes"] == {"A": [0.5, 0.0], "B": [0.5, 0.0], "C": [0.0, 1.0]}
    assert found["words"]["commonest_unseen"] == {"teak": 2, "of": 1}
    assert found["words"]["unseen_share"] == 3 / 4
    assert (found["auc"], found["texts"]) == (None, [2, 1])


def test_shared_texts_are_counted_exactly_and_nearly() -> None:
    rows = plain_rows()
    others = [(rows[0][0].upper(), "Books"), (rows[1][0], "Toys"), (f"{LONG} in white", "Garden")]
    others += [("foot-ball", "Toys")]  # the same letters, other words
    others += [(f"something quite different of number {n}", "Toys") for n in range(20)]
    found = compared([*rows, (LONG, "Garden"), ("football", "Toys")], others)
    assert (found["shared_exactly"], found["shared_nearly"]) == (3, 1)
    assert found["contradicting_labels"] == 1
    assert len(found["shared_examples"]) == 4


def test_a_second_file_without_usable_rows_is_compared_as_empty() -> None:
    found = compared(plain_rows(5), [("?!", "a"), ("b", " ")])
    assert found["texts"] == [15, 0]
    assert (found["auc"], found["shared_exactly"], found["words"]["unseen_share"]) == (None, 0, 0)
