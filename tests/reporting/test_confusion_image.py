"""The picture of a confusion matrix: readable with few classes and with many, in any script."""

from __future__ import annotations

import numpy as np
import pytest

from ecomcat.reporting.confusion_image import draw_confusion


def picture_of(classes: int) -> np.ndarray:
    random = np.random.default_rng(0)
    counts = random.poisson(0.3, (classes, classes)) + np.diag(random.poisson(20, classes))
    return draw_confusion(counts.tolist(), [f"class {n:03}" for n in range(classes)])


@pytest.mark.parametrize("classes", [1, 13])
def test_each_class_gets_a_cell_that_a_count_fits_in(classes):
    picture = picture_of(classes)
    height, width, channels = picture.shape
    assert picture.dtype == np.uint8 and channels == 3
    assert min(height, width) >= 36 * classes
    assert picture.min() < 60, "something dark is drawn"


def test_more_categories_than_can_be_told_apart_make_no_larger_picture():
    assert picture_of(41).shape == picture_of(500).shape


@pytest.mark.parametrize(
    "name",
    [
        *("<b>x</b>", "家具", "أثاث", "\ud800", "", " ", "a" * 500, "\x00\x1b[31m", "हिन्दी", "🪑"),
    ],
)
def test_a_name_in_any_script_is_drawn_without_a_warning(name):
    # Warnings, such as of a glyph that a font lacks, are errors here.
    picture = draw_confusion([[3, 1], [0, 2]], [name, "other"])
    assert picture.shape[1] < 1000


@pytest.mark.parametrize(("name", "shown"), [("家具", "#1"), ("two\nlines", "two lines")])
def test_a_name_becomes_one_line_and_its_number_where_the_font_lacks_it(name, shown):
    one, other = (draw_confusion([[3, 1], [0, 2]], [each, "other"]) for each in (name, shown))
    assert (one == other).all()


def test_dollar_signs_are_no_formula():
    as_it_is, formula = (draw_confusion([[1]], [name]) for name in ("$x$", "x"))
    assert as_it_is.shape != formula.shape or (as_it_is != formula).any()
    draw_confusion([[1]], [r"$\frac{$"])
