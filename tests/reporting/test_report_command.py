"""`python -m ecomcat.report`: which study is meant, and where its page goes."""

from __future__ import annotations

import errno
from functools import partial
from pathlib import Path

import pytest
from stored_study import store, trials

from ecomcat.report import main


@pytest.fixture
def run(run_main):
    return partial(run_main, main)


@pytest.fixture
def study(tmp_path):
    return store(tmp_path / "outputs" / "search", trials(9))


@pytest.mark.parametrize(
    ("arguments", "page"),
    [
        ([], "outputs/search/made-up/report.html"),
        (["search.name=made-up"], "outputs/search/made-up/report.html"),
        (["output=page (1).html"], "page (1).html"),
        (["output=-"], None),
    ],
)
def test_the_report_is_written_again_where_it_is_told(run, study, arguments, page, caplog):
    ended = run(*arguments)
    assert ended.code == 0
    assert page is None or f"Report: {page}" in caplog.text
    written = Path(page).read_text("utf-8") if page else ended.output
    assert written.startswith("<!doctype html>")
    assert bool(page) != bool(ended.output) and not Path("-").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["search.name=made-ap"], "found made-ap. Studies there: made-up. Did you mean 'made-up'?"),
        (
            ["outputs_dir=nowhere"],
            "name a study in nowhere/search, found no name. Studies there: none.",
        ),
        (["search.trials=3"], "search.trials"),
        (["output=nowhere/page.html"], "found no folder nowhere"),
    ],
)
def test_what_cannot_be_is_said(run, study, arguments, said):
    ended = run(*arguments)
    assert ended.code == 2
    assert said in ended.errors


def test_of_several_studies_one_must_be_named_and_be_of_this_version(run, study):
    other = study.directory.parent / "other"
    other.mkdir()
    (other / "study.json").write_text('{"format": 1}')
    for arguments, said in (
        ([], "found no name. Studies there: made-up, other."),
        (["search.name=other"], "was written in format 1"),
    ):
        ended = run(*arguments)
        assert ended.code == 2
        assert said in ended.errors


def test_a_disk_that_is_full_leaves_the_former_page_as_it_was(run, study, monkeypatch):
    page = study.directory / "report.html"
    page.write_text("former")

    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    ended = run()
    assert ended.code == 2
    assert "No space left on device. Make room" in ended.errors
    assert page.read_text() == "former"
    assert list(page.parent.glob(".writing-*")) == []
