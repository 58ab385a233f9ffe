"""What TensorBoard is given of the final model, and what its HTTP API shows of that."""

from __future__ import annotations

import html
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from boards import Board, served
from final_material import NAMES, answers_of, metrics_of

from ecomcat.errors import UserError

pytestmark = pytest.mark.slow
SHOWN_NAMES = {name.replace("\ud800", "?") for name in NAMES}


def write(outputs: Path, names: list[str]) -> Path:
    """Write the final model of a study called `made`; return the study's folder."""
    from ecomcat.reporting.projector import WordVectors
    from ecomcat.reporting.tensorboard import FinalCurves, TestAnswers, write_final
    from ecomcat.tuning.records import TrialRecord
    from ecomcat.tuning.study import Study

    study = Study(outputs / "search" / "made")
    curves = FinalCurves(study, TrialRecord("0000", {}))
    curves.write(1, {"loss": 0.5, "accuracy": 0.5, "macro_f1": 0.5})
    curves.close()
    vectors = np.eye(5, 4, dtype=np.float32)
    words = WordVectors(["oak", "chair", "家具", "x", "y"], vectors, [9, 8, 7, 6, 5], names[:5])
    labels, probabilities = answers_of(len(names))
    write_final(study, metrics_of(names), TestAnswers(names, labels, probabilities), words)
    return study.directory


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("made") / "outputs", NAMES)


@pytest.fixture(scope="module", params=["outputs", "study"])
def shown(request: pytest.FixtureRequest, study: Path) -> Iterator[tuple[Board, str]]:
    """Serve the folder of all studies, or the study alone; give the board and the run's name."""
    logdir, run = {
        "outputs": (study.parent.parent, "search/made/tensorboard/final"),
        "study": (study, "tensorboard/final"),
    }[request.param]
    with served(logdir) as board:
        board.wait_until("images/tags", lambda runs: run in runs)
        board.wait_until("pr_curves/tags", lambda runs: run in runs)
        yield board, run


def test_the_confusion_matrix_is_a_picture(shown: tuple[Board, str]) -> None:
    board, run = shown
    (tag,) = board("images/tags")[run]
    assert tag == "confusion matrix"
    (entry,) = board("images/images", run=run, tag=tag, sample="0")
    picture = board.read(f"images/individualImage?{entry['query']}")
    assert picture.startswith(b"\x89PNG")
    assert min(struct.unpack(">II", picture[16:24])) > 300


def test_the_report_is_text(shown: tuple[Board, str]) -> None:
    board, run = shown
    assert set(board("text/tags")[run]) == {"about", "report"}
    (entry,) = board("text/text", run=run, tag="report", markdown="true")
    assert "The model of study made" in entry["text"]
    assert "<script" not in entry["text"]
    assert "<script>alert('x')</script>" in html.unescape(entry["text"])


def test_each_category_has_a_curve_under_its_name(shown: tuple[Board, str]) -> None:
    board, run = shown
    tags = board("pr_curves/tags")[run]
    assert {tag["displayName"] for tag in tags.values()} == SHOWN_NAMES
    (name,) = (tag for tag in tags if "/1/" in tag)
    (curve,) = board("pr_curves/pr_curves", run=run, tag=name)[run]
    labels, _ = answers_of(len(NAMES))
    first = {key: curve[key][0] for key in ("true_positives", "false_positives")}
    positives = int((labels == 0).sum())
    assert first == {"true_positives": positives, "false_positives": len(labels) - positives}
    assert curve["recall"][0] == 1


def test_the_words_are_in_the_projector(shown: tuple[Board, str]) -> None:
    board, run = shown
    board.wait_until("projector/runs", lambda runs: run in runs)
    (embedding,) = board("projector/info", run=run)["embeddings"]
    assert embedding["tensorName"] == "words"
    assert embedding["tensorShape"] == [5, 4]
    tensor = np.frombuffer(board.read("projector/tensor", run=run, name="words"), np.float32)
    assert tensor.reshape(5, 4) == pytest.approx(np.eye(5, 4))
    labels = board.read("projector/metadata", run=run, name="words").decode().splitlines()
    assert [line.split("\t")[0] for line in labels] == ["word", "oak", "chair", "家具", "x", "y"]


def test_of_very_many_categories_the_weakest_have_a_curve_and_it_says_so(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    from ecomcat.reporting.tensorboard import MOST_PR_CURVES

    names = [f"class {number}" for number in range(60)]
    directory = write(tmp_path, names) / "tensorboard" / "final"
    events = EventAccumulator(str(directory)).Reload()
    tags = events.PluginTagToContent("pr_curves")
    assert len(tags) == MOST_PR_CURVES
    per_class = metrics_of(names)["test"]["per_class"]
    weakest = sorted(score["f1"] for score in per_class.values())[:MOST_PR_CURVES]
    shown = [events.SummaryMetadata(tag) for tag in tags]
    assert sorted(per_class[each.display_name]["f1"] for each in shown) == weakest
    for each in shown:
        assert "36 more are left out" in each.summary_description


def test_writing_again_leaves_one_of_each(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    write(tmp_path, NAMES)
    directory = write(tmp_path, NAMES) / "tensorboard" / "final"
    events = EventAccumulator(str(directory)).Reload()
    assert len(events.Tensors("report")) == len(events.Tensors("confusion matrix")) == 1


@pytest.mark.parametrize("function", ["image", "text"])
def test_a_full_disk_is_a_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, function: str
) -> None:
    import tensorflow as tf

    def full(*_: Any, **__: Any) -> None:
        raise tf.errors.ResourceExhaustedError(None, None, "No space left on device")

    monkeypatch.setattr(tf.summary, function, full)
    with pytest.raises(UserError, match=r"No space left on device\. Make room"):
        write(tmp_path, NAMES)
