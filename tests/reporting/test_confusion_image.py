"""The picture of a confusion matrix: readable with few classes and with many, in any script."""

from __future__ import annotations

import numpy as np
import pytest

from ecomcat.reporting.confusion_image import draw_confusion


def counts(classes: int) -> list[list[int]]:
    random = np.random.default_rng(0)
    found = random.poisson(0.3, (classes, classes)) + np.diag(random.poisson(20, classes))
    return found.tolist()


@pytest.mark.parametrize("classes", [1, 2, 12, 13, 40])
def test_each_class_gets_a_cell_that_a_count_fits_in(classes):
    picture = draw_confusion(counts(classes), [f"class {n}" for n in range(classes)])
    assert picture.dtype == np.uint8
    height, width, channels = picture.shape
    assert channels == 3
    assert min(height, width) >= 36 * classes
    assert picture.min() < 60, "something dark is drawn"


def test_more_categories_than_can_be_told_apart_make_no_larger_picture():
    few, many = (
        draw_confusion(counts(classes), [f"class {n:03}" for n in range(classes)])
        for classes in (40, 500)
    )
    assert few.shape == many.shape


@pytest.mark.parametrize(
    "name",
    [
        *("<script>alert('x')</script>", "Tools | *Garden*", "家具", "أثاث", "$x^2$", "\ud800", ""),
        *(" ", "a" * 500, "\x00\x1b[31m", "हिन्दी", "🪑", "עברית"),
    ],
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
    as_it_is, formula = (draw_confusion([[1]], [name]) for name in ("$x$", "x"))
    assert as_it_is.shape != formula.shape or (as_it_is != formula).any()
    draw_confusion([[1]], [r"$\frac{$"])
