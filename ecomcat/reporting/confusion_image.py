"""The confusion matrix as a picture, for TensorBoard."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_MAX_CLASSES, _MAX_NAME = 40, 26  # classes in the picture; characters


def draw_confusion(
    counts: Sequence[Sequence[int]], class_names: Sequence[str]
) -> NDArray[np.uint8]:
    """Draw the confusion matrix: true categories by row, predicted ones by column.

    Of more than 40 categories those with the most mistakes are shown. A name with letters that
    the font lacks is shown as `#` and its number, from 1. Returned are the red, green and blue of
    each pixel in an array of shape `(height, width, 3)`.
    """
    # It logs at level WARNING that it makes a cache of the fonts.
    logging.getLogger("matplotlib").setLevel(logging.ERROR)
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from sklearn.metrics import ConfusionMatrixDisplay

    matrix = np.asarray(counts, np.int64)
    mistakes = matrix.sum(axis=0) + matrix.sum(axis=1) - 2 * np.diag(matrix)
    shown = np.sort(np.argsort(-mistakes, kind="stable")[:_MAX_CLASSES])
    names = [_drawable_name(int(number), class_names[number]) for number in shown]
    matrix, inches = matrix[np.ix_(shown, shown)], 4 + 0.4 * len(names)
    figure = Figure(figsize=(inches, inches), dpi=100, layout="constrained")
    canvas = FigureCanvasAgg(figure)
    which = "" if len(names) == len(class_names) else f", the {len(names)} with the most mistakes"
    axes = figure.add_subplot(title=f"Test texts by category{which}")
    display = ConfusionMatrixDisplay(matrix, display_labels=names)
    display.plot(ax=axes, cmap="Blues", colorbar=False, values_format="d", xticks_rotation=90)
    for label in (*axes.get_xticklabels(), *axes.get_yticklabels()):
        label.set_parse_math(False)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[:, :, :3].copy()


def _drawable_name(number: int, name: str) -> str:
    """Return a name on one line, or its number where the font lacks a letter of it."""
    from matplotlib.font_manager import findfont, get_font

    font = get_font(findfont("DejaVu Sans"))
    line = " ".join(name.split())
    if not line or not all(font.get_char_index(ord(letter)) for letter in line):
        return f"#{number + 1}"
    return line if len(line) <= _MAX_NAME else f"{line[: _MAX_NAME - 1]}…"
