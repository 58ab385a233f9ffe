"""What TensorBoard shows of two studies and of a final model, asked over its own HTTP API."""

from __future__ import annotations

import json
import struct
import time
import urllib.parse
import urllib.request
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from stored_study import final_snapshot, trials

from ecomcat.errors import UserError

pytestmark = pytest.mark.slow
NAMES = [
    "<script>alert('x')</script>",
    "Tools | Home & *Garden*",
    "家具 [list](http://x)",
    "أثاث `code`",
    "$x^2$ __proto__\t\n<b>",
    "lone \ud800 surrogate",
]
SHOWN_NAMES = {name.replace("\ud800", "?") for name in NAMES}
LABELS = np.random.default_rng(1).integers(len(NAMES), size=300)
FINAL = "search/first/tensorboard/final"


def answers(names: list[str]) -> Any:
    labels = LABELS % len(names)
    probabilities = np.random.default_rng(2).random((300, len(names))).astype(np.float32)
    probabilities[np.arange(300), labels] += 0.5
    return labels, probabilities / probabilities.sum(axis=1, keepdims=True)


def write_model(directory: Path, names: list[str]) -> Path:
    """Write a final model with its curves into a study's folder; return where it stands."""
    from ecomcat.reporting.tensorboard import FinalCurves, write_final
    from ecomcat.tuning.study import Study

    study = Study(directory)
    curves = FinalCurves(study, trials(3)[2])
    for epoch in (1, 2):
        curves.write(epoch, {"loss": 0.5, "accuracy": 0.5, "macro_f1": 0.5})
    curves.close()
    write_final(study, final_snapshot(names)["metrics"], names, *answers(names))
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


class Board:
    """TensorBoard on a folder, asked over its HTTP API."""

    def __init__(self, logdir: Path) -> None:
        with warnings.catch_warnings(action="ignore"):
            from tensorboard import program

            board = program.TensorBoard()
            options = ("--host", "127.0.0.1", "--port", "0", "--load_fast", "false")
            board.configure(argv=["tensorboard", "--logdir", str(logdir), *options])
            self._address = board.launch()

    def __call__(self, path: str, body: dict[str, Any] | None = None, **query: str) -> Any:
        """Ask a plugin, by a question in the address or by a body; return what JSON says."""
        return json.loads(self.read(path, body, **query))

    def read(self, path: str, body: dict[str, Any] | None = None, **query: str) -> bytes:
        data = json.dumps(body).encode() if body is not None else None
        asked = f"?{urllib.parse.urlencode(query)}" if query else ""
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(f"{self._address}data/plugin/{path}{asked}", data, headers)
        with urllib.request.urlopen(request, timeout=30) as answer:
            content: bytes = answer.read()
            return content


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> Board:
    outputs = tmp_path_factory.mktemp("outputs")
    for study in ("first", "second"):
        write_trials(outputs / "search" / study)
    write_model(outputs / "search" / "first", NAMES)
    board = Board(outputs)
    for _ in range(120):
        if FINAL in board("pr_curves/tags") and len(board("scalars/tags")) >= 26:
            return board
        time.sleep(0.5)
    raise AssertionError(f"TensorBoard shows only {sorted(board('scalars/tags'))}")


def test_trials_and_the_final_training_have_curves_of_train_and_validation(board: Board) -> None:
    tags = board("scalars/tags")
    for run in ("first/tensorboard/0000", "second/tensorboard/0002", "first/tensorboard/final"):
        assert set(tags[f"search/{run}/train"]) == {"loss", "accuracy", "macro_f1"}
        points = board("scalars/scalars", run=f"search/{run}/validation", tag="macro_f1")
        assert [point[1] for point in points] == list(range(1, len(points) + 1))


def session_groups(board: Board) -> list[dict[str, Any]]:
    """Return the trials as the HPARAMS tab ranks them by macro-F1."""
    body = {
        "experimentName": "",
        "allowedStatuses": [f"STATUS_{name}" for name in ("UNKNOWN", "SUCCESS", "FAILURE")],
        "colParams": [{"metric": {"tag": "best/macro_f1", "group": ""}, "order": "ORDER_DESC"}],
        "aggregationType": "AGGREGATION_AVG",
        "startIndex": 0,
        "sliceSize": 100,
    }
    groups: list[dict[str, Any]] = board("hparams/session_groups", body)["sessionGroups"]
    return groups


def test_the_hparams_tab_ranks_the_trials_of_all_studies_and_says_how_each_ended(
    board: Board,
) -> None:
    groups = session_groups(board)
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
    board: Board,
) -> None:
    experiment = board("hparams/experiment", {"experimentName": ""})
    types = {info["name"]: info["type"] for info in experiment["hparamInfos"]}
    kinds = {"lstm_units": "FLOAT64", "pooling": "STRING", "bidirectional": "BOOL"}
    assert {name: types[name] for name in kinds} == {
        name: f"DATA_TYPE_{kind}" for name, kind in kinds.items()
    }
    # TensorBoard shows five hyperparameters at first: the first of those it is given.
    assert list(types)[:5] == ["dropout", "embedding_dim", "ended", "learning_rate", "lstm_units"]
    assert "extra.heads" in types


def test_the_confusion_matrix_is_a_picture(board: Board) -> None:
    (tag,) = board("images/tags")[FINAL]
    (entry,) = board("images/images", run=FINAL, tag=tag, sample="0")
    picture = board.read(f"images/individualImage?{entry['query']}")
    assert tag == "confusion matrix" and picture.startswith(b"\x89PNG")
    assert min(struct.unpack(">II", picture[16:24])) > 300


def test_each_category_has_a_curve_under_its_name(board: Board) -> None:
    tags = board("pr_curves/tags")[FINAL]
    assert {tag["displayName"] for tag in tags.values()} == SHOWN_NAMES
    (name,) = (tag for tag in tags if "/1/" in tag)
    (curve,) = board("pr_curves/pr_curves", run=FINAL, tag=name)[FINAL]
    positives = int((LABELS == 0).sum())
    assert curve["true_positives"][0] == positives
    assert curve["false_positives"][0] == len(LABELS) - positives


def test_of_very_many_categories_the_weakest_have_a_curve_and_it_says_so(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    from ecomcat.reporting.tensorboard import MAX_PR_CURVES

    names = [f"class {number}" for number in range(60)]
    # Written again, it is there once.
    directory = [write_model(tmp_path, names) for _ in range(2)][1]
    events = EventAccumulator(str(directory)).Reload()
    tags = events.PluginTagToContent("pr_curves")
    shown = [events.SummaryMetadata(tag) for tag in tags]
    # In `final_snapshot`, the later a category, the lower its F1.
    assert {each.display_name for each in shown} == set(names[-MAX_PR_CURVES:])
    assert all("36 more are left out" in each.summary_description for each in shown)
    assert len(events.Tensors("confusion matrix")) == 1


@pytest.mark.parametrize("function", ["image", "text", "scalar"])
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

    return draw_confusion([[1] * len(names)] * len(names), names)


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
