"""What each part of an exported model adds, and what of a text it goes by.

The model is to be one of `final.retrain=false`, so that validation was not learned. Its network is
taken as it is; the linear models, which it has as one set of weights, are fitted again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.common import (
    describe_machine,
    format_p_value,
    format_table,
    new_parser,
    print_result,
    run_script,
)
from benchmarks.model_parts import NETWORK, encoder, open_parts, open_tokenizer
from benchmarks.quality_methods import Material, load_material
from ecomcat.errors import UserError
from ecomcat.final.mixture_weights import learn_weights, pool_parts
from ecomcat.model.comparison import exact_p_value
from ecomcat.model.intervals import share_interval
from ecomcat.text.encoding import EncodedTexts
from ecomcat.text.letters import spell
from ecomcat.text.tokenizer import UNKNOWN_ID, split_words
from ecomcat.wording.summary import bracketed

Answers = NDArray[np.float32]


def linear_answers(folder: Path, material: Material, seed: int) -> dict[str, Answers]:
    """Fit the linear models to train as a search does, and let each answer validation."""
    from ecomcat.final.linear_part import LinearPart
    from ecomcat.model.training import Examples

    encode, words = encoder(folder), open_tokenizer(folder).get_vocab_size()
    train, validation = (
        Examples(encode(each.texts), each.label_ids)
        for each in (material.rows("train"), material.rows("validation"))
    )
    part = LinearPart(len(material.class_names), words, seed)
    part.fit(train)
    found = part.calibrate(validation)
    titles = ["LinearSVC", "naive Bayes"] if len(found) > 1 else ["low rank"]
    return dict(zip(titles, found, strict=True))


def mixed(parts: Sequence[Answers], label_ids: NDArray[np.int64]) -> Answers:
    """Mix parts, each half of the texts by the weights that the other half teaches."""
    first, *others = parts
    whole = first.copy()
    halves = np.array_split(np.random.default_rng(1).permutation(len(label_ids)), 2)
    for half, other in (halves, halves[::-1]):
        asked = [each[other] for each in others]
        weights = learn_weights([first[other]], asked, label_ids[other])
        whole[half] = pool_parts(first[half], [each[half] for each in others], weights)
    return whole


def parts_table(answers: Mapping[str, Answers], label_ids: NDArray[np.int64]) -> str:
    """Write a row for each part, for each group of them, and for all, with which it is compared."""
    sizes = range(1, len(answers) + 1)
    groups = [names for size in sizes for names in combinations(answers, size)]
    right = {
        names: mixed([answers[name] for name in names], label_ids).argmax(axis=1) == label_ids
        for names in groups
    }
    everything, rows = right[groups[-1]], []
    for names, each in right.items():
        gained, lost = (each & ~everything).sum(), (everything & ~each).sum()
        p_value = format_p_value(exact_p_value(int(gained), int(lost)))
        rows.append([" + ".join(names), _accuracy(each), f"{each.sum():,}", p_value])
    rows[-1][0], rows[-1][-1] = "all", ""
    return format_table(["parts", "accuracy", "texts right", "McNemar p"], rows)


def _accuracy(right: NDArray[np.bool_]) -> str:
    """Write the share of right answers with its 95 % interval."""
    return f"{right.mean():.4f} {bracketed(share_interval(right.sum(), len(right)))}"


def variants(
    encode: Callable[[Sequence[str]], EncodedTexts], texts: Sequence[str]
) -> Iterator[tuple[str, EncodedTexts]]:
    """Yield what is asked of a model, in words, and the encoded texts."""
    random = np.random.default_rng(1)
    words = [split_words(text) for text in texts]
    whole = encode(texts)
    yield "as they are", whole
    yield "words shuffled", encode([" ".join(random.permutation(each)) for each in words])
    for count in (5, 10, 25):
        yield f"the first {count} words", encode([" ".join(each[:count]) for each in words])
    yield "without letters", replace(whole, spelling=spell([]))
    yield "letters alone", hide_words(whole)


def hide_words(texts: EncodedTexts) -> EncodedTexts:
    """Return texts of which every word is unknown, but for its letters."""
    return replace(texts, vocabulary_size=UNKNOWN_ID + 1)


def reading_table(
    parts: Mapping[str, Any],
    asked: Iterable[tuple[str, EncodedTexts]],
    label_ids: NDArray[np.int64],
) -> str:
    """Write the accuracy of a model's parts on the same texts, of which they are shown less."""
    from ecomcat.model.training import Scorer

    scorers, rows = {name: Scorer(part) for name, part in parts.items()}, []
    for what, texts in asked:
        right = [scorer(texts).argmax(axis=1) == label_ids for scorer in scorers.values()]
        rows.append([what, *map(_accuracy, right)])
    return format_table(["texts", *scorers], rows)


def _require_unlearned_validation(folder: Path) -> None:
    metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    if metrics["final"]["retrained"]:
        raise UserError(
            f"--model-dir: expected a model of train alone, found one in {folder} that learned "
            "validation, too. Export one with final.retrain=false."
        )


def main() -> None:
    """Run the script."""
    from ecomcat.model.training import Scorer

    parser = new_parser("ablation", "Say what a model's parts add, and what it goes by.")
    parser.add_argument("--model-dir", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--split", type=int, default=1, metavar="SEED", help="(default: 1)")
    arguments = parser.parse_args()
    _require_unlearned_validation(arguments.model_dir)
    machine = describe_machine()
    material = load_material(arguments.data, arguments.split)
    texts, label_ids = material.rows("validation")
    encode, parts = encoder(arguments.model_dir), open_parts(arguments.model_dir)
    answers = {NETWORK: Scorer(parts[NETWORK])(encode(texts))}
    if len(parts) > 2:  # a linear part beside the LSTM and all
        answers |= linear_answers(arguments.model_dir, material, arguments.split)
    print_result(
        machine,
        f"Parts, mixed by the weights that the other half of {len(texts):,} validation texts "
        f"teaches, and compared with all:\n\n{parts_table(answers, label_ids)}",
        "What is read of the validation texts:\n\n"
        + reading_table(parts, variants(encode, texts), label_ids),
    )


if __name__ == "__main__":
    run_script(main)
