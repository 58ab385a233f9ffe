"""What `auto` leaves to the data is decided by the training texts, in whatever order they come."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from ecomcat.command_config import SearchCommand
from ecomcat.config import DataConfig, SearchConfig
from ecomcat.data.dataset import load_dataset
from ecomcat.model.space import Choices
from ecomcat.pipeline import resolve_auto_settings


def epochs_of(path: Path) -> int:
    dataset = load_dataset(DataConfig(name="csv", path=str(path)), seed=1)
    config = SearchCommand(search=SearchConfig(max_epochs="auto", max_batches=1_000))
    config, space = resolve_auto_settings(config, {"batch_size": Choices(("auto",))}, dataset)
    assert space["batch_size"] == Choices((16,))
    return int(config.search.max_epochs)


def written(path: Path, categories: int, words: int, *, backwards: bool = False) -> Path:
    rows = [
        [f"product {row} " + "is new " * (words // 2 - 1), f"category {row % categories}"]
        for row in range(3_600)
    ]
    # The last tenth of the texts is long: so a sample from the beginning would not do.
    rows[-360:] = [[text + " and large" * 100, category] for text, category in rows[-360:]]
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([["text", "category"], *rows[:: -1 if backwards else 1]])
    return path


@pytest.mark.parametrize(
    ("categories", "words", "epochs"),
    [(4, 10, 6), (36, 10, 13), (36, 60, 8), (36, 200, 6)],
)
def test_epochs_follow_from_the_categories_and_the_words_of_a_text(
    tmp_path: Path, categories: int, words: int, epochs: int
) -> None:
    assert epochs_of(written(tmp_path / "a.csv", categories, words)) == epochs


def test_the_order_of_a_file_changes_nothing(tmp_path: Path) -> None:
    forwards = written(tmp_path / "a.csv", 36, 60)
    backwards = written(tmp_path / "b.csv", 36, 60, backwards=True)
    assert epochs_of(forwards) == epochs_of(backwards)
