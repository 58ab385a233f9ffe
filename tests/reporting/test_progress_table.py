"""How a search shows in a terminal: a live table."""

from __future__ import annotations

import pytest
from rich.cells import cell_len
from screen import MARKUP, Screen, Shown, a_trial, now, terminal, terminals_can_draw

from ecomcat.tuning.records import COMPLETED, FAILED, PRUNED, TrialRecord

# Fixtures, which pytest finds here.
__all__ = ["now", "terminal", "terminals_can_draw"]


def test_the_table_shows_how_each_trial_goes(terminal: Screen) -> None:
    shown = Shown(terminal)
    with shown.progress.live():
        shown.run(0, 0.7)
        shown.run(1, 0.4, PRUNED, "pruned after epoch 1")
        shown.run(2, 0.9, FAILED, "ValueError: too wide")
        running = shown.begin(a_trial(3, lstm_units=128))
        shown.epoch(running, 0.5)
        shown.epoch(running, 0.65)
        shown.begin(a_trial(4, dropout=0.123456))
    assert terminal.rows[0] == [
        *("trial", "status", "epoch", "macro-F1", "seconds", "hyperparameters")
    ]
    assert terminal.trials() == [
        ("0003", "running", "2/4", "0.6500", "15", "lstm_units=128", "dropout=0.25"),
        ("0004", "running", "0/4", "0", "lstm_units=64", "dropout=0.123"),
        ("0002", "failed", "1/4", "7", "lstm_units=64", "dropout=0.25"),
        ("0001", "pruned", "1/4", "0.4000", "7", "lstm_units=64", "dropout=0.25"),
        ("0000", "completed", "1/4", "0.7000", "7", "lstm_units=64", "dropout=0.25"),
    ]
    assert terminal.summary().startswith("3 of 10 trials, best macro-F1 0.7000 (trial 0000), ")


def test_what_tells_trials_apart_best_comes_first_where_there_is_little_room(
    terminal: Screen,
) -> None:
    names = ["max_tokens", "embedding_dim", "lstm_units", "pooling", "dropout"]
    shown = Shown(terminal, names=names)
    with shown.progress.live():
        shown.begin(a_trial(0))
    found = [value.partition("=")[0] for value in terminal.trials()[0][4:]]
    assert found[:3] == ["lstm_units", "embedding_dim", "dropout"]


def test_the_table_shows_the_last_that_ended_below_all_that_run(terminal: Screen) -> None:
    shown = Shown(terminal)
    with shown.progress.live():
        for number in range(9):
            shown.run(number, number / 10)
        for number in range(9, 12):
            shown.begin(a_trial(number))
    shown_ids = [trial[0] for trial in terminal.trials()]
    assert shown_ids == ["0009", "0010", "0011", "0008", "0007", "0006", "0005", "0004", "0003"]


@pytest.mark.parametrize("begun_again", [False, True])
def test_a_trial_whose_worker_was_lost_is_shown_when_it_begins_again(
    terminal: Screen, begun_again: bool
) -> None:
    shown = Shown(terminal)
    with shown.progress.live():
        shown.progress.trial_retries(shown.begin(a_trial(0)), "worker lost")
        if begun_again:
            shown.begin(a_trial(0))
    found = [trial[:2] for trial in terminal.trials()]
    assert found == ([("0000", "running")] if begun_again else [])


def test_a_study_that_goes_on_shows_what_was_done(terminal: Screen) -> None:
    best = TrialRecord("0002", {}, status=COMPLETED, objective=0.7)
    shown = Shown(terminal, done=3, best=best)
    with shown.progress.live():
        pass
    assert terminal.trials() == []
    assert terminal.summary() == (
        "3 of 10 trials, best macro-F1 0.7000 (trial 0002), about 10 min 00 s left"
    )


def test_before_a_trial_has_completed_there_is_no_best(terminal: Screen) -> None:
    shown = Shown(terminal)
    with shown.progress.live():
        shown.run(0, 0.9, FAILED, "full")
        shown.run(1, 0.9, PRUNED)
    assert terminal.summary().startswith("2 of 10 trials, about ")


def test_no_lines_are_written_between_the_tables(terminal: Screen) -> None:
    shown = Shown(terminal)
    with shown.progress.live():
        shown.run(0, 0.7)
        shown.run(1, 0.9, FAILED, "full")
    assert not [line for line in terminal.lines if line.startswith("trial 0")]


def test_the_table_leaves_the_terminal_as_it_was(terminal: Screen) -> None:
    shown = Shown(terminal)
    with shown.progress.live():
        shown.run(0, 0.7)
    lines = len(terminal.rows)
    written = terminal.written.getvalue()
    assert written.index("\x1b[?25l") < written.index("\x1b[?25h"), "the cursor comes back"
    assert written.endswith("\x1b[1A\x1b[2K" * lines), "and the table's lines are erased"


@pytest.mark.parametrize("text", MARKUP)
def test_values_are_shown_as_they_are(terminal: Screen, text: str) -> None:
    shown = Shown(terminal, names=["extra.kind"])
    with shown.progress.live():
        shown.begin(a_trial(0, **{"extra.kind": text}))
    assert terminal.trials() == [("0000", "running", "0/4", "0", f"extra.kind={text}")]


@pytest.mark.parametrize("width", [100, 40, 20, 1])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    screen = Screen(width)
    shown = Shown(screen, names=["lstm_units", "dropout", "extra.kind"])
    with shown.progress.live():
        for number, status in enumerate((COMPLETED, PRUNED, FAILED)):
            shown.run(number, 0.5, status, "why not")
        shown.epoch(shown.begin(a_trial(3, **{"extra.kind": "語" * 200})), 0.5)
    # Two of its columns are the least that such a letter takes.
    assert max(map(cell_len, screen.lines)) <= max(width, 2)


@pytest.mark.parametrize("width", [40, 80, 100])
def test_many_long_values_leave_the_other_columns_their_room(width: int) -> None:
    screen = Screen(width)
    names = [f"a_hyperparameter_of_a_long_name_{number}" for number in range(10)]
    shown = Shown(screen, names=names)
    with shown.progress.live():
        shown.run(0, 0.7)
        shown.begin(a_trial(1, **dict.fromkeys(names, 0.123456)), 12)
    assert screen.rows[0][:5] == ["trial", "status", "epoch", "macro-F1", "seconds"]
    assert [trial[:4] for trial in screen.trials()] == [
        ("0001", "running", "0/12", "0"),
        ("0000", "completed", "1/4", "0.7000"),
    ]


@pytest.mark.parametrize(("width", "lines"), [(100, 1), (60, 3), (40, 3)])
def test_no_figure_of_the_summary_is_wrapped(width: int, lines: int) -> None:
    screen = Screen(width)
    best = TrialRecord("0002", {}, status=COMPLETED, objective=0.7)
    shown = Shown(screen, done=3, best=best)
    with shown.progress.live():
        pass
    parts = ["3 of 10 trials", "best macro-F1 0.7000 (trial 0002)", "about 10 min 00 s left"]
    expected = parts if lines == 3 else [", ".join(parts)]
    assert [line.rstrip() for line in screen.lines if line.strip()][-lines:] == expected


def test_what_the_screen_cannot_hold_is_left_out_of_the_trials() -> None:
    screen = Screen(40)
    screen.console.height = 8
    shown = Shown(screen)
    with shown.progress.live():
        for number in range(8):
            shown.run(number, 0.5)
    assert len(screen.rows) <= 8
    assert screen.summary().startswith("about ")
