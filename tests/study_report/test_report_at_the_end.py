"""When the model is exported its report is written, and nothing that fails there ends the run."""

from __future__ import annotations

import logging
import sys
from types import ModuleType, SimpleNamespace

import pytest
from stored_study import final_facts, store, trials

from ecomcat import pipeline
from ecomcat.errors import UserError

CONFIG = SimpleNamespace(model_dir="model")


@pytest.fixture
def write(monkeypatch, tmp_path):
    """Return a function that reports on a study whose facts a given function gathers."""
    study = store(tmp_path, trials(9), final=False)

    def written(gather):
        module = ModuleType("ecomcat.final.finishing")
        module.final_facts = gather
        monkeypatch.setitem(sys.modules, "ecomcat.final.finishing", module)
        pipeline._report(CONFIG, None, study, None, None)
        return study.directory

    return written


def test_the_facts_of_the_final_model_stand_in_the_report(write):
    folder = write(lambda *_: final_facts())
    assert (folder / "final.json").is_file()
    assert "The final model" in (folder / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("error", [UserError("No room."), ValueError("No room.")])
def test_what_fails_is_a_warning(write, caplog, error):
    def fail(*_):
        raise error

    with caplog.at_level(logging.WARNING, "ecomcat"):
        write(fail)
    assert "No report: No room." in caplog.text


def test_ctrl_c_says_where_the_model_is(write, caplog):
    def stop(*_):
        raise KeyboardInterrupt

    with caplog.at_level(logging.INFO, "ecomcat"), pytest.raises(KeyboardInterrupt):
        write(stop)
    assert "Stopped. The model is in model; its report is not written." in caplog.text
