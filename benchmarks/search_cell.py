"""Run one cell of `benchmarks.search`: one method with one seed, in a process of its own."""

from __future__ import annotations

import contextlib
import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ecomcat.config import DataConfig, ModelConfig, SearchCommand, SearchConfig
from ecomcat.data.dataset import Dataset, load_dataset
from ecomcat.files import write_json
from ecomcat.model.training import Examples
from ecomcat.process import import_tensorflow
from ecomcat.text.encoding import EncodedTexts, encode_all
from ecomcat.text.tokenizer import fit_tokenizer

OnEpoch = Callable[[float], None]
Points = list[tuple[float, float]]  # CPU seconds since the search began, validation macro-F1


def run_cell(setting: dict[str, Any], output: Path) -> None:
    """Search once and write what came when.

    Args:
        setting: as `benchmarks.search` makes it.
        output: a JSON file: the setting, the points, and the CPU seconds in all.
    """
    use_one_thread()
    # The same rows and the same split whatever the method and the seed.
    dataset = load_dataset(DataConfig(name="csv", path=setting["data"]), seed=1)
    tokenizer = fit_tokenizer(
        (dataset.texts[row] for row in dataset.split.train), setting["vocabulary_size"]
    )
    texts = encode_all(tokenizer, dataset.texts, setting["max_tokens"])
    points: Points = []
    began = time.process_time()

    def on_epoch(score: float) -> None:
        points.append((time.process_time() - began, score))
        print(f"{points[-1][0]:8.1f} CPU s  {score:.4f}", file=sys.stderr, flush=True)

    run = _search_plainly if setting["engine"] == "keras_tuner" else _search_ours
    run(setting, dataset, texts, on_epoch)
    seconds = time.process_time() - began
    write_json(output, {"setting": setting, "points": points, "cpu_seconds": seconds})


def use_one_thread() -> None:
    """Let TensorFlow compute in one thread.

    The linear algebra of the samplers reads its number of threads when it is first imported, from
    the environment that `benchmarks.cells` gives a cell.
    """
    import_tensorflow()
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)


def _search_plainly(
    setting: dict[str, Any], dataset: Dataset, texts: EncodedTexts, on_epoch: OnEpoch
) -> None:
    from benchmarks import plain_keras_tuner

    def examples(rows: Any) -> Examples:
        return Examples(texts.take(rows), dataset.labels[rows])

    plain_keras_tuner.search(
        setting["algorithm"],
        examples(dataset.split.train),
        examples(dataset.split.validation),
        classes=len(dataset.classes),
        on_epoch=on_epoch,
        **{
            name: setting[name]
            for name in ("vocabulary_size", "space", "trials", "epochs", "batch_size", "seed")
        },
    )


def _search_ours(
    setting: dict[str, Any], dataset: Dataset, texts: EncodedTexts, on_epoch: OnEpoch
) -> None:
    from ecomcat.model.network import lstm_classifier
    from ecomcat.model.space import read_space
    from ecomcat.tuning.study import open_study
    from ecomcat.tuning.trial import TrialInputs
    from ecomcat.tuning.tuner import run_search

    config = _our_config(setting)
    inputs = TrialInputs(
        build=lstm_classifier,
        texts=texts,
        labels=dataset.labels,
        classes=len(dataset.classes),
        split=dataset.split,
        seed=setting["seed"],
        patience=setting["epochs"],
        max_epochs=setting["epochs"],
    )
    began = time.process_time()
    listener = _Recorder(lambda: time.process_time() - began < setting["cpu_seconds"], on_epoch)
    with (
        tempfile.TemporaryDirectory(prefix="search_") as folder,
        open_study(Path(folder), "study", {}, overwrite=False) as study,
        contextlib.suppress(_SpentError),
    ):
        run_search(config, inputs, read_space(config.model), study, [listener])


def _our_config(setting: dict[str, Any]) -> SearchCommand:
    """Return the setting in our own grammar."""
    space = setting["space"]
    model = ModelConfig(
        name="benchmark",
        build="ecomcat.model.network.lstm_classifier",
        vocabulary_size=setting["vocabulary_size"],
        max_tokens=setting["max_tokens"],
        embedding_dim=space["embedding_dim"],
        lstm_units=space["lstm_units"],
        lstm_layers=1,
        bidirectional=True,
        dropout="{}..{}".format(*space["dropout"]),
        learning_rate="{}..{} log".format(*space["learning_rate"]),
        batch_size=setting["batch_size"],
        **setting["network"],
    )
    search = SearchConfig(
        algorithm=setting["algorithm"],
        max_trials=setting["trials"],
        max_minutes=600,
        max_epochs=setting["epochs"],
        workers=1,
        **setting.get("search", {}),
    )
    return SearchCommand(model=model, search=search, seed=setting["seed"])


class _SpentError(Exception):
    """The cell's CPU seconds are spent."""


class _Recorder:
    """Hand on each epoch's score, and end the search when it has had its time."""

    def __init__(self, may_go_on: Callable[[], bool], on_epoch: OnEpoch) -> None:
        self._may_go_on = may_go_on
        self._on_epoch = on_epoch

    def trial_begins(self, record: Any, epochs: int) -> None:
        if not self._may_go_on():
            raise _SpentError

    def epoch_ends(self, record: Any, epoch: int, logs: Any) -> None:
        self._on_epoch(logs["val_macro_f1"])

    def trial_retries(self, record: Any, reason: str) -> None: ...

    def trial_ends(self, record: Any) -> None:
        print(f"{record.id} {record.status} {record.values}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    run_cell(json.loads(sys.argv[1]), Path(sys.argv[2]))
