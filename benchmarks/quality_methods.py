"""The methods that `benchmarks.quality` compares ours with, and the rows that all of them share.

A method is a class with `choose` and `fit`, and an entry in `BASELINES`. What is chosen is chosen
on validation macro-F1, by models that are fitted on train alone.
"""

from __future__ import annotations

import pickle
import re
import string
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from benchmarks.common import data_config
from ecomcat.data.dataset import load_dataset
from ecomcat.errors import UserError
from ecomcat.final.baseline import LinearChoice, choose_linear, fit_linear
from ecomcat.final.linear_features import FEATURES
from ecomcat.model.metrics import macro_f1

Choice = Mapping[str, Any]

_LABEL = "__label__"
_PUNCTUATION = re.compile(f"([{re.escape(string.punctuation)}])")
_BUCKETS = 200_000  # rows of the table that pairs of words and sub-words share
_SUBWORDS = {"none": (0, 0), "3 to 5 letters": (3, 5)}
_GRID = ((0.2, 0.5, 1.0), (10, 25), (50,), tuple(_SUBWORDS))
_QUICK_GRID = ((0.5, 1.0), (10, 25), (50,), ("none",))


class Rows(NamedTuple):
    """Texts and their class numbers, shape `(texts,)`."""

    texts: list[str]
    label_ids: NDArray[np.int64]


@dataclass(frozen=True)
class Material:
    """All rows of one split."""

    texts: Sequence[str]  # all distinct ones, in the order of the file
    label_ids: NDArray[np.int64]  # class numbers, shape (texts,)
    class_names: list[str]
    parts: Mapping[str, NDArray[np.int64]]  # row numbers of train, validation and test, ascending

    def rows(self, *parts: str) -> Rows:
        """Return the rows of some parts, and read no other row."""
        numbers = np.sort(np.concatenate([self.parts[part] for part in parts]))
        return Rows([self.texts[number] for number in numbers], self.label_ids[numbers])


def load_material(path: Path | None, seed: int) -> Material:
    """Read a file, or the sample, and split it as our commands do: distinct texts, stratified."""
    dataset = load_dataset(data_config(path), seed)
    parts = {
        part: np.sort(getattr(dataset.split, part)) for part in ("train", "validation", "test")
    }
    return Material(dataset.texts, dataset.label_ids, dataset.class_names, parts)


@dataclass(frozen=True)
class Task:
    """What a method is given besides the rows."""

    num_classes: int
    seed: int  # of the split; whatever a method draws at random comes from it
    quick: bool = False  # whether a smaller grid is enough


class Model(Protocol):
    """What a method leaves: class numbers of raw texts, and the number of bytes to deploy."""

    def predict(self, texts: Sequence[str]) -> NDArray[np.int64]: ...  # noqa: D102
    def size(self) -> int: ...  # noqa: D102


class Method(Protocol):
    """How a method is fitted."""

    def choose(self, train: Rows, validation: Rows, task: Task) -> tuple[Choice, Model]:
        """Choose on validation; return the choice, for JSON, and its model, fitted on train."""

    def fit(self, rows: Rows, choice: Choice, task: Task) -> Model:
        """Fit what was chosen on other rows."""


def choose_best(
    method: Method, choices: Iterable[Choice], train: Rows, validation: Rows, task: Task
) -> tuple[Choice, Model]:
    """Fit every choice on train and return the best on validation; of equals the first.

    A choice whose training fails (a loss that is not a number) is passed over.
    """
    best: tuple[float, Choice, Model] | None = None
    for choice in choices:
        try:
            model = method.fit(train, choice, task)
        except RuntimeError:
            continue
        score = macro_f1(validation.label_ids, model.predict(validation.texts), task.num_classes)
        if best is None or score > best[0]:
            best = score, choice, model
    if best is None:
        raise UserError("Expected a choice that can be trained, found none: leave the method out.")
    return best[1:]


@dataclass(frozen=True)
class Pickled:
    """A scikit-learn pipeline from texts to class numbers, deployed as a pickle."""

    pipeline: Any

    def predict(self, texts: Sequence[str]) -> NDArray[np.int64]:
        """Return class numbers."""
        return np.asarray(self.pipeline.predict(texts))

    def size(self) -> int:
        """Return the number of bytes of the pickle."""
        return len(pickle.dumps(self.pipeline))


@dataclass(frozen=True)
class Pipelines:
    """scikit-learn pipelines from texts to classes, of which validation chooses one."""

    grid: Sequence[Choice]
    build: Callable[[Choice], Any]

    def choose(self, train: Rows, validation: Rows, task: Task) -> tuple[Choice, Model]:
        """Choose the best of the grid."""
        return choose_best(self, self.grid, train, validation, task)

    def fit(self, rows: Rows, choice: Choice, task: Task) -> Model:
        """Fit one choice."""
        return Pickled(self.build(choice).fit(rows.texts, rows.label_ids))


def _majority(_choice: Choice) -> Any:
    from sklearn.dummy import DummyClassifier

    return DummyClassifier(strategy="most_frequent")


def _naive_bayes(choice: Choice) -> Any:
    from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
    from sklearn.naive_bayes import ComplementNB
    from sklearn.pipeline import make_pipeline

    vectorizer = TfidfVectorizer if choice["weights"] == "tfidf" else CountVectorizer
    return make_pipeline(vectorizer(ngram_range=(1, 2)), ComplementNB(alpha=choice["alpha"]))


def _logistic_regression(choice: Choice) -> Any:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    # Of the solvers by far the fastest where there are many more words than texts.
    model = LogisticRegression(C=choice["cost"], solver="newton-cg", max_iter=1000)
    return make_pipeline(TfidfVectorizer(ngram_range=(1, 2)), model)


@dataclass(frozen=True)
class LinearModel:
    """The linear baseline that the search command prints, or of some kinds of features alone."""

    kinds: Sequence[str] = tuple(FEATURES)

    def choose(self, train: Rows, validation: Rows, task: Task) -> tuple[Choice, Model]:
        """Choose what is counted, the model, its setting and the weight of what is repeated."""
        best, *_ = choose_linear(train, validation, task.num_classes, self.kinds)
        return asdict(best.choice), Pickled(best.model)

    def fit(self, rows: Rows, choice: Choice, task: Task) -> Model:
        """Fit one choice."""
        return Pickled(
            fit_linear((rows.texts, rows.label_ids), LinearChoice(**choice), task.num_classes)
        )


@dataclass(frozen=True)
class FastTextModel:
    """A trained model, deployed as fastText's own binary."""

    model: Any

    def predict(self, texts: Sequence[str]) -> NDArray[np.int64]:
        """Return class numbers."""
        found, _ = self.model.predict([_one_line(text) for text in texts])
        return np.array([int(labels[0].removeprefix(_LABEL)) for labels in found])

    def size(self) -> int:
        """Return the number of bytes of the binary."""
        with tempfile.TemporaryDirectory(prefix="fasttext_") as folder:
            path = Path(folder) / "model.bin"
            self.model.save_model(str(path))
            return path.stat().st_size


class FastText:
    """fastText with pairs of words; texts as in its tutorial: lower case, punctuation apart."""

    def choose(self, train: Rows, validation: Rows, task: Task) -> tuple[Choice, Model]:
        """Choose the learning rate, the epochs and whether there are sub-words."""
        names = ("lr", "epoch", "dim", "subwords")
        grid = _QUICK_GRID if task.quick else _GRID
        choices = [dict(zip(names, values, strict=True)) for values in product(*grid)]
        return choose_best(self, choices, train, validation, task)

    def fit(self, rows: Rows, choice: Choice, task: Task) -> Model:
        """Train one choice, in one thread, so that it repeats."""
        import fasttext

        shortest, longest = _SUBWORDS[choice["subwords"]]
        with tempfile.TemporaryDirectory(prefix="fasttext_") as folder:
            path = Path(folder) / "train.txt"
            pairs = zip(rows.texts, rows.label_ids, strict=True)
            lines = (f"{_LABEL}{label} {_one_line(text)}\n" for text, label in pairs)
            path.write_text("".join(lines), encoding="utf-8")
            model = fasttext.train_supervised(
                str(path),
                **{name: choice[name] for name in ("lr", "epoch", "dim")},
                minn=shortest,
                maxn=longest,
                wordNgrams=2,
                bucket=_BUCKETS,
                thread=1,
                seed=task.seed,
                verbose=0,
            )
        return FastTextModel(model)


def _one_line(text: str) -> str:
    """Return a text in lower case, in one line, its punctuation separated."""
    valid = text.encode("utf-8", "replace").decode("utf-8")
    return " ".join(_PUNCTUATION.sub(r" \1 ", valid.lower()).split())


BASELINES: dict[str, Method] = {
    "majority": Pipelines([{}], _majority),
    "naive_bayes": Pipelines(
        [
            {"weights": weights, "alpha": alpha}
            for weights, alpha in product(("counts", "tfidf"), (0.01, 0.03, 0.1, 0.3, 1.0))
        ],
        _naive_bayes,
    ),
    "linear_words": LinearModel(("words",)),
    "linear_tokens": LinearModel(("tokens",)),
    "linear_letters": LinearModel(("letters",)),
    "linear_both": LinearModel(("tokens_letters",)),
    "linear": LinearModel(),
    "logistic_regression": Pipelines(
        [{"cost": cost} for cost in (1.0, 4.0, 16.0, 64.0, 256.0)], _logistic_regression
    ),
    "fasttext": FastText(),
}
