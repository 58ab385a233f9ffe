"""`model.onnx`: write it with Keras and tf2onnx, and answer with it without TensorFlow."""

from __future__ import annotations

import logging
import math
import os
import textwrap
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ecomcat.errors import UserError, first_line
from ecomcat.process import require_extra, usable_cores
from ecomcat.text.encoding import INPUTS, EncodedTexts, bounded_inputs, scoring_batches

if TYPE_CHECKING:
    import keras
    import onnx

OUTPUT = "probabilities"
_OPSET = 18
_SCORING_BATCH = 64  # texts
_MAX_TOKENS = 32_768  # of a batch, padding included: bounds the memory that long texts take
_MAX_COMPARED = 1_000  # texts
_MAX_DIFFERENCE = 1e-4  # of a probability
_MAX_REASON = 300  # characters
_ERRORS_ONLY = 3  # one of ONNX Runtime's levels of logging


class CannotConvertError(Exception):
    """A network has a layer or an operation that ONNX does not know."""


def write_onnx(model: keras.Model, path: Path) -> None:
    """Write a model from token ids to probabilities as an ONNX file that ONNX Runtime runs.

    Args:
        model: Keras model with an input `(batch, tokens)` of integers, or with another one of
            groups of letters, and one output.
        path: The file to write. Its inputs are `token_ids` and `letter_groups`, its output is
            `probabilities`.

    Raises:
        CannotConvertError: When the model has something that tf2onnx or ONNX Runtime lacks.
    """
    try:
        with _prepared(model):
            _export(model, path)
        OnnxScorer(path).answer(*[np.ones((1, 2), np.int32)] * len(model.inputs))
    except OSError:  # a full disk says nothing about the model
        raise
    except Exception as error:  # the kinds that TensorFlow and tf2onnx raise have no other base
        reason = str(error.__cause__ or error).rpartition("failed:")[2]
        reason = textwrap.shorten(reason, _MAX_REASON, placeholder=" ...")
        raise CannotConvertError(reason) from error


def _export(model: keras.Model, path: Path) -> None:
    import keras
    import onnx
    import tensorflow as tf
    import tf2onnx
    from keras.src.export.tf2onnx_lib import patch_tf2onnx

    names = INPUTS[: len(model.inputs)]
    inputs = [keras.Input((None,), dtype="int32", name=name) for name in names]
    named = keras.Model(inputs, {OUTPUT: model(inputs if len(inputs) > 1 else inputs[0])})
    signature = [tf.TensorSpec((None, None), tf.int32, name=name) for name in names]
    patch_tf2onnx()  # tf2onnx 1.17 does not know NumPy 2; Keras's own export does the same
    # Weights are separate while the graph is optimized: with them inside, as in `model.export`,
    # each step copies them, some sixty times the model's size.
    graph, weights = tf2onnx.convert.from_function(
        tf.function(lambda *given: named(list(given)), input_signature=signature),
        signature,
        opset=_OPSET,
        large_model=True,
    )
    _put_inside(graph, weights.name_to_tensor_data)
    onnx.save(graph, path)


def _put_inside(graph: onnx.ModelProto, weights: dict[str, bytes]) -> None:
    """Move the weights into the graph, one by one, so that none is in memory twice."""
    from onnx import TensorProto

    for tensor in graph.graph.initializer:
        if tensor.data_location == TensorProto.EXTERNAL:
            places = {entry.key: entry.value for entry in tensor.external_data}
            tensor.raw_data = weights.pop(places["location"])
            tensor.data_location = TensorProto.DEFAULT
            del tensor.external_data[:]


@contextmanager
def _prepared(model: keras.Model) -> Iterator[None]:
    """Trace recurrent layers as on a CPU, as ONNX has no cuDNN operator, and hold back notices."""
    logger = logging.getLogger("tf2onnx")
    level = logger.level
    layers = [layer for layer in model._flatten_layers() if hasattr(layer, "use_cudnn")]
    before = [layer.use_cudnn for layer in layers]
    try:
        logger.setLevel(logging.CRITICAL)
        for layer in layers:
            layer.use_cudnn = False
        with warnings.catch_warnings(action="ignore"):
            yield
    finally:
        logger.setLevel(level)
        for layer, value in zip(layers, before, strict=True):
            layer.use_cudnn = value


def require_same_answers(model: keras.Model, path: Path, texts: EncodedTexts) -> None:
    """Refuse an ONNX file whose probabilities differ from its model's by 1e-4 or more.

    Args:
        model: The model that the file was made of.
        path: The file.
        texts: Encoded texts. If there are more than 1,000, this many of all lengths are compared.

    Raises:
        UserError: When the answers differ.
    """
    from ecomcat.model.training import Scorer

    by_length = np.argsort(texts.lengths, kind="stable")
    steps = np.linspace(0, len(by_length) - 1, min(len(by_length), _MAX_COMPARED))
    compared = texts.take(by_length[steps.astype(np.int64)])
    expected, found = Scorer(model)(compared), OnnxScorer(path)(compared)
    # Both have the same classes: the file was just made of the model.
    difference = float(np.abs(expected - found).max(initial=0.0))
    if not difference < _MAX_DIFFERENCE:  # also where it is not a number
        raise UserError(
            "Expected the same answers from model.keras and model.onnx, found a probability that "
            f"differs by {difference:.2g} on {len(compared)} texts, where less than "
            f"{_MAX_DIFFERENCE:g} is allowed. Nothing was exported, and the study is not lost: run "
            "the same command with final.onnx=false."
        )


class OnnxScorer:
    """Compute class probabilities with ONNX Runtime.

    Args:
        path: The model, as `write_onnx` writes it.

    Raises:
        UserError: When ONNX Runtime is not installed or cannot open the file.
    """

    def __init__(self, path: Path) -> None:
        self._session = _open(path)
        self._num_classes = self._session.get_outputs()[0].shape[-1]
        self._inputs = len(self._session.get_inputs())

    def __call__(self, texts: EncodedTexts) -> NDArray[np.float32]:
        """Return class probabilities `(texts, classes)` of texts as the model reads them."""
        probabilities = np.zeros((len(texts), self._num_classes), np.float32)

        def score(rows: NDArray[np.int64]) -> None:
            for part, inputs in bounded_inputs(texts, rows, self._inputs):
                probabilities[part] = self.answer(*inputs)

        batches = list(_batches(texts.lengths))
        if len(batches) == 1:  # starting threads takes longer than a text
            score(batches[0])
            return probabilities
        with ThreadPoolExecutor(usable_cores()) as pool:
            for _ in pool.map(score, batches):
                pass
        return probabilities

    def answer(self, *inputs: NDArray[np.int32]) -> NDArray[np.float32]:
        """Return class probabilities `(batch, classes)` for each input, padded with 0."""
        given = dict(zip(INPUTS, inputs, strict=False))
        found: NDArray[np.float32] = self._session.run(None, given)[0]
        return found


def _open(path: Path) -> Any:
    # It is read when the library is loaded, which else reports its use to Microsoft and writes
    # files for that to HOME. https://github.com/microsoft/onnxruntime/blob/main/docs/Privacy.md
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    require_extra("serve", "onnxruntime", needed_for="Answering with model.onnx")
    import onnxruntime as runtime

    options = runtime.SessionOptions()
    options.intra_op_num_threads = 1  # more rarely help small LSTMs
    options.execution_mode = runtime.ExecutionMode.ORT_SEQUENTIAL
    options.graph_optimization_level = runtime.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.log_severity_level = _ERRORS_ONLY
    # A plan would be stored for each shape, and almost every batch has a different one.
    options.enable_mem_pattern = False
    try:
        return runtime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # its kinds of errors have no other base
        raise UserError(
            f"Expected an ONNX model in {path}, found none that ONNX Runtime "
            f"{runtime.__version__} opens: {first_line(error)}. Export the model again."
        ) from error


def _batches(lengths: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    """Yield rows of texts of similar length, with a bounded number of tokens."""
    for rows in scoring_batches(lengths, _SCORING_BATCH):
        tokens = len(rows) * int(lengths[rows[-1]])
        parts = min(len(rows), math.ceil(tokens / _MAX_TOKENS))
        yield from np.array_split(rows, max(parts, 1))
