"""A model whose categories depend on brand and word: in Python, files, both runtimes and HTTP."""

from __future__ import annotations

import itertools
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from starlette.testclient import TestClient

import ecomcat
from ecomcat import predict
from ecomcat.command_config import ServeCommand
from ecomcat.serving.app import build_app
from ecomcat.serving.queue import Answers
from ecomcat.serving.served_model import open_model
from tests.conftest import RunMain

pytestmark = pytest.mark.slow

BRANDS, WORDS = ("Acme", "Bolt", "Cord"), ("lamp", "desk", "vase")
LOOKS = ("red", "blue", "tall", "old", "new", "oak", "tin", "odd")
SETTINGS: dict[str, Any] = {
    "model": {
        "embedding_dim": 24,
        "lstm_units": 24,
        "letter_dim": 16,
        "vocabulary_size": 100,
        "max_tokens": 16,
        "lstm_tokens": 16,
        "batch_size": 16,
        "learning_rate": 0.03,
        "word_dropout": 0.05,
        "spatial_dropout": 0.1,
        "dropout": 0.1,
        "label_smoothing": 0.0,
    },
    "search": {"max_epochs": 14, "workers": 1},
    "final": {"baseline": False},
    "data": {
        "text_column": ["title", "details"],
        "label_column": "kind",
        "category_columns": ["brand"],
        "number_columns": ["price"],
    },
}


def offers() -> pd.DataFrame:
    """Make offers of a kind that follows from brand and word, of which neither alone tells it."""
    rows = [
        {
            "title": f"{look} {WORDS[word]}",
            "details": f"made of {other}",
            "brand": BRANDS[brand],
            "price": str(10 * number) if number % 5 else "n/a",
            "kind": f"kind {(brand + word) % 3}",
        }
        for number, (brand, word, look, other) in enumerate(
            itertools.product(range(3), range(3), LOOKS, LOOKS)
        )
    ]
    return pd.DataFrame(rows)


def test_brand_and_word_together_tell_the_kind_wherever_the_model_is_asked(
    run_main: RunMain, monkeypatch: pytest.MonkeyPatch
) -> None:
    frame = offers()
    result = ecomcat.train(frame, **SETTINGS)
    assert result.metrics["test"]["accuracy"] >= 0.95
    model, keras = result.model, ecomcat.load(result.model_dir, "keras")
    expected = model.predict_proba(frame)
    assert np.abs(expected.to_numpy() - keras.predict_proba(frame).to_numpy()).max() < 1e-4
    rows = frame.drop(columns="kind").to_dict("records")
    np.testing.assert_array_equal(model.predict_proba(rows), expected)
    (words,) = model.explain([{"title": "a lamp", "brand": "bolt"}])
    assert {words[0].word, words[1].word} == {"brand: bolt", "lamp"}

    frame.to_csv("offers.csv", index=False)
    assert ecomcat.evaluate("offers.csv", "data.label_column=kind")["all"]["accuracy"] >= 0.95
    run_main(predict.main, "input=offers.csv", "output=labelled.csv")
    labelled = pd.read_csv("labelled.csv", dtype=str)
    assert [*labelled["predicted_category"]] == [*expected.idxmax(axis=1)]
    assert [*labelled.columns[:5]] == [*frame.columns]

    config = ServeCommand(model_dir=str(result.model_dir))
    app = build_app(Answers(config, open_model(result.model_dir, "onnx")), config)
    client = TestClient(app, base_url="http://127.0.0.1:8000")
    found = client.post("/predict", json={"texts": rows[:50], "top_k": "all"}).json()
    answers = pd.DataFrame([each["probabilities"] for each in found["predictions"]])
    np.testing.assert_allclose(answers[expected.columns], expected[:50], atol=1e-5)
    sent = Path("offers.csv").read_bytes()
    answer = client.post("/label", content=sent, headers={"content-type": "text/csv"})
    assert answer.text.count("kind 0") == 2 * (frame["kind"] == "kind 0").sum()

    # ONNX Runtime alone, as the model card says it.
    card = (result.model_dir / "README.md").read_text("utf-8")
    code = re.findall(r"```python\n(.*?)```", card, re.DOTALL)[0]
    text = model.fields.compose([frame["title"][0], frame["details"][0]], [frame["brand"][0]])
    monkeypatch.chdir(result.model_dir)
    exec(code.replace('"a text"', repr(text)), alone := {})
    by_hand = alone["probabilities"][0]
    np.testing.assert_allclose(by_hand, expected.loc[0, alone["labels"]], atol=1e-5)
