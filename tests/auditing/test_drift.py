"""A second file is compared with the first: same, other, and sharing texts."""

from __future__ import annotations

from pathlib import Path

import pytest
from audit_material import audit, plain_rows, write_rows

from ecomcat.auditing.drift import drift
from ecomcat.auditing.rows import audit_rows
from ecomcat.data.near_duplicates import words_of
from ecomcat.data.sample import generate_sample


def sample(seed: int, rows: int = 600) -> list[tuple[str, str]]:
    return [(row.text, row.label) for row in generate_sample(rows, 0.0, seed)]


def test_files_of_the_same_kind_cannot_be_told_apart() -> None:
    found = drift(audit_rows(sample(1)), audit_rows(sample(2)), 0.6, 1)
    assert found["auc"] == pytest.approx(0.5, abs=0.08)
    assert all(abs(first - second) < 0.05 for first, second in found["classes"].values())
    assert found["words"]["unseen_share"] < 0.1


def test_files_of_another_kind_can() -> None:
    others = [(f"{text} sold by weight", label) for text, label in sample(2)]
    found = drift(audit_rows(sample(1)), audit_rows(others), 0.6, 1)
    assert found["auc"] > 0.95


def test_shares_of_classes_that_only_one_file_has() -> None:
    first, second = audit_rows([("a b", "A"), ("c d", "B")]), audit_rows([("e f", "C")])
    found = drift(first, second, 0.6, 1)
    assert found["classes"] == {"A": [0.5, 0.0], "B": [0.5, 0.0], "C": [0.0, 1.0]}
    assert found["auc"] is None
    assert found["texts"] == [2, 1]


def test_shared_texts_are_counted_exactly_and_nearly() -> None:
    rows = plain_rows()
    long = "A solid oak bookshelf with five wide shelves for the living room and the hall"
    first = audit_rows([*rows, (long, "Garden")])
    others = [(rows[0][0].upper(), "Books"), (rows[1][0], "Toys"), (f"{long} in white", "Garden")]
    others += [(f"something quite different of number {n}", "Toys") for n in range(20)]
    found = drift(first, audit_rows(others), 0.6, 1)
    assert (found["shared_exactly"], found["shared_nearly"]) == (2, 1)
    assert found["contradicting_labels"] == 1
    assert len(found["shared_examples"]) == 3


def test_unseen_words_are_those_that_the_first_file_never_has() -> None:
    first, second = (
        [("oak shelf", "A"), ("Pine shelf", "B")],
        [("SHELF of teak", "A"), ("teak", "B")],
    )
    found = drift(audit_rows(first), audit_rows(second), 0.6, 1)["words"]
    assert found["commonest_unseen"] == {"teak": 2, "of": 1}
    known = {word for text, _ in first for word in words_of(text)}
    words = [word for text, _ in second for word in words_of(text)]
    assert found["unseen_share"] == sum(word not in known for word in words) / len(words)


def test_the_second_file_is_read_as_the_first(tmp_path: Path) -> None:
    first = write_rows(tmp_path / "a.csv", sample(1))
    second = write_rows(tmp_path / "b,c.csv", sample(2, 200) + sample(1)[:50])
    figures = audit(first, tmp_path / "out", against=str(second))
    assert figures["drift"]["source"] == str(second)
    assert figures["drift"]["shared_exactly"] >= 40
    assert any("stand in the first one, too:" in sentence for sentence in figures["findings"])
    page = (tmp_path / "out" / "a" / "audit.html").read_text("utf-8")
    assert "Against the second file" in page


def test_a_second_file_without_usable_rows_is_compared_as_empty() -> None:
    found = drift(audit_rows(plain_rows(5)), audit_rows([("?!", "a"), ("b", " ")]), 0.6, 1)
    assert found["texts"] == [15, 0]
    assert (found["auc"], found["shared_exactly"], found["words"]["unseen_share"]) == (None, 0, 0)


def test_a_shared_text_is_shown_also_where_its_words_are_parted_otherwise() -> None:
    first = audit_rows([*plain_rows(), ("foot-ball", "Toys")])
    found = drift(first, audit_rows([("football", "Toys")]), 0.6, 1)
    assert (found["shared_exactly"], found["shared_nearly"]) == (1, 0)
    assert found["shared_examples"] == ["football"]
