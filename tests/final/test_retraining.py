"""Training chosen configurations again, on a handful of texts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from ecomcat.cli import compose
from ecomcat.config import SearchConfig
from ecomcat.data.splitting import Split
from ecomcat.errors import UserError
from tests.tiny_network import VALUES, texts_and_label_ids

pytestmark = pytest.mark.slow

CONSTANT = {**VALUES, "learning_rate_schedule": "constant"}


def trial_inputs() -> Any:
    from ecomcat.model.network import lstm_classifier
    from ecomcat.tuning.trial import TrialInputs

    # Some texts are longer than the networks read.
    texts, label_ids = texts_and_label_ids(90, seed=0, longest=11)
    split = Split(np.arange(60), np.arange(60, 75), np.arange(75, 90))
    return TrialInputs(
        lstm_classifier, texts, label_ids, 3, split, seed=1, patience=9, max_epochs=3
    )


def trial(number: int = 0, **values: Any) -> Any:
    from ecomcat.tuning.records import TrialRecord

    return TrialRecord(f"{number:04d}", {**CONSTANT, **values}, root=number, best_epoch=2)


def retrain_of(
    record: Any, rows: int, *, build: Any = None, **options: Any
) -> tuple[Any, list[int]]:
    """Return the model, and the epochs that were reported."""
    from ecomcat.final.retraining import retrain

    seen: list[int] = []
    inputs = replace(trial_inputs(), **({"build": build} if build else {}))
    search = SearchConfig(workers=1, **{"retrain_minutes": 9, **options})
    model, _ = retrain(
        *(inputs, record, np.arange(rows), search),
        lambda epoch, _logs: seen.append(epoch),
    )
    return model, seen


def test_retraining_gives_what_training_on_these_rows_gives() -> None:
    """A falling learning rate is let fall; a constant one stops at the best epoch."""
    from ecomcat.tuning.jobs import TrialTask
    from ecomcat.tuning.trial import TrialWorker

    assert retrain_of(trial(0, learning_rate_schedule="linear"), rows=75)[1] == [1, 2, 3]
    model, seen = retrain_of(trial(3), rows=75)
    assert seen == [1, 2]
    worker = TrialWorker(trial_inputs())
    list(worker.begin(TrialTask(3, CONSTANT, epochs=2, rows=np.arange(75), watches=False)))
    for _ in range(2):
        list(worker.train_epoch())
    (expected,) = worker.finish()
    for ours, theirs in zip(model.get_weights(), expected.weights, strict=True):
        assert np.array_equal(ours, theirs)


def test_where_epochs_are_parts_as_many_rows_are_read_as_fit() -> None:
    _, seen = retrain_of(trial(0), rows=75, epoch_texts=15)
    assert len(seen) == 20, "four times all rows"
    _, seen = retrain_of(trial(0), rows=75, epoch_texts=15, retrain_minutes=1e-9)
    assert seen == [1], "of one batch"


def test_a_retraining_that_fails_says_what_to_do() -> None:
    message = r"Retraining trial 0000 failed: diverged.*search\.workers=1"
    with pytest.raises(UserError, match=message):
        retrain_of(trial(learning_rate=1e38), rows=60, max_retries=0)


def test_a_retraining_without_memory_is_tried_again() -> None:
    from ecomcat.model.network import lstm_classifier

    failures = [MemoryError(), MemoryError()]

    def build(values: Any, num_classes: int) -> Any:
        if failures:
            raise failures.pop()
        return lstm_classifier(values, num_classes)

    model, seen = retrain_of(trial(), rows=60, build=build, max_retries=2)
    assert seen == [1, 2]
    expected, _ = retrain_of(trial(), rows=60)
    for ours, theirs in zip(model.get_weights(), expected.get_weights(), strict=True):
        assert np.array_equal(ours, theirs)


def test_a_linear_part_without_memory_for_its_second_fit_can_be_left_out() -> None:
    from ecomcat.final.retraining import build_final

    def fit(_examples: Any) -> None:
        raise MemoryError

    choice: Any = SimpleNamespace(record=trial())
    mixture: Any = SimpleNamespace(linear=SimpleNamespace(fit=fit))
    given: Any = (compose("search", ()), trial_inputs(), None, choice, mixture, np.arange(60))
    with pytest.raises(UserError, match=r"linear part to 60 texts.*final\.linear=false.*saved"):
        build_final(*given)


def test_saved_weights_of_another_network_are_named_with_what_to_do(tmp_path: Path) -> None:
    from ecomcat.final.retraining import build_final
    from ecomcat.tuning.study import Study

    study, record = Study(tmp_path), trial()
    path = study.trial_dir(record.id) / "best_weights.npz"
    path.parent.mkdir(parents=True)
    np.savez(path, np.ones(3))
    choice: Any = SimpleNamespace(record=record)
    mixture: Any = SimpleNamespace(linear=None)
    config = compose("search", ("final.retrain=false",))
    with pytest.raises(UserError, match=r"found something else.*runs the trial again"):
        build_final(config, trial_inputs(), study, choice, mixture, np.arange(3))
