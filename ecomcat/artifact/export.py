"""Write `model/`: what is deployed, and what says how it came to be."""

from __future__ import annotations

import json
import logging
import pickle
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ecomcat.artifact.card import model_card
from ecomcat.artifact.manifest import write_manifest
from ecomcat.artifact.replace import replaced_folder
from ecomcat.config import SearchCommand
from ecomcat.errors import UserError
from ecomcat.files import write_json, write_text
from ecomcat.model.confidence import Acceptance

if TYPE_CHECKING:
    import keras
    from tokenizers import Tokenizer

    from ecomcat.text.encoding import EncodedTexts

logger = logging.getLogger("ecomcat")

MODEL, ONNX_MODEL = "model.keras", "model.onnx"
TOKENIZER, TOKENIZER_PICKLE = "tokenizer.json", "tokenizer.pkl"
LABELS, CONFIG, METRICS, CARD = "labels.json", "config.yaml", "metrics.json", "README.md"
TRAINED_ROWS, ACCEPTANCE = "trained_rows.npy", "acceptance.json"
_PACKAGES = ("ecomcat", "tensorflow", "keras", "keras-tuner", "scikit-learn", "tokenizers", "numpy")


@dataclass(frozen=True)
class Export:
    """What goes into the folder.

    Args:
        model: ids in, probabilities out.
        onnx_texts: that `model.onnx` must answer as the model does; None leaves the file out.
        tokenizer: gives those ids by itself.
        labels: names of the classes, in the order of the model's outputs.
        config: of the run.
        text_columns: names or positions of the columns that the texts came from.
        metrics: all figures.
        acceptance: what thresholds of confidence are read from.
        trained_rows: digests of the texts that the model was trained on.
    """

    model: keras.Model
    onnx_texts: EncodedTexts | None
    tokenizer: Tokenizer
    labels: Sequence[str]
    config: SearchCommand
    text_columns: Sequence[str | int]
    metrics: Mapping[str, Any]
    acceptance: Acceptance
    trained_rows: Sequence[bytes]


def export_model(directory: Path, export: Export) -> None:
    """Write the folder whole, in place of an earlier export.

    Raises:
        UserError: when something else stands there or the disk is full.
    """
    with replaced_folder(directory) as folder:
        export.model.save(folder / MODEL)
        if export.onnx_texts is not None:
            _write_onnx(folder / ONNX_MODEL, export.model, export.onnx_texts)
        write_text(folder / TOKENIZER, export.tokenizer.to_str(pretty=True))
        # For those who expect it; our own commands never open a pickle.
        (folder / TOKENIZER_PICKLE).write_bytes(pickle.dumps(export.tokenizer))
        write_json(folder / LABELS, list(export.labels))
        write_text(folder / CONFIG, _yaml(export))
        write_json(folder / METRICS, export.metrics)
        write_text(folder / ACCEPTANCE, json.dumps(export.acceptance.describe()) + "\n")
        write_text(folder / CARD, model_card(export.metrics, export.labels))
        rows = np.frombuffer(b"".join(sorted(export.trained_rows)), dtype=">u8")
        np.save(folder / TRAINED_ROWS, rows, allow_pickle=False)
        write_manifest(folder, sorted(path.name for path in folder.iterdir()))


def _write_onnx(path: Path, model: keras.Model, texts: EncodedTexts) -> None:
    """Write the model for ONNX Runtime, unless it has layers that have no translation."""
    from ecomcat.onnx.export import DifferentAnswersError, require_same_answers, write_onnx
    from ecomcat.onnx.graph import CannotTranslateError

    try:
        write_onnx(model, path)
        require_same_answers(model, path, texts)
    except CannotTranslateError as error:
        logger.warning(
            "No %s: %s Commands will use Keras, which takes longer to start and to answer.",
            ONNX_MODEL,
            error,
        )
    except DifferentAnswersError as error:
        raise UserError(
            f"Expected the same answers from {MODEL} and {ONNX_MODEL}: {error} Nothing was "
            "exported, and the study is whole: run the same command with final.onnx=false."
        ) from error


def _yaml(export: Export) -> str:
    from omegaconf import OmegaConf

    content = asdict(export.config)
    # What `predict` looks for in a file that names no column.
    content["trained_on"] = {"text_columns": list(export.text_columns)}
    return OmegaConf.to_yaml(OmegaConf.create(content))


def package_versions() -> dict[str, str]:
    """Return the versions of what shaped the result."""
    import platform

    versions = {name: metadata.version(name) for name in _PACKAGES if _installed(name)}
    return {"python": platform.python_version(), **versions}


def _installed(package: str) -> bool:
    try:
        metadata.version(package)
    except metadata.PackageNotFoundError:
        return False
    return True
