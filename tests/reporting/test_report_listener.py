"""A report is written while a search goes on and at its end, and never in the way of the run."""

from __future__ import annotations

import logging
import time

import pytest
from stored_study import final_snapshot, store, trial, trials

from ecomcat.reporting.study_report import ReportListener, report_final


@pytest.fixture
def study(tmp_path):
    return store(tmp_path, trials(3), final=False)


def test_it_is_written_when_the_first_trial_ends_then_with_pauses_and_at_the_end(
    study, monkeypatch
):
    now, page = [1000.0], study.directory / "report.html"
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    reports, written = ReportListener(study), []
    for seconds in (0, 10, 25, 10):
        now[0] += seconds
        reports.trial_ends(trial(3))
        written.append(page.exists())
        page.unlink(missing_ok=True)
    assert written == [True, False, True, False]
    reports.close()
    assert 'http-equiv="refresh"' not in page.read_text(encoding="utf-8")


def test_whatever_keeps_it_from_being_written_is_a_warning(study, caplog):
    (study.directory / "study.json").write_text('{"format": 3}')
    with caplog.at_level(logging.WARNING, "ecomcat"):
        ReportListener(study).trial_ends(trial(3))
    (record,) = caplog.records
    assert record.getMessage().startswith("No report: ")


def test_a_fault_of_our_own_is_a_warning_that_says_where(study, caplog):
    with caplog.at_level(logging.WARNING, "ecomcat"):
        report_final(
            study,
            study.directory,
            lambda: {**final_snapshot(), "metrics": {"final": {"trial": "3", "linear_weight": 0}}},
        )
    assert "No report: " in caplog.text and "study_report.py" in caplog.text


def test_at_the_end_of_a_run_ctrl_c_says_where_the_model_is(study, caplog, tmp_path):
    caplog.set_level(logging.INFO, "ecomcat")
    report_final(study, tmp_path / "model", final_snapshot)
    assert "The final model" in (study.directory / "report.html").read_text(encoding="utf-8")

    def stopped():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        report_final(study, tmp_path / "model", stopped)
    said = f"Stopped. The model is in {tmp_path / 'model'}; its report is not written."
    assert caplog.messages[-1] == said
