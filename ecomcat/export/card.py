"""The model card: what the exported folder's README.md says."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

Escape = Callable[[object], str]

_MOST_PAIRS, _MOST_CATEGORIES = 5, 3


def trust_lines(test: Mapping[str, Any], temperature: float) -> list[str]:
    """Say how far the confidences can be trusted, and how much needs no second look.

    Args:
        test: scores as `ecomcat.model.metrics` gives them.
        temperature: that the probabilities were calibrated with.
    """
    return [
        f"The probabilities were calibrated on validation (temperature {temperature:.2f}). On test "
        f"the expected calibration error is {test['calibration_error']:.4f}: confidence and "
        "accuracy are so far apart on average.",
        "",
        "Answers at or above a confidence may be taken without a look. The confidence was chosen "
        "on validation for the precision asked; test shows what it is worth:",
        "",
        "| precision asked | from confidence | test texts accepted | precision reached |",
        "|---|---|---|---|",
        *(_coverage_row(asked, found) for asked, found in test["coverage"].items()),
    ]


def _coverage_row(asked: str, found: Mapping[str, Any]) -> str:
    if found["threshold"] is None:
        return f"| {asked} | none is enough | 0.0 % | |"
    reached = "" if found["precision"] is None else f"{found['precision']:.4f}"
    return f"| {asked} | {found['threshold']:.4f} | {found['coverage']:.1%} | {reached} |"


def weakness_lines(test: Mapping[str, Any], labels: Sequence[str], escape: Escape) -> list[str]:
    """Name the categories most often taken for each other, and the kinds of texts it fails at.

    Args:
        test: scores as `ecomcat.model.metrics` and `ecomcat.model.metrics` give them.
        labels: names of the classes.
        escape: writes a value so that Markdown shows it as it is.
    """
    return [
        *(
            f"- {count} of {total} test texts of {escape(true)} were taken for {escape(other)}."
            for count, total, true, other in _hardest_pairs(test["confusion_matrix"], labels)
        ),
        *(
            f"- Of {found['rows']} test texts of {escape(kind)}, {found['accuracy']:.1%} were "
            f"right ({test['accuracy']:.1%} of all)."
            for kinds in test["slices"].values()
            for kind, found in kinds.items()
            if found["accuracy"] < test["accuracy"]
        ),
        *(
            f"- Of {score['rows']} test texts of {escape(name)}, {score['recall']:.1%} were found."
            for name, score in _least_found(test["per_class"])
        ),
        "- Texts in languages that it was not trained on, and words that it has not met: it "
        "guesses, and its confidence says nothing.",
    ]


def _least_found(per_class: Mapping[str, Mapping[str, Any]]) -> list[tuple[str, Mapping[str, Any]]]:
    """Return the categories of the lowest recall: small ones do not show among the pairs."""
    met = [(name, score) for name, score in per_class.items() if score["rows"]]
    return sorted(met, key=lambda item: item[1]["recall"])[:_MOST_CATEGORIES]


def _hardest_pairs(
    crossed: Sequence[Sequence[int]], labels: Sequence[str]
) -> list[tuple[int, int, str, str]]:
    """Return count, all texts of the true class, its name and that of the class predicted."""
    pairs = [
        (count, sum(row), labels[true], labels[other])
        for true, row in enumerate(crossed)
        for other, count in enumerate(row)
        if true != other and count
    ]
    return sorted(pairs, key=lambda pair: -pair[0])[:_MOST_PAIRS]


_USAGE = """\
## Use

```
python -m ecomcat.predict input=products.csv output=labelled.csv predict.min_precision=0.98
python -m ecomcat.evaluate data=csv data.path=labelled_by_people.csv
python -m ecomcat.serve
```

or without ecomcat, with ONNX Runtime (where `model.onnx` was exported) or plain Keras:

```python
import json, pathlib, numpy, onnxruntime, tokenizers
session = onnxruntime.InferenceSession("model.onnx")
tokenizer = tokenizers.Tokenizer.from_file("tokenizer.json")
labels = json.loads(pathlib.Path("labels.json").read_text(encoding="utf-8"))
text = "a text"
ids = tokenizer.encode(text).ids or [1]  # 1 is the unknown word, for a text without words
probabilities = session.run(None, {"token_ids": numpy.array([ids], dtype="int32")})[0]
print(labels[probabilities.argmax()])
```

```python
import json, keras, numpy, pathlib, tokenizers
model = keras.models.load_model("model.keras")
tokenizer = tokenizers.Tokenizer.from_file("tokenizer.json")
labels = json.loads(pathlib.Path("labels.json").read_text(encoding="utf-8"))
text = "a text"
ids = tokenizer.encode(text).ids or [1]
probabilities = model.predict(numpy.array([ids], dtype="int32"))
print(labels[probabilities.argmax()])
```
"""
# What Markdown or HTML could take for markup; an underscore between letters never is.
_MARKUP = re.compile(r"[\\`*\[\]<>&|~#!$]|(?<![^\W_])_|_(?![^\W_])")


def model_card(metrics: Mapping[str, Any], labels: Sequence[str]) -> str:
    """Write the card of a model in Markdown.

    Args:
        metrics: what `metrics.json` holds.
        labels: names of the classes.
    """
    test, data, search = metrics["test"], metrics["data"], metrics["search"]
    lines = [
        "# A text classifier by ecomcat",
        "",
        f"Assigns a text to one of {len(labels)} categories.",
        "",
        "## Data",
        "",
        f"- Source: {_escaped(data['source'])}",
        f"- Licence: {_escaped(data['licence'] or 'not stated')}",
        f"- {data['rows']} rows, {data['distinct_texts']} distinct texts "
        f"({data['duplicates_removed']} duplicates removed)",
        f"- Protocol: {_escaped(data['split']['protocol'])}",
        *_excluded_lines(data),
        "",
        "## Figures",
        "",
        "| set | texts | accuracy | macro-F1 | weighted F1 |",
        "|---|---|---|---|---|",
        _row("test (scored once, after the choice)", test),
        *_without_excluded(metrics),
        _row("validation (before retraining, chosen on these texts)", metrics["validation"]),
        *_baseline_rows(metrics["baseline"]),
        "",
        "| category | precision | recall | F1 | test texts |",
        "|---|---|---|---|---|",
        *(
            f"| {_escaped(name)} | {score['precision']:.4f} | {score['recall']:.4f} "
            f"| {score['f1']:.4f} | {score['rows']} |"
            for name, score in test["per_class"].items()
        ),
        "",
        "## How far to trust it",
        "",
        *trust_lines(test, metrics["final"]["temperature"]),
        "",
        "## What it is bad at",
        "",
        *weakness_lines(test, labels, _escaped),
        "",
        "## Model",
        "",
        *_model_lines(metrics["final"]),
        "",
        "## Hyperparameters of the best trial",
        "",
        f"The best of {search['trials']} trials by validation macro-F1 "
        f"(trial {_escaped(search['best_trial'])}, {search['best_epoch']} epochs):",
        "",
        *(
            f"- {_escaped(name)}: {_escaped(value)}"
            for name, value in search["best_hyperparameters"].items()
        ),
        "",
        _USAGE,
    ]
    return "\n".join(lines)


def _without_excluded(metrics: Mapping[str, Any]) -> list[str]:
    """Return the figures on the test texts that nobody marked, where some are marked."""
    scores = metrics.get("test_without_excluded")
    return [] if scores is None else [_row("test without the texts that a person marked", scores)]


def _excluded_lines(data: Mapping[str, Any]) -> list[str]:
    """Say which texts a person left out."""
    if "excluded" not in data:
        return []
    left = data["excluded"]
    return [
        f"- Left out by a person ({_escaped(left['source'])}): {left['train']} texts of train, "
        f"{left['validation']} of validation; {left['test']} marked texts of test stayed in it"
    ]


def _baseline_rows(baseline: Mapping[str, Any] | None) -> list[str]:
    """Return the figures of the linear baseline on the same test set, if there is one."""
    if baseline is None:
        return []
    return [_row(f"linear baseline on test: {_escaped(baseline['name'])}", baseline["test"])]


def _model_lines(final: Mapping[str, Any]) -> list[str]:
    """Say what the model is made of and what it was trained on."""
    members = final["members"]
    trials = ", ".join(
        f"trial {_escaped(member['trial'])} ({member['share']:.0%}, {member['epochs']} epochs)"
        for member in members
    )
    networks = (
        "One network" if len(members) == 1 else f"The weighted mean of {len(members)} networks"
    )
    if final["use_all_rows"]:
        rows = "train, validation and test; the figures above are of the model before the test rows"
    elif final["retrained"]:
        rows = "train and validation"
    else:
        rows = "train alone: the weights of the search, not trained again"
    lines = [f"- {networks}: {trials}.", f"- Trained on {final['trained_texts']} texts: {rows}."]
    if final["memory_share"] > 0:
        lines.append(
            f"- A memory of the training texts (which classes texts of the same words have) counts "
            f"for {final['memory_share']:.0%} of each answer."
        )
    if final["linear_share"] > 0:
        lines.append(
            f"- A linear part (what each of the text's words says by itself) counts for "
            f"{final['linear_share']:.0%} of each answer."
        )
    return lines


def _row(name: str, scores: Mapping[str, Any]) -> str:
    return (
        f"| {name} | {scores['rows']} | {scores['accuracy']:.4f} | {scores['macro_f1']:.4f} "
        f"| {scores['weighted_f1']:.4f} |"
    )


def _escaped(value: object) -> str:
    """Write a value on one line so that Markdown shows it as it is."""
    return _MARKUP.sub(r"\\\g<0>", " ".join(str(value).split()))
