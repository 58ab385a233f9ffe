"""What a run ends with: where things are, and commands that can be copied."""

from __future__ import annotations

import logging
import shlex
from pathlib import Path

import pytest

from ecomcat.config import SearchCommand
from ecomcat.console import our_command, said_if_stopped, say_what_next_after_search


@pytest.fixture(autouse=True)
def _told(caplog):
    caplog.set_level(logging.INFO, "ecomcat")


def test_a_command_needs_no_model_folder_where_it_is_the_default():
    assert our_command("serve") == "python -m ecomcat.serve"
    assert our_command("serve", model_dir="model") == "python -m ecomcat.serve"
    assert our_command("serve", model_dir="other") == "python -m ecomcat.serve model_dir=other"


@pytest.mark.parametrize("folder", ["my model", "it's", "a$b", "(1)", "-x", "café;rm"])
def test_a_shell_reads_a_command_as_it_is_meant(folder):
    words = shlex.split(our_command("predict", "input=FILE", model_dir=folder))
    assert words == ["python", "-m", "ecomcat.predict", "input=FILE", f"model_dir={folder}"]


def test_a_search_ends_with_model_study_and_three_things_to_type(caplog):
    config = SearchCommand(model_dir="my model", outputs_dir="my outputs")
    say_what_next_after_search(config, Path("my outputs/search/mine"))
    model, study, heading, *commands = caplog.messages
    assert model.startswith("Model: my model (")
    assert model.endswith("my model/README.md)")
    assert study.startswith("Study: my outputs/search/mine (")
    assert study.endswith("my outputs/search/mine/report.html)")
    assert heading == "Next:"
    typed = [shlex.split(line, comments=True) for line in commands]
    assert [words[:3] for words in typed[:2]] == [
        ["python", "-m", "ecomcat.predict"],
        ["python", "-m", "ecomcat.serve"],
    ]
    assert all("model_dir=my model" in words for words in typed[:2])
    assert typed[2] == ["tensorboard", "--logdir", "my outputs"]


@pytest.mark.parametrize("signal", [KeyboardInterrupt(), SystemExit(143)])
def test_what_became_of_things_is_said_when_a_signal_stops_the_block(caplog, signal):
    with pytest.raises(type(signal)), said_if_stopped("Nothing was written."):
        raise signal
    assert caplog.messages == ["Stopped. Nothing was written."]


def test_nothing_is_said_of_a_block_that_ends_or_fails(caplog):
    with said_if_stopped("Nothing was written."):
        pass
    with pytest.raises(ValueError, match="no"), said_if_stopped("Nothing was written."):
        raise ValueError("no")
    assert caplog.messages == []
