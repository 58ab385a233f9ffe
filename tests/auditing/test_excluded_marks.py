"""The CSVs of an audit: harmless in a spreadsheet, read back by `data.exclude`, marks stay."""

from __future__ import annotations

import csv
import json
import logging
import shlex
import shutil
from pathlib import Path
from typing import Any

import pytest
from audit_material import LONG, audit_file, plain_rows, table_of, write_rows

from ecomcat.cli import compose
from ecomcat.config import DataConfig
from ecomcat.data.cleaning import key_digest, normalized_key
from ecomcat.data.dataset import load_dataset
from ecomcat.errors import UserError

ROWS = [*plain_rows(), (LONG, "Books"), (f"={LONG} in white", "Books"), (f"{LONG}!? in", "Toys")]
SUSPICIOUS, NEAR = "suspicious_labels.csv", "near_duplicates.csv"
FORMULAS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b")


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    return write_rows(tmp_path / "shop.csv", ROWS)


@pytest.fixture(scope="module")
def audited(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of all audits, with one of the shop."""
    path = tmp_path_factory.mktemp("audited")
    audit_file(write_rows(path / "shop.csv", ROWS), path / "out", suspicious_rows=50)
    return path / "out"


@pytest.fixture
def folder(audited: Path, tmp_path: Path) -> Path:
    """Return the folder of an audit of the shop."""
    shutil.copytree(audited, tmp_path / "out")
    return tmp_path / "out" / "shop"


def key(text: str) -> str:
    return key_digest(normalized_key(text)).hex()


def mark(path: Path, places: list[int], sign: str = "x") -> list[str]:
    """Mark rows as a person does with a spreadsheet that writes semicolons."""
    rows = table_of(path)
    for place in places:
        rows[place]["exclude"] = sign
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]), delimiter=";")
        writer.writeheader()
        writer.writerows(rows)
    return [rows[place]["key"] for place in places]


@pytest.mark.parametrize("start", ["=", "\n=", "\uff1d"])
def test_no_cell_is_a_formula_and_rows_are_known_by_their_text(tmp_path: Path, start: str) -> None:
    rows = [(f"{start}{text}", f"{start}{label}") for text, label in ROWS]
    audit_file(write_rows(tmp_path / "formulas.csv", rows), tmp_path / "out")
    for name in (SUSPICIOUS, NEAR):
        for row in table_of(tmp_path / "out" / "formulas" / name):
            assert not any(cell.startswith(FORMULAS) for cell in row.values())
            assert (row["key"], row["exclude"]) == (key(row["text"]), "")


def test_texts_of_control_characters_can_be_audited_again_and_reach_no_terminal(
    tmp_path: Path,
) -> None:
    rows = [(f"\x1b[2J\x07\x00{text}\u202e", f"{label}\x1b]0;") for text, label in ROWS]
    path = tmp_path / "shop.jsonl"
    lines = (json.dumps({"text": text, "label": label}) for text, label in rows)
    path.write_text("\n".join(lines), encoding="utf-8")
    for _ in range(2):
        audit_file(path, tmp_path / "out")
        for written in (tmp_path / "out" / "shop" / name for name in (SUSPICIOUS, NEAR)):
            assert not set("\x1b\x07\x00\u202e") & set(written.read_text("utf-8"))
            assert all(row["key"] == key(row["text"]) for row in table_of(written))


def test_marks_stay_in_the_next_audit_also_below_the_limit_and_a_search_leaves_them_out(
    shop: Path, folder: Path
) -> None:
    marked = mark(folder / SUSPICIOUS, [0, 3, 40])
    near = mark(folder / NEAR, [1], "YES")
    figures = audit_file(shop, folder.parent, suspicious_rows=5)
    rows = table_of(folder / SUSPICIOUS)
    assert [row["key"] for row in rows if row["exclude"] == "x"] == marked
    assert [row["rank"] for row in rows] == ["1", "2", "3", "4", "5", "41"]
    rows = table_of(folder / NEAR)
    assert [row["key"] for row in rows if row["exclude"] == "x"] == near
    assert [row["group"] for row in rows] == ["1", "1", "1"]
    assert figures["marked"] == {SUSPICIOUS: 3, NEAR: 1}
    data = DataConfig(name="csv", path=str(shop), exclude=str(folder / SUSPICIOUS))
    dataset = load_dataset(data, 1)
    assert sorted(dataset.digests[row].hex() for row in dataset.excluded) == sorted(marked)


def test_marks_whose_rows_are_gone_are_saved_in_files_of_their_own(
    shop: Path, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    gone: list[str] = []
    for _ in range(2):
        gone += mark(folder / SUSPICIOUS, [0])
        write_rows(shop, [row for row in ROWS if key(row[0]) not in gone])
        with caplog.at_level(logging.WARNING, "ecomcat"):
            audit_file(shop, folder.parent)
    former = [path.read_text("utf-8") for path in sorted(folder.glob("*.former*.csv"))]
    tables = [csv.DictReader(text.splitlines(), delimiter=";") for text in former]
    saved = [row["key"] for table in tables for row in table if row["exclude"]]
    assert sorted(saved) == sorted(gone)
    assert "1 marked rows" in caplog.text


def test_a_mark_that_is_none_ends_the_audit_before_it_begins(shop: Path, folder: Path) -> None:
    mark(folder / SUSPICIOUS, [2], "perhaps")
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(UserError, match=r" 4: .*'perhaps'"):
        audit_file(shop, folder.parent)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


@pytest.mark.parametrize(
    ("marked", "named"), [([NEAR], NEAR), ([NEAR, SUSPICIOUS], SUSPICIOUS), ([], SUSPICIOUS)]
)
def test_the_command_to_go_on_names_a_file_with_marks(
    shop: Path, folder: Path, marked: list[str], named: str
) -> None:
    for name in marked:
        mark(folder / name, [0])
    assert f"data.exclude={folder / named}" in audit_file(shop, folder.parent)["next"]


@pytest.mark.parametrize(
    "options",
    [
        {"text_column": ["name, all", "about"], "label_column": "kind", "min_class_rows": 5},
        {"text_column": "about", "label_column": "kind", "rare_classes": "drop"},
        {"text_column": 2, "label_column": 1, "header": True, "escape_character": "\\"},
    ],
)
def test_the_command_to_go_on_reads_the_file_as_the_audit_did(
    tmp_path: Path, options: dict[str, Any]
) -> None:
    path = tmp_path / "my shop.csv"
    head = '"name, all",kind,about'
    lines = [head, *(f"n{n},{kind},{text}" for n, (text, kind) in enumerate(ROWS))]
    path.write_text("\n".join(lines), encoding="utf-8")
    found = audit_file(path, tmp_path, data=options)
    words = shlex.split(found["next"])
    config = compose("search", [word for word in words if word.startswith("data")])
    assert config.data.path == str(path)
    assert {name: getattr(config.data, name) for name in options} == options
