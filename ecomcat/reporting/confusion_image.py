"""The confusion matrix as a picture, for TensorBoard."""

from __future__ import annotations

import logging
import unicodedata
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_MAX_MATRIX_CLASSES = 40  # that are shown apart; the rest becomes one row and column
_MAX_NAME = 26  # characters
_RIGHT_TO_LEFT = {"R", "AL", "RLO", "RLE", "RLI"}


def draw_confusion(
    counts: Sequence[Sequence[int]], class_names: Sequence[str]
) -> NDArray[np.uint8]:
    """Draw the confusion matrix: true categories by row, predicted ones by column.

    Of more than 40 categories those with the most mistakes are shown apart. A name with letters
    that the font lacks is shown as `#` and its number, from 1.

    Args:
        counts: Numbers of texts, a row a true category, a column a predicted one.
        class_names: Names of the categories.

    Returns:
        Array of red, green and blue of each pixel, shape `(height, width, 3)`.
    """
    # It logs at level WARNING that it makes a cache of the fonts.
    logging.getLogger("matplotlib").setLevel(logging.ERROR)
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from sklearn.metrics import ConfusionMatrixDisplay

    matrix, names = _most_confused(np.asarray(counts, np.int64), _drawable_names(class_names))
    inches = 4 + 0.4 * len(names)
    figure = Figure(figsize=(inches, inches), dpi=100, layout="constrained")
    canvas = FigureCanvasAgg(figure)
    axes = figure.add_subplot(title="Test texts: true category by row, predicted by column")
    display = ConfusionMatrixDisplay(matrix, display_labels=names)
    display.plot(ax=axes, cmap="Blues", colorbar=False, values_format="d", xticks_rotation=90)
    for label in (*axes.get_xticklabels(), *axes.get_yticklabels()):
        label.set_parse_math(False)
    # By the fraction of the row, not by the count: a small category is as visible as a large one.
    assert display.im_ is not None
    display.im_.set_data(matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1))
    display.im_.set_clim(0, 1)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[:, :, :3].copy()


def _most_confused(
    counts: NDArray[np.int64], names: Sequence[str]
) -> tuple[NDArray[np.int64], list[str]]:
    """Return the classes with the most mistakes in their order, and the sum of the others."""
    if len(names) <= _MAX_MATRIX_CLASSES:
        return counts, list(names)
    mistakes = counts.sum(axis=0) + counts.sum(axis=1) - 2 * np.diag(counts)
    shown = np.sort(np.argsort(-mistakes, kind="stable")[: _MAX_MATRIX_CLASSES - 1])
    place = np.full(len(names), len(shown))
    place[shown] = np.arange(len(shown))
    merged = np.zeros((len(shown) + 1, len(shown) + 1), np.int64)
    np.add.at(merged, (place[:, None], place[None, :]), counts)
    return merged, [*(names[each] for each in shown), f"{len(names) - len(shown)} others"]


def _drawable_names(class_names: Sequence[str]) -> list[str]:
    from matplotlib.font_manager import findfont, get_font

    font = get_font(findfont("DejaVu Sans"))
    names = []
    for number, name in enumerate(class_names, start=1):
        line = " ".join(name.split())
        # Drawn letter by letter from left to right, which Arabic and Hebrew cannot be.
        drawable = all(
            font.get_char_index(ord(letter))
            and unicodedata.bidirectional(letter) not in _RIGHT_TO_LEFT
            and letter.isprintable()
            for letter in line
        )
        short = line if len(line) <= _MAX_NAME else f"{line[: _MAX_NAME - 1]}…"
        names.append(short if line and drawable else f"#{number}")
    return names
