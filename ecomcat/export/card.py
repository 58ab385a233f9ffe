"""The model card, `model/README.md`: what the model is, how good, and what it is bad at."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from ecomcat.export.summary import (
    COVERAGE_HEADINGS,
    FIGURES,
    PART_HEADINGS,
    coverage_rows,
    hardest_pairs,
    model_sentences,
    part_rows,
    score_rows,
    verdict,
)

Escape = Callable[[object], str]

_MAX_PAIRS, _MAX_CATEGORIES = 5, 3

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
        metrics: What `metrics.json` holds.
        labels: Names of the categories.
    """
    data, search = metrics["data"], metrics["search"]
    lines = [
        "# A text classifier by ecomcat",
        "",
        f"Assigns a text to one of {len(labels)} categories.",
        "",
        *_section("Data", *_data_lines(data)),
        *model_sections(metrics, labels, escape_markdown),
        *_section(
            "Hyperparameters of the best trial",
            f"The best of {search['trials']} trials by validation macro-F1 "
            f"(trial {search['best_trial']}, {search['best_epoch']} epochs):",
            "",
            *(
                f"- {escape_markdown(name)}: {escape_markdown(value)}"
                for name, value in search["best_hyperparameters"].items()
            ),
        ),
        _USAGE,
    ]
    return "\n".join(lines)


def model_sections(
    metrics: Mapping[str, Any],
    labels: Sequence[str],
    escape: Escape,
    max_categories: int | None = None,
) -> list[str]:
    """Return what the model is and how good, in lines of Markdown.

    Args:
        metrics: What `metrics.json` holds.
        labels: Names of the categories, in the order of the model's outputs.
        escape: Function that writes a value so that the reader's Markdown shows it as it is.
        max_categories: Integer. Categories to list. Defaults to all.
    """
    test = metrics["test"]
    sets = [
        (name, scores["rows"], *(f"{scores[key]:.4f}" for key in FIGURES))
        for name, scores in score_rows(metrics).items()
    ]
    parts = [(name, *(f"{score:.4f}" for score in scores)) for name, *scores in part_rows(metrics)]
    return [
        *_section(
            "Figures",
            *_table(("of", "texts", *FIGURES.values()), sets, escape),
            "",
            verdict(metrics),
            *(["", *_table(PART_HEADINGS, parts, escape)] if parts else []),
        ),
        *_section("By category, on test", *_categories(test, labels, escape, max_categories)),
        *_section("How far to trust it", *_trust(test, metrics["final"]["temperature"], escape)),
        *_section("What it is bad at", *_weaknesses(test, labels, escape)),
        *_section("Model", *(f"- {line}" for line in model_sentences(metrics["final"]))),
    ]


def escape_markdown(value: object) -> str:
    """Write a value on one line so that Markdown shows it as it is."""
    return _MARKUP.sub(r"\\\g<0>", " ".join(str(value).split()))


def _section(title: str, *lines: str) -> list[str]:
    return [f"## {title}", "", *lines, ""]


def _table(headings: Sequence[str], rows: Iterable[Sequence[object]], escape: Escape) -> list[str]:
    return [
        f"| {' | '.join(headings)} |",
        f"|{'---|' * len(headings)}",
        *(f"| {' | '.join(map(escape, row))} |" for row in rows),
    ]


def _data_lines(data: Mapping[str, Any]) -> list[str]:
    lines = [
        f"- Source: {escape_markdown(data['source'])}",
        f"- Licence: {escape_markdown(data['licence'] or 'not stated')}",
        f"- {data['rows']} rows, {data['distinct_texts']} distinct texts "
        f"({data['duplicates_removed']} duplicates removed)",
        f"- Protocol: {escape_markdown(data['split']['protocol'])}",
    ]
    left = data.get("excluded")
    if left is not None:
        lines.append(
            f"- Left out by a person ({escape_markdown(left['source'])}): {left['train']} texts of "
            f"train, {left['validation']} of validation; {left['test']} marked texts of test "
            "stayed in it"
        )
    return lines


def _categories(
    test: Mapping[str, Any], labels: Sequence[str], escape: Escape, most: int | None
) -> list[str]:
    """Return scores of each category, with its number for pictures that cannot show its name."""
    rows = [
        (
            number,
            name,
            *(f"{test['per_class'][name][key]:.4f}" for key in ("precision", "recall", "f1")),
            test["per_class"][name]["rows"],
        )
        for number, name in enumerate(labels[:most], start=1)
    ]
    lines = _table(("#", "category", "precision", "recall", "F1", "test texts"), rows, escape)
    if len(rows) < len(labels):
        lines += ["", f"The first {len(rows)} of {len(labels)}; all stand in metrics.json."]
    return lines


def _trust(test: Mapping[str, Any], temperature: float, escape: Escape) -> list[str]:
    """Say how far the confidences can be trusted, and how much may be accepted automatically."""
    return [
        f"The probabilities were calibrated on validation (temperature {temperature:.2f}). On test "
        f"the expected calibration error is {test['calibration_error']:.4f}: the mean difference "
        "between confidence and accuracy.",
        "",
        "Answers at or above a confidence may be accepted automatically. The confidence was chosen "
        "on validation for the precision asked; test shows what it is worth:",
        "",
        *_table(COVERAGE_HEADINGS, coverage_rows(test["coverage"]), escape),
    ]


def _weaknesses(test: Mapping[str, Any], labels: Sequence[str], escape: Escape) -> list[str]:
    """Name the categories most often taken for each other, and the kinds of texts it fails at."""
    present = [(name, score) for name, score in test["per_class"].items() if score["rows"]]
    least_found = sorted(present, key=lambda item: item[1]["recall"])[:_MAX_CATEGORIES]
    return [
        *(
            f"- {count} of {total} test texts of {escape(true)} were taken for {escape(other)}."
            for count, total, true, other in hardest_pairs(test, labels, _MAX_PAIRS)
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
            for name, score in least_found
        ),
        "- Texts in languages that it was not trained on, and words that it does not know: it "
        "guesses, and its confidence says nothing.",
    ]
