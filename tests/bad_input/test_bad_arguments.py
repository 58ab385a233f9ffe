"""Names and values on the command line that are wrong."""

from __future__ import annotations

import pytest
from mistakes import GOOD, assert_says, refused, search_csv, table

# Fixtures, which pytest finds here.
__all__ = ["refused", "search_csv"]


@pytest.mark.parametrize(
    ("arguments", "fragment"),
    [
        (["model.lstm_unit=3"], "Did you mean 'model.lstm_units'?"),
        (["modl=lstm"], "Did you mean 'model'?"),
        (["model=lstmm"], "Did you mean 'model=lstm'?"),
        (["+data.pth=products.csv"], "Did you mean 'data.path'?"),
        (["seed=abc"], "'abc'"),
        (["--multirun", "seed=1,2"], "model_dir=FOLDER"),
        (["model.lstm_units=0"], "model.lstm_units"),
        (["model.batch_size=-8"], "model.batch_size"),
        (["model.max_tokens=0"], "model.max_tokens"),
        (["model.dropout=1.5"], "model.dropout"),
        (["model.lstm_units=64..16"], "16..64"),
        (["model.pooling=maximum"], "model.pooling"),
        (["search.algorithm=bayes"], "Did you mean 'bayesian'?"),
        (["search.max_trials=0"], "search.max_trials"),
        (["search.max_minutes=0"], "search.max_minutes"),
        (["data.test_fraction=1.5"], "data.test_fraction"),
        (["model.build=nowhere.build"], "model.build"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
@pytest.mark.parametrize("command", ["search", "train"])
def test_a_wrong_name_or_value(refused, command, arguments, fragment):
    # The file does not exist: who reads the data first answers with something else.
    message = refused(command, "data=csv", "data.path=absent.csv", *arguments)
    assert_says(message, fragment)
    assert "no such file" not in message


def test_training_without_a_search_takes_one_value_each(refused):
    message = refused("train", "model.lstm_units=[32,64]", "model.dropout=0.1..0.5")
    assert_says(message, "model.lstm_units=[32, 64]", "model.dropout=0.1..0.5", "ecomcat.search")


@pytest.mark.parametrize("name", ["a/b", "../b", "/b", " ", "-b", ".b", "a b"])
def test_a_name_of_a_study_that_is_no_folder_name(search_csv, name):
    message = search_csv(table(*GOOD), f"search.name={name}")
    assert_says(message, "search.name", "letters", f"found {name!r}")
