"""The data of one run, from a file to class numbers and a split."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ecomcat.config import DataConfig
from ecomcat.data.dataset import Dataset, load_dataset
from ecomcat.data.sources import SAMPLE_SOURCE
from ecomcat.errors import UserError

REAL_DATA = Path(__file__).parents[2].parent / "shared" / "data" / "ecommerceDataset.csv"
PARTS = ("train", "validation", "test")
ROWS = [
    *((f"Ball number {n}", "Toys") for n in range(30)),
    *((f"Novel number {n}", "Books, used & new") for n in range(20)),
]
FLAWED = [
    *ROWS,
    ("BALL number 3!", "Toys"),  # a repeat
    ("Ball number 4", "Books, used & new"),  # a tie
    ("?!", "Toys"),
    ("Ball without a shelf", " "),
    ("A lonely lamp", "Lamps"),
]


def load(tmp_path: Path, rows: list[tuple[str, str]], seed: int = 1, **options: Any) -> Dataset:
    path = tmp_path / "shop.csv"
    lines = [f'"{label}","{text}"' for text, label in rows]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return load_dataset(DataConfig(name="csv", path=str(path), **options), seed)


def test_classes_are_sorted_and_labels_are_their_positions(tmp_path: Path) -> None:
    dataset = load(tmp_path, ROWS)
    assert dataset.class_names == ["Books, used & new", "Toys"]
    assert {
        (text.split()[0], dataset.class_names[label])
        for text, label in zip(dataset.texts, dataset.label_ids, strict=True)
    } == {("Ball", "Toys"), ("Novel", "Books, used & new")}
    assert (dataset.name, dataset.text_columns) == ("shop", (1,))


def test_what_metrics_record_of_the_data(tmp_path: Path) -> None:
    dataset = load(tmp_path, FLAWED, rare_classes="drop", min_class_rows=5, seed=3)
    described = dataset.description
    assert json.loads(json.dumps(described)) == described
    protocol = described["split"].pop("protocol")
    assert described == {
        "source": str(tmp_path / "shop.csv"),
        "licence": None,
        "rows": 55,
        "distinct_texts": 49,
        "empty_texts": 1,
        "empty_labels": 1,
        "duplicates_removed": 2,
        "conflicting_texts": 1,
        "conflicting_texts_dropped": 1,
        "conflicts_of_symbols": 0,
        "rare_classes_dropped": {"Lamps": 1},
        "classes": {"Books, used & new": 20, "Toys": 29},
        "split": {part: len(getattr(dataset.split, part)) for part in PARTS},
    }
    for said in ("duplicates removed", "before a stratified split", "70% train", "seed 3"):
        assert said in protocol
    assert "15% validation" in protocol and "15% test" in protocol


def test_the_parts_cover_all_texts(tmp_path: Path) -> None:
    dataset = load(tmp_path, FLAWED, rare_classes="drop")
    rows = np.concatenate([getattr(dataset.split, part) for part in PARTS])
    assert sorted(rows) == list(range(len(dataset.texts)))


def test_a_rare_class_is_refused_unless_dropped(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"'Lamps' \(1\)"):
        load(tmp_path, FLAWED)


def test_content_and_split_do_not_depend_on_the_order_of_the_file(tmp_path: Path) -> None:
    shuffled = random.Random(1).sample(ROWS, len(ROWS))
    first, second = load(tmp_path, ROWS), load(tmp_path, shuffled)
    assert second.content_hash == first.content_hash
    assert second.texts == first.texts
    assert all(
        np.array_equal(getattr(second.split, part), getattr(first.split, part)) for part in PARTS
    )


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param([("Ball number 0", "Books, used & new"), *ROWS[1:]], id="a label"),
        pytest.param([("Ball number 99", "Toys"), *ROWS[1:]], id="a text"),
        pytest.param(ROWS[1:], id="a row less"),
        pytest.param([*ROWS, ("Ball number 99", "Toys")], id="a row more"),
        pytest.param([(t, label.replace("Toys", "Games")) for t, label in ROWS], id="a class name"),
    ],
)
def test_the_content_hash_changes_with_the_content(
    tmp_path: Path, changed: list[tuple[str, str]]
) -> None:
    assert load(tmp_path, changed).content_hash != load(tmp_path, ROWS).content_hash


def test_the_content_hash_does_not_change_with_spelling_or_repeats(tmp_path: Path) -> None:
    respelt = [(text.upper() + ".", label) for text, label in ROWS] + ROWS[:3]
    assert load(tmp_path, respelt).content_hash == load(tmp_path, ROWS).content_hash


def test_another_seed_splits_the_same_content_otherwise(tmp_path: Path) -> None:
    first, second = load(tmp_path, ROWS, seed=1), load(tmp_path, ROWS, seed=2)
    assert first.content_hash == second.content_hash
    assert not np.array_equal(first.split.test, second.split.test)


def test_the_sample_has_the_repeats_that_it_promises() -> None:
    config = DataConfig(name="sample", source=SAMPLE_SOURCE, sample_rows=1000)
    dataset = load_dataset(config, 1)
    described = dataset.description
    assert (described["rows"], described["duplicates_removed"]) == (1000, 90)
    assert described["distinct_texts"] == 910 == sum(described["classes"].values())
    assert [described["split"][part] for part in PARTS] == [636, 137, 137]


@pytest.mark.skipif(not REAL_DATA.exists(), reason="the e-commerce data set is not there")
def test_the_ecommerce_data_set() -> None:
    config = DataConfig(path=str(REAL_DATA))
    config.header = "false"
    dataset = load_dataset(config, 1)
    assert dataset.description["rows"] == 14208
    assert len(dataset.texts) == 13277
    assert len(dataset.class_names) == 4
    assert sum(len(getattr(dataset.split, part)) for part in PARTS) == 13277


@pytest.mark.parametrize("licence", [None, "CC BY 4.0"])
def test_a_file_of_ones_own_has_the_licence_that_is_stated(
    tmp_path: Path, licence: str | None
) -> None:
    stated = load(tmp_path, FLAWED, rare_classes="drop", min_class_rows=5, licence=licence)
    assert stated.description["licence"] == licence
