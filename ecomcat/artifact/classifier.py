"""Open an exported model and label texts with it."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ecomcat.artifact.export import ACCEPTANCE, CONFIG, LABELS, TOKENIZER, TRAINED_ROWS
from ecomcat.artifact.manifest import check_manifest
from ecomcat.artifact.occlusion import WordWeight, explain_texts
from ecomcat.artifact.runtime import AUTO, check_runtime, open_scorer
from ecomcat.data.clean import key_digest, normalized_key
from ecomcat.errors import UserError
from ecomcat.model.confidence import Acceptance, read_acceptance
from ecomcat.text.encoding import encode_all

if TYPE_CHECKING:
    from tokenizers import Tokenizer

    from ecomcat.artifact.occlusion import Score

__all__ = ["Classifier", "WordWeight", "load_classifier", "trained_columns"]


@dataclass(frozen=True)
class Classifier:
    """An exported model.

    Args:
        score: gives class probabilities of encoded texts.
        tokenizer: encodes them.
        labels: names of the classes, in the order of the model's outputs.
        text_columns: names or positions of the columns that it was trained on.
        acceptance: what thresholds of confidence are read from.
    """

    score: Score
    tokenizer: Tokenizer
    labels: list[str]
    text_columns: tuple[str | int, ...]
    acceptance: Acceptance
    _trained_rows: NDArray[np.uint64]

    def probabilities(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return each class's probability for each text, shape `(texts, classes)`."""
        limit = self.tokenizer.truncation["max_length"]
        return self.score(encode_all(self.tokenizer, texts, limit))

    def threshold(self, min_precision: float) -> float | None:
        """Return the least confidence whose answers were right so often on validation texts.

        Args:
            min_precision: the share of accepted answers that are to be right, 0 to 1.

        Returns:
            The threshold, itself accepted; None where no confidence is enough.
        """
        return self.acceptance.threshold(min_precision)

    def explain(self, texts: Sequence[str]) -> list[tuple[WordWeight, ...]]:
        """Return each text's known words and what they speak for its answer, strongest first."""
        return explain_texts(self.score, self.tokenizer, texts)

    def was_trained_on(self, texts: Sequence[str]) -> NDArray[np.bool_]:
        """Return which texts the model saw in training, spelt the same or nearly, `(texts,)`."""
        digests = b"".join(key_digest(normalized_key(text)) for text in texts)
        # By sorting: NumPy's other way fails on this byte order where the rows are few.
        return np.isin(np.frombuffer(digests, dtype=">u8"), self._trained_rows, kind="sort")


def trained_columns(directory: Path) -> tuple[str | int, ...]:
    """Return the columns that an exported model was trained on, without opening the model.

    Args:
        directory: the exported folder.

    Returns:
        Names or positions; none where the folder does not tell, which `load_classifier` refuses.
    """
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException
    from yaml import YAMLError

    try:
        return tuple(OmegaConf.load(directory / CONFIG).trained_on.text_columns)
    except (OSError, ValueError, TypeError, AttributeError, YAMLError, OmegaConfBaseException):
        return ()


def load_classifier(directory: Path, runtime: str = AUTO) -> Classifier:
    """Open an exported folder after checking that its files belong together.

    The tokenizer comes from its JSON form: a pickle could run a stranger's code.

    Args:
        directory: the exported folder.
        runtime: `onnx`, `keras`, or `auto` for ONNX where the model was exported to it.

    Raises:
        UserError: when the folder is not an export of ours or was changed, or the runtime is
            missing.
    """
    check_runtime(runtime)
    files = check_manifest(directory)
    _require_acceptance(directory, files)
    from tokenizers import Tokenizer

    return Classifier(
        score=open_scorer(directory, files, runtime),
        tokenizer=Tokenizer.from_file(str(directory / TOKENIZER)),
        labels=json.loads((directory / LABELS).read_text(encoding="utf-8")),
        text_columns=trained_columns(directory),
        acceptance=read_acceptance(json.loads((directory / ACCEPTANCE).read_text("utf-8"))),
        _trained_rows=np.load(directory / TRAINED_ROWS, allow_pickle=False),
    )


def _require_acceptance(directory: Path, files: Collection[str]) -> None:
    if ACCEPTANCE not in files:
        raise UserError(
            f"Expected {ACCEPTANCE} in {directory}, found none: an earlier version exported this "
            "model. Run the command that exported it again; its study need not be searched again."
        )
