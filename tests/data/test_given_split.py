"""Parts of a split that the user gives, by a column or by files, and groups that stay together."""

from __future__ import annotations

import csv
import logging
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecomcat.command_config import EvaluateCommand
from ecomcat.config import DataConfig
from ecomcat.data.cleaning import SPLIT, clean_rows, labelled_frame
from ecomcat.data.dataset import Dataset, load_dataset
from ecomcat.data.sources import load_labelled_rows
from ecomcat.errors import UserError
from ecomcat.option_fields import validate
from ecomcat.tuning.study import data_identity

PARTS = ("train", "validation", "test")
Row = tuple[str, ...]
Write = Callable[[str, Iterable[Row]], str]


def rows_of(part: str = "", **counts: int) -> list[Row]:
    """Return rows of label, text and, where it is given, a part."""
    return [
        (label, f"{label} {part} number {n}", *([part] if part else []))
        for label, count in counts.items()
        for n in range(count)
    ]


TRAIN, VALIDATION = rows_of("train", a=20, b=20), rows_of("validation", a=5, b=5)
TEST = rows_of("test", a=6, b=6)


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write_rows(name: str, rows: Iterable[Row]) -> str:
        with (tmp_path / name).open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows(rows)
        return str(tmp_path / name)

    return write_rows


def in_column(write: Write, rows: Iterable[Row], **options: Any) -> Dataset:
    path = write("shop.csv", [("label", "text", "part"), *rows])
    return load_dataset(DataConfig(path=path, split_column="part", **options), 1)


def in_files(write: Write, train: Iterable[Row], **parts: Iterable[Row]) -> Dataset:
    """Load files whose rows have their first two cells alone."""
    paths = {
        part: write(f"{part}.csv", [("label", "text"), *(row[:2] for row in rows)])
        for part, rows in (("train", train), *parts.items())
    }
    options: dict[str, Any] = {f"{part}_path": paths[part] for part in parts}
    return load_dataset(DataConfig(path=paths["train"], **options), 1)


def texts_of(dataset: Dataset) -> dict[str, set[str]]:
    return {part: {dataset.texts[row] for row in getattr(dataset.split, part)} for part in PARTS}


def counts_of(dataset: Dataset) -> list[int]:
    return [len(texts) for texts in texts_of(dataset).values()]


def test_a_column_says_the_part_of_each_row(write: Write) -> None:
    shouted = [(label, text, f" {part.upper()} ") for label, text, part in TEST]
    dataset = in_column(write, [*TRAIN, *VALIDATION, *shouted])
    expected = {
        part: {row[1] for row in rows}
        for part, rows in zip(PARTS, (TRAIN, VALIDATION, TEST), strict=True)
    }
    assert texts_of(dataset) == expected
    assert "taking validation and test as given" in dataset.description["split"]["protocol"]
    files = in_files(write, TRAIN, validation=VALIDATION, test=TEST)
    assert texts_of(files) == expected
    assert [Path(each).name for each in files.description["source"].split("; ")] == [
        *("train.csv", "validation.csv", "test.csv")
    ]


@pytest.mark.parametrize(
    ("given", "expected", "protocol"),
    [
        ({"test": TEST}, [34, 6, 12], "taking test as given, and a stratified split of train, 85%"),
        ({"validation": VALIDATION}, [34, 10, 6], "taking validation as given"),
    ],
)
def test_a_part_that_is_not_given_is_drawn_from_train(
    write: Write, given: dict[str, list[Row]], expected: list[int], protocol: str
) -> None:
    by_file = in_files(write, TRAIN, **given)
    by_column = in_column(write, [*TRAIN, *(row for rows in given.values() for row in rows)])
    for dataset in (by_file, by_column):
        assert counts_of(dataset) == expected
        assert protocol in dataset.description["split"]["protocol"]
    assert texts_of(by_file) == texts_of(by_column)
    assert data_identity(by_file) == data_identity(by_column)


def test_a_text_of_test_is_left_out_of_the_other_parts_and_counted(
    write: Write, caplog: pytest.LogCaptureFixture
) -> None:
    repeats = [("b", TEST[0][1].upper() + "!", "train"), ("a", TEST[1][1], "validation")]
    repeats += [("a", VALIDATION[0][1], "train")] * 2
    with caplog.at_level(logging.INFO, "ecomcat"):
        dataset = in_column(write, [*TRAIN, *repeats, *VALIDATION, *TEST])
    assert counts_of(dataset) == [40, 10, 12]
    assert dataset.texts[dataset.split.test[0]] in {row[1] for row in TEST}
    split = dataset.description["split"]
    assert split["shared_texts"] == {"train": 2, "validation": 1}
    assert "Left out of train: 2 texts whose text is also in validation or test" in caplog.text
    # The label is that of test: what is left out has no vote.
    labels = dict(zip(dataset.texts, dataset.label_ids, strict=True))
    assert dataset.class_names[labels[TEST[0][1]]] == "a"


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 4), st.sampled_from("ab"), st.integers(0, 2))))
def test_each_text_is_in_its_last_part_alone(rows: list[tuple[int, str, int]]) -> None:
    texts, labels, parts = ([row[i] for row in rows] for i in range(3))
    frame = labelled_frame([f"text {n}" for n in texts], labels, split=parts)
    last = {f"text {n}": max(part for m, _, part in rows if m == n) for n in texts}
    cleaned = clean_rows(frame)
    found = dict(zip(cleaned.texts, cleaned.frame[SPLIT], strict=True))
    assert found == {text: last[text] for text in found}
    left_out = len({(n, part) for n, _, part in rows}) - len(last)
    assert sum(cleaned.report.shared_texts.values()) == left_out


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([*TRAIN, ("a", "x y", "dev"), ("a", "z", "")], r"found 'dev' \(1\), '' \(1\)\. Write one"),
        ([*TRAIN, *rows_of("test", lamps=3)], r"none of 'lamps' \(3\)\. Add rows .*=drop"),
        ([*TRAIN, *TEST, ("a", "!?", "validation")], "Expected texts in validation.*found none"),
        (
            [*TRAIN, *((*row[:2], "test") for row in TRAIN)],
            r"train, .* only 40 that are also in test\. Check .*, data\.path, data\.test_path, and",
        ),
        (
            [*TRAIN, *TEST, (*TEST[0][:2], "validation")],
            r"only 1 that.* in test\. .*_column, data\.validation_path, data\.test_path, and",
        ),
        (TEST, r"train, which is given, found none with words .*_column, data\.path, and"),
        ([*TRAIN, *rows_of("train", c=10)[:1]], r"found 'c' \(1\)"),
    ],
)
def test_parts_that_cannot_be_used_are_refused(write: Write, rows: list[Row], message: str) -> None:
    with pytest.raises(UserError, match=message):
        in_column(write, rows)


def test_classes_that_a_given_part_lacks_are_named(
    write: Write, caplog: pytest.LogCaptureFixture
) -> None:
    dataset = in_column(write, [*TRAIN, *rows_of("test", a=3)])
    assert counts_of(dataset) == [34, 6, 3]
    assert "The test part has no text of 1 of 2 classes, which its figures leave out: 'b'." in (
        caplog.messages
    )


def test_classes_that_train_lacks_are_dropped_on_demand(write: Write) -> None:
    dataset = in_column(write, [*TRAIN, *rows_of("test", a=3, lamps=30)], rare_classes="drop")
    assert (dataset.class_names, counts_of(dataset)) == (["a", "b"], [34, 6, 3])
    assert dataset.description["rare_classes_dropped"] == {"lamps": 30}


@pytest.mark.parametrize(
    ("header", "message"),
    [
        (("label", "title"), r"test\.csv: expected a column 'text' \(data\.text_column\).*'title'"),
        (("kind", "text"), r"test\.csv: expected a column 'label' \(data\.label_column\)"),
        (None, r"test\.csv: expected a column 'text'"),
    ],
)
def test_a_file_of_other_columns_is_refused(write: Write, header: Row | None, message: str) -> None:
    train = write("train.csv", [("label", "text"), *(row[:2] for row in TRAIN)])
    test = write("test.csv", [*([header] if header else []), *(row[:2] for row in TEST)])
    with pytest.raises(UserError, match=message):
        load_dataset(DataConfig(path=train, test_path=test), 1)


def test_columns_of_the_files_are_found_by_their_names_in_any_order(write: Write) -> None:
    train = write("train.csv", [("label", "text"), *(row[:2] for row in TRAIN)])
    named = [("id", "text", "label"), *((str(n), r[1], r[0]) for n, r in enumerate(TEST))]
    test = write("test.csv", named)
    assert counts_of(load_dataset(DataConfig(path=train, test_path=test), 1)) == [34, 6, 12]


def test_a_column_and_files_are_not_given_together() -> None:
    with pytest.raises(UserError, match=r"data\.split_column: expected either this or .* both"):
        validate(EvaluateCommand(DataConfig(name="x", split_column="part", test_path="a.csv")))


def test_the_identity_of_the_data_changes_with_each_file(write: Write) -> None:
    first = data_identity(in_files(write, TRAIN, validation=VALIDATION, test=TEST))
    assert data_identity(in_files(write, TRAIN, validation=VALIDATION, test=TEST)) == first
    others = [
        data_identity(in_files(write, TRAIN, validation=VALIDATION, test=TEST[1:])),
        data_identity(in_files(write, TRAIN, validation=TEST, test=VALIDATION)),
        data_identity(in_files(write, [*TRAIN, *VALIDATION], test=TEST)),
    ]
    assert first not in others
    assert others[0]["data"] != first["data"] == others[1]["data"]


def test_without_a_test_set_it_is_said_that_there_is_none(
    write: Write, caplog: pytest.LogCaptureFixture
) -> None:
    path = write("shop.csv", [("label", "text"), *(row[:2] for row in TRAIN)])
    dataset = load_dataset(DataConfig(path=path, test_fraction=0), 1)
    assert counts_of(dataset) == [34, 6, 0]
    assert "85% train, 15% validation, no test" in dataset.description["split"]["protocol"]
    assert "There is no test set (data.test_fraction=0)" in caplog.text
    grouped = load_dataset(DataConfig(path=path, test_fraction=0, group_near_duplicates=True), 1)
    assert len(grouped.split.test) == 0 < len(grouped.split.validation)
    both = in_column(write, [*TRAIN, *VALIDATION], test_fraction=0)
    protocol = both.description["split"]["protocol"]
    assert "before taking validation as given, and no test; texts of a later part" in protocol


# Groups


def test_rows_of_one_group_stay_together_whatever_else_is_read(write: Write) -> None:
    rows = [(label, f"{label} {n}", f"g{n // 4}") for label in "ab" for n in range(40)]
    rows += [("a", f"alone {n}", "") for n in range(9)]
    # A repeat in another group holds both together.
    rows.append(("a", "A 0", "g9"))
    path = write("shop.csv", [("label", "text", "cluster"), *rows])
    dataset = load_dataset(DataConfig(path=path, group_column="cluster"), 1)
    parts: dict[str, set[str]] = {}
    for part, texts in texts_of(dataset).items():
        for _, text, group in rows:
            if text in texts:
                parts.setdefault(group or text, set()).add(part)
    assert all(len(found) == 1 for found in parts.values())
    assert parts["g0"] == parts["g9"]
    assert {part for found in parts.values() for part in found} == set(PARTS)
    split = dataset.description["split"]
    assert (split["column_groups"], split["column_texts"]) == (9, 80)
    assert "rows of one value in column cluster together on one side" in split["protocol"]
    assert data_identity(dataset)["near_duplicates_together"]


@pytest.mark.parametrize(("group", "columns"), [("title", 2), ("title", 3), ("brand", 3)])
def test_rows_of_one_title_or_brand_may_be_a_group(write: Write, group: str, columns: int) -> None:
    rows = [(label, f"{label} {n // 2}", f"{n % 9}") for label in "ab" for n in range(80)]
    table = [row[:columns] for row in [("label", "title", "brand"), *rows]]
    data = DataConfig(path=write("shop.csv", table), text_column="title", group_column=group)
    read = {"label_column": "label", "category_columns": ["brand"][: columns - 2]}
    dataset = load_dataset(replace(data, **read), 1)
    groups = dict(zip(dataset.texts, dataset.frame["group"], strict=True))
    assert len(groups) == (160 if columns == 3 else 80)
    assert len(set(groups.values())) == (9 if group == "brand" else 80)
    with pytest.raises(UserError, match="expected different columns"):
        load_dataset(replace(data, **read, group_column="label"), 1)


def test_a_group_that_stands_in_test_is_left_out_of_the_given_train(write: Write) -> None:
    rows = [(*row, f"{row[2]} {n}") for n, row in enumerate([*TRAIN, *VALIDATION, *TEST])]
    rows[0], rows[1], rows[45] = ((*row[:3], "test 55") for row in (rows[0], rows[1], rows[45]))
    path = write("shop.csv", [("label", "text", "part", "cluster"), *rows])
    options = DataConfig(path=path, split_column="part", group_column="cluster")
    dataset = load_dataset(options, 1)
    assert counts_of(dataset) == [38, 9, 12]
    assert dataset.description["split"]["shared_groups"] == {"train": 2, "validation": 1}
    rows = [(*row[:3], "everywhere") for row in rows]
    path = write("all.csv", [("label", "text", "part", "cluster"), *rows])
    with pytest.raises(UserError, match="only 40 whose group is also in validation or test"):
        load_dataset(replace(options, path=path), 1)
    words = " ".join(f"word{n}" for n in range(12))
    near = [("a", f"red {words}", "train"), ("a", f"blue {words}", "test"), *TRAIN, *TEST]
    dataset = in_column(write, near, group_near_duplicates=True)
    assert f"red {words}" not in dataset.texts
    assert dataset.description["split"]["shared_groups"]["train"] == 1


def test_a_class_that_groups_leave_too_few_texts_of_is_named(
    write: Write, caplog: pytest.LogCaptureFixture
) -> None:
    rows = [(*row, "") for row in [*TRAIN, *TEST]]
    rows += [("lamps", f"lamp {n}", "train", "g" if n < 3 else "") for n in range(11)]
    rows += [("lamps", "lamp of test", "test", "g")]
    path = write("shop.csv", [("label", "text", "part", "cluster"), *rows])
    given = {"split_column": "part", "group_column": "cluster"}
    dataset = load_dataset(DataConfig(path=path, rare_classes="drop", **given), 1)
    assert dataset.description["rare_classes_dropped"] == {"lamps": 9}
    assert "Dropped classes with too few texts or none in train: 'lamps' (9)." in caplog.text


@pytest.mark.parametrize("columns", [("part", "cluster"), (2, 3)])
def test_two_columns_beside_those_that_are_named_are_label_and_text(
    write: Write, columns: tuple[Any, Any]
) -> None:
    rows = [(*row, "x") for row in TRAIN]
    path = write("shop.csv", [("label", "text", "part", "cluster"), *rows])
    split, group = columns
    found = load_labelled_rows(DataConfig(path=path, split_column=split, group_column=group))
    assert found.frame.iloc[0].to_dict() == {"text": rows[0][1], "label": "a", "split": 0} | {
        "group": "x"
    }
    assert (found.columns.text_names, found.columns.label_names) == (("text",), ("label",))
    assert found.given == ("train",)
