"""A taxonomy from a file with a column a level to what is accepted, shown and evaluated."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import ecomcat
from ecomcat import search
from ecomcat.data.sample import generate_sample
from tests.conftest import TINY_MODEL, RunMain

ONCE = (
    *("search.max_trials=1", "search.max_epochs=3", "search.workers=1"),
    *("final.baseline=false", "final.onnx=false", *TINY_MODEL),
)
COLUMNS = ["level1", "level2", "level3"]


@pytest.mark.slow
def test_paths_of_unequal_depth_from_columns_to_answers_and_figures(
    run_main: RunMain, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rows = generate_sample(900, 0.0, 1, 30, 3)
    labels = pd.Series([row.label for row in rows]).str.split(" > ", expand=True)
    table = labels.set_axis(COLUMNS, axis=1).assign(title=[row.text for row in rows])
    table.loc[:2, COLUMNS] = ["Books", "Novels", "Old"]  # three rows of a leaf are too few
    assert table["level3"].isna().any()
    table.to_csv(tmp_path / "shop.csv", index=False)
    asked = [f"data.label_column=[{','.join(COLUMNS)}]", "data.text_column=title"]
    rare = ["data.path=shop.csv", *asked, "data.rare_classes=parent", *ONCE]
    done = run_main(search.main, *rare)
    assert done.code == 0, done.errors
    assert "too few texts or none in train: 'Books > Novels > Old' (3)" in caplog.text
    assert "Test set, by level" in done.output
    metrics = json.loads((tmp_path / "model" / "metrics.json").read_text("utf-8"))
    accuracy = [level["accuracy"] for level in metrics["test"]["taxonomy"]["levels"]]
    assert accuracy == sorted(accuracy, reverse=True)
    assert accuracy[-1] == metrics["test"]["accuracy"]
    assert "by level" in (tmp_path / "model" / "README.md").read_text("utf-8")

    model = ecomcat.load("model")
    assert "Books > Novels > Old" not in model.labels
    found = model.predict(table["title"], min_precision=0.5, levels=True)
    paths = found["predicted_category"].str.split(" > ")
    assert found["level_1"].tolist() == paths.str[0].tolist()
    assert (found["confidence_level_1"] >= found["confidence"]).all()
    for path, accepted, level in zip(
        paths, found["accepted_path"], found["accepted_level"], strict=True
    ):
        assert accepted is None or accepted.split(" > ") == path[:level]
    assert found["accepted_path"].notna().sum() >= found["accept"].sum()
    figures = ecomcat.evaluate("shop.csv", *asked)
    assert np.isclose(figures["all"]["rows"], 897, atol=3)
    assert len(figures["all"]["taxonomy"]["levels"]) == 3
