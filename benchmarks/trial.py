"""What a trial costs: apart from training, by the way of padding, and by the number of workers."""

from __future__ import annotations

import argparse
import csv
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from functools import cache, partial
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.common import (
    add_numbers,
    data_overrides,
    describe_machine,
    format_spread,
    format_table,
    log,
    new_parser,
    print_result,
    require_file,
    run_script,
)
from benchmarks.measuring import run_measured
from ecomcat.cli import compose
from ecomcat.model.space import read_space

if TYPE_CHECKING:
    from ecomcat.tuning.trial import TrialInputs

_EPOCHS, _WIDTH, _SEED = 4, 250, 1
_MODEL = (
    *(f"model.max_tokens={_WIDTH}", f"model.lstm_tokens={_WIDTH}", "model.embedding_dim=64"),
    *("model.lstm_units=32", "model.letter_dim=0", "model.batch_size=32"),
)


@cache
def trial_values() -> dict[str, Any]:
    """Return the hyperparameters that are trained: the default model's, narrower, of one width."""
    space = read_space(compose("train", _MODEL).model)
    return {name: domain[0] for name, domain in space.items()}


def load_inputs(path: Path | None, rows: int) -> TrialInputs:
    """Encode some of the training texts, and a quarter as many to validate on."""
    from benchmarks.quality_methods import load_material
    from ecomcat.data.splitting import Split
    from ecomcat.model.network import lstm_classifier
    from ecomcat.text.encoding import encode_all
    from ecomcat.text.tokenizer import fit_tokenizer
    from ecomcat.tuning.trial import TrialInputs

    material, random = load_material(path, _SEED), np.random.default_rng(_SEED)
    tokenizer = fit_tokenizer(material.rows("train").texts, trial_values()["vocabulary_size"])
    train = random.permutation(material.parts["train"])[:rows]
    validation = random.permutation(material.parts["validation"])[: max(1, rows // 4)]
    chosen = np.concatenate([train, validation])
    numbers = np.arange(len(chosen))
    return TrialInputs(
        build=lstm_classifier,
        texts=encode_all(tokenizer, [material.texts[row] for row in chosen], _WIDTH),
        label_ids=material.label_ids[chosen],
        num_classes=len(material.class_names),
        split=Split(numbers[: len(train)], numbers[len(train) :], numbers[:0]),
        seed=_SEED,
        patience=_EPOCHS,
        max_epochs=_EPOCHS,
    )


Marks = list[float]  # CPU seconds at the begin of a trial and at the end of each epoch


def train_ours(inputs: TrialInputs) -> Marks:
    """Train a trial as a worker of a search does."""
    from ecomcat.tuning.jobs import TrialTask
    from ecomcat.tuning.trial import TrialWorker

    marks = [time.process_time()]
    worker = TrialWorker(inputs)
    list(worker.begin(TrialTask(0, trial_values(), _EPOCHS)))
    for _ in range(_EPOCHS):
        list(worker.train_epoch())
        marks.append(time.process_time())
    return marks


def train_with_keras(inputs: TrialInputs, *, one_width: bool) -> Marks:
    """Train the same network through Keras's `compile` and `fit`.

    All texts are padded to one width, or batches hold texts of similar length.
    """
    import keras

    marks = [time.process_time()]
    keras.backend.clear_session()
    keras.utils.set_random_seed(_SEED)
    values = trial_values()
    model = inputs.build(values, inputs.num_classes)
    model.compile(
        optimizer=keras.optimizers.Adam(values["learning_rate"]),
        loss=keras.losses.CategoricalCrossentropy(label_smoothing=values["label_smoothing"]),
    )
    model.fit(
        _keras_batches(inputs, inputs.split.train, one_width),
        validation_data=_keras_batches(inputs, inputs.split.validation, one_width),
        epochs=_EPOCHS,
        verbose=0,
        callbacks=[
            keras.callbacks.LambdaCallback(
                on_epoch_end=lambda _epoch, _logs: marks.append(time.process_time())
            )
        ],
    )
    return marks


def _keras_batches(inputs: TrialInputs, rows: Any, one_width: bool) -> Any:
    import keras

    values = trial_values()
    examples, size = inputs.examples(rows, values), values["batch_size"]
    order = np.arange(len(rows)) if one_width else np.argsort(examples.texts.lengths)
    one_hot = np.eye(inputs.num_classes, dtype=np.float32)[examples.label_ids]

    class Batches(keras.utils.PyDataset):
        def __len__(self) -> int:
            return -(-len(order) // size)

        def __getitem__(self, number: int) -> tuple[Any, Any]:
            batch = order[number * size : (number + 1) * size]
            ids = examples.texts.padded(batch)
            if one_width:
                ids = np.pad(ids, ((0, 0), (0, _WIDTH - ids.shape[1])))
            return ids, one_hot[batch]

    return Batches()


WAYS: dict[str, Callable[[TrialInputs], Marks]] = {
    "Keras's fit, texts of one width": partial(train_with_keras, one_width=True),
    "Keras's fit, texts of similar length": partial(train_with_keras, one_width=False),
    "ecomcat": train_ours,
}


def cost_of(marks: Marks) -> tuple[float, float]:
    """Return the CPU seconds of a trial apart from training (to build and compile), and an epoch.

    The first is what is spent by the end of the first epoch beyond a later one.
    """
    first, *later = [after - before for before, after in pairwise(marks)]
    epoch = statistics.median(later)
    return first - epoch, epoch


def cost_table(inputs: TrialInputs, repeats: int) -> str:
    """Train in all ways in turns, each turn in the other order, after one that is not counted."""
    costs: dict[str, list[tuple[float, float]]] = {way: [] for way in WAYS}
    for repeat in range(repeats + 1):
        log(f"one trial in each way, turn {repeat} of {repeats}")
        for way in list(WAYS) if repeat % 2 else reversed(WAYS):
            costs[way] += [cost_of(WAYS[way](inputs))] * (repeat > 0)
    rows = [
        [way, *(format_spread(values) for values in zip(*found, strict=True))]
        for way, found in costs.items()
    ]
    return format_table(["CPU s of a trial", "apart from training", "a later epoch"], rows)


def run_workers(arguments: argparse.Namespace, workers: int) -> tuple[float, list[str]]:
    """Run one random search; return its trials a minute and the score of each trial."""
    log(f"{arguments.trials} trials with {workers} worker(s)")
    with tempfile.TemporaryDirectory(prefix="trial_") as name:
        folder = Path(name)
        command = [
            *(
                sys.executable,
                "-m",
                "ecomcat.search",
                *data_overrides(arguments.data),
                "search=random",
            ),
            *(
                f"search.workers={workers}",
                f"search.max_trials={arguments.trials}",
                *("search.pruner=none", "search.stop_early=false"),
            ),
            *(f"search.max_epochs={_EPOCHS}", "search.max_minutes=600", "search.name=study"),
            *(f"outputs_dir={folder}", f"model_dir={folder / 'model'}", f"seed={_SEED}"),
            *("final.linear=false", "final.retrain=false"),
            *("final.onnx=false", "final.baseline=false", *arguments.overrides),
        ]
        run_measured(command, folder / "log.txt")
        metrics = json.loads((folder / "model" / "metrics.json").read_text(encoding="utf-8"))
        table = folder / "search" / "study" / "trials.csv"
        with table.open(encoding="utf-8", newline="") as stream:
            found = sorted(csv.DictReader(stream), key=lambda trial: trial["id"])
    scores = [trial["val_macro_f1"] for trial in found]
    return 60 * len(scores) / metrics["search"]["seconds"], scores


def workers_table(arguments: argparse.Namespace) -> str:
    """Search with each number of workers; a trial must score the same whoever trains it."""
    found = {workers: run_workers(arguments, workers) for workers in arguments.workers}
    first_rate, first_scores = next(iter(found.values()))
    rows = [
        [str(workers), f"{rate:.2f}", f"{rate / first_rate:.2f}"]
        for workers, (rate, _) in found.items()
    ]
    table = format_table(["workers", "trials/min", f"of {arguments.workers[0]} worker(s)"], rows)
    same = all(scores == first_scores for _, scores in found.values())
    return f"{table}\n\nThe same scores with each: {'yes' if same else 'no'}."


def main() -> None:
    """Run the script."""
    parser = new_parser("trial", "Measure what a trial of a search costs.")
    add_numbers(
        parser,
        ("--workers", [1, 2], "to compare"),
        ("--trials", 8, "of each of these searches"),
        ("--rows", 600, "training texts of a trial whose cost is taken apart"),
        ("--repeats", 5, "such trials in each way, after one that is not counted"),
    )
    parser.add_argument(
        "overrides", nargs="*", metavar="OVERRIDE", help="of the searches by workers, after --"
    )
    arguments = parser.parse_args()
    require_file(arguments.data)
    machine = describe_machine()
    # Before TensorFlow is imported here, so that the searches have the machine for themselves.
    workers = workers_table(arguments)

    from ecomcat.process import import_tensorflow

    import_tensorflow()
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    inputs = load_inputs(arguments.data, arguments.rows)
    print_result(machine, cost_table(inputs, arguments.repeats), workers)


if __name__ == "__main__":
    run_script(main)
