"""A trial that goes on from another's state trains as one that was never stopped."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ecomcat.data.splitting import Split
from tests import tiny_network

pytestmark = pytest.mark.slow


def test_a_trial_goes_on_where_the_one_before_it_stood() -> None:
    from ecomcat.model.network import lstm_classifier
    from ecomcat.tuning.jobs import TrialTask
    from ecomcat.tuning.trial import TrialInputs, TrialWorker

    texts, label_ids = tiny_network.texts_and_label_ids(90, seed=0, longest=8)
    split = Split(np.arange(60), np.arange(60, 90), np.arange(0))
    limits = {"seed": 1, "patience": 9, "max_epochs": 4, "keep_state": True}
    worker = TrialWorker(TrialInputs(lstm_classifier, texts, label_ids, 3, split, **limits))

    def trained(epochs: int, parent: Any = None) -> Any:
        list(worker.begin(TrialTask(0, tiny_network.VALUES, epochs, parent)))
        reports = []
        while not reports or not reports[-1].ended:
            reports += worker.train_epoch()
        assert (reports[-1].epoch, reports[-1].ended) == (epochs, "max_epochs")
        (outcome,) = worker.finish()
        return outcome

    list(worker.begin(TrialTask(0, tiny_network.VALUES, epochs=4)))
    *_, report = worker.train_epoch(0.0)
    assert (report.epoch, report.ended) == (1, ""), "a batch at least, and then it is scored"
    *_, cut = worker.train_epoch(0.0, scored_anyhow=False)
    assert (cut.epoch, cut.logs, cut.ended) == (2, {}, "time")
    (outcome,) = worker.finish()
    assert outcome.curves == [report.logs], "what its last whole epoch reached"
    at_once, continued = trained(4), trained(4, trained(2))
    assert continued.curves == at_once.curves
    for ours, theirs in zip(continued.weights, at_once.weights, strict=True):
        assert np.array_equal(ours, theirs)
