"""Draw a confusion matrix: which classes are taken for which."""

from __future__ import annotations

import logging
import unicodedata
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

_MOST_CLASSES = 40  # that are told apart; the rest becomes one row and column
_MOST_ZEROS = 12  # classes up to which a count of 0 is written, too
_LONGEST_NAME = 26  # characters
_INK = "#1f2933"


def draw_confusion(crossed: Sequence[Sequence[int]], classes: Sequence[str]) -> NDArray[np.uint8]:
    """Draw true classes by row and predicted ones by column, each with its count of texts.

    Of more than 40 classes those with the most mistakes are told apart. A name with letters that
    the font lacks is shown as `#` and its number, from 1.

    Args:
        crossed: counts of texts, a row a true class, a column a predicted one.
        classes: their names.

    Returns:
        Red, green and blue of each pixel, shape `(height, width, 3)`.
    """
    # It says at level WARNING that it makes a cache of the fonts.
    logging.getLogger("matplotlib").setLevel(logging.ERROR)
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    counts, names = _most_confused(np.asarray(crossed, np.int64), _drawable_names(classes))
    many = len(names)
    cell = 0.62 if many <= _MOST_ZEROS else 0.36  # inches
    left = 0.25 + (0.1 if many <= _MOST_ZEROS else 0.085) * max(map(len, names))
    width, height = max(left + cell * many + 0.3, 5.6), left + cell * many + 0.75
    figure = Figure(figsize=(width, height), dpi=100, facecolor="white")
    canvas = FigureCanvasAgg(figure)
    axes = figure.add_axes((left / width, left / height, cell * many / width, cell * many / height))
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    _write_names(axes, names)
    _write_counts(axes, counts, shares)
    title = "Texts of the test set: true category by row, predicted by column"
    figure.text(0.15 / width, 1 - 0.32 / height, title, color=_INK, fontsize=11, va="center")
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[:, :, :3].copy()


def _write_names(axes: Any, names: Sequence[str]) -> None:
    places, size = range(len(names)), 11 if len(names) <= _MOST_ZEROS else 9
    for write, options in (
        (axes.set_xticks, {"rotation": 90}),
        (axes.set_yticks, {}),
    ):
        write(places, names, fontsize=size, color=_INK, parse_math=False, **options)
    axes.tick_params(length=0)
    axes.set_xticks(np.arange(len(names) + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(len(names) + 1) - 0.5, minor=True)
    axes.grid(which="minor", color="white", linewidth=1)
    axes.tick_params(which="minor", length=0)
    for side in axes.spines.values():
        side.set_visible(False)


def _write_counts(axes: Any, counts: NDArray[np.int64], shares: NDArray[np.float64]) -> None:
    many = len(counts)
    size = 12 if many <= _MOST_ZEROS else 7
    for row, column in np.ndindex(counts.shape):
        count = int(counts[row, column])
        if count == 0 and many > _MOST_ZEROS:
            continue
        dark = shares[row, column] > 0.5
        colour = "white" if dark else _INK if count else "#9aa5b1"
        axes.text(column, row, str(count), ha="center", va="center", fontsize=size, color=colour)


def _most_confused(
    counts: NDArray[np.int64], names: Sequence[str]
) -> tuple[NDArray[np.int64], list[str]]:
    """Keep the classes with the most mistakes in their order, and add the others up."""
    if len(names) <= _MOST_CLASSES:
        return counts, list(names)
    mistakes = counts.sum(axis=0) + counts.sum(axis=1) - 2 * np.diag(counts)
    kept = np.sort(np.argsort(-mistakes, kind="stable")[: _MOST_CLASSES - 1])
    place = np.full(len(names), len(kept))
    place[kept] = np.arange(len(kept))
    merged = np.zeros((len(kept) + 1, len(kept) + 1), np.int64)
    np.add.at(merged, (place[:, None], place[None, :]), counts)
    return merged, [*(names[each] for each in kept), f"{len(names) - len(kept)} others"]


def _drawable_names(classes: Sequence[str]) -> list[str]:
    from matplotlib.font_manager import FontProperties, findfont, get_font

    font = get_font(findfont(FontProperties(family="DejaVu Sans")))
    names = []
    for number, name in enumerate(classes, start=1):
        line = " ".join(name.split())
        # Drawn letter by letter from left to right, which Arabic and Hebrew cannot be.
        drawable = all(
            font.get_char_index(ord(letter))
            and unicodedata.bidirectional(letter) not in {"R", "AL", "RLO", "RLE", "RLI"}
            and letter.isprintable()
            for letter in line
        )
        short = line if len(line) <= _LONGEST_NAME else f"{line[: _LONGEST_NAME - 1]}…"
        names.append(short if line and drawable else f"#{number}")
    return names
