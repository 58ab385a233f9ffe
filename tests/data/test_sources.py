"""Where labelled rows come from, and what is said about it."""

from __future__ import annotations

import hashlib
import logging
import threading
from collections.abc import Iterator
from functools import partial
from http.server import HTTPServer, SimpleHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from ecomcat.config import DataConfig
from ecomcat.data.cleaning import labelled_frame
from ecomcat.data.sample import generate_sample
from ecomcat.data.sources import SAMPLE_SOURCE, LabelledRows, download, load_labelled_rows
from ecomcat.errors import UserError
from ecomcat.text.fields import shown

TWO_COLUMNS = 'Toys,"A red ball, round"\nBooks,A novel\n'
PAIRS = [("A red ball, round", "Toys"), ("A novel", "Books")]
NAMED = "id,Title,Body,Shop\n7,Ball,Red and round,Toys\n8,Novel,Long,Books\n"
BODY = TWO_COLUMNS.encode()
BLOB_ID = hashlib.sha1(b"blob %d\0%s" % (len(BODY), BODY)).hexdigest()
NOWHERE = "http://127.0.0.1:9/file.csv"


def ecommerce_config(kind: str, place: Path, **options: Any) -> DataConfig:
    chosen = {"url": NOWHERE, "blob_id": BLOB_ID, "header": "false", **options}
    source = {"_target_": f"ecomcat.data.sources.{kind}"}
    return DataConfig(name=kind, source=source, download_path=str(place), **chosen)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """Serve a folder with the file on this machine, and return its address."""
    served = tmp_path / "served"
    served.mkdir()
    (served / "file.csv").write_bytes(BODY)
    handler = partial(SimpleHTTPRequestHandler, directory=str(served))
    with HTTPServer(("127.0.0.1", 0), handler) as found:
        thread = threading.Thread(target=found.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{found.server_port}"
        found.shutdown()
        thread.join()


def pairs(found: Any) -> list[tuple[str, str]]:
    return list(zip(found.frame["text"], found.frame["label"], strict=True))


@pytest.mark.parametrize(
    ("text", "options", "expected", "columns"),
    [
        (TWO_COLUMNS, {}, PAIRS, (1,)),
        (
            NAMED,
            {"text_column": ["Body", "Title"], "label_column": "Shop"},
            [("[body] Red and round [title] Ball", "Toys"), ("[body] Long [title] Novel", "Books")],
            ("Body", "Title"),
        ),
    ],
)
def test_texts_and_labels_of_a_file(
    tmp_path: Path, text: str, options: dict[str, Any], expected: Any, columns: Any
) -> None:
    (tmp_path / "my.shop.csv").write_text(text, encoding="utf-8")
    config = DataConfig(name="csv", path=str(tmp_path / "my.shop.csv"), **options)
    found = load_labelled_rows(config)
    read = [(shown(text), label) for text, label in pairs(found)]
    assert (read, found.columns.text_names) == (expected, columns)
    assert (found.name, Path(found.source).name) == ("my", "my.shop.csv")


def test_the_sample_is_generated_as_configured() -> None:
    options = {"sample_rows": 300, "sample_label_noise": 0.1, "sample_seed": 5}
    config = DataConfig(name="sample", source=SAMPLE_SOURCE, sample_categories=7, **options)
    found = load_labelled_rows(config)
    assert pairs(found) == [(row.text, row.label) for row in generate_sample(300, 0.1, 5, 7)]
    assert found.name == "sample"
    assert "300" in found.source and "10%" in found.source and "seed 5" in found.source


@pytest.mark.parametrize(
    ("categories", "asked", "separator"),
    [(6, "auto", None), *((number, "auto", " > ") for number in range(7, 13)), (7, "none", None)],
)
def test_the_labels_of_the_sample_are_paths_where_it_has_several_levels(
    categories: int, asked: str, separator: str | None
) -> None:
    options: dict[str, Any] = {"sample_categories": categories, "label_separator": asked}
    found = load_labelled_rows(DataConfig(source=SAMPLE_SOURCE, sample_rows=300, **options))
    assert found.separator == separator


@pytest.mark.parametrize("kind", ["AutoSource", "EcommerceSource"])
def test_a_data_set_that_is_missing_is_downloaded_once(
    tmp_path: Path, server: str, kind: str
) -> None:
    path = tmp_path / "data" / "ecommerceDataset.csv"
    found = load_labelled_rows(ecommerce_config(kind, path, url=f"{server}/file.csv"))
    assert (pairs(found), found.name, found.source) == (PAIRS, "ecommerce", str(path))
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]
    assert pairs(load_labelled_rows(ecommerce_config(kind, path))) == PAIRS


@pytest.mark.parametrize(
    ("place", "blob_id", "message"),
    [
        ("file.csv", "0" * 40, f"expected {'0' * 40} of .*found {BLOB_ID}"),
        ("missing", BLOB_ID, "404: File not found.*by hand"),
    ],
)
def test_a_download_that_fails_leaves_nothing(
    tmp_path: Path, server: str, place: str, blob_id: str, message: str
) -> None:
    with pytest.raises(UserError, match=message):
        download(f"{server}/{place}", tmp_path / "file.csv", blob_id)
    assert not (tmp_path / "file.csv").exists()


def test_auto_falls_back_to_the_sample_and_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    found = load_labelled_rows(ecommerce_config("AutoSource", tmp_path / "none.csv"))
    assert (found.name, len(found.frame)) == ("sample", DataConfig().sample_rows)
    (warning,) = (record.message for record in caplog.records if record.levelno == logging.WARNING)
    assert "NO NETWORK" in warning and "GENERATED SAMPLE" in warning and NOWHERE in warning


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (DataConfig(), r"Expected a file.*found none.*data\.path=FILE"),
        (DataConfig(path="no/shop.csv"), r"shop\.csv: expected .* found no such file"),
        (DataConfig(source=SAMPLE_SOURCE, path="a.csv"), "expected none with data=sample"),
        (DataConfig(source=SAMPLE_SOURCE, split_column="part"), "split_column: expected none with"),
        (DataConfig(source=SAMPLE_SOURCE, category_columns=["a"]), "category_columns: expected no"),
        (ecommerce_config("EcommerceSource", Path("no.csv")), "or a network.*data=sample"),
        (ecommerce_config("AutoSource", Path("no.csv"), url=None), r"data\.url.*one of them empty"),
        (ecommerce_config("AutoSource", Path("no.csv"), path="mnie.csv"), "mnie.csv"),
    ],
)
def test_what_cannot_be_had_is_refused(config: DataConfig, message: str) -> None:
    with pytest.raises(UserError, match=message):
        load_labelled_rows(config)


class OwnSource:
    """A source that is no part of the package, with a parameter of its own."""

    def __init__(self, count: int) -> None:
        self.count = count

    def load(self, data: DataConfig) -> Any:
        frame = labelled_frame([str(data.text_column)] * self.count, ["a"] * self.count)
        return LabelledRows("own", "mine", frame)


def test_a_source_of_ones_own_has_its_own_parameters() -> None:
    source = {"_target_": f"{__name__}.OwnSource", "count": 3}
    rows = load_labelled_rows(DataConfig(source=source, text_column="body"))
    assert list(rows.frame["text"]) == ["body"] * 3
