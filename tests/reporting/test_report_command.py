"""`python -m ecomcat.report`: which study is meant, and where its page goes."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest
from stored_study import store, trials

from ecomcat.report import main
from tests.command_line import command_line


@pytest.fixture
def run(monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(tmp_path)
    with command_line(monkeypatch, capsys) as running:
        yield lambda *arguments: running(main, *arguments)


@pytest.fixture
def study(tmp_path):
    return store(tmp_path / "outputs" / "search", trials(9))


@pytest.mark.parametrize(
    ("arguments", "page"),
    [
        ([], "outputs/search/made-up/report.html"),
        (["search.name=made-up"], "outputs/search/made-up/report.html"),
        (["output=page (1).html"], "page (1).html"),
    ],
)
def test_the_report_is_written_again_where_it_is_told(run, study, arguments, page, caplog):
    ended = run(*arguments)
    assert (ended.code, ended.output) == (0, "")
    assert f"Report: {page}" in caplog.text
    assert Path(page).read_text("utf-8").startswith("<!doctype html>")


def test_it_is_printed_where_that_is_asked(run, study):
    ended = run("output=-")
    assert ended.code == 0
    assert ended.output.startswith("<!doctype html>")
    assert not Path("-").exists()


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
