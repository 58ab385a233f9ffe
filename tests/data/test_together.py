"""`data.group_near_duplicates`: the split keeps near-duplicates on one side and says so."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ecomcat.config import DataConfig, ModelConfig, SearchCommand, SearchConfig
from ecomcat.data.dataset import Dataset, load_dataset
from ecomcat.tuning.study import study_identity

PARTS = ("train", "validation", "test")
KINDS = ("oak", "pine", "walnut", "teak", "birch")
WORDS = ("shelf", "lamp", "table", "chair", "mirror", "basket", "curtain", "carpet", "drawer")
WORDS += ("hook", "vase", "clock", "stool", "bench")


def shop(tmp_path: Path) -> Path:
    lines = []
    for number, (label, noun) in enumerate((label, noun) for label in ("A", "B") for noun in WORDS):
        other = " ".join(f"{noun}{number}w{place}" for place in range(12))
        lines += [f"{label},A {noun} of {kind} for {label} {other}" for kind in KINDS]
    path = tmp_path / "shop.csv"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def load(path: Path, **options: Any) -> Dataset:
    return load_dataset(DataConfig(name="csv", path=str(path), **options), 1)


def straddling(dataset: Dataset) -> int:
    """Count the products whose kinds stand in more than one part."""
    part_of = {row: part for part in PARTS for row in getattr(dataset.split, part).tolist()}
    parts: dict[str, set[str]] = {}
    for row, text in enumerate(dataset.texts):
        parts.setdefault(text.split()[-1], set()).add(part_of[row])
    return sum(len(found) > 1 for found in parts.values())


def test_near_duplicates_stay_on_one_side(tmp_path: Path) -> None:
    path = shop(tmp_path)
    together = load(path, group_near_duplicates=True)
    assert straddling(load(path)) > 10
    assert straddling(together) == 0
    rows = np.concatenate([getattr(together.split, part) for part in PARTS])
    assert sorted(rows) == list(range(len(together.texts)))


def test_what_is_recorded_and_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = shop(tmp_path)
    with caplog.at_level(logging.INFO, "ecomcat"):
        described = load(path, group_near_duplicates=True, near_duplicate_similarity=0.5)
    split = described.description["split"]
    assert (split["near_duplicate_groups"], split["near_duplicate_texts"]) == (28, 140)
    assert "near-duplicates (Jaccard similarity of word triples from 0.5)" in split["protocol"]
    assert "140 texts in 28 groups" in caplog.text
    plain = load(path).description["split"]
    assert set(plain) == {"protocol", *PARTS}
    assert "near-duplicates" not in plain["protocol"]


def identity_of(dataset: Dataset) -> dict[str, Any]:
    config = SearchCommand(model=ModelConfig(build="a"), search=SearchConfig(algorithm="tpe"))
    config.search.max_epochs = 2
    return study_identity(config, dataset, {})


def test_a_studys_identity_knows_of_it_only_when_it_is_on(tmp_path: Path) -> None:
    path = shop(tmp_path)
    plain = identity_of(load(path))
    assert not {"near_duplicates_together", "excluded"} & set(plain)
    together = identity_of(load(path, group_near_duplicates=True))
    assert set(together) - set(plain) == {"near_duplicates_together"}
    marks = tmp_path / "marks.csv"
    first = load(path).digests[load(path).split.train[0]].hex()
    marks.write_text(f"key,exclude\n{first},x\n")
    excluded = identity_of(load(path, exclude=str(marks)))
    assert set(excluded) - set(plain) == {"excluded"}
    marks.write_text(f"exclude,key\n,{'0' * 16}\nX,{first}\n")
    assert identity_of(load(path, exclude=str(marks))) == excluded


def test_fewer_groups_are_found_at_a_higher_similarity(tmp_path: Path) -> None:
    path = shop(tmp_path)
    high = load(path, group_near_duplicates=True, near_duplicate_similarity=0.99)
    assert high.description["split"]["near_duplicate_groups"] == 0
