"""How a search shows in a log: plain lines."""

from __future__ import annotations

import re

import pytest
from screen import MARKUP, Now, Screen, Shown, a_trial, now, terminals_can_draw

from ecomcat.tuning.records import COMPLETED, FAILED, PRUNED, TrialRecord

# Fixtures, which pytest finds here.
__all__ = ["now", "terminals_can_draw"]


@pytest.fixture
def log() -> Screen:
    return Screen()


def test_in_a_log_each_epoch_and_each_end_is_a_line(log: Screen, now: Now) -> None:
    shown = Shown(log)
    with shown.progress.live() as live:
        assert live is shown.progress
        record = shown.begin(a_trial(0))
        shown.epoch(record, 0.5)
        shown.epoch(record, 0.6123)
        now.pass_by(20)
        shown.end(record, COMPLETED)
    assert log.lines == [
        "trial 0000 epoch 1/4: loss 0.5000, validation macro-F1 0.5000, accuracy 0.5100",
        "trial 0000 epoch 2/4: loss 0.5000, validation macro-F1 0.6123, accuracy 0.6223",
        "trial 0000: macro-F1 0.6123 after epoch 2 of 2, 15 s (best so far), about 3 min 00 s left",
    ]
    assert log.written.getvalue().count("\x1b") == 0


def test_a_log_says_which_is_the_best_so_far(log: Screen) -> None:
    shown = Shown(log)
    for number, score in enumerate((0.5, 0.4, 0.5, 0.6)):
        shown.run(number, score)
    notes = [re.search(r"\(?best so far[ 0-9.]*\)?", line) for line in log.lines]
    assert [note[0] for note in notes if note] == [
        "(best so far)",
        "best so far 0.5000",
        "best so far 0.5000",
        "(best so far)",
    ]


def test_the_best_of_an_earlier_run_counts(log: Screen) -> None:
    best = TrialRecord("0002", {}, status=COMPLETED, objective=0.7)
    Shown(log, done=3, best=best).run(3, 0.6)
    assert "best so far 0.7000" in log.lines[-1]


def test_a_pruned_trial_is_never_the_best(log: Screen) -> None:
    shown = Shown(log)
    shown.run(0, 0.9, PRUNED, "pruned after epoch 1")
    shown.run(1, 0.5)
    _, pruned, _, completed = log.lines
    assert pruned.startswith("trial 0000 pruned: macro-F1 0.9000 after epoch 1 of 1, 7 s, about")
    assert "0.5000 after epoch 1 of 1, 7 s (best so far)" in completed


def test_a_failed_trial_says_why(log: Screen) -> None:
    Shown(log).run(0, 0.9, FAILED, "ValueError: no room for so many units")
    assert log.lines[-1] == "trial 0000 failed: ValueError: no room for so many units"


def test_a_trial_that_begins_again_says_why(log: Screen) -> None:
    shown = Shown(log)
    record = shown.begin(a_trial(0))
    shown.progress.trial_retries(record, "worker lost: it died")
    shown.run(0, 0.5)
    assert log.lines[0] == "trial 0000 begins again: worker lost: it died"
    assert "(best so far)" in log.lines[-1]


@pytest.mark.parametrize("text", MARKUP)
def test_what_went_wrong_is_written_as_it_is(log: Screen, text: str) -> None:
    shown = Shown(log)
    shown.progress.trial_retries(shown.begin(a_trial(0)), text)
    shown.run(1, 0.9, FAILED, text)
    assert log.lines[0] == f"trial 0000 begins again: {text}"
    assert log.lines[-1] == f"trial 0001 failed: {text}"


def test_a_line_of_a_log_is_not_wrapped(log: Screen) -> None:
    Shown(log).run(0, 0.9, FAILED, "word " * 100 + "end")
    assert log.lines[-1].endswith("word end")
