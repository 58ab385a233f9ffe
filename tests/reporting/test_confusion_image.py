"""The picture of a confusion matrix: readable with few classes and with many, in any script."""

from __future__ import annotations

import numpy as np
import pytest
from final_material import NAMES

from ecomcat.reporting.tensorboard import draw_confusion


def crossed(classes: int) -> list[list[int]]:
    random = np.random.default_rng(0)
    counts = random.poisson(0.3, (classes, classes)) + np.diag(random.poisson(20, classes))
    return counts.tolist()


@pytest.mark.parametrize("classes", [1, 2, 12, 13, 40])
def test_each_class_gets_a_cell_that_a_count_fits_in(classes):
    picture = draw_confusion(crossed(classes), [f"class {n}" for n in range(classes)])
    assert picture.dtype == np.uint8
    height, width, channels = picture.shape
    assert channels == 3
    assert min(height, width) >= 36 * classes
    assert picture.min() < 60, "something dark is drawn"


@pytest.fixture
def six_are_told_apart(monkeypatch):
    monkeypatch.setattr("ecomcat.reporting.tensorboard._MOST_CLASSES", 6)


def test_more_classes_than_can_be_told_apart_make_no_larger_picture(six_are_told_apart):
    few = draw_confusion(crossed(6), [f"class {n:03}" for n in range(6)])
    many = draw_confusion(crossed(500), [f"class {n:03}" for n in range(500)])
    assert abs(many.shape[0] - few.shape[0]) < 50
    assert abs(many.shape[1] - few.shape[1]) < 50


def test_the_classes_with_the_most_mistakes_are_the_ones_told_apart(six_are_told_apart):
    counts = np.diag(np.full(20, 9))
    for true, predicted in ((3, 7), (11, 12)):
        counts[true, predicted] = 5
    told_apart = [0, 3, 7, 11, 12]
    rest = [number for number in range(20) if number not in told_apart]
    merged = np.zeros((6, 6), int)
    merged[:5, :5] = counts[np.ix_(told_apart, told_apart)]
    merged[5, 5] = counts[np.ix_(rest, rest)].sum()
    names = [f"class {number:02}" for number in range(20)]
    expected = draw_confusion(merged.tolist(), [*(names[n] for n in told_apart), "15 others"])
    assert (draw_confusion(counts.tolist(), names) == expected).all()


@pytest.mark.parametrize(
    "name", [*NAMES, "", " ", "a" * 500, "\x00\x1b[31m", "हिन्दी", "🪑", "עברית"]
)
def test_a_name_in_any_script_is_drawn_without_a_warning(name):
    # Warnings, such as of a glyph that a font lacks, are errors here.
    picture = draw_confusion([[3, 1], [0, 2]], [name, "other"])
    assert picture.shape[1] < 1000


def test_a_name_that_the_font_lacks_becomes_its_number():
    two = draw_confusion([[3, 1], [0, 2]], ["家具", "other"])
    number = draw_confusion([[3, 1], [0, 2]], ["#1", "other"])
    assert (two == number).all()


def test_dollar_signs_are_no_formula():
    as_it_is = draw_confusion([[1]], ["$x$"])
    formula = draw_confusion([[1]], ["x"])
    assert as_it_is.shape != formula.shape or (as_it_is != formula).any()
    draw_confusion([[1]], [r"$\frac{$"])
