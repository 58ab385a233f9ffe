"""TensorBoard's own HTTP API is asked what it would show, for two studies under one folder."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from boards import Board, served
from conftest import TINY_SEARCH, RunCommand

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def outputs(run_command: RunCommand, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run two studies of different spaces, and one in which trials are pruned and fail."""
    folder = tmp_path_factory.mktemp("studies")
    (folder / "sometimes.py").write_text(
        "from ecomcat.model.network import lstm_classifier\n"
        "def network(values, classes):\n"
        "    if values['lstm_units'] == 5:\n"
        "        raise ValueError('five is refused')\n"
        "    return lstm_classifier(values, classes)\n"
    )
    third = [
        *("search.max_trials=9", "search.max_epochs=3", "search=grid", "search.pruner=median"),
        *("search.warmup_epochs=1", "search.min_peers=1", "model.lstm_units=[4,5,6]"),
        *("model.learning_rate=[1e-4,1e-3,1e-2]", "model.build=sometimes.network"),
        *("model.word_dropout=0", "model.spatial_dropout=0", "model.dropout=0"),
        *("model.max_tokens=16", "model.label_smoothing=0"),
    ]
    second = ["model.lstm_units=[4,6]", "seed=3"]
    for name, other in (("first", []), ("second", second), ("third", third)):
        done = run_command("search", [*TINY_SEARCH, f"search.name={name}", *other], folder)
        assert done.returncode == 0, done.stderr
    return folder / "outputs"


@pytest.fixture(scope="module")
def api(outputs: Path) -> Iterator[Board]:
    with served(outputs) as board:
        board.wait_until(
            "scalars/tags",
            lambda shown: len(shown) >= 16 and "search/third/tensorboard/final/train" in shown,
        )
        yield board


def test_curves_of_each_trial_and_of_the_final_training(api: Any) -> None:
    tags = api("scalars/tags")
    for study in ("first", "second"):
        for training in ("0000", "0001", "final"):
            for part in ("train", "validation"):
                run = f"search/{study}/tensorboard/{training}/{part}"
                assert set(tags[run]) == {"loss", "accuracy", "macro_f1"}, run
                points = api("scalars/scalars", run=run, tag="macro_f1")
                assert [point[1] for point in points] == list(range(1, len(points) + 1))
                assert 1 <= len(points) <= 2


def test_the_hparams_tab_declares_the_hyperparameters_and_the_best_scores(api: Any) -> None:
    experiment = api("hparams/experiment", {"experimentName": ""})
    names = {info["name"] for info in experiment["hparamInfos"]}
    assert {"lstm_units", "embedding_dim", "dropout", "learning_rate", "pooling"} <= names
    types = {info["name"]: info["type"] for info in experiment["hparamInfos"]}
    assert types["lstm_units"] == "DATA_TYPE_FLOAT64"
    assert types["pooling"] == "DATA_TYPE_STRING"
    assert types["bidirectional"] == "DATA_TYPE_BOOL"
    shown = [info["displayName"] for info in experiment["metricInfos"]]
    assert shown[:2] == ["val macro-F1 (best epoch)", "val accuracy (best epoch)"]


def test_the_hparams_tab_ranks_the_trials_of_both_studies_by_f1(api: Any, outputs: Path) -> None:
    groups = [group for group in session_groups(api) if not group["name"].startswith("third")]
    assert {group["name"] for group in groups} == {
        f"{study}/{trial}" for study in ("first", "second") for trial in ("0000", "0001")
    }
    scores = [_metric(group, "best/macro_f1") for group in groups]
    assert scores == sorted(scores, reverse=True)
    for group in groups:
        study, trial = group["name"].split("/")
        record = json.loads(
            (outputs / "search" / study / "trials" / trial / "record.json").read_text()
        )
        assert _metric(group, "best/macro_f1") == pytest.approx(record["objective"], abs=1e-6)
        assert _metric(group, "best/accuracy") == pytest.approx(record["accuracy"], abs=1e-6)
        assert group["hparams"]["lstm_units"] == record["values"]["lstm_units"]
        assert group["hparams"]["pooling"] == "max"
        assert group["sessions"][0]["status"] == "STATUS_SUCCESS"


def test_the_first_columns_of_the_table_tell_how_a_trial_ended(api: Any) -> None:
    # TensorBoard shows five hyperparameters at first: the first of those it is given.
    experiment = api("hparams/experiment", {"experimentName": ""})
    assert [info["name"] for info in experiment["hparamInfos"]][:5] == [
        *("dropout", "embedding_dim", "ended", "learning_rate", "lstm_units")
    ]


def test_the_final_model_of_each_study_is_shown(api: Any, outputs: Path) -> None:
    for study in ("first", "second", "third"):
        run = f"search/{study}/tensorboard/final"
        assert set(api("images/tags")[run]) == {"confusion matrix"}
        assert {"about", "report"} <= set(api("text/tags")[run])
        classes = json.loads((outputs.parent / "model" / "labels.json").read_text())
        curves = api("pr_curves/tags")[run].values()
        assert {curve["displayName"] for curve in curves} == set(classes)
        (embedding,) = api("projector/info", run=run)["embeddings"]
        assert embedding["tensorShape"][1] == 8


def session_groups(api: Any) -> list[dict[str, Any]]:
    """Return the trials as the HPARAMS tab ranks them."""
    statuses = ("UNKNOWN", "SUCCESS", "FAILURE", "RUNNING")
    body = {
        "experimentName": "",
        "allowedStatuses": [f"STATUS_{status}" for status in statuses],
        "colParams": [{"metric": {"tag": "best/macro_f1", "group": ""}, "order": "ORDER_DESC"}],
        "aggregationType": "AGGREGATION_AVG",
        "startIndex": 0,
        "sliceSize": 100,
    }
    groups: list[dict[str, Any]] = api("hparams/session_groups", body)["sessionGroups"]
    return groups


def test_pruned_and_failed_trials_are_told_apart(api: Any, outputs: Path) -> None:
    shown = {group["name"]: group for group in session_groups(api)}
    statuses = set()
    for path in (outputs / "search" / "third" / "trials").glob("*/record.json"):
        record = json.loads(path.read_text())
        group = shown[f"third/{record['id']}"]
        statuses.add(record["status"])
        assert group["hparams"]["ended"] == record["status"]
        assert (
            group["sessions"][0]["status"]
            == {
                "completed": "STATUS_SUCCESS",
                "pruned": "STATUS_UNKNOWN",
                "failed": "STATUS_FAILURE",
            }[record["status"]]
        )
        if record["objective"] is not None:
            assert _metric(group, "best/macro_f1") == pytest.approx(record["objective"], abs=1e-6)
    assert statuses == {"completed", "pruned", "failed"}


def _metric(group: dict[str, Any], tag: str) -> float:
    (value,) = (entry["value"] for entry in group["metricValues"] if entry["name"]["tag"] == tag)
    return float(value)


def test_a_full_disk_is_a_message_that_the_user_can_act_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import tensorflow as tf

    from ecomcat.errors import UserError
    from ecomcat.reporting.tensorboard import CurveWriter

    def full(*_: Any, **__: Any) -> None:
        raise tf.errors.ResourceExhaustedError(None, None, "No space left on device")

    curves = CurveWriter(tmp_path)
    monkeypatch.setattr(tf.summary, "scalar", full)
    with pytest.raises(UserError, match=r"No space left on device\. Make room"):
        curves.write(1, {"loss": 0.5})
