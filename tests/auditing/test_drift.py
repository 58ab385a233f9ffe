"""A second file is compared with the first: same, other, and sharing texts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from audit_material import LONG, Rows, audit_file, audited, plain_rows, write_rows

from ecomcat.data.sample import generate_sample


def sample(seed: int, rows: int = 600) -> list[tuple[str, str]]:
    return [(row.text, row.label) for row in generate_sample(rows, 0.0, seed)]


def drift(rows: Rows, others: Rows) -> dict[str, Any]:
    found: dict[str, Any] = audited(rows, others).figures["drift"]
    return found


def test_files_of_the_same_kind_cannot_be_told_apart() -> None:
    found = drift(sample(1), sample(2))
    assert found["auc"] == pytest.approx(0.5, abs=0.08)
    assert all(abs(first - second) < 0.05 for first, second in found["classes"].values())
    assert found["words"]["unseen_share"] < 0.1


def test_files_of_another_kind_can() -> None:
    others = [(f"{text} sold by weight", label) for text, label in sample(2)]
    assert drift(sample(1), others)["auc"] > 0.95


def test_classes_and_words_that_only_one_file_has() -> None:
    found = drift([("oak shelf", "A"), ("Pine lamp", "B")], [("SHELF of teak, teak", "C")])
    assert found["classes"] == {"A": [0.5, 0.0], "B": [0.5, 0.0], "C": [0.0, 1.0]}
    assert found["words"]["commonest_unseen"] == {"teak": 2, "of": 1}
    assert found["words"]["unseen_share"] == 3 / 4
    assert (found["auc"], found["texts"]) == (None, [2, 1])


def test_shared_texts_are_counted_exactly_and_nearly() -> None:
    rows = plain_rows()
    others = [(rows[0][0].upper(), "Books"), (rows[1][0], "Toys"), (f"{LONG} in white", "Garden")]
    others += [("foot-ball", "Toys")]  # the same letters, other words
    others += [(f"something quite different of number {n}", "Toys") for n in range(20)]
    found = drift([*rows, (LONG, "Garden"), ("football", "Toys")], others)
    assert (found["shared_exactly"], found["shared_nearly"]) == (3, 1)
    assert found["contradicting_labels"] == 1
    assert len(found["shared_examples"]) == 4


def test_a_second_file_without_usable_rows_is_compared_as_empty() -> None:
    found = drift(plain_rows(5), [("?!", "a"), ("b", " ")])
    assert found["texts"] == [15, 0]
    assert (found["auc"], found["shared_exactly"], found["words"]["unseen_share"]) == (None, 0, 0)


def test_the_second_file_is_read_as_the_first(tmp_path: Path) -> None:
    first = write_rows(tmp_path / "a.csv", sample(1, 200))
    second = write_rows(tmp_path / "b,c.csv", sample(2, 200) + sample(1, 200)[:50])
    figures = audit_file(first, tmp_path / "out", against=str(second))
    assert figures["drift"]["source"] == str(second)
    assert any("stand in the first one, too:" in sentence for sentence in figures["findings"])
    page = (tmp_path / "out" / "a" / "audit.html").read_text("utf-8")
    assert "Against the second file" in page
