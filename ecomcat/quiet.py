"""Import TensorFlow without the notices that its libraries print before logging is set up."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress


def import_tensorflow() -> None:
    """Import TensorFlow and look for devices, in silence unless it fails.

    Set `TF_CPP_MIN_LOG_LEVEL` in the environment to see the notices.
    """
    # Keras would read another backend from the user's environment or home.
    os.environ["KERAS_BACKEND"] = "tensorflow"
    if "tensorflow" in sys.modules or "TF_CPP_MIN_LOG_LEVEL" in os.environ:
        _prepare_devices()
        return
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "2"
    try:
        with silenced_stderr():
            # Looking for a GPU prints notices, too.
            _prepare_devices()
    finally:
        # A process begun by this one would take it for its user's wish.
        del os.environ["TF_CPP_MIN_LOG_LEVEL"]


def _prepare_devices() -> None:
    """Let each process take as much of a GPU as it needs: the first would else take all of it."""
    import tensorflow as tf

    for device in tf.config.list_physical_devices("GPU"):
        with suppress(RuntimeError):  # the device is in use already
            tf.config.experimental.set_memory_growth(device, True)


@contextmanager
def silenced_stderr() -> Iterator[None]:
    """Hold back what is written to file descriptor 2; show it when the block fails."""
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as held_back:
        os.dup2(held_back.fileno(), 2)
        try:
            yield
        except BaseException:
            os.dup2(kept, 2)
            held_back.seek(0)
            os.write(2, held_back.read())
            raise
        finally:
            os.dup2(kept, 2)
            os.close(kept)
