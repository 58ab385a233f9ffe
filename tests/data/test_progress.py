"""The progress of a download as the terminal or the log shows it."""

from __future__ import annotations

import re

import pytest

from ecomcat.console import progress_bar
from ecomcat.data.download import NoNetworkError


def test_progress_without_a_terminal_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with progress_bar("Data [set]") as report:
        report(500, 2_000_000)
        report(2_000_000, 2_000_000)
    assert capsys.readouterr() == ("", "Data [set]: 2.0 MB\n")


def test_progress_of_nothing_or_of_a_failure_is_silent(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with progress_bar("Data"):
        pass
    with pytest.raises(NoNetworkError), progress_bar("Data") as report:
        report(500, None)
        raise NoNetworkError
    assert capsys.readouterr() == ("", "")


def test_progress_on_a_terminal_shows_bytes_and_erases_the_bar(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    with progress_bar("Data [set]") as report:
        report(500, 2_000_000)
        report(1_500_000, 2_000_000)
    out, shown = capsys.readouterr()
    erase_line = "\x1b[2K"
    assert out == ""
    assert "Data [set]" in shown
    assert "1.5/2.0 MB" in re.sub(r"\x1b\[[0-9;]*m", "", shown)
    assert shown.endswith(erase_line)
