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


@pytest.mark.parametrize("named", [(), ("search.name=made-up",)], ids=["the only one", "by name"])
def test_the_report_is_written_again(run, study, named, caplog):
    ended = run(*named)
    assert (ended.code, ended.output) == (0, "")
    assert "Report: outputs/search/made-up/report.html" in caplog.text
    assert (study.directory / "report.html").is_file()


def test_it_goes_where_it_is_told(run, study, tmp_path):
    assert run("output=page (1).html").code == 0
    assert (tmp_path / "page (1).html").is_file()


def test_it_is_printed_where_that_is_asked(run, study, tmp_path):
    ended = run("output=-")
    assert ended.code == 0
    assert ended.output.startswith("<!doctype html>")
    assert not (tmp_path / "-").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["search.name=made-ap"], "found no 'made-ap' but made-up. Did you mean 'made-up'?"),
        (["outputs_dir=nowhere"], "Expected a study in nowhere/search, found none."),
        (["search.trials=3"], "search.trials"),
        (["search=tpe"], "search"),
        (["output=nowhere/page.html"], "found no folder nowhere"),
    ],
)
def test_what_cannot_be_is_said(run, study, arguments, said):
    ended = run(*arguments)
    assert ended.code == 2
    assert said in ended.errors


def test_of_several_studies_one_must_be_named(run, study, tmp_path):
    other = tmp_path / "outputs" / "search" / "other"
    other.mkdir()
    (other / "study.json").write_text("{}")
    ended = run()
    assert ended.code == 2
    assert "has 2 studies: made-up, other. Name one." in ended.errors


def test_a_study_of_another_version_is_refused(run, study):
    (study.directory / "study.json").write_text('{"format": 1}')
    ended = run("search.name=made-up")
    assert ended.code == 2
    assert "was written in format 1" in ended.errors


@pytest.mark.parametrize("output", [(), ("output=page.html",)])
def test_a_disk_that_is_full_leaves_the_former_page_as_it_was(
    run, study, tmp_path, monkeypatch, output
):
    run(*output)
    page = tmp_path / "page.html" if output else study.directory / "report.html"
    before = page.read_bytes()

    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    ended = run(*output)
    assert ended.code == 2
    assert "No space left on device. Make room" in ended.errors
    assert page.read_bytes() == before
    assert list(page.parent.glob(".writing-*")) == []
