"""The parts of an exported model, each as a model of its own: the network, the linear part, all."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ecomcat.errors import UserError

if TYPE_CHECKING:
    from tokenizers import Tokenizer

NETWORK, LINEAR_PART, WHOLE = "LSTM", "linear", "all"


def open_parts(folder: Path) -> Mapping[str, Any]:
    """Return a model's parts by name, the network first, and all of them as one."""
    import keras

    model = keras.models.load_model(folder / "model.keras", compile=False)
    titles = {"1": NETWORK, "2": LINEAR_PART}
    parts = [layer for layer in model.layers if layer.name.startswith("part_")]
    return {titles[part.name.split("_")[1]]: part for part in parts} | {WHOLE: model}


def open_tokenizer(folder: Path) -> Tokenizer:
    """Return the tokenizer of an exported model."""
    from tokenizers import Tokenizer

    return Tokenizer.from_file(str(folder / "tokenizer.json"))


def encoder(folder: Path) -> Any:
    """Return a function that encodes texts as a model reads them."""
    from ecomcat.export.contents import trained_letter_groups
    from ecomcat.text.encoding import Lexicon, encode_all

    tokenizer = open_tokenizer(folder)
    known = Lexicon(tokenizer, trained_letter_groups(folder))
    max_tokens = tokenizer.truncation["max_length"]
    return partial(encode_all, tokenizer, max_tokens=max_tokens, known=known)


def answer_by(folder: Path, part: str) -> Callable[[Sequence[str]], NDArray[np.float32]]:
    """Return a function from texts to the probabilities that a part of a model answers."""
    from ecomcat.model.training import Scorer

    parts = open_parts(folder)
    if part not in parts:
        raise UserError(f"Expected a model with a {part} part in {folder}, found one without it.")
    score, encode = Scorer(parts[part]), encoder(folder)
    return lambda texts: score(encode(texts))
