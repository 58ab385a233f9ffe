"""What TensorBoard shows of two studies and of a final model."""

from __future__ import annotations

import json
import time
import urllib.request
import warnings
from pathlib import Path
from typing import Any

import pytest
from stored_study import final_snapshot, scores, trials, with_levels

from ecomcat.errors import UserError

pytestmark = pytest.mark.slow
NAMES = [
    "<script>alert('x')</script>",
    "家具 [list](http://x)",
    "$x^2$ __proto__\t\n<b>",
    "lone \ud800",
]


def write_model(directory: Path, names: list[str]) -> Path:
    """Write a final model with its curves into a study's folder; return where it stands."""
    from ecomcat.reporting.tensorboard import FinalCurves, write_confusion
    from ecomcat.tuning.study import Study

    study = Study(directory)
    curves = FinalCurves(study, trials(3)[2])
    for epoch in (1, 2):
        curves.write(epoch, {"loss": 0.5, "accuracy": 0.5, "macro_f1": 0.5})
    curves.close()
    write_confusion(study, final_snapshot(names)["metrics"])
    return study.tensorboard_dir / "final"


def write_trials(directory: Path) -> None:
    """Write trials of each status into a study's folder."""
    from ecomcat.reporting.tensorboard import TensorBoardListener
    from ecomcat.tuning.study import Study

    listener = TensorBoardListener(Study(directory), extra=["extra.heads"])
    records = trials(5)
    records[3].status = "cut short"
    for record in records:
        listener.trial_begins(record, 4)
        for epoch, logs in enumerate(record.curves, start=1):
            listener.epoch_ends(record, epoch, {**logs, "accuracy": 0.5, "macro_f1": 0.5})
        listener.trial_ends(record)


def events_of(directory: Path) -> Any:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    return EventAccumulator(str(directory)).Reload()


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    outputs = tmp_path_factory.mktemp("outputs")
    for study in ("first", "second"):
        write_trials(outputs / "search" / study)
    write_model(outputs / "search" / "first", NAMES)
    return outputs


def test_trials_and_the_final_training_have_curves_of_train_and_validation(outputs: Path) -> None:
    for run in ("first/tensorboard/0000", "second/tensorboard/0002", "first/tensorboard/final"):
        for part in ("train", "validation"):
            events = events_of(outputs / "search" / run / part)
            assert {"loss", "accuracy", "macro_f1"} >= set(events.Tags()["tensors"]) >= {"macro_f1"}
            steps = [event.step for event in events.Tensors("macro_f1")]
            assert steps == list(range(1, len(steps) + 1))


# The HPARAMS tab, asked over TensorBoard's own HTTP API


@pytest.fixture(scope="module")
def hparams(outputs: Path) -> Any:
    """Return a function that asks the tab a question."""
    with warnings.catch_warnings(action="ignore"):
        from tensorboard import program

        board = program.TensorBoard()
        options = ("--host", "127.0.0.1", "--port", "0", "--load_fast", "false")
        board.configure(argv=["tensorboard", "--logdir", str(outputs), *options])
        address = board.launch()

    def ask(question: str, body: dict[str, Any]) -> Any:
        url, data = f"{address}data/plugin/hparams/{question}", json.dumps(body).encode()
        request = urllib.request.Request(url, data, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.loads(answer.read())

    for _ in range(120):
        if len(session_groups(ask)) == 10:
            return ask
        time.sleep(0.5)
    raise AssertionError("TensorBoard does not show all trials")


def session_groups(ask: Any) -> list[dict[str, Any]]:
    """Return the trials as the HPARAMS tab ranks them by macro-F1."""
    body = {
        "allowedStatuses": [f"STATUS_{name}" for name in ("UNKNOWN", "SUCCESS", "FAILURE")],
        "colParams": [{"metric": {"tag": "best/macro_f1", "group": ""}, "order": "ORDER_DESC"}],
        "aggregationType": "AGGREGATION_AVG",
        "sliceSize": 100,
    }
    groups: list[dict[str, Any]] = ask("session_groups", body).get("sessionGroups", [])
    return groups


def test_the_hparams_tab_ranks_the_trials_of_all_studies_and_says_how_each_ended(
    hparams: Any,
) -> None:
    groups = session_groups(hparams)
    names = {f"{study}/{number:04}" for study in ("first", "second") for number in range(5)}
    assert {group["name"] for group in groups} == names
    scores = [
        value["value"]
        for group in groups
        for value in group["metricValues"]
        if value["name"]["tag"] == "best/macro_f1"
    ]
    assert len(scores) == 8 and scores == sorted(scores, reverse=True)
    ended = {g["name"]: (g["hparams"]["ended"], g["sessions"][0]["status"]) for g in groups}
    assert [ended[f"first/{number:04}"] for number in range(4)] == [
        ("pruned", "STATUS_UNKNOWN"),
        ("failed", "STATUS_FAILURE"),
        ("completed", "STATUS_SUCCESS"),
        ("cut short", "STATUS_UNKNOWN"),
    ]


def test_the_hparams_tab_declares_what_may_be_searched_and_shows_what_tells_most_first(
    hparams: Any,
) -> None:
    experiment = hparams("experiment", {"experimentName": ""})
    types = {info["name"]: info["type"] for info in experiment["hparamInfos"]}
    kinds = {"lstm_units": "FLOAT64", "pooling": "STRING", "bidirectional": "BOOL"}
    assert {name: types[name] for name in kinds} == {
        name: f"DATA_TYPE_{kind}" for name, kind in kinds.items()
    }
    # TensorBoard shows five hyperparameters at first: the first of those it is given.
    assert list(types)[:5] == ["dropout", "embedding_dim", "ended", "learning_rate", "lstm_units"]
    assert "extra.heads" in types


# The final model


def test_the_confusion_matrix_is_a_picture_that_is_there_once(tmp_path: Path) -> None:
    events = events_of([write_model(tmp_path, NAMES) for _ in range(2)][1])
    assert len(events.Tensors("confusion matrix")) == 1


def test_of_a_taxonomy_there_is_a_picture_of_a_level_and_a_step_for_each(tmp_path: Path) -> None:
    from tensorboard.util.tensor_util import make_ndarray

    from ecomcat.reporting.tensorboard import write_confusion
    from ecomcat.tuning.study import Study

    paths = ["Home > Chairs", "Home > Lamps > Desk", "Toys > Cars"]
    metrics = with_levels(final_snapshot()["metrics"], paths)
    write_confusion(Study(tmp_path), metrics)
    events = events_of(tmp_path / "tensorboard" / "final")
    assert len(events.Tensors("confusion matrix of level 2")) == 1
    assert [event.step for event in events.Tensors("level/accuracy")] == [1, 2, 3]
    for name, score in metrics["test"]["taxonomy"]["hierarchical"].items():
        (event,) = events.Tensors(f"hierarchical/{name}")
        assert make_ndarray(event.tensor_proto) == pytest.approx(score)


@pytest.mark.parametrize("function", ["image", "scalar"])
def test_a_full_disk_is_a_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, function: str
) -> None:
    with warnings.catch_warnings():
        import tensorflow as tf

    def full(*_: Any, **__: Any) -> None:
        raise tf.errors.ResourceExhaustedError(None, None, "No space left on device")

    monkeypatch.setattr(tf.summary, function, full)
    with pytest.raises(UserError, match=r"No space left on device\. Make room"):
        write_model(tmp_path, NAMES)


def picture_of(names: list[str]) -> Any:
    from ecomcat.reporting.tensorboard import draw_confusion

    return draw_confusion(scores(names))


@pytest.mark.parametrize(
    "name",
    ["<b>x</b>", "家具", "\ud800", "", "a" * 500, "\x00\x1b[31m", "हिन्दी", "🪑", r"$\frac{$"],
)
def test_a_name_in_any_script_is_drawn_without_a_warning(name: str) -> None:
    # Warnings, such as of a glyph that a font lacks, are errors here.
    picture = picture_of([name, "other"])
    assert picture.shape[1] < 1000 and picture.min() < 60


@pytest.mark.parametrize(("name", "shown"), [("家具", "#1"), ("two\nlines", "two lines")])
def test_a_name_becomes_one_line_and_its_number_where_the_font_lacks_it(
    name: str, shown: str
) -> None:
    assert (picture_of([name, "other"]) == picture_of([shown, "other"])).all()


def test_more_categories_than_can_be_told_apart_make_no_larger_picture() -> None:
    of_41, of_500 = (picture_of([f"class {n:03}" for n in range(size)]) for size in (41, 500))
    assert of_41.shape == of_500.shape
