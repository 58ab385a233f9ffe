"""Score texts with an exported ONNX model: no TensorFlow, and many batches at a time."""

from __future__ import annotations

import importlib
import math
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecomcat.errors import UserError
from ecomcat.process import usable_cores
from ecomcat.text.encoding import EncodedTexts, scoring_batches

_SCORING_BATCH = 64  # texts
_MOST_TOKENS = 32_768  # of a batch, padding included: bounds the memory that long texts take
_ERRORS_ALONE = 3  # of ONNX Runtime's levels of logging


class OnnxScorer:
    """Compute class probabilities with ONNX Runtime.

    Args:
        path: the model, as `write_onnx` writes it.
        threads: that compute one batch; more than 1 seldom pay for small LSTMs.
        workers: batches computed at a time; as many as there are cores by default.

    Raises:
        UserError: when ONNX Runtime is not installed or cannot open the file.
    """

    def __init__(self, path: Path, *, threads: int = 1, workers: int | None = None) -> None:
        self._session = _open(_import_runtime(), path, threads)
        self._classes = self._session.get_outputs()[0].shape[-1]
        self._workers = workers or usable_cores()

    def __call__(self, texts: EncodedTexts) -> NDArray[np.float32]:
        """Return class probabilities of each text, shape `(texts, classes)`.

        Args:
            texts: in the vocabulary and length limit that the model was trained on.
        """
        probabilities = np.zeros((len(texts), self._classes), np.float32)

        def score(rows: NDArray[np.int64]) -> None:
            probabilities[rows] = self.answer(texts.padded(rows))

        batches = list(_batches(texts.lengths))
        if len(batches) == 1:  # starting threads takes longer than a text
            score(batches[0])
            return probabilities
        with ThreadPoolExecutor(self._workers) as pool:
            for _ in pool.map(score, batches):
                pass
        return probabilities

    def answer(self, ids: NDArray[np.int32]) -> NDArray[np.float32]:
        """Return class probabilities `(batch, classes)` for padded ids `(batch, tokens)`."""
        found: NDArray[np.float32] = self._session.run(None, {"token_ids": ids})[0]
        return found


def _import_runtime() -> ModuleType:
    # Read when it is loaded: else it reports its use to Microsoft, and keeps files for that in
    # HOME. https://github.com/microsoft/onnxruntime/blob/main/docs/Privacy.md
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    try:
        return importlib.import_module("onnxruntime")
    except ImportError as error:
        raise UserError(
            "Expected the package onnxruntime, found none. Install it with: "
            'pip install "ecomcat[serve]".'
        ) from error


def _open(runtime: ModuleType, path: Path, threads: int) -> Any:
    options = runtime.SessionOptions()
    options.intra_op_num_threads = threads
    options.execution_mode = runtime.ExecutionMode.ORT_SEQUENTIAL
    options.graph_optimization_level = runtime.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.log_severity_level = _ERRORS_ALONE
    # A plan is kept for each shape that comes by, and almost every batch has one of its own.
    options.enable_mem_pattern = False
    try:
        return runtime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # its many kinds have no other base
        raise UserError(
            f"Expected an ONNX model in {path}, found none that ONNX Runtime "
            f"{runtime.__version__} opens: {str(error).splitlines()[0]}. Export the model again."
        ) from error


def _batches(lengths: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    """Yield rows of texts of similar length, of no more tokens than memory is wanted for."""
    for rows in scoring_batches(lengths, _SCORING_BATCH):
        tokens = len(rows) * int(lengths[rows[-1]])
        parts = min(len(rows), math.ceil(tokens / _MOST_TOKENS))
        yield from np.array_split(rows, max(parts, 1))
