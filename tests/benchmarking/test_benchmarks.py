"""Each script of `benchmarks/` runs from end to end in its smallest form."""

from __future__ import annotations

import csv
import json
import os
import random
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT

from benchmarks import ablation
from benchmarks.ablation import parts_table
from benchmarks.levels import accepted, table_row
from benchmarks.promise import RULES, kept
from benchmarks.quality import files_of_baselines
from benchmarks.quality_methods import load_material
from benchmarks.quality_table import Figures, mcnemar, quality_table
from benchmarks.suite import ratio_interval, suite_tables
from ecomcat.errors import UserError
from ecomcat.model.confidence import Acceptance, Promise
from ecomcat.model.taxonomy import Taxonomy, level_acceptance

NOUNS = {
    "Books": ["novel", "author", "chapter", "story", "edition", "reader", "paper", "poem"],
    "Toys": ["puzzle", "doll", "dice", "block", "player", "game", "child", "robot"],
    "Garden": ["spade", "seed", "hose", "soil", "flower", "shears", "lawn", "water"],
}
TINY = [
    *("search.max_trials=1", "search.max_epochs=1", "search.workers=1", "model.lstm_units=4"),
    *("model.embedding_dim=8", "model.bidirectional=false", "final.baseline=false"),
]


def run(script: str, *arguments: object) -> list[list[str]]:
    """Run a script and return the cells of all tables that it printed."""
    return tables_of(start(script, *arguments))


def tables_of(done: subprocess.CompletedProcess[str]) -> list[list[str]]:
    assert done.returncode == 0, done.stderr
    lines = [line for line in done.stdout.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines]


def start(script: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    return run_python("-m", f"benchmarks.{script}", *arguments)


def run_python(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("benchmarks")


@pytest.fixture(scope="module")
def shop(folder: Path) -> Path:
    """Return a file of label and text, three classes of fifty texts."""
    draw, path = random.Random(1), folder / "shop.csv"
    with path.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows(
            [label, f"{' '.join(draw.sample(words, 4))} number {number}"]
            for number in range(50)
            for label, words in NOUNS.items()
        )
    return path


@pytest.fixture(scope="module")
def quality(shop: Path, folder: Path) -> list[list[str]]:
    arguments = ["--data", shop, "--quick", "--store", folder / "quality"]
    arguments += ["--methods", "majority", "linear", "ecomcat", "network", "linear_part"]
    return run("quality", *arguments, "--", *TINY)


def test_other_methods_are_measured_again_after_a_change_of_any_module_that_they_load(
    shop: Path, tmp_path: Path
) -> None:
    setting = {"method": "linear", "split": 1, "choice": None, "data": str(shop), "quick": False}
    cell = "from benchmarks.quality_cell import main; import sys; main()"
    listed = "print(*(getattr(each, '__file__', None) for each in [*sys.modules.values()]))"
    arguments = [f"{cell}; {listed}", json.dumps(setting), str(tmp_path / "found.json")]
    loaded = run_python("-c", *arguments).stdout.split()
    ours = {path for path in map(Path, loaded) if path.is_relative_to(ROOT / "ecomcat")}
    assert ROOT / "ecomcat/final/complement_bayes.py" in ours
    files = {*files_of_baselines()}
    assert ours <= files
    assert {ROOT / "benchmarks" / f"quality_{name}.py" for name in ("cell", "methods")} <= files
    assert not any("export" in path.parts for path in files)  # they say nothing of our search


@pytest.mark.slow
def test_quality_compares_ours_with_other_methods(quality: list[list[str]]) -> None:
    methods = ["majority class", "the best linear model", "ecomcat", "its LSTM alone"]
    assert [row[0] for row in quality[2:]] == [*methods, "its linear part alone"]
    seconds = {row[0]: float(row[-3].replace(",", "")) for row in quality[2:]}
    # Both parts answer within the model that was exported.
    assert seconds["its LSTM alone"] < 1.5 * seconds["ecomcat"]
    assert quality[0][4:6] == ["errors (best linear 1)", "McNemar p"]


def test_quality_scores_test_when_asked_and_does_not_measure_a_finished_cell_again(
    shop: Path, tmp_path: Path
) -> None:
    arguments = ["--data", shop, "--store", tmp_path, "--splits", 1, "--final", "--methods"]
    rows = run("quality", *arguments, "linear")
    assert [row[1] for row in rows if row[0] == "the best linear model"] == ["1", "1"]
    assert run("quality", *arguments, "linear") == rows


def test_the_suite_measures_the_files_that_are_there_and_names_the_others(
    shop: Path, tmp_path: Path
) -> None:
    with shop.open(encoding="utf-8", newline="") as stream:
        rows = [*csv.reader(stream)]
    (tmp_path / "sms.tsv").write_text("".join(f"{label}\t{text}\n" for label, text in rows))
    products = [[n, text, 0, n // 5, "", 0, label] for n, (label, text) in enumerate(rows)]
    with (tmp_path / "pricerunner.csv").open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows(products)
    arguments = ["--suite", tmp_path, "--quick", "--store", tmp_path / "store"]
    arguments += ["--plot", tmp_path / "ratios.png"]
    arguments += ["--methods", "linear_words", "naive_bayes", "--files", "clusters", "sms", "trec"]
    done = start("quality", *arguments)
    assert "trec is left out: no TREC.train.all, TREC.test.all" in done.stderr
    header, _, *files, means = tables_of(done)[:5]
    assert header == ["file", "best linear", "chosen on each split", "words", "naive Bayes"]
    titles = ["product titles, no product on two sides", "SMS spam"]
    assert [row[:2] for row in files] == [[title, "1.0000"] for title in titles]
    assert all(row[2] == "LinearSVC (words)" for row in files)  # of equals the first
    assert means[0] == "mean of the ratios"
    texts = tables_of(done)[7:]
    assert texts == [[title, "0, 0 (1.000)", "0, 0 (1.000)"] for title in titles]
    assert (tmp_path / "ratios.png").read_bytes().startswith(b"\x89PNG")
    material = load_material(tmp_path / "store" / "suite" / "clusters.csv", 1)
    product_of = {text: product for _, text, _, product, *_ in products}
    sides = [
        {product_of[material.texts[row]] for row in material.parts[part]}
        for part in ("train", "validation", "test")
    ]
    assert len(set().union(*sides)) == sum(map(len, sides))
    assert start("quality", *arguments[:-3], "trec").returncode == 2


def test_a_file_of_the_suite_has_three_splits_unless_others_are_asked(
    shop: Path, tmp_path: Path
) -> None:
    (tmp_path / "sms.tsv").write_text(shop.read_text(encoding="utf-8").replace(",", "\t"))
    store = tmp_path / "store"
    done = start("quality", "--suite", tmp_path, "--store", store, "--methods", "linear")
    assert [line for line in done.stderr.splitlines() if line.startswith("split")] == [
        f"split {split}, linear: choosing" for split in (1, 2, 3)
    ]


@pytest.mark.slow
def test_ablation_says_what_the_parts_add_and_what_is_read(
    quality: list[list[str]], shop: Path, folder: Path
) -> None:
    (model,) = (folder / "quality" / "models").glob("*-chosen")
    rows = run("ablation", "--data", shop, "--model-dir", model)
    pair = ["LSTM + LinearSVC", "LSTM + naive Bayes", "LinearSVC + naive Bayes"]
    assert [row[0] for row in rows[2:9]] == ["LSTM", "LinearSVC", "naive Bayes", *pair, "all"]
    assert rows[9] == ["texts", "LSTM", "linear", "all"]
    assert {"as they are", "words shuffled", "letters alone"} <= {row[0] for row in rows[11:]}
    assert all(0 <= float(cell.split()[0]) <= 1 for row in rows[11:] for cell in row[1:])


def test_ablation_refuses_a_model_that_learned_validation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "metrics.json").write_text('{"final": {"retrained": true}}')
    monkeypatch.setattr(sys, "argv", ["ablation", "--model-dir", str(tmp_path)])
    with pytest.raises(UserError, match="that learned validation, too"):
        ablation.main()


def test_parts_are_mixed_and_compared_with_all_of_them() -> None:
    label_ids = np.arange(400) % 2
    poor, good = (np.full((400, 2), 0.4, np.float32) for _ in range(2))
    poor[np.arange(400), np.where(np.arange(400) < 300, label_ids, 1 - label_ids)] = 0.6
    good[np.arange(400), np.where(np.arange(400) < 396, label_ids, 1 - label_ids)] = 0.6
    rows = [
        [cell.strip() for cell in line.split("|")[1:-1]]
        for line in parts_table({"LSTM": poor, "LinearSVC": good}, label_ids).splitlines()
    ]
    assert rows[2] == ["LSTM", "0.7500 (0.705 to 0.790)", "300", "< 0.001"]
    assert rows[3] == ["LinearSVC", "0.9900 (0.975 to 0.996)", "396", "1.000"]
    assert rows[4] == ["all", "0.9900 (0.975 to 0.996)", "396", ""]


@pytest.mark.slow
def test_speed_measures_the_start_files_and_answers(
    quality: list[list[str]], shop: Path, folder: Path
) -> None:
    (model,) = (folder / "quality" / "models").glob("*-chosen")
    arguments = ["--runs", 1, "--rows", 50, "--texts", 5, "--clients", 1, 2]
    rows = run("speed", "--data", shop, "--model-dir", model, *arguments)
    assert {"import ecomcat", "python -m ecomcat.search --help"} <= {row[0] for row in rows}
    assert [row[1] for row in rows if len(row) == 6 and row[0].startswith("quality")][:1] == ["50"]
    assert not any("error" in cell for row in rows for cell in row)


@pytest.mark.slow
def test_search_compares_ours_with_plain_keras_tuner(shop: Path, folder: Path) -> None:
    arguments = ["--store", folder / "search", "--methods", "random", "our_network"]
    arguments += ["--seeds", 1, "--rows", 120, "--trials", 1, "--epochs", 1]
    rows = run("search", "--data", shop, *arguments, "--cpu-seconds", 60)
    assert [row[0] for row in rows[2:]] == ["Keras Tuner, random", "ecomcat, its network"]
    assert all(float(row[2]) > 0 for row in rows[2:])


@pytest.mark.parametrize("script", ["quality", "search"])
def test_a_file_that_is_missing_is_named(script: str, tmp_path: Path) -> None:
    done = start(script, "--data", tmp_path / "nowhere.csv")
    assert done.returncode == 2
    assert "nowhere.csv" in done.stderr and "Traceback" not in done.stderr


def figures(rows: Sequence[int], wrong: Sequence[int], features: str = "words") -> Figures:
    choice = {"features": features, "model": "bayes", "setting": 0.3, "sublinear_tf": True}
    return Figures(1 - len(wrong) / len(rows), 0.9, rows, wrong, 10.0, 1000.0, 2.0, choice)


@pytest.mark.parametrize(
    ("ours", "theirs", "expected"),
    [
        ({1: [0, 1]}, {1: [0, 1]}, 1.0),
        ({1: []}, {1: list(range(6))}, 2 / 64),
        ({1: [0]}, {1: list(range(1, 7))}, 16 / 128),
        ({1: [], 2: []}, {1: list(range(6)), 2: list(range(6))}, 2 / 64),  # the same rows once
        ({1: [], 2: [3]}, {1: list(range(6))}, 2 / 64),  # split 2 is not compared
    ],
)
def test_mcnemar_counts_rows_that_one_of_the_methods_has_wrong(
    ours: dict[int, list[int]], theirs: dict[int, list[int]], expected: float
) -> None:
    both = [
        {split: figures(range(20), wrong) for split, wrong in each.items()}
        for each in (ours, theirs)
    ]
    assert mcnemar(*both) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("ours", "theirs", "low", "high"),
    [
        ({1: range(100)}, {1: range(100)}, (1, 1), (1, 1)),
        ({1: range(50)}, {1: range(100)}, (0.35, 0.45), (0.55, 0.65)),
        ({1: range(40), 2: range(40)}, {1: range(80), 2: range(80)}, (0.3, 0.45), (0.55, 0.7)),
        ({1: range(200, 300)}, {1: range(100)}, (0.6, 0.85), (1.15, 1.6)),
        ({1: []}, {1: []}, (0, 0), (0, 0)),
    ],
    ids=["equal", "half", "two splits", "other texts", "none wrong"],
)
def test_the_interval_of_a_ratio_of_errors_draws_texts_in_pairs(ours, theirs, low, high) -> None:
    both = [
        {split: figures(range(1000), list(wrong)) for split, wrong in each.items()}
        for each in (ours, theirs)
    ]
    found = ratio_interval(*both)
    assert low[0] <= found[0] <= low[1]
    assert high[0] <= found[1] <= high[1]


def test_a_table_gives_errors_as_a_share_of_those_of_the_linear_model() -> None:
    found = {
        "linear": {1: figures(range(20), [0, 1, 2, 3])},
        "ecomcat": {1: figures(range(20), [0])},
    }
    *_, ours = quality_table(found).splitlines()
    assert [cell.strip() for cell in ours.split("|")[5:8]] == ["0.25", "0.250", "+15.00"]


def test_the_tables_of_the_suite_name_choices_and_count_texts_on_each_split() -> None:
    found = {
        "linear": {
            1: figures(range(20), [0, 1, 2, 3, 4, 5, 6]),
            2: figures(range(20), [0, 1], "letters"),
        },
        "ecomcat": {1: figures(range(20), [0]), 2: figures(range(20), [1, 2, 3])},
    }
    *ratios, _, _, _, texts = suite_tables({"trec": found}).splitlines()
    chosen = "complement naive Bayes (words); complement naive Bayes (letters)"
    assert f"| {chosen} |" in ratios[2]
    assert texts == "| TREC questions | 6, 0 (0.031); 1, 2 (1.000) |"


def test_halves_of_the_answers_show_what_is_accepted_at_some_level() -> None:
    paths = ["Home > Chairs", "Home > Lamps", "Toys"]
    label_ids = np.arange(1200) % 3
    shares = np.full((1200, 3), 0.01, np.float32)
    shares[np.arange(1200), label_ids] = 0.98
    for first in (0, 1):  # half of the chairs, and of the lamps, which are taken for chairs
        shares[first::6] = [0.51, 0.48, 0.01]
    answers = level_acceptance(Taxonomy(paths, " > "), shares, label_ids)
    whole, somewhere, *precisions = accepted(answers, Promise(0.95), halves=4).mean(axis=0)
    assert whole == pytest.approx(2 / 3, abs=0.05)
    assert [somewhere, *precisions] == [1, 1, 1]


def test_levels_keep_a_promise_in_truth_that_the_other_half_misses_by_its_own_chance() -> None:
    random = np.random.default_rng(1)
    sure, label_ids = random.beta(6, 0.4, 1500), random.integers(0, 4, 1500)
    named = np.where(random.uniform(size=1500) < sure, label_ids, (label_ids + 2) % 4)
    shares = np.full((1500, 4), 0.0)
    shares[np.arange(1500), (named + 2) % 4] = 1 - sure
    shares[np.arange(1500), named] = sure
    paths = ["Home > Chairs", "Home > Lamps", "Toys > Cars", "Toys > Dolls"]
    answers = level_acceptance(Taxonomy(paths, " > "), shares.astype(np.float32), label_ids)
    *_, reached, kept_in_truth = table_row(answers, 0.97)
    assert 10 < int(reached) < int(kept_in_truth) <= 20
    assert table_row(answers, 0.999999)[1:] == ["0.0%", "0.0%", "none before", "", "20", "20"]


def test_a_promise_is_kept_more_often_than_what_was_seen_and_costs_coverage() -> None:
    random = np.random.default_rng(0)
    confidence = random.beta(6, 0.3, 1000)
    correct = random.uniform(size=1000) < confidence
    answers = Acceptance(confidence, correct, np.zeros(1000, np.int64))
    found = [kept(answers, rule, Promise(0.98), halves=60) for rule in RULES.values()]
    (seen, _, most), (ours, _, fewer), (careful, _, fewest) = found
    assert seen < 0.8 < ours <= careful
    assert most > fewer >= fewest > 0
