"""The Python interface: a DataFrame to a model and back, and the same errors as the commands."""

from __future__ import annotations

import contextlib
import doctest
import importlib
import inspect
import json
import logging
import pickle
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import ecomcat
from ecomcat.command_config import keyword_overrides
from ecomcat.text.fields import Fields
from tests.conftest import ROOT

ONCE: dict[str, Any] = {
    "search": {"max_trials": 1, "max_epochs": 1, "workers": 1},
    "model": {"lstm_units": 8, "embedding_dim": 8, "max_tokens": 32, "bidirectional": False},
}
NETWORK_ALONE = {"linear": False, "baseline": False, "onnx": False}


def products() -> pd.DataFrame:
    """Make 180 texts of three categories."""
    words = {
        "Books": ("paperback", "novel", "atlas", "cookbook", "diary"),
        "Garden": ("hose", "spade", "rake", "flower pot", "seeds"),
        "Toys": ("teddy bear", "puzzle", "ball", "doll", "train set"),
    }
    kinds = ("red", "small", "old", "large", "new", "green", "cheap", "fine", "blue", "light")
    rows = [
        (label, f"A {kind} {word} number {number}")
        for label, things in words.items()
        for word in things
        for number, kind in enumerate(kinds)
    ]
    rows += [(label, f"Two {kind}s, {label}") for label in words for kind in kinds]
    return pd.DataFrame(rows, columns=["label", "text"])


# Names


@pytest.mark.parametrize(
    "program",
    [
        "import ecomcat; f = ecomcat.search; import ecomcat.search",
        "from ecomcat import search as f",
        "import ecomcat.train, ecomcat.audit, ecomcat.evaluate as f; f = ecomcat.search",
    ],
)
def test_search_can_be_called_whoever_imported_the_command_of_this_name(program: str) -> None:
    ask = (
        "\nimport ecomcat, inspect\nassert 'budget' in inspect.signature(f).parameters"
        "\nassert callable(ecomcat.search.main)"
        "\ntry: f('missing.csv', budget='quick')\nexcept ecomcat.UserError as error: print(error)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program + ask], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert "missing.csv: expected a table file" in done.stdout, done.stderr


def test_importing_the_package_imports_nothing_else() -> None:
    program = "import sys; before = set(sys.modules); import ecomcat; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    loaded = done.stdout.split()
    assert {name for name in loaded if name.startswith("ecomcat")} == {"ecomcat"}
    assert not {"numpy", "pandas", "hydra", "tensorflow", "sklearn"} & set(loaded)


def test_every_name_is_there_and_a_misspelt_one_is_not() -> None:
    assert all(inspect.getdoc(inspect.unwrap(getattr(ecomcat, name))) for name in ecomcat.__all__)
    with pytest.raises(AttributeError, match="'serach'"):
        ecomcat.serach  # noqa: B018


# What is asked for


@pytest.mark.parametrize(
    ("keywords", "expected"),
    [
        ({"budget": "quick", "seed": 2}, ["budget=quick", "seed=2"]),
        ({"model": {"extra": {"width": 3}}}, ["model.extra.width=3"]),
        ({"model": {"pooling": ["max", "last"]}}, ["model.pooling=[max,last]"]),
        ({"data": {"text_column": ["a, b", 2]}}, ["data.text_column=['a, b',2]"]),
        ({"final": {"onnx": False}, "against": None}, ["final.onnx=false", "against=null"]),
        ({"model_dir": Path("a b")}, ["model_dir=a b"]),
        ({"model.dropout": "0.1..0.5"}, ["model.dropout=0.1..0.5"]),
    ],
)
def test_keywords_are_the_overrides_of_the_command_line(
    keywords: dict[str, Any], expected: list[str]
) -> None:
    assert list(keyword_overrides(keywords)) == expected


@pytest.mark.parametrize(
    ("function", "data", "keywords", "message"),
    [
        ("search", "missing.csv", {}, "missing.csv: expected a table file"),
        ("search", products(), {"modle": {"dropout": 0.3}}, r"no key 'modle.dropout'.*'model.drop"),
        ("search", products(), {"budget": "fast"}, "budget: expected one of default, quick"),
        ("search", products(), {"data": {"text_column": "title"}}, "the DataFrame: .*'title'"),
        ("search", products(), {"data": {"path": "a.csv"}}, "a DataFrame or data.path"),
        ("search", products().assign(more="x"), {}, "data.text_column"),
        ("search", products(), {"test": products()[["text"]]}, "the DataFrame of test: .*'label'"),
        ("search", products(), {"test": "absent.csv"}, "absent.csv: expected a table file"),
        ("train", products(), {"validation": [1]}, "DataFrame, found list"),
        ("search", products(), {"test": products()}, "Expected texts in train, which is given"),
        (
            "search",
            products(),
            {"test": products(), "data": {"test_path": "a.csv"}},
            r"a DataFrame or data.test_path, found both \(a.csv\)",
        ),
        (
            "search",
            products().assign(part="train"),
            {"test": products(), "data": {"split_column": "part"}},
            "Expected data.split_column, or validation and test as separate",
        ),
        ("search", ["a text"], {}, "DataFrame, found list"),
        ("search", products(), {"search": {"dry_run": True}}, "expected false in Python"),
        ("train", products(), {"model": {"dropout": [0.1, 0.2]}}, "model.dropout"),
        ("evaluate", products(), {"model_dir": "nowhere"}, "an exported model in nowhere"),
        ("audit", products(), {"splits": 0}, "splits"),
        ("audit", products()[:0], {}, "a DataFrame of 0 rows: .* found no rows"),
    ],
)
def test_what_the_user_can_fix_is_a_user_error(
    function: str, data: Any, keywords: dict[str, Any], message: str, tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ecomcat.UserError, match=message):
        getattr(ecomcat, function)(data, **keywords)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("override", [["seed=2"], {"seed": 2}, None])
def test_an_override_that_is_no_string_is_a_user_error(override: Any) -> None:
    with pytest.raises(ecomcat.UserError, match=r"overrides as strings, found (list|dict|None)"):
        ecomcat.search(products(), override)


# From a DataFrame to a model


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Enter a folder that has products.csv."""
    path = tmp_path_factory.mktemp("interface")
    products().to_csv(path / "products.csv", index=False)
    with contextlib.chdir(path):
        yield path


@pytest.fixture(scope="module")
def result(folder: Path) -> Any:
    """Return the result of the search in the docstring of `ecomcat.search`."""
    (examples,) = doctest.DocTestFinder().find(
        inspect.unwrap(ecomcat.search), "search", globs={"ecomcat": ecomcat}
    )
    assert doctest.DocTestRunner().run(examples, clear_globs=False).failed == 0
    return examples.globs["result"]


@pytest.mark.slow
def test_a_search_leaves_figures_trials_and_a_model(result: Any, folder: Path) -> None:
    assert result.metrics == json.loads((folder / "model" / "metrics.json").read_text())
    assert result.trials["status"].tolist() == ["completed"]
    assert (result.study / "report.html").is_file()
    assert result.model.labels == ["Books", "Garden", "Toys"]


@pytest.mark.slow
def test_a_model_takes_pandas_and_gives_pandas_with_the_same_index(result: Any) -> None:
    frame = products().sample(5, random_state=1)
    labelled = result.model.predict(frame, min_precision=0.9, explain=True)
    assert labelled.index.equals(frame.index)
    assert " ".join(labelled) == "predicted_category confidence accept novel words reason"
    sure = labelled["confidence"] >= result.model.threshold(0.9)
    assert labelled["accept"].equals(sure & ~labelled["novel"].astype(bool))
    with pytest.raises(ecomcat.UserError, match="number above 0 to 1, found"):
        result.model.threshold(1.5)
    shares = result.model.predict_proba(frame["text"])
    assert shares.index.equals(frame.index)
    assert shares.idxmax(axis=1).tolist() == labelled["predicted_category"].tolist()
    assert result.model.predict("A red ball").shape == (1, 2)
    assert result.model.predict("Деревянная книжная полка", min_precision=0.5)["novel"].all()
    with pytest.raises(ecomcat.UserError, match=r"trained on \(text\).*found label, x"):
        result.model.predict(frame.rename(columns={"text": "x"}))
    assert ecomcat.evaluate(frame.assign(more="of no use"))["all"]["rows"] == 5


@pytest.mark.slow
def test_ctrl_c_reaches_the_caller_and_the_same_call_goes_on(
    folder: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "interrupting.py").write_text(
        "from ecomcat.model.network import lstm_classifier\n"
        "calls = []\n"
        "def build(values, classes):\n"
        "    calls.append(values)\n"
        "    if len(calls) == 2:\n"
        "        raise KeyboardInterrupt\n"
        "    return lstm_classifier(values, classes)\n"
    )
    monkeypatch.syspath_prepend(folder)
    asked = {**ONCE, "search": {**ONCE["search"], "max_trials": 2, "name": "stopped"}}
    asked["model"] = {**ONCE["model"], "build": "interrupting.build"}
    asked["final"] = NETWORK_ALONE
    with caplog.at_level(logging.INFO), pytest.raises(KeyboardInterrupt):
        ecomcat.search("products.csv", model_dir="stopped", **asked)
    assert "continues study stopped" in caplog.text
    assert not (folder / "stopped").exists()
    first = pd.read_csv(folder / "outputs" / "search" / "stopped" / "trials.csv").iloc[0]
    result = ecomcat.search("products.csv", model_dir="stopped", **asked)
    assert len(result.trials) == 2
    assert result.trials.iloc[0]["seconds"] == first["seconds"]


# As a scikit-learn estimator


def test_an_estimator_is_cloned_with_its_parameters() -> None:
    from sklearn.base import clone

    estimator = ecomcat.TextClassifier(budget="default", overrides=ONCE)
    copied = clone(estimator).set_params(seed=7)
    assert copied.get_params() == {**estimator.get_params(), "seed": 7}


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (None, "Expected a label for each text, found none"),
        (["a", np.nan, "b", None], "found 2 texts without one"),
        (pd.Series(["a", pd.NA, "b", " "], dtype="string"), "found 2 texts without one"),
        (["a", " a", "b", "b"], "found alike: 'a' and ' a'. Write"),
        (["cafe\u0301", "café", "b", "b"], "found alike: 'cafe\u0301' and 'café'"),
    ],
    ids=["none", "missing", "missing from a Series", "blanks", "forms of a letter"],
)
def test_labels_that_an_estimator_cannot_give_back_are_refused_before_training(
    labels: Any, message: str
) -> None:
    with pytest.raises(ecomcat.UserError, match=re.escape(message)):
        ecomcat.TextClassifier().fit(["one", "two", "three", "four"], labels)


def test_an_estimator_says_what_it_lacks() -> None:
    from sklearn.exceptions import NotFittedError

    with pytest.raises(NotFittedError):
        ecomcat.TextClassifier().predict(["a lamp"])
    with pytest.raises(ecomcat.UserError, match="overrides: expected a dictionary"):
        ecomcat.TextClassifier(overrides=["seed=1"]).fit(["a", "b"], [1, 2])  # type: ignore[arg-type]


@pytest.mark.slow
def test_an_estimator_ends_a_pipeline_that_is_cross_validated(tmp_path, monkeypatch) -> None:
    from sklearn.model_selection import cross_validate
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer

    monkeypatch.chdir(tmp_path)
    frame = products().sample(frac=1, random_state=1)
    numbers = frame["label"].map({"Books": 10, "Garden": 2, "Toys": 7})
    rows = frame[["text"]].assign(shop=["one", "two"] * 90, product=range(180))
    pipeline = make_pipeline(
        FunctionTransformer(lambda rows: rows.assign(text=rows["text"].str.lower())),
        ecomcat.TextClassifier(
            overrides={**ONCE, "data.category_columns": "shop", "data.group_column": "product"}
        ),
    )
    split = [np.split(np.arange(180), 2)]
    found = cross_validate(pipeline, rows, numbers, cv=split, return_estimator=True)
    assert found["test_score"] > 0.5
    fitted = found["estimator"][0][-1]
    assert fitted.classes_.tolist() == [2, 7, 10]
    again, texts = pickle.loads(pickle.dumps(fitted)), ["a red ball", "?"]
    assert fitted.classifier_.fields == Fields(("text",), ("shop",))
    assert again.predict(texts).tolist() == fitted.predict(texts).tolist()
    assert again.predict_proba(texts).sum(axis=1).tolist() == pytest.approx([1, 1])
    of_objects = ecomcat.TextClassifier(overrides={**ONCE, "final": NETWORK_ALONE})
    given = {"texts": frame[["text"]].to_dict("records"), "labels": frame["label"] + "\n"}
    run_examples("ecomcat.estimator", classifier=of_objects, **given)
    assert of_objects.predict([{"TEXT": "a red ball"}]).shape == (1,)
    assert of_objects.classes_.tolist() == ["Books\n", "Garden\n", "Toys\n"]
    assert list(tmp_path.iterdir()) == []


# Examples


TRAINED = ("ecomcat.api", "ecomcat.export.classifier")
MODULES = [
    ".".join(path.relative_to(ROOT).with_suffix("").parts)
    for path in sorted((ROOT / "ecomcat").rglob("*.py"))
    if ">>>" in path.read_text(encoding="utf-8")
]


def run_examples(name: str, **names: Any) -> None:
    options = doctest.ELLIPSIS | doctest.IGNORE_EXCEPTION_DETAIL
    finder, runner = doctest.DocTestFinder(), doctest.DocTestRunner(optionflags=options)
    for examples in finder.find(importlib.import_module(name)):
        if examples.name != "ecomcat.api.search":  # which made the model
            examples.globs.update(ecomcat=ecomcat, **names)
            assert runner.run(examples).failed == 0


@pytest.mark.parametrize("name", sorted({*MODULES} - {*TRAINED, "ecomcat.estimator"}))
def test_the_examples_of_a_module_are_right(name: str) -> None:
    run_examples(name)


@pytest.mark.slow
@pytest.mark.parametrize("name", TRAINED)
def test_the_examples_that_need_a_model_are_right(name: str, result: Any) -> None:
    run_examples(name, model=result.model)


@pytest.mark.slow
def test_the_notebook_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nbformat, client = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    text = (ROOT / "docs" / "quickstart.ipynb").read_text(encoding="utf-8")
    one = text.replace(r"max_trials\": 2", r"max_trials\": 1")  # two are trained five times each
    assert one != text
    notebook = nbformat.reads(one, as_version=4)
    resources = {"metadata": {"path": str(tmp_path)}}
    client.NotebookClient(notebook, timeout=300, resources=resources).execute()
    assert (tmp_path / "model" / "manifest.json").is_file()
