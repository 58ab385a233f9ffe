"""What each part of an exported model adds, and what of a text it goes by.

The model is to be one of `final.retrain=false`, so that validation was not learned.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.common import describe_machine, format_table, new_parser, print_result, run_script
from benchmarks.quality_methods import load_material
from ecomcat.text.encoding import EncodedTexts, encode_all
from ecomcat.text.letters import spell
from ecomcat.text.tokenizer import UNKNOWN_ID, split_words

Answers = NDArray[np.float32]
_TITLES = {"classifier": "LSTM", "linear": "linear"}


def open_parts(folder: Path) -> dict[str, Any]:
    """Return a model's parts by name, the network first."""
    import keras

    model = keras.models.load_model(folder / "model.keras", compile=False)
    parts = [layer for layer in model.layers if layer.name.startswith("part_")]
    return {_TITLES[part.name.split("_")[2]]: part for part in parts} | {"all": model}


def mixed(network: Answers, linear: Answers, label_ids: NDArray[np.int64]) -> Answers:
    """Mix both parts, each half of the texts by the share that the other half teaches."""
    from ecomcat.final.mixture_weights import learn_shares, pool_parts

    whole = network.copy()
    halves = np.array_split(np.random.default_rng(1).permutation(len(label_ids)), 2)
    for half, other in (halves, halves[::-1]):
        shares = learn_shares([network[other]], [linear[other]], label_ids[other])
        whole[half] = pool_parts(network[half], [linear[half]], shares)
    return whole


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


def main() -> None:
    """Run the script."""
    from tokenizers import Tokenizer

    from ecomcat.model.training import Scorer

    parser = new_parser("ablation", "Say what a model's parts add, and what it goes by.")
    parser.add_argument("--model-dir", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--split", type=int, default=1, metavar="SEED", help="(default: 1)")
    arguments = parser.parse_args()
    machine = describe_machine()
    material = load_material(arguments.data, arguments.split)
    rows = material.rows("validation")
    texts, label_ids = list(rows.texts), np.asarray(rows.labels)
    tokenizer = Tokenizer.from_file(str(arguments.model_dir / "tokenizer.json"))
    limit = tokenizer.truncation["max_length"]
    parts = open_parts(arguments.model_dir)

    def accuracy(answers: Answers) -> str:
        return f"{np.mean(answers.argmax(axis=1) == label_ids):.4f}"

    encoded = dict(variants(lambda given: encode_all(tokenizer, given, limit), texts))
    asked = {
        what: {name: Scorer(part)(each) for name, part in parts.items()}
        for what, each in encoded.items()
    }
    whole = asked["as they are"]
    together = [[name, accuracy(whole[name])] for name in parts if name != "all"]
    if len(together) > 1:
        both = mixed(whole["LSTM"], whole["linear"], label_ids)
        together.append(["LSTM + linear", accuracy(both)])
    read = [[what, *(accuracy(each[name]) for name in parts)] for what, each in asked.items()]
    print_result(
        machine,
        "Parts, mixed by the share that the other half of validation teaches:\n\n"
        + format_table(["parts", "accuracy"], together),
        "What is read of the validation texts:\n\n" + format_table(["texts", *parts], read),
    )


if __name__ == "__main__":
    run_script(main)
