"""What computes an exported model's answers: ONNX Runtime or, where it must be, Keras."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

from ecomcat.artifact.export import MODEL, ONNX_MODEL
from ecomcat.errors import UserError, nearest
from ecomcat.extras import is_installed, require_extra
from ecomcat.quiet import import_tensorflow

if TYPE_CHECKING:
    from ecomcat.artifact.occlusion import Score

AUTO, ONNX, KERAS = RUNTIMES = ("auto", "onnx", "keras")
_ONNX_PACKAGE, _KERAS_PACKAGE = "onnxruntime", "tensorflow"


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
    if runtime == ONNX or (runtime == AUTO and not is_installed(_KERAS_PACKAGE)):
        require_extra("serve", _ONNX_PACKAGE, needed_for=f"runtime={runtime}")
    if runtime == KERAS:
        require_extra("train", _KERAS_PACKAGE, needed_for="runtime=keras")


def open_scorer(directory: Path, files: Collection[str], runtime: str) -> Score:
    """Open an exported model, whose manifest has been checked.

    Args:
        directory: the exported folder.
        files: names of its own files: another model's may have been left there.
        runtime: `onnx`, `keras`, or `auto` for ONNX where the model was exported to it.

    Returns:
        A function from encoded texts to class probabilities `(texts, classes)`.

    Raises:
        UserError: when the runtime or its file is missing, or the file cannot be read.
    """
    check_runtime(runtime)
    has_onnx = ONNX_MODEL in files
    if runtime == ONNX and not has_onnx:
        raise UserError(
            f"runtime=onnx: expected {directory / ONNX_MODEL}, found no such file in its manifest: "
            "the network was not translated when it was exported. Use runtime=keras."
        )
    if runtime != KERAS and has_onnx and is_installed(_ONNX_PACKAGE):
        from ecomcat.onnx.scorer import OnnxScorer

        return OnnxScorer(directory / ONNX_MODEL)
    check_runtime(KERAS)
    return _keras_scorer(directory / MODEL)


def _keras_scorer(path: Path) -> Score:
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
