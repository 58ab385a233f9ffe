"""What computes an exported model's answers: ONNX Runtime or, where it must be, Keras."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

from ecomcat.artifact.export import MODEL, ONNX_MODEL
from ecomcat.errors import UserError, nearest

if TYPE_CHECKING:
    from ecomcat.artifact.occlusion import Score

AUTO, ONNX, KERAS = RUNTIMES = ("auto", "onnx", "keras")


def check_runtime(runtime: str) -> None:
    """Refuse a runtime that there is not, or whose package is missing.

    Raises:
        UserError: naming what there is, or what to install.
    """
    if runtime not in RUNTIMES:
        raise UserError(
            f"runtime: expected one of {', '.join(RUNTIMES)}, found {runtime!r}."
            + nearest(runtime, RUNTIMES)
        )
    onnx, keras = _installed("onnxruntime"), _installed("tensorflow")
    if (runtime == ONNX and not onnx) or (runtime == AUTO and not (onnx or keras)):
        raise UserError(
            f"runtime={runtime}: expected the package onnxruntime, found none. Install it with: "
            'pip install "ecomcat[serve]".'
        )
    if runtime == KERAS and not keras:
        raise UserError(
            "runtime=keras: expected the package tensorflow, found none. Install it with: "
            'pip install "ecomcat[train]". Or leave runtime=keras out.'
        )


def open_scorer(directory: Path, runtime: str) -> Score:
    """Open an exported model, whose manifest has been checked.

    Args:
        directory: the exported folder.
        runtime: `onnx`, `keras`, or `auto` for ONNX where the model was exported to it.

    Returns:
        A function from encoded texts to class probabilities `(texts, classes)`.

    Raises:
        UserError: when the runtime or its file is missing, or the file cannot be read.
    """
    check_runtime(runtime)
    has_onnx = (directory / ONNX_MODEL).is_file()
    if runtime == ONNX and not has_onnx:
        raise UserError(
            f"runtime=onnx: expected {directory / ONNX_MODEL}, found no such file: the network was "
            "not translated when it was exported. Use runtime=keras."
        )
    if runtime != KERAS and has_onnx and _installed("onnxruntime"):
        from ecomcat.artifact.onnx_runtime import OnnxScorer

        return OnnxScorer(directory / ONNX_MODEL)
    check_runtime(KERAS)
    return _keras_scorer(directory / MODEL)


def _keras_scorer(path: Path) -> Score:
    from ecomcat.quiet import import_tensorflow

    import_tensorflow()
    import keras

    from ecomcat.model.training import Scorer

    try:
        model = keras.models.load_model(path, compile=False)
    except (ValueError, TypeError, OSError) as error:
        raise UserError(
            f"Expected a Keras model of this version ({keras.__version__}) in {path}, found: "
            f"{str(error).splitlines()[0]}. Export it again."
        ) from error
    return Scorer(model)


def _installed(package: str) -> bool:
    return importlib.util.find_spec(package) is not None
