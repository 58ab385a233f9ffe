"""The model card: what the exported folder's README.md says."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

_USAGE = """\
## Use

```
python -m ecomcat.predict input=products.csv output=labelled.csv
```

or without ecomcat, in plain Keras:

```python
import json, keras, numpy, pathlib, tokenizers
model = keras.models.load_model("model.keras")
tokenizer = tokenizers.Tokenizer.from_file("tokenizer.json")
labels = json.loads(pathlib.Path("labels.json").read_text(encoding="utf-8"))
text = "a text"
ids = tokenizer.encode(text).ids or [1]  # 1 is the unknown word, for a text without words
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
        f"- {data['rows']} rows, {data['distinct_texts']} distinct texts "
        f"({data['duplicates_removed']} duplicates removed)",
        f"- Protocol: {_escaped(data['split']['protocol'])}",
        "",
        "## Figures",
        "",
        "| set | texts | accuracy | macro-F1 | weighted F1 |",
        "|---|---|---|---|---|",
        _row("test (scored once, after the choice)", test),
        _row("validation (weights before retraining)", metrics["validation"]),
        "",
        "| category | precision | recall | F1 | test texts |",
        "|---|---|---|---|---|",
        *(
            f"| {_escaped(name)} | {score['precision']:.4f} | {score['recall']:.4f} "
            f"| {score['f1']:.4f} | {score['rows']} |"
            for name, score in test["per_class"].items()
        ),
        "",
        "## Hyperparameters",
        "",
        f"The best of {search['trials']} trials by validation macro-F1, retrained on train and "
        f"validation for {search['best_epoch']} epochs.",
        "",
        *(
            f"- {_escaped(name)}: {_escaped(value)}"
            for name, value in search["best_hyperparameters"].items()
        ),
        "",
        _USAGE,
    ]
    return "\n".join(lines)


def _row(name: str, scores: Mapping[str, Any]) -> str:
    return (
        f"| {name} | {scores['rows']} | {scores['accuracy']:.4f} | {scores['macro_f1']:.4f} "
        f"| {scores['weighted_f1']:.4f} |"
    )


def _escaped(value: object) -> str:
    """Write a value on one line so that Markdown shows it as it is."""
    return _MARKUP.sub(r"\\\g<0>", " ".join(str(value).split()))
