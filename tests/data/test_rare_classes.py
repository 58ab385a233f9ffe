"""Classes of too few texts: merged into those above them, or left out."""

from __future__ import annotations

from collections import Counter

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecomcat.config import DataConfig
from ecomcat.data.cleaning import clean_rows, labelled_frame
from ecomcat.data.dataset import Dataset, load_dataset
from ecomcat.data.rare_classes import merge_rare_classes
from ecomcat.data.sources import load_labelled_rows
from ecomcat.errors import UserError


def dataset(
    sizes: dict[str, int], rare_classes: str = "parent", **parts: dict[str, int]
) -> Dataset:
    """Load as many different texts of each label as are wanted in train and in given parts."""
    frames = {
        part: pd.DataFrame(
            [
                (f"{part} {label} {number}", label)
                for label, count in wanted.items()
                for number in range(count)
            ],
            columns=["text", "label"],
        )
        for part, wanted in {"train": sizes, **parts}.items()
    }
    config = DataConfig(rare_classes=rare_classes, label_separator=" > ")
    return load_dataset(config, 1, load_labelled_rows(config, frames))


ENOUGH = {"Home > Lamps": 20, "Toys > Cars": 20}


@pytest.mark.parametrize(
    ("more", "classes"),
    [
        ({"Home > Chairs > Oak": 9, "Home > Chairs > Pine": 9}, {"Home > Chairs": 18}),
        ({"Home > Chairs > Oak": 9, "Home > Chairs": 30}, {"Home > Chairs": 39}),
        ({"Home > Chairs > Oak": 6, "Home > Rugs": 6}, {"Home": 12}),
        ({"Home > Chairs > Oak": 9, "Home": 12}, {"Home": 21}),
        ({"Home > Chairs > Oak": 1}, {}),  # with nothing beside it
        ({"Books": 9}, {}),  # with nothing above it
        ({"Books > A": 4, "Books > B": 5}, {}),  # too few together
    ],
)
def test_a_class_of_too_few_texts_goes_into_that_above_it(
    more: dict[str, int], classes: dict[str, int], caplog: pytest.LogCaptureFixture
) -> None:
    found = dataset(ENOUGH | more)
    assert Counter(found.frame["label"]) == ENOUGH | classes
    rare = {name: count for name, count in more.items() if " > " in name and count < 10}
    assert found.description["rare_classes_merged"] == (rare if classes else {})
    # By the names that they were read with: of one in between nobody has heard.
    assert found.description["rare_classes_dropped"] == ({} if classes else more)
    assert ("Merged classes with too few texts" in caplog.text) == bool(classes)
    assert ("Dropped classes with too few texts" in caplog.text) == (not classes)


def test_a_class_that_train_lacks_goes_into_that_above_it(caplog: pytest.LogCaptureFixture) -> None:
    sizes = ENOUGH | {"Home": 20}
    found = dataset(sizes, test={**ENOUGH, "Home": 5, "Home > New": 30, "Books > New": 30})
    counts = Counter(found.frame["label"][found.split.test])
    assert counts == ENOUGH | {"Home": 35}
    assert found.description["rare_classes_dropped"] == {"Books > New": 30}
    reason = "classes with too few texts or none in train"
    assert f"Merged {reason} into those above: 'Home > New' (30)." in caplog.messages
    assert f"Dropped {reason}: 'Books > New' (30)." in caplog.messages


FEW = {"Home > Chairs > Oak": 1, "Books > Old": 9}
MANY = {"Home > Chairs > Oak": 12, "Books > Old": 12}


@pytest.mark.parametrize("part", ["validation", "test"])
@pytest.mark.parametrize(
    ("rare_classes", "merged", "dropped"),
    [
        ("drop", {}, {"Home > Chairs > Oak": 13, "Books > Old": 21}),
        ("parent", {"Home > Chairs > Oak": 13}, {"Books > Old": 21}),
    ],
)
def test_where_a_part_is_drawn_from_train_the_texts_of_train_alone_count(
    part: str, rare_classes: str, merged: dict[str, int], dropped: dict[str, int]
) -> None:
    found = dataset(ENOUGH | {"Home > Chairs": 20} | FEW, rare_classes, **{part: ENOUGH | MANY})
    assert Counter(found.frame["label"]) == {
        **{name: 2 * count for name, count in ENOUGH.items()},
        "Home > Chairs": 20 + sum(merged.values()),
    }
    assert found.description["rare_classes_merged"] == merged
    assert found.description["rare_classes_dropped"] == dropped


def test_the_texts_of_all_parts_count_where_all_are_given() -> None:
    found = dataset(ENOUGH | FEW, "refuse", validation=ENOUGH, test=MANY)
    assert set(found.class_names) == {*ENOUGH, *FEW}


@pytest.mark.parametrize(
    ("train", "rare_classes", "message"),
    [
        (ENOUGH | FEW, "refuse", r"10 different .* in train; found 'Books > Old' \(9\), 'Home"),
        ({"Toys": 20}, "drop", r"two classes .* in train; found 'Toys' \(20\), 'Books"),
    ],
)
def test_of_too_few_texts_in_train_it_is_said_that_they_are_of_train(
    train: dict[str, int], rare_classes: str, message: str
) -> None:
    with pytest.raises(UserError, match=message) as refused:
        dataset(train, rare_classes, test=MANY)
    assert "Rows were read" not in str(refused.value)


def test_labels_without_levels_have_nothing_above_them() -> None:
    with pytest.raises(UserError, match="expected labels that are paths"):
        dataset({"Home": 20, "Toys": 20, "Books": 3})


@given(
    st.dictionaries(
        st.lists(st.sampled_from("ab"), min_size=1, max_size=4).map(" > ".join),
        st.integers(1, 12),
        min_size=1,
    )
)
@settings(deadline=None)
def test_no_text_is_lost_and_what_stays_rare_is_so_with_its_branch(sizes: dict[str, int]) -> None:
    rows = [(f"{name} {n}", name) for name, count in sizes.items() for n in range(count)]
    texts, labels = zip(*rows, strict=True)
    merged = merge_rare_classes(clean_rows(labelled_frame(texts, labels)), 6, " > ")
    found = merged.class_sizes()
    assert sum(found.values()) == len(rows) == sum(merged.classes_read.values())
    rare = {name: count for name, count in found.items() if count < 6}
    firsts = Counter(name.split(" > ")[0] for name, count in rare.items() for _ in range(count))
    assert all(count < 6 for count in firsts.values())
    assert rare.items() <= sizes.items()
    own = dict(zip(texts, labels, strict=True))
    for text, label in zip(merged.texts, merged.labels, strict=True):
        assert f"{own[text]} > ".startswith(f"{label} > ")
