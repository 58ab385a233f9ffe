"""How far labelling has come: a bar in a terminal, a line now and then in a log."""

from __future__ import annotations

import gzip
import io
import logging
import re

import pytest
from dog_classifier import write_rows
from rich.cells import cell_len
from rich.console import Console

from ecomcat.config import PredictDataConfig
from ecomcat.reporting.terminal import labelling_progress, rows_and_rate
from ecomcat.rows.reading import open_input


class Clock:
    """Seconds that pass when told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def drawn(fraction, *, bar=True, terminal=True, width=120, rows=5000):
    stream, clock = io.StringIO(), Clock()
    console = Console(file=stream, force_terminal=terminal, width=width)
    with labelling_progress(lambda: fraction, console=console, clock=clock, bar=bar) as report:
        clock.now += 2
        report(rows)
    return stream.getvalue()


@pytest.fixture(autouse=True)
def _usual_terminal(monkeypatch):
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)


def test_the_bar_shows_percent_rows_and_rate():
    assert "25%, 5,000 rows labelled, 2,500 rows/s" in drawn(0.25)


def test_without_a_known_end_there_is_no_percent():
    shown = drawn(None)
    assert "5,000 rows labelled, 2,500 rows/s" in shown
    assert "%" not in shown.replace("0%", "")


def test_no_color_is_respected(monkeypatch):
    assert "\x1b[38;" in drawn(0.25) or "\x1b[32m" in drawn(0.25)
    monkeypatch.setenv("NO_COLOR", "1")
    plain = drawn(0.25)
    assert "5,000 rows" in plain
    assert not any(f"\x1b[{code}" in plain for code in ("38;", "32m", "35m", "36m"))


@pytest.mark.parametrize(
    ("width", "shown", "bar"),
    [
        (120, "25%, 1,234,567 rows labelled, 617,284 rows/s", True),
        (80, "25%, 1,234,567 rows labelled, 617,284 rows/s", True),
        (60, "25%, 1,234,567 rows labelled, 617,284 rows/s", False),
        (40, "25%, 1,234,567 rows labelled", False),
    ],
)
def test_figures_stay_whole_in_a_narrow_terminal(width, shown, bar):
    plain = re.sub(r"\x1b\[[0-9;]*m", "", drawn(0.25, width=width, rows=1_234_567))
    lines = re.split(r"\x1b\[[0-9;?]*[A-Za-z]|[\r\n]", plain)
    assert any(shown in line for line in lines)
    assert max(map(cell_len, lines)) <= width
    assert ("━" in plain) == bar
    assert "…" not in plain


@pytest.mark.parametrize("terminal", [True, False])
def test_where_rows_go_to_the_terminal_or_there_is_none_nothing_is_drawn(terminal):
    assert drawn(0.25, bar=not terminal, terminal=terminal) == ""


def test_a_log_gets_a_line_now_and_then(caplog):
    caplog.set_level(logging.INFO)
    clock = Clock()
    console = Console(file=io.StringIO())
    with labelling_progress(lambda: None, console=console, clock=clock) as report:
        for rows in range(1, 101):
            clock.now += 1
            report(rows)
    assert caplog.messages == [
        "30 rows labelled, 1 rows/s",
        "60 rows labelled, 1 rows/s",
        "90 rows labelled, 1 rows/s",
    ]


@pytest.mark.parametrize(
    ("rows", "seconds", "said"),
    [
        (0, 2.0, "0 rows labelled"),
        (1, 0.5, "1 row labelled, 2 rows/s"),
        (1234, 0.0, "1,234 rows labelled"),
    ],
)
def test_how_many_rows_were_labelled(rows, seconds, said):
    assert rows_and_rate(rows, seconds) == said


# Where the fraction comes from


@pytest.mark.parametrize("kind", ["csv", "tsv", "jsonl", "parquet"])
def test_the_fraction_grows_to_one(tmp_path, kind):
    rows = [{"text": f"a text of some length, number {n}"} for n in range(100_000)]
    source = write_rows(tmp_path / f"rows.{kind}", rows)
    with open_input(str(source), kind, PredictDataConfig(), reserved=()) as opened:
        opened.choose_text(["text"])
        fractions = [opened.fraction_read() for _ in opened.batches(10_000)]
        fractions.append(opened.fraction_read())
    assert 0 <= fractions[0] < 0.9
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1


def test_a_packed_file_counts_as_it_is_stored(tmp_path):
    source = tmp_path / "rows.csv.gz"
    source.write_bytes(gzip.compress(b"text\n" + b"a dog\n" * 1000))
    with open_input(str(source), "csv", PredictDataConfig(), reserved=()) as opened:
        opened.choose_text(["text"])
        assert sum(map(len, opened.batches(100))) == 1000
        assert opened.fraction_read() == 1


def test_of_a_stream_no_fraction_is_known(monkeypatch):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"text\na dog\n")))
    with open_input("-", "csv", PredictDataConfig(), reserved=()) as opened:
        opened.choose_text(["text"])
        assert opened.fraction_read() is None
