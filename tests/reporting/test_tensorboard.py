"""TensorBoard's own HTTP API is asked what it would show, for two studies under one folder."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from conftest import TINY_SEARCH, RunCommand

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def outputs(run_command: RunCommand, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run two studies of different spaces, one with a trial that fails."""
    folder = tmp_path_factory.mktemp("studies")
    for name, other in (("first", []), ("second", ["model.lstm_units=[4,6]", "seed=3"])):
        done = run_command("search", [*TINY_SEARCH, f"search.name={name}", *other], folder)
        assert done.returncode == 0, done.stderr
    return folder / "outputs"


@pytest.fixture(scope="module")
def api(outputs: Path) -> Iterator[Any]:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [
            *(sys.executable, "-W", "ignore", "-m", "tensorboard.main"),
            *("--logdir", str(outputs), "--port", str(port), "--host", "127.0.0.1"),
            "--load_fast=false",
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )

    def ask(path: str, body: dict[str, Any] | None = None) -> Any:
        data = json.dumps(body).encode() if body is not None else None
        url = f"http://127.0.0.1:{port}/data/plugin/{path}"
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(url, data=data, headers=headers)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    try:
        _wait_until_loaded(ask)
        yield ask
    finally:
        process.terminate()
        process.wait(30)


def _wait_until_loaded(ask: Any) -> None:
    """Wait until all runs are read, at most a minute."""
    for _ in range(120):
        try:
            if len(ask("scalars/tags")) >= 16:
                return
        except OSError:
            pass
        time.sleep(0.5)
    raise AssertionError(f"TensorBoard shows only {sorted(ask('scalars/tags'))}")


def test_curves_of_each_trial_and_of_the_final_training(api: Any) -> None:
    tags = api("scalars/tags")
    for study in ("first", "second"):
        for training in ("0000", "0001", "final"):
            for part in ("train", "validation"):
                run = f"search/{study}/tensorboard/{training}/{part}"
                assert set(tags[run]) == {"loss", "accuracy", "macro_f1"}, run
                points = api(f"scalars/scalars?run={run.replace('/', '%2F')}&tag=macro_f1")
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
    groups = api(
        "hparams/session_groups",
        {
            "experimentName": "",
            "allowedStatuses": ["STATUS_SUCCESS", "STATUS_FAILURE", "STATUS_RUNNING"],
            "colParams": [{"metric": {"tag": "best/macro_f1", "group": ""}, "order": "ORDER_DESC"}],
            "aggregationType": "AGGREGATION_AVG",
            "startIndex": 0,
            "sliceSize": 100,
        },
    )["sessionGroups"]
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


def _metric(group: dict[str, Any], tag: str) -> float:
    (value,) = (entry["value"] for entry in group["metricValues"] if entry["name"]["tag"] == tag)
    return float(value)
