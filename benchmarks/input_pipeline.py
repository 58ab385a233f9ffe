"""Training throughput of batches of similar length against batches padded to one fixed width.

Both variants train the same network by the same function on the same texts in the same batches;
they differ in the number of columns of each batch and in nothing else.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

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
from benchmarks.fixed_width import pad_to_width
from ecomcat.text.encoding import EncodedTexts, training_batches

if TYPE_CHECKING:
    from ecomcat.model.training import Examples

BUCKETED, FIXED = "of similar length", "of fixed width"
_MODEL, _MAX_TOKENS, _SEED = "bilstm_64", 250, 1
_WARM_UP_BATCHES = 32


@dataclass(frozen=True)
class Timing:
    """What one measured training took, in seconds."""

    wall: float
    cpu: float


@dataclass(frozen=True)
class Task:
    """What both variants train.

    Args:
        build: dotted path of the network's builder.
        values: a value for each hyperparameter.
        classes: number of categories.
        variants: the training texts of each variant by its name.
        epochs: measured ones, after the warm-up.
    """

    build: str
    values: Mapping[str, Any]
    classes: int
    variants: Mapping[str, Examples]
    epochs: int


def padding_share(texts: EncodedTexts, batch_size: int, epochs: int) -> float:
    """Return the share of all trained cells that is padding, 0 to 1.

    Args:
        texts: as a variant pads them.
        batch_size: texts a batch.
        epochs: trained, from the first.
    """
    cells = sum(
        texts.padded(rows).size
        for epoch in range(epochs)
        for rows in training_batches(texts.lengths, batch_size, _SEED, epoch)
    )
    return 1 - epochs * int(texts.lengths.sum()) / cells


def load_task(path: Path | None, rows: int | None, epochs: int) -> Task:
    """Read, split and encode the data as a training run does, each text cut to 250 tokens.

    Args:
        path: a labelled file; None for the sample.
        rows: most training texts to take; None for all.
        epochs: measured ones.

    Raises:
        UserError: when the data cannot be read.
    """
    from omegaconf import OmegaConf

    from ecomcat.config import ModelConfig, conf_dir
    from ecomcat.data.dataset import load_dataset
    from ecomcat.model.space import fixed_values, read_space, resolve_auto
    from ecomcat.model.training import Examples
    from ecomcat.text.encoding import encode_all
    from ecomcat.text.tokenizer import fit_tokenizer

    dataset = load_dataset(data_config(path), _SEED)
    train = dataset.split.train
    options = OmegaConf.load(conf_dir() / "model" / f"{_MODEL}.yaml")
    model: Any = OmegaConf.to_object(OmegaConf.merge(OmegaConf.structured(ModelConfig), options))
    values = fixed_values(resolve_auto(read_space(model), len(train)))
    tokenizer = fit_tokenizer((dataset.texts[row] for row in train), values["vocabulary_size"])
    chosen = np.random.default_rng(_SEED).permutation(train)[:rows]
    texts = encode_all(tokenizer, (dataset.texts[row] for row in chosen), _MAX_TOKENS)
    bucketed = Examples(texts, dataset.labels[chosen])
    fixed = replace(bucketed, texts=pad_to_width(texts, _MAX_TOKENS))
    variants = {BUCKETED: bucketed, FIXED: fixed}
    return Task(model.build, values, len(dataset.classes), variants, epochs)


def train_once(task: Task, examples: Examples) -> Timing:
    """Train a new network: a few batches that compile it, then the measured epochs."""
    from ecomcat.model.network import build_classifier, find_builder
    from ecomcat.model.training import Training, batches_of, fit

    batch_size = task.values["batch_size"]
    total_batches = task.epochs * batches_of(len(examples), batch_size)
    model = build_classifier(
        find_builder(task.build), task.values, task.classes, seed=_SEED, total_batches=total_batches
    )
    options = {
        "classes": task.classes,
        "batch_size": batch_size,
        "seed": _SEED,
        "word_dropout": task.values["word_dropout"],
    }
    few = np.arange(min(batch_size * _WARM_UP_BATCHES, len(examples)))
    warm_up = replace(examples, texts=examples.texts.take(few), labels=examples.labels[few])
    fit(Training(model, warm_up, **options), epochs=1)
    training = Training(model, examples, **options)
    wall, cpu = time.perf_counter(), time.process_time()
    fit(training, task.epochs)
    return Timing(time.perf_counter() - wall, time.process_time() - cpu)


def measure(task: Task, repeats: int) -> dict[str, list[Timing]]:
    """Train each variant in turns, each turn in the other order, so that a drift hits both."""
    timings: dict[str, list[Timing]] = {name: [] for name in task.variants}
    for repeat in range(repeats):
        names = list(task.variants)
        for name in names if repeat % 2 == 0 else reversed(names):
            timings[name].append(train_once(task, task.variants[name]))
    return timings


def pipeline_table(task: Task, timings: Mapping[str, Sequence[Timing]]) -> str:
    """Write a row a variant."""
    batch_size = task.values["batch_size"]
    rows = []
    for name, examples in task.variants.items():
        words = task.epochs * int(examples.texts.lengths.sum())
        batches = task.epochs * -(-len(examples) // batch_size)
        walls = [timing.wall for timing in timings[name]]
        rows.append(
            [
                name,
                f"{padding_share(examples.texts, batch_size, task.epochs):.1%}",
                format_spread([words / wall for wall in walls], 0),
                format_spread([1000 * wall / batches for wall in walls], 1),
                format_spread(walls, 1),
                format_spread([timing.cpu for timing in timings[name]], 1),
            ]
        )
    return format_table(["batches", "padding", "words/s", "ms/batch", "wall s", "CPU s"], rows)


def main() -> None:
    """Run the script."""
    parser = new_parser("input_pipeline", "Compare two ways of padding batches in training.")
    add_data_argument(parser)
    parser.add_argument(
        "--rows", type=positive, metavar="N", help="most training texts to take (default: all)"
    )
    parser.add_argument(
        "--epochs",
        type=positive,
        default=1,
        metavar="N",
        help="measured ones, after a warm-up (default: %(default)s)",
    )
    parser.add_argument(
        "--repeats",
        type=positive,
        default=3,
        metavar="N",
        help="trainings of each variant (default: %(default)s)",
    )
    arguments = parser.parse_args()
    machine = describe_machine()

    from ecomcat.process import import_tensorflow

    import_tensorflow()
    task = load_task(arguments.data, arguments.rows, arguments.epochs)
    timings = measure(task, arguments.repeats)
    print_result(machine, pipeline_table(task, timings))
    examples = task.variants[BUCKETED]
    print(
        f"\n{len(examples):,} texts of {examples.texts.lengths.mean():.0f} words on average, "
        f"{task.values['batch_size']} a batch, cut to {_MAX_TOKENS}; model={_MODEL}; "
        f"{task.epochs} epoch(s) a run; median (least to greatest) of {arguments.repeats} runs."
    )


if __name__ == "__main__":
    run_script(main)
