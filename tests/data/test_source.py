"""Where labelled rows come from, and what is said about it."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest

from ecomcat.config import DataConfig
from ecomcat.data.download import NoNetworkError
from ecomcat.data.sample import generate_sample
from ecomcat.data.sources import load_labelled_rows
from ecomcat.errors import UserError

TWO_COLUMNS = 'Toys,"A red ball, round"\nBooks,A novel\n'
NAMED = "id,Title,Body,Shop\n7,Ball,Red and round,Toys\n8,Novel,Long,Books\n"


def csv_config(path: Path, **options: Any) -> DataConfig:
    return DataConfig(name="csv", source="csv", path=str(path), **options)


def ecommerce_config(source: str, path: Path) -> DataConfig:
    return DataConfig(
        name=source,
        source=source,
        download_path=str(path),
        url="http://127.0.0.1:9/ecommerceDataset.csv",
        blob_id="0" * 40,
        header="false",
    )


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "shop.csv"
    path.write_text(NAMED, encoding="utf-8")
    return path


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Let every download fail, and record what was to be downloaded."""
    asked: list[Path] = []

    def download(url: str, destination: Path, blob_id: str, **options: Any) -> None:
        asked.append(destination)
        raise NoNetworkError("no route to the host")

    monkeypatch.setattr("ecomcat.data.sources.download", download)
    return asked


def test_two_columns_are_label_and_text(tmp_path: Path) -> None:
    path = tmp_path / "my.shop.csv"
    path.write_text(TWO_COLUMNS, encoding="utf-8")
    found = load_labelled_rows(csv_config(path))
    assert found.rows == [("A red ball, round", "Toys"), ("A novel", "Books")]
    assert (found.name, found.source, found.text_columns) == ("my", str(path), (1,))


def test_a_header_is_recognised(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "shop.csv"
    path.write_text("category,description\n" + TWO_COLUMNS, encoding="utf-8")
    with caplog.at_level(logging.INFO, "ecomcat"):
        found = load_labelled_rows(csv_config(path))
    assert found.rows == [("A red ball, round", "Toys"), ("A novel", "Books")]
    assert found.text_columns == ("description",)
    assert "first row taken as header, text from column description" in caplog.text
    assert "label from column category" in caplog.text


@pytest.mark.parametrize("header", ["false", False])
def test_a_header_may_be_denied(tmp_path: Path, header: object) -> None:
    path = tmp_path / "shop.csv"
    path.write_text("category,description\n" + TWO_COLUMNS, encoding="utf-8")
    found = load_labelled_rows(csv_config(path, header=header))
    assert found.rows[0] == ("description", "category")
    assert len(found.rows) == 3


def test_named_columns(table: Path) -> None:
    found = load_labelled_rows(csv_config(table, text_column="Body", label_column="Shop"))
    assert found.rows == [("Red and round", "Toys"), ("Long", "Books")]
    assert found.text_columns == ("Body",)


def test_several_text_columns_are_joined_in_the_order_given(table: Path) -> None:
    config = csv_config(table, text_column=["Body", "Title"], label_column="Shop")
    found = load_labelled_rows(config)
    assert [text.split() for text, _ in found.rows] == [
        ["Red", "and", "round", "Ball"],
        ["Long", "Novel"],
    ]
    assert found.text_columns == ("Body", "Title")


def test_rows_beyond_the_head_that_is_looked_at_are_read_too(tmp_path: Path) -> None:
    path = tmp_path / "long.csv"
    lines = [f"{'ab'[number % 2]},item {number}" for number in range(2500)]
    path.write_text("\n".join(lines), encoding="utf-8")
    found = load_labelled_rows(csv_config(path))
    assert found.rows == [(f"item {number}", "ab"[number % 2]) for number in range(2500)]


def test_csv_needs_a_path() -> None:
    with pytest.raises(UserError, match=r"Expected a file.*found none.*data\.path=FILE"):
        load_labelled_rows(DataConfig(name="csv", source="csv"))


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"shop\.csv: expected .* found no such file"):
        load_labelled_rows(csv_config(tmp_path / "shop.csv"))


def test_the_sample_is_generated_as_configured() -> None:
    config = DataConfig(
        name="sample", source="sample", sample_rows=300, sample_label_noise=0.1, sample_seed=5
    )
    found = load_labelled_rows(config)
    assert found.rows == [(row.text, row.label) for row in generate_sample(300, 0.1, 5)]
    assert found.name == "sample"
    assert "300" in found.source and "10%" in found.source and "seed 5" in found.source


@pytest.mark.parametrize("source", ["auto", "ecommerce"])
def test_a_data_set_that_is_there_is_not_downloaded(
    tmp_path: Path, no_network: list[Path], source: str
) -> None:
    path = tmp_path / "ecommerceDataset.csv"
    path.write_text(TWO_COLUMNS, encoding="utf-8")
    found = load_labelled_rows(ecommerce_config(source, path))
    assert found.rows == [("A red ball, round", "Toys"), ("A novel", "Books")]
    assert (found.name, found.source) == ("ecommerce", str(path))
    assert no_network == []


@pytest.mark.parametrize("source", ["auto", "ecommerce"])
def test_a_data_set_that_is_missing_is_downloaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str
) -> None:
    config = ecommerce_config(source, tmp_path / "ecommerceDataset.csv")

    def download(url: str, destination: Path, blob_id: str, **options: Any) -> None:
        assert (url, blob_id) == (config.url, config.blob_id)
        destination.write_text(TWO_COLUMNS, encoding="utf-8")

    monkeypatch.setattr("ecomcat.data.sources.download", download)
    assert len(load_labelled_rows(config).rows) == 2


def test_auto_falls_back_to_the_sample_and_says_so(
    tmp_path: Path, no_network: list[Path], caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "ecommerceDataset.csv"
    found = load_labelled_rows(ecommerce_config("auto", path))
    assert no_network == [path]
    assert found.name == "sample"
    assert len(found.rows) == DataConfig().sample_rows
    warnings = [record.message for record in caplog.records if record.levelno == logging.WARNING]
    assert len(warnings) == 1
    assert "NO NETWORK" in warnings[0] and "GENERATED SAMPLE" in warnings[0]
    assert "no route to the host" in warnings[0]


def test_ecommerce_takes_nothing_instead(tmp_path: Path, no_network: list[Path]) -> None:
    path = tmp_path / "ecommerceDataset.csv"
    with pytest.raises(UserError) as refused:
        load_labelled_rows(ecommerce_config("ecommerce", path))
    message = str(refused.value)
    assert str(path) in message and "no route to the host" in message
    assert "data=sample" in message and "data.path=FILE" in message


def test_auto_does_not_hide_a_damaged_download(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def download(*args: Any, **options: Any) -> None:
        raise UserError("another file")

    monkeypatch.setattr("ecomcat.data.sources.download", download)
    with pytest.raises(UserError, match="another file"):
        load_labelled_rows(ecommerce_config("auto", tmp_path / "ecommerceDataset.csv"))


def test_a_path_of_ones_own_is_read_whatever_the_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ecomcat.data.sources.download", None)
    (tmp_path / "mine.csv").write_text("label,text\na,one thing\nb,another\n", encoding="utf-8")
    auto = DataConfig(name="auto", source="auto", path=str(tmp_path / "mine.csv"))
    assert load_labelled_rows(auto).rows == [("one thing", "a"), ("another", "b")]
    missing = DataConfig(name="auto", source="auto", path=str(tmp_path / "mnie.csv"))
    with pytest.raises(UserError, match=r"mine\.csv"):
        load_labelled_rows(missing)
