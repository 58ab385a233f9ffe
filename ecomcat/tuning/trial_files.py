"""What a trial leaves on disk: its best weights, its last state, its validation answers.

A file of answers has a bounded size, however many texts and classes there are.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from ecomcat.errors import UserError
from ecomcat.files import atomic_path, is_limit
from ecomcat.json_files import UnreadableError
from ecomcat.model.metrics import Outcome

BEST_WEIGHTS, LAST_STATE, VALIDATION = "best_weights.npz", "last_state.npz", "validation.npz"
# What NumPy raises for a file that is gone or damaged.
_DAMAGED = OSError, ValueError, TypeError, KeyError, EOFError, BadZipFile, RuntimeError, zlib.error
_MAX_WHOLE = 15_000_000  # probabilities that are saved as they are, 4 bytes each
_MAX_LARGEST, _MIN_OF_A_TEXT = 10_000_000, 8  # if more: the largest of each text, 6 bytes each
_ROWS = 4096  # at a time


def save_outcome(outcome: Outcome, directory: Path) -> None:
    """Write best weights, validation probabilities and the last state, if it may be continued."""
    if outcome.state:
        save_arrays(directory / LAST_STATE, *outcome.state)
    save_arrays(directory / BEST_WEIGHTS, *outcome.weights)
    assert outcome.probabilities is not None, "a trial that was scored has answers"
    save_arrays(directory / VALIDATION, **packed(outcome.probabilities))


def load_outcome(directory: Path, curves: Sequence[dict[str, float]]) -> Outcome:
    """Read the result of a trial for one that continues it."""
    probabilities = load_answers(directory / VALIDATION)
    weights, state = load_arrays(directory / BEST_WEIGHTS), load_arrays(directory / LAST_STATE)
    return Outcome(list(curves), probabilities, weights, state)


def load_answers(path: Path, shape: tuple[int, int] | None = None) -> NDArray[np.float32]:
    """Read the validation probabilities that a trial left, shape `(texts, num_classes)`.

    Raises:
        UnreadableError: The file is gone or damaged, or of another shape than the one given.
    """
    with open_arrays(path) as saved:
        return _of_shape(unpacked(saved), shape)


def load_predicted(path: Path, texts: int) -> NDArray[np.int64]:
    """Read the classes that a trial predicted for the validation texts, shape `(texts,)`.

    Raises:
        UnreadableError: The file is gone or damaged, or of another number of texts.
    """
    with open_arrays(path) as saved:
        return _of_shape(predicted(saved), (texts,))


def _of_shape(found: NDArray[Any], shape: tuple[int, ...] | None) -> NDArray[Any]:
    if shape is not None and found.shape != shape:
        raise ValueError(f"expected an array of shape {shape}, found {found.shape}")
    return found


def load_arrays(path: Path) -> list[NDArray[Any]]:
    """Read weights or a state that a trial left.

    Raises:
        UnreadableError: The file is gone or damaged.
    """
    with open_arrays(path) as saved:
        return [saved[name] for name in saved.files]


@contextmanager
def open_arrays(path: Path) -> Iterator[Any]:
    """Open a file of arrays that a trial left; each is read only when it is used.

    Raises:
        UnreadableError: The file is gone or damaged.
        UserError: There is something other than a file, which cannot be replaced by one.
    """
    if path.exists() and not path.is_file():
        raise UserError(
            f"Expected a file at {path}, found a folder, a pipe or a device. Move away what stands "
            "there, and run the same command again."
        )
    try:
        # NumPy does not close a file that it cannot read.
        with path.open("rb") as file, np.load(file, allow_pickle=False) as saved:
            if not saved.files:
                raise ValueError("no arrays")
            yield saved
    except _DAMAGED as error:
        if isinstance(error, OSError) and is_limit(error):
            raise
        found = "something else" if path.exists() else "no such file"
        raise UnreadableError(
            f"Expected arrays of trial {path.parent.name} in {path}, found {found}. Without that "
            "file the same command runs the trial again."
        ) from error


def save_arrays(path: Path, *arrays: Any, **named: Any) -> None:
    """Write arrays to a file that `open_arrays` opens."""
    # HDF5, which Keras would write, crashes the process when the disk is full.
    with atomic_path(path) as temporary:
        np.savez(temporary, *arrays, **named)


def packed(
    probabilities: NDArray[np.float32], max_whole: int = _MAX_WHOLE, max_largest: int = _MAX_LARGEST
) -> dict[str, NDArray[Any]]:
    """Return the arrays that are saved of probabilities `(texts, num_classes)`.

    With thousands of texts and classes these are the largest probabilities of each text; the small
    rest counts as spread evenly over the other classes.

    Args:
        probabilities: Array of shape `(texts, num_classes)`.
        max_whole: Integer. Up to so many numbers are saved as they are.
        max_largest: Integer. If there are more, about so many are saved. Defaults to some 60 MB.
    """
    texts, num_classes = probabilities.shape
    if probabilities.size <= max_whole:
        return {"probabilities": probabilities}
    count = min(num_classes - 1, max(_MIN_OF_A_TEXT, max_largest // texts))
    ids = np.empty((texts, count), np.uint16 if num_classes <= 1 << 16 else np.uint32)
    for first in range(0, texts, _ROWS):
        rows = slice(first, first + _ROWS)
        ids[rows] = np.argpartition(-probabilities[rows], count, axis=1)[:, :count]
    largest = np.take_along_axis(probabilities, ids.astype(np.intp), axis=1)
    return {"largest": largest, "ids": ids, "num_classes": np.array(num_classes)}


def predicted(saved: Mapping[str, NDArray[Any]]) -> NDArray[np.int64]:
    """Return the most probable class of each text from the arrays that `packed` returned.

    >>> predicted(packed(np.array([[0.2, 0.7, 0.1], [0.6, 0.3, 0.1]], np.float32))).tolist()
    [1, 0]
    """
    if "probabilities" in saved:
        whole: NDArray[np.int64] = saved["probabilities"].argmax(axis=1)
        return whole
    best = saved["largest"].argmax(axis=1)[:, None]
    return np.take_along_axis(saved["ids"], best, axis=1)[:, 0].astype(np.int64)


def unpacked(saved: Mapping[str, NDArray[Any]]) -> NDArray[np.float32]:
    """Return probabilities from the arrays that `packed` returned.

    >>> shares = np.array([[0.9, 0.06, 0.03, 0.01]], np.float32)
    >>> np.allclose(unpacked(packed(shares)), shares)
    True
    """
    if "probabilities" in saved:
        whole: NDArray[np.float32] = saved["probabilities"]
        return whole
    largest, ids, num_classes = saved["largest"], saved["ids"], int(saved["num_classes"])
    rest = np.maximum(1 - largest.sum(axis=1, keepdims=True), 0) / (num_classes - ids.shape[1])
    found = np.repeat(rest.astype(np.float32), num_classes, axis=1)
    np.put_along_axis(found, ids.astype(np.intp), largest, axis=1)
    return found
