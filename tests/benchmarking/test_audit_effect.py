"""The effect of an audit's findings is measured on splits that differ in them alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmarks.audit_effect import (
    EXCLUDED,
    PLAIN,
    RANDOM,
    TOGETHER,
    compare,
    sure_suspicions,
    table_of,
)
from ecomcat.config import DataConfig
from ecomcat.data.dataset import load_dataset
from ecomcat.data.sources import SAMPLE_SOURCE

SAMPLE = DataConfig(name="sample", source=SAMPLE_SOURCE, sample_rows=500, sample_label_noise=0.1)


def test_every_kind_of_split_is_scored_for_every_seed() -> None:
    found: dict[str, list] = {}
    for kind, figures in compare(SAMPLE, 2):
        found.setdefault(kind, []).append(figures)
    assert list(found) == [PLAIN, TOGETHER, EXCLUDED, RANDOM]
    assert all(len(figures) == 2 for figures in found.values())
    # Wrong labels are most of its errors.
    assert found[PLAIN][0]["without"] > found[PLAIN][0]["accuracy"] + 0.03
    table = table_of(found)
    assert table.count("\n") == 5 and "±" in table


def test_sure_suspicions_are_mostly_wrong_labels(tmp_path: Path) -> None:
    dataset = load_dataset(SAMPLE, 1)
    rows = sure_suspicions(dataset, 0.6)
    assert 20 <= len(rows) <= 120
    assert len(np.unique(rows)) == len(rows)
