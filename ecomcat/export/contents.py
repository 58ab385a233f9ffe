"""Read the files of an exported folder except the network, with care: anyone may have made it.

The manifest shows that the files belong together, not that they are right.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, NotRequired, TypedDict

import numpy as np
from numpy.typing import NDArray

from ecomcat.errors import UserError, first_line
from ecomcat.export.bundle import ACCEPTANCE, CONFIG, LABELS, METRICS, TOKENIZER, TRAINED_ROWS
from ecomcat.json_files import UnreadableError, read_json
from ecomcat.model.confidence import Acceptance, read_acceptance
from ecomcat.model.taxonomy import LevelAcceptance, Taxonomy, read_levels
from ecomcat.text.encoding import LETTER_GROUPS, MAX_LETTER_GROUPS
from ecomcat.text.fields import PLAIN, Fields, Name, read_fields
from ecomcat.text.tokenizer import is_normalized_as_ours, valid_unicode

if TYPE_CHECKING:
    from tokenizers import Tokenizer

_TEXTS = ("Oak bookshelf, five shelves", "12", "two words " * 500)
_ADVICE = "Export the model again, or copy the whole folder again."


class _Levels(TypedDict):
    confidence: list[list[float]]
    correct: list[list[int]]


class _Acceptance(TypedDict):
    confidence: list[float]
    correct: list[int]
    predicted: list[int]
    uncertainty: list[float]
    levels: NotRequired[_Levels]


class _Figures(TypedDict, total=False):
    accuracy: float | None
    macro_f1: float | None
    coverage: dict[str, Any] | None


class _Source(TypedDict, total=False):
    source: str | None


class _Metrics(TypedDict, total=False):
    test: _Figures | None
    data: _Source
    versions: dict[str, str]


def _refuse(path: Path, expected: str, found: object) -> NoReturn:
    raise UserError(f"Expected {expected} in {path}, found {found}. {_ADVICE}")


def _read(path: Path, shape: Any) -> Any:
    try:
        read = read_json(path, shape)
        # JSON may contain lone surrogates, which cannot be written to a file.
        return json.loads(valid_unicode(json.dumps(read, ensure_ascii=False)))
    except UnreadableError as error:
        raise UserError(f"{error} {_ADVICE}") from error


def read_labels(directory: Path) -> list[str]:
    """Return the names of the categories.

    Raises:
        UserError: They are not different texts.
    """
    labels: list[str] = _read(directory / LABELS, list[str])
    if len(set(labels)) < max(2, len(labels)):
        _refuse(directory / LABELS, "different names of categories", f"{len(set(labels))}")
    return labels


def open_tokenizer(directory: Path) -> Tokenizer:
    """Return the tokenizer from its JSON form: a pickle could run foreign code.

    Raises:
        UserError: It is not a tokenizer, or has no limit of tokens.
    """
    from tokenizers import Tokenizer

    path = directory / TOKENIZER
    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # the errors of tokenizers have no other base
        _refuse(path, "a tokenizer", first_line(error))
    if tokenizer.truncation is None:
        _refuse(path, "a tokenizer with a limit of tokens", "one without")
    content = _read(path, dict)
    foreign = [name for name in ("padding", "post_processor", "added_tokens") if content.get(name)]
    if not is_normalized_as_ours(tokenizer):
        foreign.append("normalizer")
    if tokenizer.truncation["stride"]:
        foreign.append("stride")
    # These can make a text of any length.
    if foreign:
        _refuse(path, "a tokenizer of our own steps", ", ".join(foreign))
    return tokenizer


def open_acceptance(
    directory: Path, num_classes: int, taxonomy: Taxonomy | None = None
) -> tuple[Acceptance, LevelAcceptance | None]:
    """Return the validation answers for thresholds: for categories, and for their levels.

    Raises:
        UserError: The file does not have, for each text, a category, and for it and each level
            above it a confidence from 0 to 1, and 0 or 1.
    """
    path = directory / ACCEPTANCE
    content = _read(path, _Acceptance)
    levels = content.get("levels", {"confidence": [], "correct": []})
    shares = [content["confidence"], *levels["confidence"]]
    right = [content["correct"], *levels["correct"]]
    # Some whole numbers of Python are too large for an array.
    bounds: list[tuple[list[Any], float]]
    bounds = [*((each, 1) for each in (*shares, *right)), (content["predicted"], num_classes - 1)]
    most_uncertain = 2 * math.log(num_classes)  # by its probabilities, and by unknown words
    bounds.append((content["uncertainty"], most_uncertain + 1e-3))
    depth = 1 if taxonomy is None else taxonomy.depth
    if not len(shares) == len(right) == depth or any(
        len(values) != len(shares[0]) or not all(0 <= each <= most for each in values)
        for values, most in bounds
    ):
        _refuse(
            path,
            "a confidence from 0 to 1, and whether the answer was right and which, for each text "
            "and level, and how uncertain it was",
            "others",
        )
    acceptance = read_acceptance(content)
    return acceptance, None if taxonomy is None else read_levels(taxonomy, acceptance, levels)


def read_metrics(directory: Path) -> dict[str, Any]:
    """Return the figures of the model.

    Raises:
        UserError: The figures, their source or the versions do not have the expected shape.
    """
    metrics: dict[str, Any] = _read(directory / METRICS, _Metrics)
    return metrics


def read_trained_rows(directory: Path) -> NDArray[np.uint64]:
    """Return the digests of the texts that the model was trained on.

    Raises:
        UserError: The file holds something else.
    """
    path = directory / TRAINED_ROWS
    try:
        rows: NDArray[np.uint64] = np.load(path, allow_pickle=False)
        if rows.dtype == np.dtype(">u8") and rows.ndim == 1:
            return rows
        found = f"{rows.dtype} of shape {rows.shape}"
    except (ValueError, EOFError, AttributeError) as error:
        found = first_line(error)
    _refuse(path, "digests of 64 bits", found)


def trained_fields(directory: Path) -> Fields:
    """Return the columns of training, none where they are unknown, without opening the model."""
    try:
        return read_fields(_trained_on(directory))
    except (UserError, TypeError):
        return PLAIN


def trained_labels(directory: Path) -> tuple[Name, ...]:
    """Return the columns of the labels of training, none where they are unknown."""
    columns = _trained_on(directory).get("label_columns")
    if not isinstance(columns, list) or any(type(name) not in {str, int} for name in columns):
        return ()
    return tuple(columns)


def trained_separator(directory: Path) -> str | None:
    """Return what separates the levels of the categories; None where they are not paths."""
    separator = _trained_on(directory).get("label_separator")
    return separator if isinstance(separator, str) else None


def trained_letter_groups(directory: Path) -> int:
    """Return how many groups of letters of a text the model reads; 512 where that is not known."""
    found = _trained_on(directory).get("letter_groups")
    return found if type(found) is int and 0 < found <= MAX_LETTER_GROUPS else LETTER_GROUPS


def _trained_on(directory: Path) -> Mapping[str, Any]:
    """Return the part of the configuration about the training data, if it can be read."""
    import yaml

    class Loader(yaml.SafeLoader):
        def compose_node(self, parent: Any, index: Any) -> Any:
            # A few aliases of aliases could expand to more than any memory holds.
            if self.check_event(yaml.AliasEvent):
                raise yaml.YAMLError("an alias")
            return super().compose_node(parent, index)

        def construct_scalar(self, node: Any) -> Any:
            return valid_unicode(super().construct_scalar(node))

    if not (directory / CONFIG).is_file():
        return {}
    try:
        config = yaml.load((directory / CONFIG).read_text(encoding="utf-8"), Loader)
        trained_on: dict[str, Any] = dict(config["trained_on"])
    except (OSError, ValueError, TypeError, LookupError, RecursionError, yaml.YAMLError):
        return {}
    return trained_on


def require_answers(
    directory: Path,
    probabilities: Callable[[Sequence[str]], NDArray[np.float32]],
    labels: Sequence[str],
) -> None:
    """Check that network, tokenizer and names fit each other, by answering some texts.

    Raises:
        UserError: There are no answers, or not a probability for each category.
    """
    try:
        answers = probabilities(_TEXTS)
        expected = (len(_TEXTS), len(labels))
        if answers.shape == expected and np.allclose(answers.sum(axis=1), 1.0, atol=1e-2):
            return
        found = f"{answers.shape[-1]}, or some that do not add up to 1"
    except Exception as error:  # ONNX Runtime and TensorFlow raise many kinds
        found = first_line(error)
    _refuse(directory, f"a network that gives {len(labels)} probabilities for a text", found)
