"""Labels that are paths: found where they clearly are, and written in one way."""

from __future__ import annotations

import logging
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecomcat.config import DataConfig
from ecomcat.data.label_paths import split_path, write_paths
from ecomcat.data.sources import frame_rows, load_labelled_rows, load_like, with_paths
from ecomcat.errors import UserError


def written(labels: list[str], asked: str = "auto") -> tuple[list[str], str | None]:
    """Return the names of labels, and what separates their levels."""
    names, separator = write_paths(dict.fromkeys(labels, 1), asked)
    return [names.get(label, label) for label in labels], separator


HOMES = ["Home{}Chairs", "Home{}Lamps{}Desk lamps", "Toys{}Cars", "Toys{}Kites"]
GROUPS = ["comp.graphics", "comp.os.x", "rec.autos", "rec.sport.hockey"]


def homes(separator: str) -> list[str]:
    """Return paths with a separator."""
    return [home.replace("{}", separator) for home in HOMES]


@pytest.mark.parametrize(
    ("labels", "separator"),
    [
        *((homes(each), each) for each in (" > ", ">", ">>", " >> ", "/", " / ", "|", " | ", ".")),
        ([f"/{home}" for home in homes("/")], "/"),
        ([f" {home} >" for home in homes(" > ")], " > "),
        ([*homes(" > "), "Home", "Books"], " > "),  # an inner node, and a path of one level
        *(([*homes(each)[2:], "Home", "Books"], each) for each in (" > ", " >> ", " » ")),
        ([*homes(" > "), "Home>Rugs"], " > "),
        ([*homes(" > "), "Toys > 1/2 inch cars"], " > "),
        ([*homes(" / "), "Toys / TV/video games"], " / "),
        (GROUPS, "."),
        ([*homes(" > "), ""], " > "),
    ],
)
def test_labels_that_clearly_are_paths_are_found(
    labels: list[str], separator: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        names, found = written(labels)
    assert found == separator
    assert "data.label_separator=none" in caplog.text
    assert separator.join(["Toys", "Kites"]) in names or labels is GROUPS
    assert not [name for name in names if name != name.strip(" />")]
    assert written(labels, "none") == (labels, None)


@pytest.mark.parametrize(
    "labels",
    [
        ["Household", "Books", "Electronics", "Clothing & Accessories"],
        ["Electronics/Gadgets", "AC/DC", "Books", "Toys", "Home/Garden"],
        ["Home/Garden", "TV/Video", "Toys/Games", "Food/Drinks", "Books/Media"],
        ["w/o sugar", "w/o salt", "w/o fat", "w/o oil"],
        ["1.0", "1.5", "2.0", "2.5"],
        ["2019/01", "2019/02", "2020/01", "2020/02"],
        ["U.S.", "U.K.", "E.U.", "St. Lucia"],
        ["> 10 EUR", "> 20 EUR", "> 30 EUR", "< 10 EUR"],
        ["Men > 40", "Men > 50", "Women > 40", "Women > 50 years"],
        ["Age>18", "Age>65", "Other", "Unknown"],
        ["a > b", "a > c", "d > e"],
        [],
        [""],
    ],
)
def test_other_labels_are_left_alone(labels: list[str]) -> None:
    assert written(labels) == (labels, None)


@pytest.mark.parametrize(
    ("labels", "asked", "names", "separator"),
    [
        (["A>B", "A > B", "A >  C"], ">", ["A > B", "A > B", "A > C"], " > "),
        (["A>B", "A > C"], " > ", ["A > B", "A > C"], " > "),
        (["A>B", "A>C", "D"], ">", ["A>B", "A>C", "D"], ">"),
        (["Home - T-shirts", "Home - Lamps"], " - ", ["Home - T-shirts", "Home - Lamps"], " - "),
        (["a::b", "a::c::d"], "::", ["a::b", "a::c::d"], "::"),
        (["A/B/", "/A/C"], "/", ["A/B", "A/C"], "/"),
        (["A", "A>B"], ">", ["A", "A>B"], ">"),
        (["A\u00a0> B ", "A > B"], ">", ["A > B", "A > B"], " > "),
        (["A", "B"], ">", ["A", "B"], None),
    ],
)
def test_a_separator_may_be_given(
    labels: list[str], asked: str, names: list[str], separator: str | None
) -> None:
    assert written(labels, asked) == (names, separator)


@pytest.mark.parametrize(
    "labels", [["A > > B", "A > C"], ["A > C", ">"], ["A >  > B > C", "A > > C", "A > D"]]
)
def test_an_empty_level_is_refused_with_its_rows(labels: list[str]) -> None:
    with pytest.raises(UserError, match=r"empty one .* '.*>' \(1\)|empty one .* 'A > "):
        written(labels, ">")


def test_inner_nodes_that_look_alike_are_named(caplog: pytest.LogCaptureFixture) -> None:
    written(["Home > Chairs", "home > Lamps", "Toys > Cars"], ">")
    assert "Nodes of paths that look alike are different ones: 'Home' and 'home'." in caplog.text
    caplog.clear()
    written(homes(" > "))
    assert "look alike" not in caplog.text


level = st.text("ab &", min_size=1).filter(str.strip)


@given(st.lists(st.lists(level, min_size=1, max_size=4), min_size=1, max_size=6), st.data())
def test_blanks_around_separators_never_count(paths: list[list[str]], data: st.DataObject) -> None:
    labels = [data.draw(st.sampled_from([">", " >", ">  ", " > "])).join(path) for path in paths]
    names, separator = written(labels, ">")
    levels = [[part.strip() for part in path] for path in paths]
    if separator is None:
        assert max(map(len, paths)) == 1
        return
    assert [name.split(separator) for name in names] == levels
    assert [split_path(label, separator) for label in labels] == levels
    assert written(names, separator) == (names, separator)


# Several columns

LEVELS = pd.DataFrame(
    [
        ["A chair", "Home", "Chairs", None],
        ["A lamp", "Home", "Lamps", "Desk lamps"],
        ["A car", "Toys", " ", ""],
        ["A thing", "", None, ""],
    ],
    columns=["title", "level1", "level2", "level3"],
)
COLUMNS = ["level1", "level2", "level3"]


@pytest.mark.parametrize(
    ("changed", "asked", "names"),
    [
        ({}, "auto", ["Home > Chairs", "Home > Lamps > Desk lamps", "Toys", ""]),
        (
            {"level1": "> 10"},
            "auto",
            ["> 10 | Chairs", "> 10 | Lamps | Desk lamps", "> 10", "> 10"],
        ),
        ({}, "/", ["Home/Chairs", "Home/Lamps/Desk lamps", "Toys", ""]),
    ],
)
def test_columns_of_levels_are_joined(
    changed: dict[str, str], asked: str, names: list[str]
) -> None:
    data = DataConfig(label_column=COLUMNS, text_column="title", label_separator=asked)
    rows = load_labelled_rows(data, {"train": LEVELS.assign(**changed)})
    assert list(rows.frame["label"]) == names
    assert rows.columns.label_names == tuple(COLUMNS)


@pytest.mark.parametrize(
    ("columns", "asked", "message"),
    [
        (["level2", "level1"], "auto", r"an empty one .*' > Toys' \(1\)"),
        (COLUMNS, "s", "'s', and '.*s.*'"),
        (COLUMNS, "none", "found none"),
    ],
)
def test_levels_that_cannot_be_joined_are_refused(
    columns: list[str], asked: str, message: str
) -> None:
    data = DataConfig(label_column=columns, text_column="title", label_separator=asked)
    with pytest.raises(UserError, match=message):
        with_paths(frame_rows(LEVELS, data), data)


@pytest.mark.parametrize("blank", ["", " "])
def test_another_file_is_read_with_paths_as_they_are_known(tmp_path: Path, blank: str) -> None:
    other = tmp_path / "later.csv"
    other.write_text(f"label,n,text\nToys{blank}>{blank}Cars,1,a car\n", encoding="utf-8")
    for separator in (" > ", ">"):
        train = pd.DataFrame({"text": ["a", "b", "c", "d"], "label": homes(separator)})
        rows = load_like(
            load_labelled_rows(DataConfig(), {"train": train}), DataConfig(path=str(other))
        )
        assert [*rows.frame["label"]] == [f"Toys{separator}Cars"]


def test_parts_that_are_given_are_read_as_train_is() -> None:
    train = pd.DataFrame({"text": ["a", "b", "c", "d"], "label": homes(" > ")})
    rows = load_labelled_rows(
        DataConfig(), {"train": train, "test": train.assign(label="Toys>Cars")}
    )
    assert rows.separator == " > "
    assert set(rows.frame["label"]) == set(homes(" > "))
    data = DataConfig(label_column=COLUMNS, text_column="title")
    rows = load_labelled_rows(data, {"train": LEVELS, "test": LEVELS[::-1]})
    assert rows.frame["label"].tolist()[:2] == ["Home > Chairs", "Home > Lamps > Desk lamps"]
