"""What each algorithm tries; trials here are a formula, so that nothing is trained."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from formula import configure, peak, run_formula

pytestmark = [
    pytest.mark.slow,
    # Keras Tuner calls names that Python renamed.
    pytest.mark.filterwarnings("ignore:currentThread:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:getName:DeprecationWarning"),
    # scikit-learn's Gaussian process, when its few points say little.
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]

ALGORITHMS = ["tpe", "random", "bayesian", "hyperband", "grid"]
# Those that try a configuration once; Hyperband trains its best for longer.
ONCE = ["tpe", "random", "bayesian", "grid"]
Tried = list[dict[str, Any]]


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_tries_as_many_configurations_as_asked_for_and_maximises(
    algorithm: str, tmp_path: Path
) -> None:
    tried: Tried = []
    result, records = run_formula(configure(algorithm, trials=6), tmp_path, tried=tried)
    assert len(tried) == len(records) == 6
    assert all(record.status == "completed" for record in records)
    assert result.best.objective == pytest.approx(max(peak(values) for values in tried))


@pytest.mark.parametrize("algorithm", ONCE)
def test_a_finite_space_is_tried_to_its_end_and_nothing_twice(
    algorithm: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    tried: Tried = []
    caplog.set_level("INFO", "ecomcat")
    run_formula(configure(algorithm, trials=50), tmp_path, tried=tried)
    pairs = [(values["lstm_units"], values["dropout"]) for values in tried]
    assert len(pairs) == len(set(pairs)) == 12
    assert "all of its 12 configurations were tried" in caplog.text


def test_an_exhausted_oracle_is_not_asked_again_and_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ecomcat.tuning.oracles import TpeOracle

    asked: list[str] = []
    real = TpeOracle.populate_space

    def counting(self: Any, trial_id: str) -> Any:
        asked.append(trial_id)
        return real(self, trial_id)

    monkeypatch.setattr(TpeOracle, "populate_space", counting)
    run_formula(configure("tpe", trials=50), tmp_path)
    assert len(asked) == 13


@pytest.mark.parametrize("algorithm", ["tpe", "random", "bayesian"])
def test_the_same_seed_tries_the_same_configurations_and_another_seed_others(
    algorithm: str, tmp_path: Path
) -> None:
    runs = []
    for number, seed in enumerate((1, 1, 2, 0, 0)):
        tried: Tried = []
        config = configure(algorithm, trials=9, dropout="0.0..0.6")
        config.seed = seed
        run_formula(config, tmp_path / str(number), tried=tried)
        runs.append(tried)
    first, again, other, zero, zero_again = runs
    assert first == again
    assert first != other
    assert zero == zero_again, "Keras Tuner reads seed 0 as any seed"


@pytest.mark.parametrize("algorithm", ONCE)
def test_hopeless_trials_are_pruned_and_the_best_is_found_all_the_same(
    algorithm: str, tmp_path: Path
) -> None:
    rules = {"pruner": "median", "warmup_epochs": 1, "min_peers": 3}
    result, records = run_formula(configure(algorithm, trials=12, **rules), tmp_path)
    pruned = [record for record in records if record.status == "pruned"]
    assert 2 <= len(pruned) <= 9
    assert all(record.ended.startswith("pruned after epoch") for record in pruned)
    assert all(record.epochs < 4 for record in pruned)
    assert result.best.status == "completed"
    assert result.best.objective == pytest.approx(0.9)
    for record in pruned:
        folder = tmp_path / "study" / "trials" / record.id
        assert not (folder / "best_weights.npz").exists(), "nothing will ask for them"


def test_tpe_comes_nearer_to_the_best_than_chance(tmp_path: Path) -> None:
    space = {"lstm_units": "1..512", "dropout": "0.0..0.9"}

    def mean_of_the_last(algorithm: str, seed: int) -> float:
        config = configure(algorithm, trials=40, name=f"{algorithm}{seed}", **space)
        config.seed = seed
        _, records = run_formula(config, tmp_path)
        return sum(record.objective or 0.0 for record in records[-10:]) / 10

    for seed in (1, 2):
        assert mean_of_the_last("tpe", seed) > mean_of_the_last("random", seed) + 0.02


def test_hyperband_trains_most_briefly_and_continues_the_best(tmp_path: Path) -> None:
    tried: Tried = []
    config = configure("hyperband", trials=10, dropout="0.2..0.6")
    run_formula(config, tmp_path, tried=tried)
    continued = [values for values in tried if values["parent"] is not None]
    assert continued, "no configuration was promoted"
    assert min(values["epochs"] for values in tried) < 4
    assert all(values["epochs"] > values["parent"] >= 1 for values in continued)


def test_hyperband_ends_when_a_finite_space_gives_no_more(tmp_path: Path) -> None:
    tried: Tried = []
    config = configure("hyperband", trials=500, lstm_units=[16, 32], dropout=0.4)
    run_formula(config, tmp_path, tried=tried)
    fresh = [values["lstm_units"] for values in tried if values["parent"] is None]
    assert sorted(fresh) == [16, 32]


def test_hyperband_promotes_in_a_space_that_is_smaller_than_its_first_round(
    tmp_path: Path,
) -> None:
    tried: Tried = []
    config = configure("hyperband", trials=50, dropout=0.4, max_epochs=15)
    run_formula(config, tmp_path, tried=tried)
    assert sum(values["parent"] is None for values in tried) == 4
    assert max(values["epochs"] for values in tried) == 15
