"""What a trial costs apart from training: building its network and compiling its functions.

A short trial is mostly this. It is measured as the CPU seconds from a trial's begin to the end of
its first epoch, less those of a later epoch, which has the same batches' work and nothing else.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.common import (
    add_data_argument,
    data_config,
    describe_machine,
    format_spread,
    format_table,
    new_parser,
    positive,
    print_result,
    run_script,
)
from benchmarks.trial_parts import PARTS, Cost, cost_of_keras, cost_of_ours

if TYPE_CHECKING:
    from ecomcat.tuning.trial import TrialInputs

KERAS, OURS = "Keras's fit and predict", "ecomcat"
_SEED, _EPOCHS = 1, 4
VALUES: dict[str, Any] = {
    "vocabulary_size": 16_000,
    "max_tokens": 250,
    "lstm_tokens": 250,
    "embedding_dim": 64,
    "lstm_units": 32,
    "lstm_layers": 1,
    "bidirectional": True,
    "pooling": "max+mean",
    "embedding_pooling": "max+mean",
    "word_dropout": 0.2,
    "spatial_dropout": 0.3,
    "dropout": 0.4,
    "learning_rate": 2e-3,
    "learning_rate_schedule": "linear",
    "batch_size": 32,
    "label_smoothing": 0.1,
}


def load_inputs(path: Path | None, rows: int) -> TrialInputs:
    """Read the data and encode some of the training and validation texts.

    Args:
        path: a labelled file; None for the sample.
        rows: training texts; a quarter as many are validated on.

    Raises:
        UserError: when the data cannot be read.
    """
    import numpy as np

    from ecomcat.data.dataset import load_dataset
    from ecomcat.data.splitting import Split
    from ecomcat.model.network import lstm_classifier
    from ecomcat.text.encoding import encode_all
    from ecomcat.text.tokenizer import fit_tokenizer
    from ecomcat.tuning.trial import TrialInputs

    dataset = load_dataset(data_config(path), _SEED)
    split, random = dataset.split, np.random.default_rng(_SEED)
    tokenizer = fit_tokenizer((dataset.texts[row] for row in split.train), 16_000)
    train = random.permutation(split.train)[:rows]
    validation = random.permutation(split.validation)[: max(1, rows // 4)]
    chosen = np.concatenate([train, validation])
    numbers = np.arange(len(chosen))
    return TrialInputs(
        build=lstm_classifier,
        texts=encode_all(tokenizer, (dataset.texts[row] for row in chosen), VALUES["max_tokens"]),
        labels=dataset.labels[chosen],
        classes=len(dataset.classes),
        split=Split(numbers[: len(train)], numbers[len(train) :], numbers[:0]),
        seed=_SEED,
        patience=_EPOCHS,
        max_epochs=_EPOCHS,
    )


def measure(inputs: TrialInputs, repeats: int) -> dict[str, list[Cost]]:
    """Train in both ways in turns, each turn in the other order, after one that is not counted."""
    from ecomcat.tuning.trial import TrialTask

    ways = {KERAS: cost_of_keras, OURS: cost_of_ours}
    costs: dict[str, list[Cost]] = {way: [] for way in ways}
    for repeat in range(repeats + 1):
        for way in list(ways) if repeat % 2 else reversed(ways):
            cost = ways[way](inputs, TrialTask(repeat, VALUES, _EPOCHS))
            if repeat > 0:
                costs[way].append(cost)
    return costs


def cost_table(costs: Mapping[str, Sequence[Cost]]) -> str:
    """Write a row a way of training; the parts are known of ours alone."""
    rows = []
    for way, found in costs.items():
        parts = [[cost.parts[part] for cost in found if part in cost.parts] for part in PARTS]
        parts.append([cost.first_batches for cost in found if cost.parts])
        rows.append(
            [
                way,
                format_spread([cost.fixed for cost in found]),
                *(format_spread(seconds) if seconds else "" for seconds in parts),
                format_spread([cost.later_epoch for cost in found]),
            ]
        )
    header = ["CPU s of a trial", "apart from training", *PARTS, "first batches", "a later epoch"]
    return format_table(header, rows)


def main() -> None:
    """Run the script."""
    parser = new_parser("trial_cost", "Measure what a trial costs apart from training.")
    add_data_argument(parser)
    for name, default, what in (
        ("--rows", 600, "training texts to take"),
        ("--repeats", 5, "trials of each kind, after one that is not counted"),
    ):
        parser.add_argument(
            name,
            type=positive,
            default=default,
            metavar="N",
            help=f"{what} (default: %(default)s)",
        )
    arguments = parser.parse_args()
    machine = describe_machine()

    from ecomcat.process import import_tensorflow

    import_tensorflow()
    from benchmarks.search_cell import use_one_thread

    use_one_thread()
    inputs = load_inputs(arguments.data, arguments.rows)
    costs = measure(inputs, arguments.repeats)
    print_result(machine, cost_table(costs))
    keras, ours = (statistics.median(cost.fixed for cost in costs[way]) for way in (KERAS, OURS))
    print(
        f"\n{keras / ours:.1f} times as much with Keras's. {len(inputs.split.train):,} training "
        f"texts, {VALUES['batch_size']} a batch, embedding {VALUES['embedding_dim']}, "
        f"{VALUES['lstm_units']} units, one thread; median (least to greatest) of "
        f"{arguments.repeats} trials."
    )


if __name__ == "__main__":
    run_script(main)
