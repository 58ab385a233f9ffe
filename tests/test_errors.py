"""A misspelt name is answered with the right one only where that is near."""

from __future__ import annotations

import pytest

from ecomcat.errors import nearest


@pytest.mark.parametrize(
    ("name", "candidate", "is_near"),
    [
        ("product.csv", "products.csv", True),
        ("products.cvs", "products.csv", True),
        ("products.csv", "products.csv.gz", True),
        ("u16.csv", "num.csv", False),
        ("test.jsonl.gz", "data.jsonl.gz", False),
        ("a.parquet", "b.parquet", False),
        ("jsonlines", "jsonl", True),
        ("price (EUR)", "Price EUR", True),
    ],
)
def test_the_ending_of_files_makes_names_no_nearer(
    name: str, candidate: str, is_near: bool
) -> None:
    assert nearest(name, [candidate]) == (f" Did you mean '{candidate}'?" if is_near else "")


@pytest.mark.parametrize(
    ("key", "right"),
    [
        ("search.max_trails", "search.max_trials"),
        ("data.text_col", "data.text_column"),
        ("max_trial", "search.max_trials"),
        ("search.max_peers", ""),
        ("search.max_steps", ""),
        ("data.validation_size", ""),
    ],
)
def test_the_words_that_keys_share_make_them_no_nearer(key: str, right: str) -> None:
    known = ["search.max_retries", "search.max_epochs", "search.max_trials", "data.text_column"]
    known += ["data.validation_path", "data.validation_fraction"]
    assert nearest(key, known, dotted=True) == (f" Did you mean '{right}'?" if right else "")
