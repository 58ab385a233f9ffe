"""The data of one run, from a file to class numbers and a split."""

from __future__ import annotations

import json
import logging
import random
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ecomcat.config import DataConfig
from ecomcat.data.dataset import Dataset, describe_lengths, load_dataset

PARTS = ("train", "validation", "test")
BOOKS = "Books, used & new"
ROWS = [
    *((f"Ball number {n}", "Toys") for n in range(30)),
    *((f"Novel number {n}", BOOKS) for n in range(20)),
]
FLAWED = [
    *ROWS,
    ("BALL number 3!", "Toys"),  # a repeat
    ("Ball number 4", BOOKS),  # a tie
    ("?!", "Toys"),
    ("Ball without a shelf", " "),
    ("A lonely lamp", "Lamps"),
]


def load(tmp_path: Path, rows: list[tuple[str, str]], seed: int = 1, **options: Any) -> Dataset:
    path = tmp_path / "shop.csv"
    lines = [f'"{label}","{text}"' for text, label in rows]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return load_dataset(DataConfig(path=str(path), **options), seed)


def rows_of(dataset: Dataset) -> dict[str, list[int]]:
    return {part: getattr(dataset.split, part).tolist() for part in PARTS}


def test_classes_are_sorted_and_label_ids_are_their_positions(tmp_path: Path) -> None:
    dataset = load(tmp_path, ROWS)
    assert dataset.class_names == [BOOKS, "Toys"]
    pairs = zip(dataset.texts, dataset.label_ids, strict=True)
    assert {(text.split()[0], int(label)) for text, label in pairs} == {("Ball", 1), ("Novel", 0)}
    assert (dataset.name, dataset.fields.texts) == ("shop", (1,))


@pytest.mark.parametrize("licence", [None, "CC BY 4.0"])
def test_what_metrics_record_of_the_data(tmp_path: Path, licence: str | None) -> None:
    options = {"rare_classes": "drop", "min_class_rows": 5, "licence": licence}
    dataset = load(tmp_path, FLAWED, seed=3, **options)
    described = json.loads(json.dumps(dataset.description))
    assert described == dataset.description
    protocol = described["split"].pop("protocol")
    split = rows_of(dataset)
    assert sorted(chain.from_iterable(split.values())) == list(range(49))
    assert described == {
        "source": str(tmp_path / "shop.csv"),
        "licence": licence,
        "rows": 55,
        "distinct_texts": 49,
        "empty_texts": 1,
        "empty_labels": 1,
        "duplicates_removed": 2,
        "conflicting_texts": 1,
        "conflicting_texts_dropped": 1,
        "conflicts_of_symbols": 0,
        "rare_classes_dropped": {"Lamps": 1},
        "classes": {BOOKS: 20, "Toys": 29},
        "split": {part: len(rows) for part, rows in split.items()},
    }
    for words in ("duplicates removed", "before a stratified split", "70% train", "seed 3"):
        assert words in protocol


@pytest.mark.parametrize(
    ("rows", "same"),
    [
        pytest.param(random.Random(1).sample(ROWS, len(ROWS)), True, id="order"),
        pytest.param([(text.upper() + ".", label) for text, label in ROWS], True, id="spelling"),
        pytest.param([*ROWS, *ROWS[:3]], True, id="repeats"),
        pytest.param([("Ball number 0", BOOKS), *ROWS[1:]], False, id="a label"),
        pytest.param([("Ball number 99", "Toys"), *ROWS[1:]], False, id="a text"),
        pytest.param(ROWS[1:], False, id="a row less"),
        pytest.param([(text, label[::-1]) for text, label in ROWS], False, id="class names"),
    ],
)
def test_content_hash_and_split_change_with_the_content_alone(
    tmp_path: Path, rows: list[tuple[str, str]], same: bool
) -> None:
    first, second = load(tmp_path, ROWS), load(tmp_path, rows)
    assert first.content_hash.startswith("a24b72aab24a"), "as in every version before"
    assert (second.content_hash == first.content_hash) == same
    if same:
        assert rows_of(second) == rows_of(first) != rows_of(load(tmp_path, ROWS, seed=2))


def test_labels_that_look_alike_and_counts_of_classes_are_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rows = [*ROWS, *((f"Toy number {n}", "TOYS") for n in range(10))]
    with caplog.at_level(logging.INFO, "ecomcat"):
        load(tmp_path, rows)
    assert "look alike are different classes: 'TOYS' (10) and 'Toys' (30)." in caplog.text
    assert f"3 classes (Toys: 30, {BOOKS}: 20, TOYS: 10)" in caplog.text


def shop() -> list[tuple[str, str]]:
    """Return products that come in five woods each, which are near-duplicates."""
    nouns = [f"noun{number}" for number in range(12)]
    rows = []
    for number, (label, noun) in enumerate((label, noun) for label in "AB" for noun in nouns):
        words = " ".join(f"{noun}{number}w{place}" for place in range(12))
        woods = ("oak", "pine", "walnut", "teak", "birch")
        rows += [(f"A {noun} of {wood} for {label} {words}", label) for wood in woods]
    return rows


def test_near_duplicates_stay_on_one_side(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    def straddling(dataset: Dataset) -> int:
        parts: dict[str, set[str]] = {}
        for part, rows in rows_of(dataset).items():
            for row in rows:
                parts.setdefault(dataset.texts[row].split()[-1], set()).add(part)
        return sum(len(found) > 1 for found in parts.values())

    with caplog.at_level(logging.INFO, "ecomcat"):
        together = load(tmp_path, shop(), group_near_duplicates=True, near_duplicate_similarity=0.5)
    plain = load(tmp_path, shop())
    assert straddling(plain) > 10
    assert straddling(together) == 0
    split = together.description["split"]
    assert (split["near_duplicate_groups"], split["near_duplicate_texts"]) == (24, 120)
    assert "near-duplicates (Jaccard similarity of word triples from 0.5)" in split["protocol"]
    assert "120 texts in 24 groups" in caplog.text
    assert set(plain.description["split"]) == {"protocol", *PARTS}
    high = {"group_near_duplicates": True, "near_duplicate_similarity": 0.99}
    alone = load(tmp_path, shop(), **high)
    assert alone.description["split"]["near_duplicate_groups"] == 0


@pytest.mark.parametrize(
    ("tokens", "limit", "cut"), [([1, 2, 3, 3, 3], 4, 0.0), ([1, 4, 4, 2, 4], 4, 0.6)]
)
def test_lengths_are_told_by_those_that_occur_and_texts_that_reach_the_limit_are_cut(
    tokens: list[int], limit: int, cut: float
) -> None:
    texts = ["x" * length for length in (1, 2, 3, 4, 100)]
    found = describe_lengths(texts, np.array(tokens), limit)
    quantiles = {"0.05": 1, "0.5": 3, "0.95": 100, "0.99": 100}
    assert found["characters"] == {"quantiles": quantiles, "shortest": 1, "longest": 100}
    assert (found["cut"], found["max_tokens"]) == (cut, limit)
