"""Each algorithm drives the same tuner; trials here are a formula, so that nothing is trained."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ecomcat.config import FinalConfig, ModelConfig, SearchCommand, SearchConfig
from ecomcat.data.dataset import Dataset, load_dataset
from ecomcat.errors import UserError
from ecomcat.model.space import Domain, read_space
from ecomcat.text.encoding import EncodedTexts
from ecomcat.tuning.records import TrialRecord, load_records
from ecomcat.tuning.study import open_study, study_identity

pytestmark = [
    pytest.mark.slow,
    # Keras Tuner calls names that Python renamed.
    pytest.mark.filterwarnings("ignore:currentThread:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:getName:DeprecationWarning"),
    # scikit-learn's Gaussian process, when its few points say little.
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]

Objective = Callable[[Mapping[str, Any]], float]


def peak(values: Mapping[str, Any]) -> float:
    """Score a configuration: the nearer to 48 units and dropout 0.4 the better."""
    return 0.9 - abs(values["lstm_units"] - 48) / 1000 - abs(values["dropout"] - 0.4) / 10


def configure(algorithm: str, *, trials: int = 6, **model: Any) -> SearchCommand:
    fixed: dict[str, Any] = {
        "name": "formula",
        "build": "ecomcat.model.network.lstm_classifier",
        "vocabulary_size": 100,
        "max_tokens": 8,
        "embedding_dim": 4,
        "lstm_units": "16..64 step 16",
        "lstm_layers": 1,
        "bidirectional": True,
        "pooling": "max",
        "embedding_pooling": "none",
        "word_dropout": 0.0,
        "spatial_dropout": 0.0,
        "dropout": [0.2, 0.4, 0.6],
        "learning_rate": 1e-3,
        "learning_rate_schedule": "linear",
        "batch_size": 32,
        "label_smoothing": 0.0,
    }
    search = SearchConfig(
        algorithm=algorithm, max_trials=trials, max_minutes=5.0, max_epochs=4, patience=2
    )
    return SearchCommand(
        model=ModelConfig(**{**fixed, **model}), search=search, final=FinalConfig("single")
    )


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    from ecomcat.config import DataConfig

    return load_dataset(DataConfig(name="sample", source="sample", sample_rows=400), seed=1)


@pytest.fixture
def formula(monkeypatch: pytest.MonkeyPatch) -> Callable[[Objective], list[dict[str, Any]]]:
    """Let trials score a formula; return the list of the configurations that were tried."""

    def install(objective: Objective) -> list[dict[str, Any]]:
        from ecomcat.model.validation import Outcome
        from ecomcat.tuning import tuner

        tried: list[dict[str, Any]] = []

        def run_trial(inputs: Any, task: Any, **_: Any) -> tuple[Outcome, int]:
            tried.append({**task.values, "epochs": task.epochs, "parent": task.parent})
            score = objective(task.values)
            scores = {"macro_f1": score, "accuracy": score, "loss": 1 - score}
            return Outcome(best_epoch=task.epochs, epochs=task.epochs, scores=scores), 10

        monkeypatch.setattr(tuner, "run_trial", run_trial)
        return tried

    return install


def run(config: SearchCommand, dataset: Dataset, folder: Path, listeners: Any = ()) -> Any:
    from ecomcat.tuning.search import run_search

    space: dict[str, Domain] = read_space(config.model)
    texts = EncodedTexts(np.zeros(0, np.int32), np.zeros(1, np.int64))
    identity = study_identity(config, dataset, space)
    with open_study(
        folder, config.search.name or "study", identity, overwrite=config.search.overwrite
    ) as study:
        return run_search(config, dataset, texts, space, study, listeners), load_records(study)


@pytest.mark.parametrize("algorithm", ["random", "bayesian", "hyperband", "grid"])
def test_tries_as_many_configurations_as_asked_for_and_maximises(
    algorithm: str, dataset: Dataset, formula: Any, tmp_path: Path
) -> None:
    tried = formula(peak)
    result, records = run(configure(algorithm, trials=6), dataset, tmp_path)
    assert len(tried) == len(records) == 6
    assert all(record.status == "completed" for record in records)
    assert result.best.objective == max(peak(values) for values in tried)


@pytest.mark.parametrize("algorithm", ["random", "bayesian", "hyperband", "grid"])
def test_goes_on_where_it_stopped_and_runs_no_finished_trial_again(
    algorithm: str, dataset: Dataset, formula: Any, tmp_path: Path
) -> None:
    tried = formula(peak)
    run(configure(algorithm, trials=3), dataset, tmp_path)
    first = list(tried)
    _, records = run(configure(algorithm, trials=5), dataset, tmp_path)
    assert len(tried) == len(records) == 5
    assert tried[:3] == first


@pytest.mark.parametrize("algorithm", ["random", "bayesian", "hyperband", "grid"])
def test_an_interrupted_trial_runs_again_and_the_search_goes_on(
    algorithm: str, dataset: Dataset, formula: Any, tmp_path: Path
) -> None:
    calls = 0

    def interrupted_once(values: Mapping[str, Any]) -> float:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise KeyboardInterrupt
        return peak(values)

    tried = formula(interrupted_once)
    with pytest.raises(KeyboardInterrupt):
        run(configure(algorithm, trials=5), dataset, tmp_path)
    _, records = run(configure(algorithm, trials=5), dataset, tmp_path)
    assert [record.status for record in records] == ["completed"] * 5
    assert tried[2] == tried[3], "the interrupted configuration comes first on resuming"
    assert len(tried) == 6


@pytest.mark.parametrize("algorithm", ["random", "grid"])
def test_a_finite_space_that_is_exhausted_ends_the_search(
    algorithm: str, dataset: Dataset, formula: Any, tmp_path: Path
) -> None:
    tried = formula(peak)
    run(configure(algorithm, trials=50, lstm_units=[16, 32], dropout=0.4), dataset, tmp_path)
    assert sorted(values["lstm_units"] for values in tried) == [16, 32]


def test_grid_tries_every_combination_once(dataset: Dataset, formula: Any, tmp_path: Path) -> None:
    tried = formula(peak)
    run(configure("grid", trials=50), dataset, tmp_path)
    pairs = [(values["lstm_units"], values["dropout"]) for values in tried]
    assert len(pairs) == len(set(pairs)) == 12


def test_hyperband_trains_most_briefly_and_continues_the_best(
    dataset: Dataset, formula: Any, tmp_path: Path
) -> None:
    tried = formula(peak)
    run(configure("hyperband", trials=10, dropout="0.2..0.6"), dataset, tmp_path)
    continued = [values for values in tried if values["parent"] is not None]
    assert continued, "no configuration was promoted"
    assert min(values["epochs"] for values in tried) < 4
    assert all(values["epochs"] > 1 for values in continued)


def test_a_failing_trial_is_recorded_with_its_reason_and_the_search_goes_on(
    dataset: Dataset, formula: Any, tmp_path: Path
) -> None:
    def fails_for_wide(values: Mapping[str, Any]) -> float:
        if values["lstm_units"] >= 48:
            raise MemoryError("no room for\nso many units")
        return peak(values)

    formula(fails_for_wide)
    result, records = run(configure("grid", trials=12), dataset, tmp_path)
    failed = [record for record in records if record.status == "failed"]
    assert len(failed) == 6
    assert len(records) == 12
    assert failed[0].ended == "MemoryError: no room for"
    assert result.best.values["lstm_units"] < 48
    trial = tmp_path / "study" / "trials" / failed[0].id
    assert "so many units" in (trial / "error.txt").read_text()


def test_a_search_in_which_every_trial_fails_ends_with_the_first_reason(
    dataset: Dataset, formula: Any, tmp_path: Path
) -> None:
    def fails(values: Mapping[str, Any]) -> float:
        raise ValueError("a builder's own message")

    formula(fails)
    with pytest.raises(UserError, match="a builder's own message"):
        run(configure("random", trials=4), dataset, tmp_path)


@pytest.mark.parametrize("algorithm", ["random", "grid"])
def test_a_trial_that_the_state_does_not_know_yet_runs_on_resuming(
    algorithm: str, dataset: Dataset, formula: Any, tmp_path: Path
) -> None:
    """Keras Tuner writes a trial's file before its own state; a run may die in between."""

    def interrupted(values: Mapping[str, Any]) -> float:
        if len(tried) == 2:
            raise KeyboardInterrupt
        return peak(values)

    tried = formula(interrupted)
    run(configure(algorithm, trials=1), dataset, tmp_path)
    state = (tmp_path / "study" / "oracle.json").read_bytes()
    with pytest.raises(KeyboardInterrupt):
        run(configure(algorithm, trials=2), dataset, tmp_path)
    (tmp_path / "study" / "oracle.json").write_bytes(state)
    _, records = run(configure(algorithm, trials=3), dataset, tmp_path)
    assert [record.status for record in records] == ["completed"] * 3


def test_the_time_of_an_interrupted_attempt_counts(
    dataset: Dataset, formula: Any, tmp_path: Path
) -> None:
    formula(peak)
    run(configure("random", trials=1), dataset, tmp_path)
    from ecomcat.tuning.records import load_record, save_record
    from ecomcat.tuning.study import Study

    study = Study(tmp_path / "study")
    record = load_record(study, "0000")
    record.status, record.objective, record.seconds = "running", None, 100.0
    save_record(study, record)
    (study.directory / "oracle.json").unlink()
    result, _ = run(configure("random", trials=1), dataset, tmp_path)
    assert result.seconds >= 100.0


def test_a_listener_that_fails_ends_the_search_and_not_the_trial(
    dataset: Dataset, formula: Any, tmp_path: Path
) -> None:
    class Broken:
        def trial_begins(self, *_: Any) -> None: ...

        def epoch_ends(self, *_: Any) -> None: ...

        def trial_ends(self, record: TrialRecord) -> None:
            raise RuntimeError("the screen fell over")

    formula(peak)
    with pytest.raises(RuntimeError, match="the screen fell over"):
        run(configure("random", trials=2), dataset, tmp_path, [Broken()])
    _, records = run(configure("random", trials=2), dataset, tmp_path)
    assert [record.status for record in records] == ["completed", "completed"]


def test_no_trial_begins_after_the_time_is_up(
    dataset: Dataset, formula: Any, tmp_path: Path
) -> None:
    tried = formula(peak)
    config = configure("random", trials=5)
    config.search.max_minutes = 1e-9
    with pytest.raises(UserError, match=r"search\.max_minutes"):
        run(config, dataset, tmp_path)
    assert tried == []


def test_the_same_seed_tries_the_same_configurations_and_another_seed_others(
    dataset: Dataset, formula: Any, tmp_path: Path
) -> None:
    tried = formula(peak)
    for number, seed in enumerate((1, 1, 2, 0)):
        config = configure("random", trials=4, dropout="0.0..0.6")
        config.seed = seed
        run(config, dataset, tmp_path / str(number))
    first, again, other, zero = (tried[start : start + 4] for start in (0, 4, 8, 12))
    assert first == again
    assert first != other
    config.seed = 0
    run(config, dataset, tmp_path / "zero again")
    assert tried[16:] == zero, "Keras Tuner reads seed 0 as any seed"


def test_the_table_of_trials_holds_every_hyperparameter_and_result(
    dataset: Dataset, formula: Any, tmp_path: Path
) -> None:
    formula(peak)
    _, records = run(configure("random", trials=3), dataset, tmp_path)
    with (tmp_path / "study" / "trials.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["id"] for row in rows] == ["0000", "0001", "0002"]
    assert set(records[0].values) <= set(rows[0])
    assert {"val_macro_f1", "best_epoch", "epochs", "seconds", "parameters", "ended"} <= set(
        rows[0]
    )
    assert float(rows[1]["val_macro_f1"]) == pytest.approx(records[1].objective)


def test_listeners_hear_of_each_trial(dataset: Dataset, formula: Any, tmp_path: Path) -> None:
    class Listener:
        heard: list[tuple[str, str]] = []  # noqa: RUF012

        def trial_begins(self, record: TrialRecord, epochs: int) -> None:
            self.heard.append(("begins", record.id))

        def epoch_ends(self, *_: Any) -> None: ...

        def trial_ends(self, record: TrialRecord) -> None:
            self.heard.append((record.status, record.id))

    formula(peak)
    run(configure("random", trials=2), dataset, tmp_path, [Listener()])
    assert Listener.heard == [
        ("begins", "0000"),
        ("completed", "0000"),
        ("begins", "0001"),
        ("completed", "0001"),
    ]


def test_a_crash_before_the_first_trial_ends_leaves_a_study_that_starts_again(
    dataset: Dataset, formula: Any, tmp_path: Path
) -> None:
    def interrupted(values: Mapping[str, Any]) -> float:
        raise KeyboardInterrupt

    formula(interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(configure("random", trials=2), dataset, tmp_path)
    formula(peak)
    _, records = run(configure("random", trials=2), dataset, tmp_path)
    assert [record.status for record in records] == ["completed", "completed"]
