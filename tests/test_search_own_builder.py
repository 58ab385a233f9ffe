"""A network of one's own: what a search makes of it, and of one that is broken."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from conftest import TINY_MODEL, TINY_SEARCH, RunCommand

pytestmark = pytest.mark.slow


def test_a_builder_of_ones_own_is_one_file_with_one_function(
    run_command: RunCommand, tmp_path: Path
) -> None:
    (tmp_path / "mine.py").write_text(
        "import keras\n"
        "def average(values, classes):\n"
        "    if values['width'] == 3:\n"
        "        raise ValueError('three is refused')\n"
        "    ids = keras.Input((None,), dtype='int32')\n"
        "    words = keras.layers.Embedding(values['vocabulary_size'], values['width'])(ids)\n"
        "    mean = keras.layers.GlobalAveragePooling1D()(words)\n"
        "    return keras.Model(ids, keras.layers.Dense(classes, activation='softmax')(mean))\n"
    )
    arguments = [
        *TINY_SEARCH,
        *TINY_MODEL,
        "model.lstm_units=4",
        "model.max_tokens=16",
        "model.build=mine.average",
        "model.extra.width=[3,5]",
        "search=grid",
    ]
    done = run_command("search", arguments, tmp_path)
    assert done.returncode == 0, done.stderr
    assert "three is refused" in done.stderr
    metrics = json.loads((tmp_path / "model" / "metrics.json").read_text())
    assert metrics["search"]["best_hyperparameters"]["extra.width"] == 5


@pytest.mark.parametrize("build", ["ecomcat.model.network.lstm_clasifier", "broken.network"])
def test_a_builder_that_cannot_be_imported_is_refused_before_a_study_begins(
    run_command: RunCommand, tmp_path: Path, build: str
) -> None:
    (tmp_path / "broken.py").write_text("import no_such_library\n")
    done = run_command("search", [*TINY_SEARCH, f"model.build={build}"], tmp_path)
    assert done.returncode == 2
    assert f"expected the dotted path of a function, found '{build}'" in done.stderr
    assert "Traceback" not in done.stderr
    assert {path.name for path in tmp_path.iterdir()} <= {"broken.py", "__pycache__"}


def test_a_loss_that_is_not_a_number_is_a_failed_trial_with_that_reason(
    run_command: RunCommand, tmp_path: Path
) -> None:
    (tmp_path / "diverging.py").write_text(
        "import keras\n"
        "def network(values, classes):\n"
        "    ids = keras.Input((None,), dtype='int32')\n"
        "    words = keras.layers.Embedding(values['vocabulary_size'], 4)(ids)\n"
        "    mean = keras.layers.GlobalAveragePooling1D()(words)\n"
        "    scores = keras.layers.Dense(classes)(mean) / 0.0\n"
        "    return keras.Model(ids, keras.layers.Softmax()(scores))\n"
    )
    arguments = [*TINY_SEARCH, "model.build=diverging.network"]
    done = run_command("search", arguments, tmp_path)
    assert done.returncode == 2
    assert "the loss became nan" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "model").exists()
