"""The CSVs of an audit: harmless in a spreadsheet, read back by `data.exclude`, marks kept."""

from __future__ import annotations

import csv
import logging
import shlex
from pathlib import Path

import pytest
from audit_material import audit, plain_rows, table_of, write_rows

from ecomcat.cli import compose
from ecomcat.config import DataConfig
from ecomcat.data.cleaning import key_digest, normalized_key
from ecomcat.data.dataset import load_dataset
from ecomcat.errors import UserError

LONG = "A solid oak bookshelf with five wide shelves for the living room and the hall"
ROWS = [*plain_rows(), (LONG, "Books"), (f"={LONG} in white", "Books"), (f"{LONG}!? in", "Toys")]


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    return write_rows(tmp_path / "shop.csv", ROWS)


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


def test_rows_are_known_by_the_digest_of_their_text(shop: Path, tmp_path: Path) -> None:
    audit(shop, tmp_path / "out")
    for name in ("suspicious_labels.csv", "near_duplicates.csv"):
        for row in table_of(tmp_path / "out" / "shop" / name):
            assert row["key"] == key_digest(normalized_key(row["text"])).hex()
            assert row["exclude"] == ""


def test_suspicious_rows_are_ranked_and_limited(shop: Path, tmp_path: Path) -> None:
    audit(shop, tmp_path / "out", suspicious_rows=7)
    rows = table_of(tmp_path / "out" / "shop" / "suspicious_labels.csv")
    assert [row["rank"] for row in rows] == [str(rank) for rank in range(1, 8)]
    margins = [float(row["confidence"]) - float(row["suggested_confidence"]) for row in rows]
    assert margins == sorted(margins)
    assert all(row["label"] != row["suggested"] for row in rows)


def test_near_duplicates_stand_group_by_group(shop: Path, tmp_path: Path) -> None:
    audit(shop, tmp_path / "out")
    rows = table_of(tmp_path / "out" / "shop" / "near_duplicates.csv")
    assert [row["group"] for row in rows] == ["1", "1", "1"]
    assert all(0.6 <= float(row["similarity_to_closest"]) <= 1 for row in rows)


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t=", "\r=", "\n=", "\uff1d", "\uff0b"])
def test_no_cell_is_a_formula(tmp_path: Path, start: str) -> None:
    rows = [(f"{start}{text}", f"{start}{label}") for text, label in ROWS]
    audit(write_rows(tmp_path / "formulas.csv", rows), tmp_path / "out")
    for name in ("suspicious_labels.csv", "near_duplicates.csv"):
        for row in table_of(tmp_path / "out" / "formulas" / name):
            assert not any(
                cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b"))
                for cell in row.values()
            )
            assert row["key"] == key_digest(normalized_key(row["text"])).hex()


def test_another_audit_keeps_the_marks_also_of_rows_below_the_limit(
    shop: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "out" / "shop"
    audit(shop, tmp_path / "out", suspicious_rows=50)
    marked = mark(folder / "suspicious_labels.csv", [0, 3, 40])
    near = mark(folder / "near_duplicates.csv", [1], "YES")
    figures = audit(shop, tmp_path / "out", suspicious_rows=5)
    rows = table_of(folder / "suspicious_labels.csv")
    assert [row["key"] for row in rows if row["exclude"] == "x"] == marked
    assert [row["rank"] for row in rows] == ["1", "2", "3", "4", "5", "41"]
    rows = table_of(folder / "near_duplicates.csv")
    assert [row["key"] for row in rows if row["exclude"] == "x"] == near
    assert figures["marked"] == {"suspicious_labels.csv": 3, "near_duplicates.csv": 1}


def test_marks_whose_rows_are_gone_are_kept_in_a_file_of_their_own(
    shop: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "out" / "shop"
    audit(shop, tmp_path / "out")
    (gone,) = mark(folder / "suspicious_labels.csv", [0])
    before = (folder / "suspicious_labels.csv").read_bytes()
    rest = [(t, label) for t, label in ROWS if key_digest(normalized_key(t)).hex() != gone]
    write_rows(shop, rest)
    with caplog.at_level(logging.WARNING, "ecomcat"):
        audit(shop, tmp_path / "out")
    assert (folder / "suspicious_labels.former.csv").read_bytes() == before
    assert "1 marked rows" in caplog.text


def without(keys: list[str]) -> list[tuple[str, str]]:
    return [(t, label) for t, label in ROWS if key_digest(normalized_key(t)).hex() not in keys]


def test_marks_that_are_lost_later_do_not_take_the_place_of_those_lost_before(
    shop: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "out" / "shop"
    audit(shop, tmp_path / "out")
    gone: list[str] = []
    for _ in range(2):
        gone += mark(folder / "suspicious_labels.csv", [0])
        write_rows(shop, without(gone))
        audit(shop, tmp_path / "out")
    kept = [
        row["key"]
        for path in sorted(folder.glob("*.former*.csv"))
        for row in csv.DictReader(path.read_text("utf-8").splitlines(), delimiter=";")
        if row["exclude"]
    ]
    assert sorted(kept) == sorted(gone)


def test_an_audit_that_cannot_write_leaves_the_marks_in_their_place(
    shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "out" / "shop"
    audit(shop, tmp_path / "out")
    gone, stays = mark(folder / "suspicious_labels.csv", [0, 1])
    write_rows(shop, without([gone]))

    def full(*_arguments: object) -> None:
        raise UserError("no space left")

    with monkeypatch.context() as patched, pytest.raises(UserError, match="no space left"):
        patched.setattr("ecomcat.auditing.run.write_text", full)
        audit(shop, tmp_path / "out")
    audit(shop, tmp_path / "out")
    rows = table_of(folder / "suspicious_labels.csv")
    assert [row["key"] for row in rows if row["exclude"]] == [stays]
    assert len(list(folder.glob("*.former*.csv"))) == 1


def test_a_mark_that_is_none_ends_the_audit_before_it_begins(shop: Path, tmp_path: Path) -> None:
    folder = tmp_path / "out" / "shop"
    audit(shop, tmp_path / "out")
    mark(folder / "suspicious_labels.csv", [2], "perhaps")
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(UserError, match=r"line 4: .*'perhaps'"):
        audit(shop, tmp_path / "out")
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_a_search_leaves_out_what_was_marked(shop: Path, tmp_path: Path) -> None:
    audit(shop, tmp_path / "out")
    path = tmp_path / "out" / "shop" / "suspicious_labels.csv"
    marked = mark(path, [0, 5, 9])
    data = DataConfig(name="csv", path=str(shop), exclude=str(path))
    dataset = load_dataset(data, 1)
    assert sorted(dataset.digests[row].hex() for row in dataset.excluded) == sorted(marked)


@pytest.mark.parametrize(
    ("marked", "named"),
    [
        (["near_duplicates.csv"], "near_duplicates.csv"),
        (["near_duplicates.csv", "suspicious_labels.csv"], "suspicious_labels.csv"),
        ([], "suspicious_labels.csv"),
    ],
)
def test_the_command_to_go_on_names_a_file_with_marks(
    shop: Path, tmp_path: Path, marked: list[str], named: str
) -> None:
    folder = tmp_path / "out" / "shop"
    audit(shop, tmp_path / "out")
    for name in marked:
        mark(folder / name, [0])
    assert f"data.exclude={folder / named}" in audit(shop, tmp_path / "out")["next"]
    assert "reads one of the two files" in (folder / "audit.html").read_text("utf-8")


def test_the_command_to_go_on_names_the_file_and_its_columns(tmp_path: Path) -> None:
    path = tmp_path / "my shop.csv"
    lines = ["name,kind,about", *(f"n{n},{label},{text}" for n, (text, label) in enumerate(ROWS))]
    path.write_text("\n".join(lines), encoding="utf-8")
    columns = {"text_column": ["name", "about"], "label_column": "kind"}
    found = audit(path, tmp_path / "out", name="my_shop", data=columns)
    marks = tmp_path / "out" / "my_shop" / "suspicious_labels.csv"
    said = found["next"]
    assert f"'data.path={path}'" in said
    assert f"data.exclude={marks}" in said
    assert "'data.text_column=[name,about]'" in said and "data.label_column=kind" in said


def test_the_command_to_go_on_reads_the_file_as_the_audit_did(shop: Path, tmp_path: Path) -> None:
    options = {"header": False, "delimiter": ",", "encoding": "utf-8", "min_class_rows": 5}
    said = audit(shop, tmp_path / "out", data={**options, "rare_classes": "drop"})["next"]
    for named in ("header=false", "delimiter=,", "encoding=utf-8", "min_class_rows=5"):
        assert f" data.{named} " in said
    assert " data.rare_classes=drop " in said
    assert "data.member" not in said and "data.sample" not in said


def test_the_command_to_go_on_keeps_a_comma_in_the_name_of_a_column(tmp_path: Path) -> None:
    path = tmp_path / "shop.csv"
    lines = [
        '"name, all",kind,about',
        *(f"n{n},{kind},{text}" for n, (text, kind) in enumerate(ROWS)),
    ]
    path.write_text("\n".join(lines), encoding="utf-8")
    columns = {"text_column": ["name, all", "about"], "label_column": "kind"}
    said = shlex.split(audit(path, tmp_path / "out", data=columns)["next"])
    config = compose("search", [word for word in said if word.startswith("data.")])
    assert config.data.text_column == ["name, all", "about"]
