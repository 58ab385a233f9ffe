"""While a search goes on its report is written now and then, and never in its way."""

from __future__ import annotations

import logging

import pytest
from stored_study import store, trial, trials

from ecomcat.errors import UserError
from ecomcat.reporting import study_page as listener
from ecomcat.reporting.study_page import ReportListener


class Clock:
    """Seconds that pass when they are told to."""

    def __init__(self):
        self.seconds = 1000.0

    def __call__(self):
        return self.seconds


@pytest.fixture
def written(monkeypatch, tmp_path):
    """Return the times at which the report was written, each writing of a second."""
    clock, times = Clock(), []

    def write(study, *, running):
        times.append(clock.seconds if running else "closed")
        clock.seconds += 1

    monkeypatch.setattr(listener, "write_report", write)
    return clock, times, ReportListener(store(tmp_path, []), clock)


def test_it_is_written_when_the_first_trial_ends_and_then_with_pauses(written):
    clock, times, reports = written
    for _ in range(200):
        reports.trial_ends(trial(0))
        clock.seconds += 1
    # A writing of a second may come every fifty.
    assert times == [1000.0, 1051.0, 1102.0, 1153.0]


def test_when_the_search_ends_it_is_written_once_more_however_short_the_time(written):
    _, times, reports = written
    reports.trial_ends(trial(0))
    reports.close()
    assert times == [1000.0, "closed"]


@pytest.mark.parametrize(
    ("error", "traced"), [(UserError("Cannot write it."), 0), (KeyError("Cannot write it."), 2)]
)
def test_whatever_keeps_it_from_being_written_is_a_warning(
    written, monkeypatch, caplog, error, traced
):
    _, _, reports = written

    def fail(study, *, running):
        raise error

    monkeypatch.setattr(listener, "write_report", fail)
    with caplog.at_level(logging.WARNING, "ecomcat"):
        reports.trial_ends(trial(0))
        reports.close()
    assert caplog.text.count(f"No report: {error}") == 2
    assert len([record for record in caplog.records if record.exc_info]) == traced


def test_a_real_report_is_written_beside_the_trials(tmp_path):
    study = store(tmp_path, trials(3), final=False)
    ReportListener(study).trial_ends(trial(3))
    assert (study.directory / "report.html").stat().st_size > 1e6
