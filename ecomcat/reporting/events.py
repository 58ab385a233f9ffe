"""Write TensorBoard's event files, and say what a full disk means for the user."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import tensorflow as tf

from ecomcat.errors import UserError


@contextmanager
def event_writer(directory: Path) -> Iterator[Any]:
    """Open a new file of events in a folder, and make it where `tf.summary` writes to.

    Raises:
        UserError: when the disk is full or the folder cannot be written to.
    """
    with disk_errors(directory):
        writer = tf.summary.create_file_writer(str(directory))
        with writer.as_default():
            yield writer
        writer.close()


@contextmanager
def disk_errors(directory: Path) -> Iterator[None]:
    """Say what a full disk or a folder that cannot be written to means for the user."""
    try:
        yield
    except tf.errors.OpError as error:
        raise UserError(
            f"Cannot write TensorBoard's events to {directory}: {error.message}. Make room, or "
            "choose a place that you may write to, and run the same command again."
        ) from error


def write_raw(summary: Any) -> None:
    """Write a plugin's own summary with the writer that is the default."""
    tf.summary.experimental.write_raw_pb(summary.SerializeToString(), step=0)
