"""A missing optional package ends in a message with the line that installs it."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable

import pytest

from ecomcat.config import SearchCommand
from ecomcat.errors import UserError
from ecomcat.export.classifier import check_runtime
from ecomcat.process import is_installed, require_extra
from ecomcat.search import check_search


@pytest.fixture
def without(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Return a function that makes packages look as if they were not installed."""
    find = importlib.util.find_spec

    def hide(*packages: str) -> None:
        monkeypatch.setattr(
            importlib.util,
            "find_spec",
            lambda name, package=None: None if name in packages else find(name, package),
        )

    return hide


def test_what_is_there_is_not_asked_for() -> None:
    require_extra("train", "numpy", "json", needed_for="A test")
    assert is_installed("numpy")
    assert not is_installed("no_such_package_at_all")


def test_what_is_missing_is_named_with_the_line_that_installs_it() -> None:
    with pytest.raises(UserError) as error:
        require_extra("train", "numpy", "no_such", "nor_this", needed_for="A test")
    assert str(error.value) == (
        "A test: expected the packages no_such, nor_this, found none. Install with: "
        'pip install "ecomcat[train]"'
    )


def test_a_search_without_the_packages_of_training_says_so_first(without) -> None:
    without("tensorflow", "keras_tuner")
    with pytest.raises(UserError, match=r"tensorflow, keras_tuner, found none.*ecomcat\[train\]"):
        check_search(SearchCommand())


@pytest.mark.parametrize(
    ("runtime", "hidden", "said"),
    [
        ("auto", ["tensorflow"], None),
        ("auto", ["onnxruntime"], None),
        ("keras", ["onnxruntime"], None),
        ("onnx", ["tensorflow"], None),
        ("auto", ["onnxruntime", "tensorflow"], r"ecomcat\[serve\]"),
        ("onnx", ["onnxruntime"], r"ecomcat\[serve\]"),
        ("keras", ["tensorflow"], r"ecomcat\[train\]"),
        ("keas", [], r"one of auto, onnx, keras, found 'keas'. Did you mean 'keras'\?"),
    ],
)
def test_a_runtime_needs_its_own_package_alone(without, runtime, hidden, said) -> None:
    without(*hidden)
    if said is None:
        check_runtime(runtime)
        return
    with pytest.raises(UserError, match=said):
        check_runtime(runtime)
