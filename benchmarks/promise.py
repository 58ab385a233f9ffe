"""Whether a precision that is promised is kept, what it costs, and whether novel texts are found.

`python -m benchmarks.promise MODEL FILE`: of the file's texts that the model was not trained on, a
random half gives the threshold and the other half is accepted by it, a thousand times. The truth is
what the threshold reaches on both halves together. With `--novel FILE`, texts of no category of the
model's, also how many of them are found by how many false alarms.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.common import describe_machine, format_table, print_result, run_script
from ecomcat.config import DataConfig
from ecomcat.evaluate import labels_of, read_rows
from ecomcat.export.classifier import Classifier, load_classifier
from ecomcat.model.confidence import Acceptance, Promise, acceptance_of, uncertainty
from ecomcat.model.metrics import PRECISIONS

Rule = Callable[[Acceptance, Promise], float]
_HALVES, _NOVEL_HALVES, _LEVELS = 1000, 20, 20
_RATES = (0.01, 0.05, 0.1)


def share_seen(answers: Acceptance, promise: Promise) -> float:
    """Return the lowest confidence from which the share seen is right, one error more counted."""
    order = np.argsort(-answers.confidence, kind="stable")
    texts, errors = np.arange(1, len(order) + 1), np.cumsum(~answers.correct[order])
    precise = errors + 1 <= (1 - promise.min_precision) * (texts + 1) + 1e-9
    return float(answers.confidence[order][precise][-1]) if precise.any() else math.inf


def learn_then_test(answers: Acceptance, promise: Promise) -> float:
    """Return the last of a few thresholds, from the highest on, before one promises too little.

    A. N. Angelopoulos et al., "Learn then test: calibrating predictive algorithms to achieve risk
    control" (arXiv 2110.01052, 2021), by fixed sequence testing.
    """
    ranked, found = np.sort(answers.confidence)[::-1], math.inf
    first = min(promise.min_texts, len(ranked))
    for texts in np.linspace(first, len(ranked), _LEVELS).astype(int):
        threshold = float(ranked[texts - 1])
        bound = answers.lower_bound(threshold, promise.confidence_level)
        if bound is None or bound < promise.min_precision:
            break
        found = threshold
    return found


RULES: dict[str, Rule] = {
    "the share seen": share_seen,
    "Clopper and Pearson (ours)": Acceptance.threshold,
    "learn then test": learn_then_test,
}


def kept(answers: Acceptance, rule: Rule, promise: Promise, halves: int) -> list[float]:
    """Return how often the truth and the other half reach a promise, and the share accepted."""
    random, found = np.random.default_rng(0), []
    answers = replace(answers, uncertainty=np.zeros(0))  # the rules alone, without what is novel
    for _ in range(halves):
        one, other = np.array_split(random.permutation(len(answers.confidence)), 2)
        least = rule(answers.of(one), promise)
        reached = []
        for rows in (np.arange(len(answers.confidence)), other):
            right = answers.correct[rows][answers.confidence[rows] >= least]
            reached.append(not len(right) or right.mean() >= promise.min_precision)
        found.append([*reached, (answers.confidence[other] >= least).mean()])
    return list(np.mean(found, axis=0))


def novel_rows(usual: Acceptance, novel: np.ndarray) -> list[list[str]]:
    """Return false alarms and novel texts found at some rates, thresholds from random halves."""
    random, rows = np.random.default_rng(0), []
    for rate in _RATES:
        found = []
        for _ in range(_NOVEL_HALVES):
            one, other = np.array_split(random.permutation(len(usual.confidence)), 2)
            bound = usual.of(one).novel_from(rate)
            found.append(((usual.uncertainty[other] > bound).mean(), (novel > bound).mean()))
        alarms, hits = np.mean(found, axis=0)
        rows.append([f"{rate:.0%}", f"{alarms:.4f}", f"{hits:.4f}"])
    return rows


def novel_table(model: Classifier, usual: Acceptance, path: Path) -> str:
    """Return in words and a table how well texts of no category are told from the others."""
    from sklearn.metrics import roc_auc_score

    texts = pd.read_csv(path)[str(model.fields.texts[0])].astype(str).tolist()
    novel = uncertainty(*model.answers(texts))
    is_novel = np.repeat([0, 1], [len(usual.uncertainty), len(novel)])
    area = roc_auc_score(is_novel, np.concatenate([usual.uncertainty, novel]))
    table = format_table(["alarms allowed", "false alarms", "found"], novel_rows(usual, novel))
    return f"{len(novel):,} novel texts, AUROC {area:.4f}:\n\n{table}"


def unseen_answers(
    directory: Path, path: Path
) -> tuple[Classifier, NDArray[np.float32], NDArray[np.int64], NDArray[np.float64]]:
    """Return a model and its answers to the texts of a file that it was not trained on.

    The answers are followed by the texts' labels, and by their shares of unknown words.
    """
    model, rows = load_classifier(directory), read_rows(DataConfig(path=str(path)), directory)
    texts, labels = rows.frame["text"], labels_of(model, rows)
    unseen = ~model.was_trained_on(texts.tolist()) & labels.isin(model.labels)
    label_ids = np.array([model.labels.index(label) for label in labels[unseen]])
    probabilities, unknown_shares = model.answers(texts[unseen].tolist())
    return model, probabilities, label_ids, unknown_shares


def main() -> None:
    """Run the script."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.promise", description=__doc__)
    parser.add_argument("model", type=Path)
    parser.add_argument("file", type=Path)
    parser.add_argument("--novel", type=Path, metavar="FILE")
    parser.add_argument("--halves", type=int, default=_HALVES)
    asked = parser.parse_args()
    model, *unseen = unseen_answers(asked.model, asked.file)
    answers = acceptance_of(*unseen)
    rows = [
        [
            f"{precision}",
            name,
            *map("{:.3f}".format, kept(answers, rule, Promise(precision), asked.halves)),
        ]
        for precision in PRECISIONS
        for name, rule in RULES.items()
    ]
    header = ["precision asked", "rule", "kept in truth", "reached on the half", "accepted"]
    caption = f"{len(answers.confidence):,} texts, {answers.correct.mean():.4f} of them right"
    novel = [novel_table(model, answers, asked.novel)] if asked.novel else []
    print_result(describe_machine(), f"{caption}:\n\n{format_table(header, rows)}", *novel)


if __name__ == "__main__":
    run_script(main)
