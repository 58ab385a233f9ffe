"""Open an exported model and label texts with it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ecomcat.artifact.export import CONFIG, LABELS, MODEL, TOKENIZER, TRAINED_ROWS
from ecomcat.artifact.manifest import check_manifest
from ecomcat.data.clean import key_digest, normalized_key
from ecomcat.errors import UserError
from ecomcat.quiet import import_tensorflow
from ecomcat.text.encoding import encode_all

if TYPE_CHECKING:
    from ecomcat.model.training import Scorer


@dataclass(frozen=True)
class Classifier:
    """An exported model.

    Args:
        model: ids in, probabilities out.
        tokenizer: gives those ids.
        labels: names of the classes, in the order of the model's outputs.
        text_columns: names or positions of the columns that it was trained on.
    """

    model: Any
    tokenizer: Any
    labels: list[str]
    text_columns: tuple[str | int, ...]
    _trained_rows: NDArray[np.uint64]

    def probabilities(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return each class's probability for each text, shape `(texts, classes)`."""
        limit = self.tokenizer.truncation["max_length"]
        scores: NDArray[np.float32] = self._scorer(encode_all(self.tokenizer, texts, limit))
        return scores

    @cached_property
    def _scorer(self) -> Scorer:
        """The model, compiled once for all texts."""
        from ecomcat.model.training import Scorer

        return Scorer(self.model)

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


def load_classifier(directory: Path) -> Classifier:
    """Open an exported folder after checking that its files belong together.

    The tokenizer comes from its JSON form: a pickle could run a stranger's code.

    Raises:
        UserError: when the folder is not an export of ours, or was changed.
    """
    check_manifest(directory)
    import_tensorflow()
    import keras
    from omegaconf import OmegaConf
    from tokenizers import Tokenizer

    config = OmegaConf.load(directory / CONFIG)
    try:
        model = keras.models.load_model(directory / MODEL, compile=False)
    except (ValueError, TypeError, OSError) as error:
        raise UserError(
            f"Expected a Keras model of this version ({keras.__version__}) in "
            f"{directory / MODEL}, found: {str(error).splitlines()[0]}. Export it again."
        ) from error
    return Classifier(
        model=model,
        tokenizer=Tokenizer.from_file(str(directory / TOKENIZER)),
        labels=json.loads((directory / LABELS).read_text(encoding="utf-8")),
        text_columns=tuple(config.trained_on.text_columns),
        _trained_rows=np.load(directory / TRAINED_ROWS, allow_pickle=False),
    )
