"""What a trial costs the driver that suggests it and the workers that train it."""

from __future__ import annotations

import numpy as np
import pytest
from benchmark_material import cells_of
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks import simulated_cluster, suggestions, trial_cost, workers
from benchmarks.formula_worker import FormulaWorker, default_model, formula
from benchmarks.simulated_cluster import Rate
from benchmarks.suggestions import Driver
from benchmarks.trial_parts import PARTS, Cost, cost_of_keras, cost_of_ours
from ecomcat.tuning.draws import draw
from ecomcat.tuning.trial import TrialTask


class TestSuggestions:
    """A window's figures are those of its trials alone."""

    @pytest.mark.parametrize(
        ("trials", "expected"),
        [
            (1000, [(0, 20), (90, 110), (490, 510), (980, 1000)]),
            (500, [(0, 20), (90, 110), (480, 500)]),
            (60, [(0, 20), (40, 60)]),
            (20, [(0, 20)]),
            (5, [(0, 5)]),
        ],
    )
    def test_windows_stand_around_some_trials_and_at_the_last(self, trials, expected):
        assert [(each.start, each.stop) for each in suggestions.windows(trials)] == expected

    @given(st.integers(1, 2000))
    def test_windows_lie_within_the_trials(self, trials):
        for window in suggestions.windows(trials):
            assert len(window) == min(20, trials)
            assert 0 <= window.start < window.stop <= trials

    def driver(self) -> Driver:
        """Trials of 1, 2, 3 and 4 ms by the clock, half of it computed; suggestions of 1 to 4."""
        ends = [0.0, 0.001, 0.003, 0.006, 0.010]
        return Driver([0.004, 0.001, 0.003, 0.002], [(5 + end, end / 2) for end in ends])

    def test_a_trial_costs_the_time_from_its_begin_to_the_next(self):
        assert self.driver().milliseconds(range(4)) == pytest.approx((2.5, 1.25))
        assert self.driver().milliseconds(range(1, 3)) == pytest.approx((2.5, 1.25))
        assert self.driver().milliseconds(range(3, 4)) == pytest.approx((4, 2))

    def test_the_table_shows_the_costs_without_tensorboard_and_with_it(self):
        slow = Driver([1.0] * 4, [(wall * 10, cpu * 10) for wall, cpu in self.driver().marks])
        (line,) = suggestions.suggestions_table({"tpe": [self.driver(), slow]}).splitlines()[2:]
        assert cells_of(line) == ["tpe", "1 to 4", "2.5 (1.0 to 4.0)", "2.5", "1.2", "25.0", "12.5"]

    def test_the_table_has_a_row_a_window_and_one_for_all(self):
        driver = Driver([0.0] * 60, [(0.0, 0.0)] * 61)
        lines = suggestions.suggestions_table({"tpe": [driver, driver]}).splitlines()[2:]
        assert [cells_of(line)[1] for line in lines] == ["1 to 20", "41 to 60", "1 to 60"]

    @pytest.mark.parametrize(("milliseconds", "expected"), [(60.0, 1000), (59_999.0, 1), (7e4, 0)])
    def test_a_driver_keeps_as_many_workers_busy_as_it_has_trials_begun_in_a_minute(
        self, milliseconds, expected
    ):
        assert suggestions.busy_workers(milliseconds) == expected

    def test_the_capacity_is_that_with_tensorboard(self):
        slow = Driver([1.0] * 4, [(wall * 10, cpu * 10) for wall, cpu in self.driver().marks])
        described = suggestions.describe_capacity({"tpe": [self.driver(), slow]})
        assert "tpe 2,400 by the clock, 4,800 by CPU time (4 trials)" in described

    @pytest.mark.slow
    # Keras Tuner's own.
    @pytest.mark.filterwarnings("ignore:currentThread:DeprecationWarning")
    @pytest.mark.filterwarnings("ignore:getName:DeprecationWarning")
    def test_every_suggestion_of_a_study_is_timed(self):
        driver = suggestions.measure("tpe", 8, tensorboard=True)
        assert len(driver.suggestions) == 8
        assert len(driver.marks) == 9
        assert driver.milliseconds(range(8))[0] > sum(driver.suggestions[1:]) * 1000 / 8


class TestFormulaWorker:
    """A formula's trials are such as a search meets."""

    @settings(deadline=None)  # speed is judged in benchmarks, and machines are busy
    @given(st.integers(0, 2**32 - 1))
    def test_scores_rise_with_each_epoch_and_stay_below_one(self, seed):
        _, space = default_model()
        values = draw(space, np.random.default_rng(seed))
        scores = [formula(values, epoch) for epoch in range(1, 9)]
        assert scores[0] > 0
        assert scores == sorted(set(scores))
        assert scores[-1] < 1

    def test_a_trial_ends_at_its_last_epoch_and_leaves_an_embedding(self):
        _, space = default_model()
        values = draw(space, np.random.default_rng(1))
        worker = FormulaWorker()
        begun = worker.begin(TrialTask(0, values, 2))
        reports = [worker.train_epoch(), worker.train_epoch()]
        assert [report.ended for report in reports] == ["", "max_epochs"]
        outcome = worker.finish()
        assert outcome.scores["macro_f1"] == reports[-1].logs["val_macro_f1"]
        assert [weight.size for weight in outcome.weights] == [begun.parameters]


class TestTrialCost:
    """What the first epoch takes beyond a later one is the trial's own cost."""

    def test_the_first_epoch_less_a_later_one_is_fixed(self):
        cost = Cost([10, 15, 16, 19, 21], {"build": 0.5, "scorer": 1.0})
        assert cost.later_epoch == 2
        assert cost.fixed == 3
        assert cost.first_batches == 1.5

    def test_the_parts_are_shown_where_they_are_known(self):
        parts = dict.fromkeys(PARTS, 0.5)
        costs = {trial_cost.KERAS: [Cost([0, 5, 6])], trial_cost.OURS: [Cost([0, 3, 4], parts)]}
        lines = trial_cost.cost_table(costs).splitlines()
        assert cells_of(lines[-2])[1:] == ["4.00", "", "", "", "", "1.00"]
        assert cells_of(lines[-1])[1:] == ["2.00", "0.50", "0.50", "0.50", "0.50", "1.00"]

    @pytest.mark.slow
    @pytest.mark.parametrize("train", [cost_of_keras, cost_of_ours])
    def test_a_trial_is_taken_apart(self, train):
        inputs = trial_cost.load_inputs(None, 40)
        small = {**trial_cost.VALUES, "embedding_dim": 4, "lstm_units": 4}
        cost = train(inputs, TrialTask(0, small, 2))
        assert len(cost.marks) == 3
        assert list(cost.marks) == sorted(cost.marks)
        assert set(cost.parts) == (set(PARTS) if train is cost_of_ours else set())


class TestWorkers:
    """Rates count from the first trial's begin to the last one's end."""

    def cell(self, seconds: float, **changes: float) -> dict[str, object]:
        objectives = {"0000": 0.5, "0001": 0.6, **changes}
        return {"seconds": seconds, "start_up_seconds": 2.0, "objectives": objectives}

    def test_the_rate_leaves_the_start_out(self):
        assert workers.trials_per_minute(self.cell(30)) == 4

    def test_figures_are_the_same_when_every_trial_has_one_objective(self):
        found = {1: [self.cell(30), self.cell(20)], 2: [self.cell(10)]}
        assert workers.same_figures(found)
        assert not workers.same_figures({**found, 4: [self.cell(10, **{"0001": 0.6001})]})
        assert not workers.same_figures({**found, 4: [self.cell(10, **{"0002": 0.6})]})

    def test_the_table_compares_medians_with_the_first(self):
        found = {1: [self.cell(30), self.cell(60), self.cell(40)], 2: [self.cell(20)]}
        lines = workers.workers_table(found).splitlines()
        assert cells_of(lines[-2])[:3] == ["1", "3.00 (2.00 to 4.00)", "1.00"]
        assert cells_of(lines[-1]) == ["2", "6.00", "2.00", "20", "2.0"]

    def test_a_simulated_rate_is_measured_against_workers_that_never_wait(self):
        table = simulated_cluster.rates_table({4: Rate(16, 10.0, 2.0)}, 2.0)
        assert cells_of(table.splitlines()[-1]) == (
            ["4", "16", "120.0", "96.0", "80%", "125", "20%"]
        )
