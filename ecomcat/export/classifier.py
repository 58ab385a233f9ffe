"""Join the columns of a file to texts as it was done in training, or say that it was not."""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ecomcat.config import DataConfig
from ecomcat.data.cleaning import has_words, key_digest, normalized_key
from ecomcat.errors import UserError, nearest
from ecomcat.export.bundle import (
    ACCEPTANCE,
    CONFIG,
    LABELS,
    MODEL,
    ONNX_MODEL,
    TOKENIZER,
    TRAINED_ROWS,
    check_manifest,
)
from ecomcat.export.explanation import WordWeight, explain_texts
from ecomcat.files import expanded
from ecomcat.model.metrics import Acceptance, read_acceptance
from ecomcat.process import import_tensorflow, is_installed, require_extra
from ecomcat.rows.added import ACCEPT, CATEGORY, CONFIDENCE, REASON, WORDS, Added
from ecomcat.rows.batch import Texts
from ecomcat.rows.labelled import open_cells
from ecomcat.table.header import folded
from ecomcat.text.encoding import encode_all

if TYPE_CHECKING:
    from tokenizers import Tokenizer

    from ecomcat.export.explanation import Score

logger = logging.getLogger("ecomcat")


class WeightedWord(Protocol):
    """A word and what it speaks for the answer, as `Classifier.explain` gives it."""

    @property
    def word(self) -> str:
        """The word."""

    @property
    def weight(self) -> float:
        """How far the answer's probability falls without it."""

    @property
    def spans(self) -> Sequence[tuple[int, int]]:
        """Where it stands, in characters."""


class TextClassifier(Protocol):
    """What labelling and serving need of a classifier."""

    @property
    def labels(self) -> Sequence[str]:
        """Names of the classes."""

    @property
    def text_columns(self) -> Sequence[str | int]:
        """The columns that it was trained on."""

    def probabilities(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return each class's probability for each text, `(texts, classes)`."""

    def threshold(self, min_precision: float) -> float | None:
        """Return the least confidence whose answers are right so often."""

    def explain(self, texts: Sequence[str]) -> Sequence[Sequence[WeightedWord]]:
        """Return the words of each text, strongest first."""


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
            "the network was not converted when it was exported. Use runtime=keras."
        )
    if runtime != KERAS and has_onnx and is_installed(_ONNX_PACKAGE):
        from ecomcat.export.onnx import OnnxScorer

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


ADDED_COLUMNS = (CATEGORY, CONFIDENCE)

NO_WORDS, EMPTY = "no letter, mark or digit", "empty text"
_EXPLAINED_AT_ONCE = 256  # texts, each of which is labelled once without each of its words
_DIGITS = 4  # of a confidence


@dataclass(frozen=True)
class LabelOptions:
    """What is added to a row besides its category and confidence.

    Args:
        min_precision: which share of the accepted answers is to be right; adds `accept`.
        words: how many words explain an answer; 0 adds no `words`.
        reasons: whether `reason` says why a row has no answer.
    """

    min_precision: float | None = None
    words: int = 0
    reasons: bool = False

    @property
    def added(self) -> tuple[str, ...]:
        """The names of the columns that are added, in their order."""
        extra = {
            ACCEPT: self.min_precision is not None,
            WORDS: self.words > 0,
            REASON: self.reasons,
        }
        return (*ADDED_COLUMNS, *(name for name, wanted in extra.items() if wanted))


class Labeller:
    """Labels texts batch by batch, and counts.

    Args:
        classifier: labels the texts.
        options: what is said of each.

    Attributes:
        threshold: the confidence from which an answer is accepted; None where none is.
        rows: labelled so far.
        unreadable: those of them without an answer, since they have no text.
        accepted: those of them whose answer is accepted.
    """

    def __init__(self, classifier: TextClassifier, options: LabelOptions) -> None:
        self._classifier = classifier
        self.options = options
        wanted = options.min_precision
        threshold = None if wanted is None else classifier.threshold(wanted)
        # Of the digits that are written, so that whoever reads them comes to the same rows.
        self.threshold = None if threshold is None else _rounded_up(threshold)
        self.rows = self.unreadable = self.accepted = 0

    def label(self, texts: Texts) -> Added:
        """Return what is added to the rows of a batch.

        A text without a letter, mark or digit gets no category and no confidence.
        """
        count = len(texts.values)
        columns: dict[str, list[Any]] = {name: [None] * count for name in self.options.added}
        if ACCEPT in columns:
            columns[ACCEPT] = [False] * count
        readable = [i for i, text in enumerate(texts.values) if has_words(text)]
        if readable:
            self._answer(columns, readable, [texts.values[i] for i in readable])
        if REASON in columns:
            for position in set(range(count)).difference(readable):
                columns[REASON][position] = _reason(texts, position)
        self.rows += count
        self.unreadable += count - len(readable)
        return Added(columns)

    def _answer(
        self, columns: dict[str, list[Any]], positions: Sequence[int], texts: Sequence[str]
    ) -> None:
        """Fill in what is said of rows that have a text."""
        probabilities = self._classifier.probabilities(texts)
        best, confidences = probabilities.argmax(axis=1), probabilities.max(axis=1)
        labels = self._classifier.labels
        for position, answer, confidence in zip(
            positions, best.tolist(), confidences.tolist(), strict=True
        ):
            columns[CATEGORY][position] = labels[answer]
            columns[CONFIDENCE][position] = round(confidence, _DIGITS)
        if ACCEPT in columns and self.threshold is not None:
            for position in positions:
                accepted = columns[CONFIDENCE][position] >= self.threshold
                columns[ACCEPT][position] = accepted
                self.accepted += accepted
        if WORDS in columns:
            for position, words in zip(positions, self._explained(texts), strict=True):
                columns[WORDS][position] = words

    def _explained(self, texts: Sequence[str]) -> Iterator[list[str]]:
        for start in range(0, len(texts), _EXPLAINED_AT_ONCE):
            for words in self._classifier.explain(texts[start : start + _EXPLAINED_AT_ONCE]):
                spoke_for = [word.word for word in words if word.weight > 0]
                yield spoke_for[: self.options.words]


def _rounded_up(confidence: float) -> float:
    steps = 10.0**_DIGITS
    return min(math.ceil(round(confidence * steps, 6)) / steps, 1.0)


def reason_of(text: str) -> str:
    """Say why a text has no answer."""
    return NO_WORDS if text.strip() else EMPTY


def _reason(texts: Texts, position: int) -> str:
    if position in texts.absent:
        return texts.absent[position]
    return reason_of(texts.values[position])


def with_trained_columns(data: DataConfig, trained: Sequence[str | int]) -> DataConfig:
    """Name the columns that the model was trained on, where the user names none.

    Only so are texts put together as they were in training, and known again.

    Args:
        data: how the file is to be read.
        trained: columns that the model was trained on.

    Returns:
        The same with these columns, if they are names and the file's first row has them all.
    """
    names = [column for column in trained if isinstance(column, str)]
    path = expanded(data.path or "")
    asked = _asked(data) or str(data.header).lower() == "false"
    # Only a regular file can be read twice.
    if asked or not names or len(names) < len(trained) or not path.is_file():
        return data
    with open_cells(path, data) as table:
        first = table.head[0] if table.head else []
        # Looked for once, and warned of once.
        data = replace(data, encoding=table.encoding)
    if not all(_holds_once(first, name) for name in names):
        return data
    return replace(data, text_column=names, header="true")


def _holds_once(row: Sequence[str], name: str) -> bool:
    return row.count(name) == 1 or [folded(cell) for cell in row].count(folded(name)) == 1


def _asked(data: DataConfig) -> list[Any]:
    """Return the text columns that the user names."""
    column = data.text_column
    if column is None:
        return []
    return list(column) if isinstance(column, list | tuple) else [column]


def warn_of_other_columns(
    data: DataConfig, trained: Sequence[str | int], found: Sequence[str | int]
) -> None:
    """Say so where texts were put together from other columns than in training.

    Args:
        data: how the file was read.
        trained: columns that the model was trained on.
        found: columns that the file's texts came from.
    """

    def compared(columns: Sequence[Any]) -> list[str]:
        return [folded(str(column)) for column in columns]

    if _asked(data):
        differs = compared(trained) not in (compared(_asked(data)), compared(found))
    else:
        differs = len(found) != len(trained)
    if differs:
        logger.warning(
            "The text is column %s, but the model was trained on %s: texts that it saw in training "
            "cannot be told apart from new ones where other columns were joined.",
            " + ".join(map(str, found)),
            " + ".join(map(str, trained)),
        )
