"""What the report shows of the final model: curves of confidence, and the worst mistakes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from ecomcat.data.dataset import Dataset
from ecomcat.export.explanation import WordWeight, explain_texts
from ecomcat.export.summary import verdict
from ecomcat.final.finishing import Finished
from ecomcat.model.metrics import acceptance_of
from ecomcat.model.training import predict_probabilities
from ecomcat.text.tokenizer import deployed_tokenizer

Explain = Callable[[Sequence[str]], list[tuple[WordWeight, ...]]]

_MAX_CHARACTERS = 1200  # of a text that is shown
_MAX_EXPLAINED = 3000  # characters: a text is answered anew without each of its words
_MAX_WORDS = 12  # that are marked in a text
_MIN_WEIGHT = 0.15  # of the strongest word's weight, from which a word is marked


def final_snapshot(
    dataset: Dataset, finished: Finished, tokenizer: Tokenizer, model_dir: Path
) -> dict[str, Any]:
    """Return everything that the report says of the final model, which is in `model_dir`."""
    split, tested = dataset.split, finished.tested
    answers = {
        part: acceptance_of(finished.answers[part], dataset.label_ids[getattr(split, part)])
        for part in ("test", "validation")
    }
    deployed = deployed_tokenizer(tokenizer, **vars(tested.limits))
    return {
        "model_dir": str(model_dir),
        "metrics": finished.metrics,
        "verdict": verdict(finished.metrics),
        "calibration": {part: each.calibration_bins() for part, each in answers.items()},
        "coverage": {part: each.coverage_curve() for part, each in answers.items()},
        "mistakes": confident_mistakes(
            [dataset.texts[row] for row in split.test],
            dataset.label_ids[split.test],
            finished.answers["test"],
            dataset.class_names,
            partial(explain_texts, partial(predict_probabilities, tested.model), deployed),
        ),
    }


def confident_mistakes(
    texts: Sequence[str],
    label_ids: NDArray[np.int64],
    probabilities: NDArray[np.float32],
    class_names: Sequence[str],
    explain: Explain,
    max_mistakes: int = 30,
) -> list[dict[str, Any]]:
    """Return the wrong answers of the highest confidence, with the words that speak for them.

    Returns:
        For each the `text` (its beginning), `characters` (of the whole), the `true` class and the
        `predicted` one with their probabilities `true_probability` and `confidence`, and `spans`:
        start, end and weight (1 for the strongest) of each word that is to be marked; `None` for a
        text that is too long to weigh its words.
    """
    predicted, confidence = probabilities.argmax(axis=1), probabilities.max(axis=1)
    wrong = np.flatnonzero(predicted != label_ids)
    worst = wrong[np.argsort(-confidence[wrong], kind="stable")][:max_mistakes]
    short = [row for row in worst if len(texts[row]) <= _MAX_EXPLAINED]
    words = dict(zip(short, explain([texts[row] for row in short]), strict=True))
    return [
        {
            "text": texts[row][:_MAX_CHARACTERS],
            "characters": len(texts[row]),
            "true": class_names[label_ids[row]],
            "predicted": class_names[predicted[row]],
            "true_probability": float(probabilities[row, label_ids[row]]),
            "confidence": float(confidence[row]),
            "spans": _spans(words[row]) if row in words else None,
        }
        for row in worst
    ]


def _spans(words: Sequence[WordWeight]) -> list[tuple[int, int, float]]:
    """Return where the strongest words for and against stand in what is shown, in their order."""
    strongest = sorted(words, key=lambda word: -abs(word.weight))[:_MAX_WORDS]
    highest = max((abs(word.weight) for word in strongest), default=0.0)
    marked = [word for word in strongest if abs(word.weight) > _MIN_WEIGHT * highest]
    return sorted(
        (start, stop, round(word.weight / highest, 3))
        for word in marked
        for start, stop in word.spans
        if stop <= _MAX_CHARACTERS
    )
