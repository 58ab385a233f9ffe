"""While a search goes on its report is written now and then, and never in its way."""

from __future__ import annotations

import logging

import pytest
from stored_study import store, trial, trials

from ecomcat.reporting.study_page import ReportListener


@pytest.fixture
def study(tmp_path):
    return store(tmp_path, trials(3), final=False)


def test_it_is_written_when_the_first_trial_ends_then_with_pauses_and_at_the_end(study):
    now, page = [1000.0], study.directory / "report.html"
    reports = ReportListener(study, lambda: now[0])
    written = []
    for seconds in (0, 10, 25, 10):
        now[0] += seconds
        reports.trial_ends(trial(3))
        written.append(page.exists())
        page.unlink(missing_ok=True)
    assert written == [True, False, True, False]
    reports.close()
    assert 'http-equiv="refresh"' not in page.read_text(encoding="utf-8")


@pytest.mark.parametrize(("content", "traced"), [("{", False), ('{"metrics": {}}', True)])
def test_whatever_keeps_it_from_being_written_is_a_warning(study, caplog, content, traced):
    (study.directory / "final.json").write_text(content)
    with caplog.at_level(logging.WARNING, "ecomcat"):
        ReportListener(study).trial_ends(trial(3))
    (record,) = caplog.records
    assert record.getMessage().startswith("No report: ")
    # Where the fault is our own, the log says where.
    assert bool(record.exc_info) == traced
